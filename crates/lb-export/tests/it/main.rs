//! Tests of the graphs' structure, which need no runtime. `tests/golden/make.py` makes the fixtures. The
//! tests of lb-models run the graphs of the same fixtures, and check that they compute what diffusers
//! computes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checkpoint_forms;
mod cuda_form;
mod export_directory;
mod full_size;
mod import;
mod kinds;
mod onnx_reader;
mod operators;
mod refusals;
mod structure;
mod weight_files;

use std::fs;
use std::path::{Path, PathBuf};

use lb_export::Component;

/// The names of all golden models.
const MODELS: [&str; 8] = [
    "plain",
    "odd",
    "sd1",
    "sd2",
    "sd2_inpainting",
    "sd2_depth",
    "sd2_upscaler",
    "tiny_vae",
];

/// Returns the folder of a golden model.
fn fixture(model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/fixtures")
        .join(model)
}

/// Lists the components of a golden model. Components that it shares with another model are stored only
/// there.
fn components(model: &str) -> Vec<Component> {
    let mut components = Component::ALL.to_vec();
    components.retain(|component| fixture(model).join(component.source_name()).is_dir());
    components
}

/// Makes a copy of a golden model, which a test may change.
fn fixture_copy(model: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for component in components(model) {
        let component = component.source_name();
        let folder = copy.path().join(component);
        fs::create_dir_all(&folder).unwrap();
        for file in fs::read_dir(fixture(model).join(component)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
    }
    copy
}
