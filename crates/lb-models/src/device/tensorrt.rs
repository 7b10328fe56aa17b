//! NVIDIA's GPUs, with TensorRT: it compiles a graph to an engine, which takes minutes for a large
//! model and is kept on disk.

use std::fs;
use std::path::{Path, PathBuf};

use lb_export::{GraphForm, Precision};
use lb_files::FileIdentity;
use ort::ep::{self, ExecutionProvider as _, ExecutionProviderDispatch};
use ort::memory::AllocationDevice;
use sha2::{Digest, Sha256};

use super::cuda;
use super::names::Device;
use super::nvidia;
use super::problem::DeviceProblem;
use super::provider::{ExecutionProvider, Registration};
use super::shape_profile::ShapeProfile;
use crate::error::ModelError;
use crate::graph_source::GraphSource;
use crate::runtime::Runtime;

/// Parts of a graph with fewer nodes are left to CUDA.
const SMALLEST_ENGINE: usize = 5;

/// ONNX Runtime's TensorRT provider, with CUDA for what TensorRT does not take.
pub(super) struct TensorRt;

impl ExecutionProvider for TensorRt {
    /// As on [CUDA](super::cuda::Cuda).
    fn precision(&self) -> Precision {
        Precision::Float16
    }

    /// TensorRT's parser knows none of ONNX Runtime's own operators: a graph with them would be cut
    /// into dozens of engines.
    fn graph_form(&self) -> GraphForm {
        GraphForm::Standard
    }

    fn memory(&self) -> Option<AllocationDevice<'static>> {
        Some(AllocationDevice::CUDA)
    }

    fn wants_shapes(&self) -> bool {
        true
    }

    fn look_for_requirements(&self, runtime: Runtime) -> Result<(), DeviceProblem> {
        let is_built_in = ep::TensorRT::is_available();
        nvidia::look_for(
            runtime,
            Device::TensorRt,
            is_built_in,
            "onnxruntime_providers_tensorrt",
        )
    }

    fn explain(&self, refusal: &str) -> DeviceProblem {
        nvidia::explain(refusal)
    }

    fn register(
        &self,
        session: Option<&Registration<'_>>,
    ) -> Result<Vec<ExecutionProviderDispatch>, ModelError> {
        let mut provider = ep::TensorRT::default().with_min_subgraph_size(SMALLEST_ENGINE);
        if let Some(session) = session {
            let precision = match session.source {
                GraphSource::Weights(graph) => graph.precision,
                GraphSource::File(_) => Precision::Float32,
            };
            // Allowed only where the graph asks for it: TensorRT would take 16 bits for any layer,
            // those of a decoder that overflows them too.
            provider = provider
                .with_fp16(precision == Precision::Float16)
                .with_layer_norm_fp32_fallback(true);
            if let Some(folder) = engine_folder(session)? {
                provider = provider
                    .with_engine_cache(true)
                    .with_engine_cache_path(folder.display())
                    .with_timing_cache(true)
                    .with_timing_cache_path(folder.display());
            }
            if let Some(profile) = session
                .profile
                .as_ref()
                .filter(|_| session.keeps_to_profile)
            {
                provider = provider
                    .with_profile_min_shapes(profile.fewest())
                    .with_profile_opt_shapes(profile.usual())
                    .with_profile_max_shapes(profile.most());
            }
        }
        let tensorrt = provider.build().error_on_failure();
        Ok(vec![tensorrt, cuda::provider(false)])
    }

    fn retreat(
        &self,
        session: &mut Registration<'_>,
        component: &str,
        refusal: &str,
    ) -> Option<String> {
        if !session.keeps_to_profile || !lacks_shapes(refusal) {
            return None;
        }
        session.keeps_to_profile = false;
        Some(format!(
            "TensorRT does not take the whole {component}; its engines are built when their shapes \
             are met: {refusal}"
        ))
    }
}

/// Whether a session was refused because TensorRT takes only parts of the graph: ONNX Runtime then
/// also wants the shapes between the parts, which nobody can know beforehand.
fn lacks_shapes(refusal: &str) -> bool {
    refusal.contains("no associated shape profiles")
}

