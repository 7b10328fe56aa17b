//! A plain reader of the golden tensors.

use std::fs;
use std::path::Path;

use lb_models::testing::{NamedTensor, TensorValues};
use serde_json::Value;

/// The tensors of a file, by name.
pub(crate) fn read(path: &Path) -> Vec<NamedTensor> {
    let bytes = fs::read(path).unwrap();
    let data = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..data]).unwrap();
    let entries = header.as_object().unwrap().iter();
    entries
        .filter(|(name, _)| *name != "__metadata__")
        .map(|(name, entry)| {
            let [begin, end] = sizes(&entry["data_offsets"])[..] else {
                panic!("{name} has no range")
            };
            let bytes = &bytes[data + begin..data + end];
            NamedTensor {
                name: name.clone(),
                shape: sizes(&entry["shape"]),
                values: values(entry["dtype"].as_str().unwrap(), bytes),
            }
        })
        .collect()
}

fn values(dtype: &str, bytes: &[u8]) -> TensorValues {
    match dtype {
        "F32" => TensorValues::Float32(
            bytes
                .chunks_exact(4)
                .map(|number| f32::from_le_bytes(number.try_into().unwrap()))
                .collect(),
        ),
        "I64" => TensorValues::Int64(
            bytes
                .chunks_exact(8)
                .map(|number| i64::from_le_bytes(number.try_into().unwrap()))
                .collect(),
        ),
        other => panic!("golden tensors are F32 or I64, not {other}"),
    }
}

fn sizes(list: &Value) -> Vec<usize> {
    let list = list.as_array().unwrap().iter();
    list.map(|size| size.as_u64().unwrap() as usize).collect()
}

/// Writes a file with those tensors of another one to which `rename` gives a name.
pub(crate) fn rename(from: &Path, to: &Path, rename: impl Fn(&str) -> Option<String>) {
    let bytes = fs::read(from).unwrap();
    let data = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..data]).unwrap();
    let (mut entries, mut kept) = (serde_json::Map::new(), Vec::new());
    for (name, entry) in header.as_object().unwrap() {
        if name == "__metadata__" {
            continue;
        }
        let Some(name) = rename(name) else { continue };
        let range = sizes(&entry["data_offsets"]);
        let begin = kept.len();
        kept.extend_from_slice(&bytes[data + range[0]..data + range[1]]);
        let mut entry = entry.clone();
        entry["data_offsets"] = serde_json::json!([begin, kept.len()]);
        entries.insert(name, entry);
    }
    let header = Value::Object(entries).to_string();
    let mut written = (header.len() as u64).to_le_bytes().to_vec();
    written.extend(header.as_bytes());
    written.extend(kept);
    fs::write(to, written).unwrap();
}
