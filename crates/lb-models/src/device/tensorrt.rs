//! TensorRT: the engine that it builds of a graph, and where that is kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use lb_export::Precision;
use ort::ep::{self, ExecutionProviderDispatch};
use sha2::{Digest, Sha256};

use super::ShapeProfile;
use crate::error::ModelError;
use crate::runtime::Runtime;
use crate::session::GraphSource;

/// Nodes below which CUDA runs them without an engine around them.
const SMALLEST_ENGINE: usize = 5;

/// What TensorRT is told of a graph.
pub(crate) struct Engine {
    precision: Precision,
    /// Where the engine is kept.
    folder: Option<PathBuf>,
    profile: Option<ShapeProfile>,
}

impl Engine {
    /// The engine of a component's graph; makes its folder in `cache`.
    ///
    /// # Errors
    /// [`ModelError::Unwritable`] where the folder cannot be made, [`ModelError::Unreadable`] for
    /// weights that cannot be looked at.
    pub(crate) fn new(
        runtime: Runtime,
        source: &GraphSource,
        cache: Option<&Path>,
        profile: Option<ShapeProfile>,
    ) -> Result<Self, ModelError> {
        let folder = match cache {
            Some(cache) => {
                let key = key(&runtime.build_information(), source, profile.as_ref())?;
                let folder = cache.join(key);
                fs::create_dir_all(&folder).map_err(|error| ModelError::Unwritable {
                    path: folder.clone(),
                    reason: error.to_string(),
                })?;
                Some(folder)
            }
            None => None,
        };
        let precision = match source {
            GraphSource::Weights(graph) => graph.precision,
            GraphSource::File(_) => Precision::Float32,
        };
        Ok(Self {
            precision,
            folder,
            profile,
        })
    }

    /// Whether a session was refused because TensorRT takes only parts of the graph: ONNX Runtime
    /// then wants the shapes between the parts too, which nobody can know beforehand.
    pub(crate) fn lacks_shapes(refusal: &str) -> bool {
        refusal.contains("no associated shape profiles")
    }

    /// The same without a profile: engines are built for the shapes that come.
    pub(crate) fn for_any_shapes(self) -> Self {
        Self {
            profile: None,
            ..self
        }
    }
}

pub(super) fn provider(engine: Option<&Engine>) -> ExecutionProviderDispatch {
    let mut provider = ep::TensorRT::default().with_min_subgraph_size(SMALLEST_ENGINE);
    if let Some(engine) = engine {
        // Allowed only where the graph asks for it: TensorRT would take 16 bits for any layer,
        // those of a decoder that overflows them too.
        provider = provider
            .with_fp16(engine.precision == Precision::Float16)
            .with_layer_norm_fp32_fallback(true);
        if let Some(folder) = &engine.folder {
            provider = provider
                .with_engine_cache(true)
                .with_engine_cache_path(folder.display())
                .with_timing_cache(true)
                .with_timing_cache_path(folder.display());
        }
        if let Some(profile) = &engine.profile {
            provider = provider
                .with_profile_min_shapes(profile.fewest())
                .with_profile_opt_shapes(profile.usual())
                .with_profile_max_shapes(profile.most());
        }
    }
    provider.build().error_on_failure()
}

/// Names the engine by all that it is built from: the graph (with it the precision), the weights,
/// the shapes and the library. The GPU and TensorRT's version are in the names that ONNX Runtime
/// gives the files. An engine holds weights, and ONNX Runtime looks at none of theirs.
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

/// A file's place, length and time of change: gigabytes of weights are not read to tell them apart.
fn identity(path: &Path) -> Result<String, ModelError> {
    let unreadable = |error: std::io::Error| ModelError::unreadable(path, error);
    let place = path.canonicalize().map_err(unreadable)?;
    let file = fs::metadata(&place).map_err(unreadable)?;
    let changed = file.modified().ok();
    let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let changed = changed.unwrap_or_default().as_nanos();
    Ok(format!("{} {} {changed}", place.display(), file.len()))
}

#[cfg(test)]
mod tests {
    use super::super::InputShape;
    use super::*;
    use lb_blend::CallRows;
    use lb_export::{Graph, WeightFile};

    #[test]
    fn a_graph_that_is_taken_in_parts_is_told_from_other_refusals() {
        // Words of ONNX Runtime 1.31's TensorRT provider.
        let parts = "User needs to provide all the dynamic shape inputs with associated profiles \
                     […]. Following input(s) has no associated shape profiles provided: /mid/y";
        assert!(Engine::lacks_shapes(parts));
        assert!(!Engine::lacks_shapes("Failed to load library"));
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