/// The folder of a component's engine, if engines are kept; it is made.
fn engine_folder(session: &Registration<'_>) -> Result<Option<PathBuf>, ModelError> {
    let Some(cache) = session.engine_cache else {
        return Ok(None);
    };
    let library = session.runtime.build_information();
    let folder = cache.join(key(&library, session.source, session.profile.as_ref())?);
    fs::create_dir_all(&folder).map_err(|error| ModelError::Unwritable {
        path: folder.clone(),
        reason: error.to_string(),
    })?;
    Ok(Some(folder))
}

/// A name for the engine that depends on all that it is built from: the graph (which decides the
/// precision), the weights, the shapes and the library. ONNX Runtime itself puts the GPU and
/// TensorRT's version into the names of the files, but it does not compare the weights.
fn key(
    library: &str,
    source: &GraphSource,
    profile: Option<&ShapeProfile>,
) -> Result<String, ModelError> {
    let mut digest = Sha256::new();
    let mut add = |part: &[u8]| {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    };
    add(library.as_bytes());
    match source {
        GraphSource::Weights(graph) => {
            add(&graph.bytes);
            for file in &graph.weight_files {
                add(identity(&file.path)?.as_bytes());
            }
        }
        GraphSource::File(path) => add(identity(path)?.as_bytes()),
    }
    if let Some(profile) = profile {
        for shapes in [profile.fewest(), profile.usual(), profile.most()] {
            add(shapes.as_bytes());
        }
    }
    let bytes = digest.finalize();
    Ok(bytes[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// A file's path, length and time of change: gigabytes of weights are not read to compare them.
fn identity(path: &Path) -> Result<String, ModelError> {
    let file =
        FileIdentity::of(path).map_err(|error| ModelError::unreadable(path, error.into_io()))?;
    let changed = file.modified.as_nanos();
    Ok(format!("{} {} {changed}", file.path.display(), file.bytes))
}

#[cfg(test)]
mod tests {
    use lb_blend::CallRows;
    use lb_export::{Graph, WeightFile};

    use super::super::shape_profile::InputShape;
    use super::*;

    #[test]
    fn a_graph_that_is_taken_in_parts_is_distinguished_from_other_refusals() {
        // The message of ONNX Runtime 1.31's TensorRT provider.
        let parts = "User needs to provide all the dynamic shape inputs with associated profiles \
                     […]. Following input(s) has no associated shape profiles provided: /mid/y";
        assert!(lacks_shapes(parts));
        assert!(!lacks_shapes("Failed to load library"));
    }

    #[test]
    fn engines_of_other_weights_precisions_shapes_and_libraries_have_other_names() {
        let folder = tempfile::tempdir().unwrap();
        let weights = |name: &str, values: &str| {
            let path = folder.path().join(name);
            fs::write(&path, values).unwrap();
            vec![WeightFile {
                location: "weights.safetensors".into(),
                path,
            }]
        };
        let source = |bytes: &[u8], weight_files| {
            GraphSource::Weights(Graph {
                bytes: bytes.to_vec(),
                weight_files,
                precision: Precision::Float16,
            })
        };
        let rows = |most| CallRows {
            fewest: 1,
            usual: 4,
            most,
        };
        let profile = |most| {
            let text = InputShape::of_rows("encoder_hidden_states", &[77, 1024]);
            ShapeProfile::new(vec![text], rows(most))
        };
        let first = weights("first", "1");
        let plain = source(b"fp16", first.clone());
        let keys = [
            key("1.31.1", &plain, Some(&profile(8))),
            key("1.31.0", &plain, Some(&profile(8))),
            key("1.31.1", &plain, Some(&profile(16))),
            key("1.31.1", &plain, None),
            key("1.31.1", &source(b"fp32", first.clone()), None),
            key("1.31.1", &source(b"fp16", weights("other", "1")), None),
            key("1.31.1", &source(b"fp16", weights("longer", "12")), None),
        ];
        let mut keys: Vec<String> = keys.into_iter().map(Result::unwrap).collect();
        assert_eq!(
            keys[3],
            key("1.31.1", &source(b"fp16", first), None).unwrap()
        );
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 7);
    }
}
