//! The limits of values in configurations, and the search for models.

use std::fs;
use std::path::Path;

use lb_models::testing::write_tiny_model;
use lb_models::{LARGEST_SIDE, ModelDirectory, find_models};
use serde_json::{Value, json};

/// A tiny model after one setting has been changed.
fn opened(kind: &str, file: &str, key: &str, value: Value) -> Result<ModelDirectory, String> {
    let folder = tempfile::tempdir().unwrap();
    write_tiny_model(kind, folder.path()).unwrap();
    let path = folder.path().join(file);
    let mut settings: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    settings[key] = value;
    fs::write(&path, settings.to_string()).unwrap();
    ModelDirectory::open(folder.path()).map_err(|error| error.to_string())
}

#[test]
fn settings_out_of_range_are_named() {
    for (file, key, value) in [
        ("vae/config.json", "scaling_factor", json!(0)),
        ("vae/config.json", "scaling_factor", json!(-1.5)),
        ("vae/config.json", "block_out_channels", json!(vec![8; 9])),
        ("unet/config.json", "block_out_channels", json!([])),
    ] {
        let message = opened("sd21", file, key, value.clone()).unwrap_err();
        assert!(message.contains(key), "{key} {value}: {message}");
    }
    let absent = opened("sd21", "vae/config.json", "scaling_factor", Value::Null).unwrap();
    assert_eq!(absent.scaling_factor, 0.18215);
}

#[test]
fn an_upscaler_has_no_more_noise_levels_than_its_schedule() {
    let file = "low_res_scheduler/scheduler_config.json";
    let directory = opened("upscale", file, "num_train_timesteps", json!(30)).unwrap();
    assert_eq!(directory.upscaler.unwrap().max_noise_level, 29);
}

#[test]
fn no_side_is_longer_than_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    write_tiny_model("sd21", folder.path()).unwrap();
    let directory = ModelDirectory::open(folder.path()).unwrap();
    let beyond = LARGEST_SIDE + directory.side_multiple;
    assert!(directory.latent_shape(LARGEST_SIDE, LARGEST_SIDE).is_ok());
    for (width, height) in [(beyond, 64), (64, beyond), (0, 64), (64, 0), (64, 65)] {
        let refused = directory.latent_shape(width, height);
        assert!(refused.is_err(), "{width}x{height}");
    }
}

#[test]
fn models_are_listed_once_and_unfinished_ones_not() {
    let folder = tempfile::tempdir().unwrap();
    let (models, other) = (folder.path().join("models"), folder.path().join("other"));
    for name in ["b", "a", ".c.partial-1"] {
        fs::create_dir_all(models.join(name)).unwrap();
        fs::write(models.join(name).join("model_index.json"), "{}").unwrap();
    }
    fs::create_dir_all(models.join("no model")).unwrap();
    let names = |found: Vec<std::path::PathBuf>| -> Vec<String> {
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        found.iter().map(|path| name(path)).collect()
    };
    let folders = [models.clone(), other.clone(), models.clone()];
    assert_eq!(names(find_models(&folders)), ["a", "b"]);
    #[cfg(unix)]
    {
        fs::create_dir(&other).unwrap();
        std::os::unix::fs::symlink(models.join("a"), other.join("link")).unwrap();
        assert_eq!(
            names(find_models(&folders)),
            ["a", "b"],
            "a link is no other"
        );
    }
}
