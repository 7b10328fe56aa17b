//! Tests that models are read and imported in all forms in which they are published, and refused if they
//! are damaged or malicious. `tests/golden/README.md` describes the fixtures.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conversion;
mod hostile_checkpoints;
mod import;
mod import_options;
mod pickle_writer;
mod separate_vae;
mod torch_components;

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lb_checkpoint::{CheckpointError, Component, Import, ImportOptions, ImportReport, Weights};

/// Returns the path of a golden model in one of its forms.
fn golden(path: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/checkpoints");
    folder.join(path)
}

/// Returns options with the configurations of a golden model. They cannot be inferred, because the tiny
/// models have other numbers of heads and groups than Stable Diffusion.
fn with_configuration(model: &str) -> ImportOptions {
    let mut options = ImportOptions::default();
    options.configuration = Some(golden(model).join("diffusers"));
    options
}

/// Runs all three steps of an import.
fn import(
    source: &Path,
    destination: &Path,
    options: &ImportOptions,
) -> Result<ImportReport, CheckpointError> {
    import_observed(source, destination, options, &mut || {
        ControlFlow::Continue(())
    })
}

fn import_observed(
    source: &Path,
    destination: &Path,
    options: &ImportOptions,
    observe: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<ImportReport, CheckpointError> {
    let import = Import::open(source, destination, options)?;
    import.write(observe)?.publish()
}

fn import_golden(path: &str, destination: &Path) -> ImportReport {
    let (model, _) = path.split_once('/').unwrap();
    import(&golden(path), destination, &with_configuration(model)).unwrap()
}

/// Reads the shape and the bytes of each tensor of a component.
fn contents(directory: &Path, component: Component) -> BTreeMap<String, (Vec<usize>, Vec<u8>)> {
    let weights = Weights::open(directory, component).unwrap();
    let files: Vec<_> = weights
        .files()
        .iter()
        .map(|file| fs::read(file).unwrap())
        .collect();
    let read = |name: &str| {
        let shape = weights.shape(name).unwrap().to_vec();
        let tensor = weights.tensor(name, &shape).unwrap();
        let start = tensor.offset as usize;
        let bytes = &files[tensor.file][start..start + tensor.length as usize];
        (name.to_owned(), (shape, bytes.to_vec()))
    };
    weights.names().map(read).collect()
}

/// Reads a safetensors header without this crate's code. The result maps names to (dtype, shape, first
/// byte, length).
fn header(path: &Path) -> BTreeMap<String, (String, Vec<u64>, u64, u64)> {
    let bytes = fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    let json: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length as usize]).unwrap();
    let tensors = json
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "__metadata__");
    let numbers = |value: &serde_json::Value| -> Vec<u64> {
        let numbers = value.as_array().unwrap().iter();
        numbers.map(|number| number.as_u64().unwrap()).collect()
    };
    tensors
        .map(|(name, entry)| {
            let dtype = entry["dtype"].as_str().unwrap().to_owned();
            let offsets = numbers(&entry["data_offsets"]);
            let (start, length) = (8 + length + offsets[0], offsets[1] - offsets[0]);
            (
                name.clone(),
                (dtype, numbers(&entry["shape"]), start, length),
            )
        })
        .collect()
}

/// Lists the files below a folder in order, as paths with slashes.
fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let inside = path.strip_prefix(folder).unwrap();
                files.push(inside.to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    files.sort();
    files
}
