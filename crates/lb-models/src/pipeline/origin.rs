//! What a component's results follow from, beside what it is asked.

use std::path::PathBuf;

use lb_blend::Backend;
use lb_checkpoint::Component;

use super::{Pipeline, PipelineOptions};
use crate::device::{Device, SessionOptions};
use crate::error::ModelError;
use crate::session::GraphSource;

/// Everything that decides what a component answers: whoever keeps its results, keeps them under
/// a hash of the description and of the files' content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ComponentOrigin {
    /// The graph or what it lies in, the runtime, the device and its arithmetic, and settings.
    /// Threads are not among it, and on a CPU neither is the batch limit: they change no result.
    pub description: Vec<u8>,
    /// The files that hold its weights, in an order of their own.
    pub files: Vec<PathBuf>,
}

impl Pipeline {
    /// What the results of a component follow from. Loads nothing: of the weights, headers are
    /// read.
    ///
    /// # Errors
    /// [`ModelError`] where the component's graph cannot be made or its files cannot be listed.
    pub fn origin(&self, component: Component) -> Result<ComponentOrigin, ModelError> {
        let settled = &self.session;
        let batch_limit = (settled.device != Device::Cpu).then(|| self.batch_limit());
        let settings = PipelineOptions {
            session: SessionOptions::default(),
            batch_limit,
            ..self.options.clone()
        };
        let mut description = Vec::new();
        let mut say = |part: &[u8]| {
            description.extend((part.len() as u64).to_le_bytes());
            description.extend(part);
        };
        say(component.directory_name().as_bytes());
        say(self.pool.runtime().build_information().as_bytes());
        say(format!("{} {:?}", settled.device, settled.precision).as_bytes());
        say(vector_instructions().as_bytes());
        say(format!("{settings:?}").as_bytes());
        if component == Component::VaeEncoder {
            say(b"large pictures in tiles");
        }
        say(&self.directory.scaling_factor().to_le_bytes());
        let source = self.directory.graph(component, &settled.export())?;
        if let GraphSource::Weights(graph) = &source {
            say(&graph.bytes);
        }
        let files = source.files()?;
        Ok(ComponentOrigin { description, files })
    }
}

/// What the processor has of what ONNX Runtime chooses its kernels by: other kernels round
/// otherwise.
fn vector_instructions() -> String {
    let mut found = String::from(std::env::consts::ARCH);
    #[cfg(target_arch = "x86_64")]
    for (name, there) in [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
    ] {
        if there {
            found.push(' ');
            found.push_str(name);
        }
    }
    found
}
