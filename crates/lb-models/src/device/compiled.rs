//! What a device compiles from a graph, which takes seconds to minutes and is kept on disk.

use std::fs;
use std::path::{Path, PathBuf};

use lb_files::FileIdentity;
use sha2::{Digest, Sha256};

use super::shape_profile::ShapeProfile;
use crate::error::ModelError;
use crate::graph_source::GraphSource;
use crate::session::SessionRequest;

/// The folder of what is compiled of a session's graph with these settings, if it is kept; it is made.
pub(super) fn folder(
    session: &SessionRequest<'_>,
    settings: &str,
) -> Result<Option<PathBuf>, ModelError> {
    let Some(cache) = &session.options.engine_cache else {
        return Ok(None);
    };
    let library = session.runtime.build_information();
    let folder = cache.join(key(
        &library,
        settings,
        session.source,
        session.profile.as_ref(),
    )?);
    fs::create_dir_all(&folder).map_err(|error| ModelError::Unwritable {
        path: folder.clone(),
        reason: error.to_string(),
    })?;
    Ok(Some(folder))
}

/// A name that depends on all that is compiled: the graph (which decides the precision), the weights, the
/// shapes, the library and the device's settings. The providers themselves put the hardware and their own versions into the names of
/// the files, but not all of them compare the weights.
fn key(
    library: &str,
    settings: &str,
    source: &GraphSource,
    profile: Option<&ShapeProfile>,
) -> Result<String, ModelError> {
    let mut digest = Sha256::new();
    let mut add = |part: &[u8]| {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    };
    add(library.as_bytes());
    add(settings.as_bytes());
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
    use lb_export::{Graph, Precision, WeightFile};

    use super::super::shape_profile::InputShape;
    use super::*;

    #[test]
    fn what_is_compiled_of_other_weights_precisions_shapes_and_libraries_has_another_name() {
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
            key("1.31.1", "", &plain, Some(&profile(8))),
            key("1.31.0", "", &plain, Some(&profile(8))),
            key("1.31.1", "", &plain, Some(&profile(16))),
            key("1.31.1", "", &plain, None),
            key("1.31.1", "f32", &plain, None),
            key("1.31.1", "", &source(b"fp32", first.clone()), None),
            key("1.31.1", "", &source(b"fp16", weights("other", "1")), None),
            key(
                "1.31.1",
                "",
                &source(b"fp16", weights("longer", "12")),
                None,
            ),
        ];
        let mut keys: Vec<String> = keys.into_iter().map(Result::unwrap).collect();
        assert_eq!(
            keys[3],
            key("1.31.1", "", &source(b"fp16", first), None).unwrap()
        );
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 8);
    }
}
