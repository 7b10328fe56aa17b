//! Imported checkpoints draw what the same weights draw as a diffusers directory.

use std::path::{Path, PathBuf};

use lb_export::{ImportOptions, import};
use lb_models::testing::copy_folder;
use lb_models::{ModelDirectory, Pipeline, PipelineOptions};
use lb_schedule::BranchingProfile;

use crate::surroundings::{pool, workspace};
use crate::transition::pictures;

const SIDE: usize = 16;

/// A tiny model with random weights (`crates/lb-checkpoint/tests/golden/make_checkpoints.py`).
fn golden(form: &str) -> PathBuf {
    workspace()
        .join("crates/lb-checkpoint/tests/golden/checkpoints/sd2")
        .join(form)
}

/// The bytes of a short film's pictures.
fn film(directory: &Path) -> Vec<Vec<u8>> {
    let directory = ModelDirectory::open(directory).unwrap();
    let options = PipelineOptions::default();
    let mut pipeline = Pipeline::open(&pool(), directory, SIDE, SIDE, options).unwrap();
    let profile = BranchingProfile::manual(4, &[2, 3], &[0, 2]).unwrap();
    let pictures = pictures(&mut pipeline, ["a b", "ab c"], profile);
    pictures
        .into_iter()
        .map(|picture| picture.into_raw())
        .collect()
}

#[test]
fn all_forms_of_a_checkpoint_draw_the_same_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let expected = film(&golden("diffusers"));
    assert!(expected.len() == 3 && expected[0] != expected[2]);
    let mut options = ImportOptions::default();
    options.configuration = Some(golden("diffusers"));
    for form in ["diffusers", "checkpoint.safetensors", "checkpoint.ckpt"] {
        let target = folder.path().join(form);
        import(&golden(form), &target, &options).unwrap();
        assert_eq!(film(&target), expected, "{form}");
    }
}

/// Hugging Face's cache has all files of a model in one folder, named by their hashes, and a folder of
/// links to them.
#[cfg(unix)]
#[test]
fn a_directory_of_links_draws_the_same_pictures() {
    let cache = tempfile::tempdir().unwrap();
    let (blobs, snapshot) = (cache.path().join("blobs"), cache.path().join("snapshot"));
    std::fs::create_dir(&blobs).unwrap();
    copy_folder(&golden("diffusers"), &snapshot).unwrap();
    for (number, file) in files_below(&snapshot).into_iter().enumerate() {
        let blob = blobs.join(format!("{number:064x}"));
        std::fs::rename(&file, &blob).unwrap();
        std::os::unix::fs::symlink(&blob, &file).unwrap();
    }
    assert_eq!(film(&snapshot), film(&golden("diffusers")));
}

#[test]
fn a_folder_of_hugging_faces_cache_is_recognised() {
    let cache = tempfile::tempdir().unwrap();
    copy_folder(&golden("diffusers"), &cache.path().join("snapshots/0123")).unwrap();
    let refused = ModelDirectory::open(cache.path()).unwrap_err();
    assert!(refused.to_string().contains("snapshots/"), "{refused}");
    ModelDirectory::open(&cache.path().join("snapshots/0123")).unwrap();
}

#[cfg(unix)]
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let (folders, mut files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| files_below(folder)));
    files
}

#[test]
fn a_checkpoint_that_is_not_imported_is_distinguished_from_a_missing_model() {
    let file = golden("checkpoint.safetensors");
    for refused in [
        ModelDirectory::open(&file),
        ModelDirectory::find(&file.to_string_lossy(), &[]),
    ] {
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("checkpoint.safetensors"), "{message}");
        assert!(message.contains("imported into one first"), "{message}");
    }
}
