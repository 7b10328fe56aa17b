//! The graphs' structure, checked without a runtime; the fixtures are made by
//! `tests/golden/make.py`. That the graphs compute what diffusers computes is tested where there
//! is a runtime, from the same fixtures.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checkpoint_forms;
mod hostile_checkpoints;
mod import;
mod onnx_reader;
mod pickle_writer;
mod placement;
mod refusals;
mod structure;

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of a golden model.
fn fixture(model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/fixtures")
        .join(model)
}

/// A copy of a golden model that a test may change.
fn fixture_copy(model: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for component in ["text_encoder", "unet", "vae"] {
        let folder = copy.path().join(component);
        fs::create_dir(&folder).unwrap();
        for file in fs::read_dir(fixture(model).join(component)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
    }
    copy
}
