//! Everything that the results of a component depend on, for caches.

use std::path::PathBuf;

use lb_checkpoint::Component;

use crate::device::{Device, has_bf16};
use crate::directory::ModelDirectory;
use crate::error::ModelError;
use crate::graph_source::GraphSource;
use crate::options::{PipelineOptions, SettledOptions};
use crate::runtime::Runtime;

/// Everything that decides what a component answers, except its inputs. Whoever keeps results keeps
/// them under a hash of the description and of the files' contents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ComponentOrigin {
    /// The component, the graph, the runtime, the device and its arithmetic, and settings. The number
    /// of threads is not part of it, nor on a CPU the batch limit: they change no result.
    pub description: Vec<u8>,
    /// The files that hold its weights, in a fixed order.
    pub files: Vec<PathBuf>,
}

impl ComponentOrigin {
    /// Describes a component of a model that runs with these options. Of the weights, only headers
    /// are read.
    ///
    /// # Errors
    /// [`ModelError`] if the component's graph cannot be made or its files cannot be listed.
    pub(crate) fn new(
        runtime: Runtime,
        directory: &ModelDirectory,
        component: Component,
        options: &PipelineOptions,
        settled: &SettledOptions,
        batch_limit: usize,
    ) -> Result<Self, ModelError> {
        let mut description = Vec::new();
        let mut add = |part: &[u8]| {
            description.extend((part.len() as u64).to_le_bytes());
            description.extend(part);
        };
        add(component.directory_name().as_bytes());
        add(runtime.build_information().as_bytes());
        add(format!("{} {:?}", settled.device, settled.precision).as_bytes());
        if let Some(plugin) = settled.device.plugin_description(runtime) {
            add(plugin.as_bytes());
        }
        if settled.may_narrow {
            add(format!("or narrower, bf16: {}", has_bf16()).as_bytes());
        }
        add(vector_instructions().as_bytes());
        add(&(options.noise_level as u64).to_le_bytes());
        for size in [
            options.tiling.largest_area,
            options.tiling.side,
            options.tiling.overlap,
        ] {
            add(&(size as u64).to_le_bytes());
        }
        if settled.device != Device::Cpu {
            add(&(batch_limit as u64).to_le_bytes());
        }
        if component == Component::VaeEncoder {
            add(b"large pictures in tiles");
        }
        let scaling_factor = match component {
            Component::VaeDecoder => directory.decoder_scaling_factor(),
            _ => directory.scaling_factor,
        };
        add(&scaling_factor.to_le_bytes());
        let source = GraphSource::of(directory, component, &settled.export())?;
        if let GraphSource::Weights(graph) = &source {
            add(&graph.bytes);
        }
        let files = source.files()?;
        Ok(Self { description, files })
    }
}

/// The processor's vector instructions by which ONNX Runtime chooses its kernels, because each kernel
/// rounds in its own way.
fn vector_instructions() -> String {
    let mut found = String::from(std::env::consts::ARCH);
    #[cfg(target_arch = "x86_64")]
    for (name, is_there) in [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
    ] {
        if is_there {
            found.push(' ');
            found.push_str(name);
        }
    }
    found
}
