//! Directories that are broken in one way each: each is a clear error, and none a panic.

use std::fs;
use std::path::Path;

use lb_models::testing::copy_folder;
use lb_models::{ModelDirectory, ModelError, Pipeline, PipelineOptions};

use crate::surroundings::{pocket, pool};

/// A copy of the bundled model, for a test to break.
fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&pocket().path, folder.path()).unwrap();
    folder
}

/// Opens the directory and loads its denoiser.
fn load(folder: &Path) -> Result<(), ModelError> {
    let directory = ModelDirectory::open(folder)?;
    let mut pipeline = Pipeline::open(&pool(), directory, 128, 128, PipelineOptions::default())?;
    pipeline.load_unet()
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in {}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn the_unbroken_copy_loads() {
    load(copy().path()).unwrap();
}

#[test]
fn a_missing_weight_file_is_named() {
    let folder = copy();
    fs::remove_file(
        folder
            .path()
            .join("unet/diffusion_pytorch_model.safetensors"),
    )
    .unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("unet") && error.contains("safetensors"),
        "{error}"
    );
}

#[test]
fn a_truncated_weight_file_is_named() {
    let folder = copy();
    let path = folder
        .path()
        .join("unet/diffusion_pytorch_model.safetensors");
    let bytes = fs::read(&path).unwrap();
    for length in [0, 4, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        let error = load(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("diffusion_pytorch_model.safetensors"),
            "{length}: {error}"
        );
    }
}

#[test]
fn a_configuration_that_contradicts_the_tensors_is_an_error() {
    let folder = copy();
    edit(
        &folder.path().join("unet/config.json"),
        "\"layers_per_block\": 1",
        "\"layers_per_block\": 2",
    );
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("missing") || error.contains("shape"),
        "{error}"
    );
}

#[test]
fn a_text_encoder_of_another_width_is_an_error() {
    let folder = copy();
    edit(
        &folder.path().join("text_encoder/config.json"),
        "\"hidden_size\": 128",
        "\"hidden_size\": 96",
    );
    let error = load(folder.path()).unwrap_err();
    assert!(error.to_string().contains("cross_attention_dim"), "{error}");
}

#[test]
fn an_unknown_prediction_type_is_an_error() {
    let folder = copy();
    edit(
        &folder.path().join("scheduler/scheduler_config.json"),
        "v_prediction",
        "guesswork",
    );
    let error = load(folder.path()).unwrap_err();
    assert!(error.to_string().contains("prediction_type"), "{error}");
}

#[test]
fn broken_json_and_missing_files_are_named() {
    for file in [
        "model_index.json",
        "unet/config.json",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
    ] {
        let folder = copy();
        fs::write(folder.path().join(file), "{\"cut").unwrap();
        let name = file.rsplit('/').next().unwrap();
        let broken = load(folder.path()).unwrap_err().to_string();
        assert!(
            broken.contains(name) || broken.contains("tokenizer"),
            "{file}: {broken}"
        );
        fs::remove_file(folder.path().join(file)).unwrap();
        let missing = load(folder.path()).unwrap_err().to_string();
        assert!(missing.contains(name), "{file}: {missing}");
    }
}

#[test]
fn a_name_that_is_nowhere_says_where_was_looked() {
    let error = ModelDirectory::find("moon", &["/nowhere/at/all".into()]).unwrap_err();
    assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
}
