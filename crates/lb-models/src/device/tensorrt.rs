//! NVIDIA's GPUs, with TensorRT: it compiles a graph to an engine, which takes minutes for a large
//! model and is kept on disk.

use std::fs;
use std::path::{Path, PathBuf};

use lb_export::Precision;
use lb_files::FileIdentity;
use ort::ep::{self, ExecutionProviderDispatch};
use sha2::{Digest, Sha256};

use super::shape_profile::ShapeProfile;
use crate::error::ModelError;
use crate::graph_source::GraphSource;
use crate::session::SessionRequest;

/// Parts of a graph with fewer nodes are left to CUDA.
const SMALLEST_ENGINE: usize = 5;

/// TensorRT's provider for a session, or for the trial of the device.
pub(super) fn provider(
    session: Option<&SessionRequest<'_>>,
) -> Result<ExecutionProviderDispatch, ModelError> {
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
        if let Some(profile) = &session.profile
            && session.keeps_to_profile
        {
            let [fewest, usual, most] = profile.shapes();
            provider = provider
                .with_profile_min_shapes(fewest)
                .with_profile_opt_shapes(usual)
                .with_profile_max_shapes(most);
        }
    }
    Ok(provider.build().error_on_failure())
}

/// Whether a session was refused because TensorRT takes only parts of the graph: ONNX Runtime then
/// also wants the shapes between the parts, which nobody can know beforehand.
pub(super) fn lacks_shapes(refusal: &str) -> bool {
    refusal.contains("no associated shape profiles")
}

/// The folder of a component's engine, if engines are kept; it is made.
fn engine_folder(session: &SessionRequest<'_>) -> Result<Option<PathBuf>, ModelError> {
    let Some(cache) = &session.options.engine_cache else {
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
        for shapes in profile.shapes() {
            add(shapes.as_bytes());
        }
    }
    let bytes = &digest.finalize()[..16];
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A file's path, length and times of change: gigabytes of weights are not read to compare them.
fn identity(path: &Path) -> Result<String, ModelError> {
    let file =
        FileIdentity::of(path).map_err(|error| ModelError::unreadable(path, error.into_io()))?;
    let times = [file.modified, file.changed.unwrap_or_default()].map(|time| time.as_nanos());
    Ok(format!("{} {} {times:?}", file.path.display(), file.bytes))
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
            let text = InputShape {
                name: "encoder_hidden_states",
                has_rows: true,
                sides: vec![77, 1024],
            };
            ShapeProfile {
                inputs: vec![text],
                rows: rows(most),
            }
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
