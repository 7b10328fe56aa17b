//! Tests with diffusers directories whose weights torch has pickled (`.bin`), as in older models.

use std::fs;
use std::path::{Path, PathBuf};

use lb_checkpoint::{
    CheckpointError, Component, ImportOptions, SourceFormat, WeightTransfer, Weights,
};

use crate::pickle_writer::{archive, call, dictionary, name, program, tensor_of, text};
use crate::{contents, files_below, golden, header, import};

const FILES: [(&str, &str); 3] = [
    (
        "text_encoder/model.safetensors",
        "text_encoder/pytorch_model.bin",
    ),
    (
        "unet/diffusion_pytorch_model.safetensors",
        "unet/diffusion_pytorch_model.bin",
    ),
    (
        "vae/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.fp16.bin",
    ),
];

const LARGE_FILE_POINTER: &[u8] =
    b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 3463726504\n";

/// Pickles the tensors of a safetensors file in the way in which torch saves a module's state.
fn pickled(safetensors: &Path) -> Vec<u8> {
    let bytes = fs::read(safetensors).unwrap();
    let tensors = header(safetensors);
    let mut entries = Vec::new();
    let mut storages = Vec::new();
    for (number, (name, (dtype, shape, start, length))) in tensors.iter().enumerate() {
        let (format, width) = match dtype.as_str() {
            "F16" => ("HalfStorage", 2),
            "F32" => ("FloatStorage", 4),
            other => panic!("{other}"),
        };
        let shape: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
        let stride = |axis: usize| shape[axis + 1..].iter().product::<i64>();
        let strides: Vec<i64> = (0..shape.len()).map(stride).collect();
        let key = number.to_string();
        let storage = (key.as_str(), (length / width) as i64);
        let tensor = tensor_of(format, storage, 0, &shape, &strides);
        entries.push((name.as_str(), tensor));
        storages.push((key, &bytes[*start as usize..(start + length) as usize]));
    }
    let storages: Vec<_> = storages
        .iter()
        .map(|(key, bytes)| (key.as_str(), *bytes))
        .collect();
    archive(&program(&dictionary(&entries)), &storages)
}

/// Makes a copy of the tiny model in which these weights are pickled.
fn model(folder: &Path, files: &[(&str, &str)]) -> PathBuf {
    let source = folder.join("source");
    import(&golden("sd2/diffusers"), &source, &ImportOptions::default()).unwrap();
    for (safetensors, torch) in files {
        fs::write(source.join(torch), pickled(&source.join(safetensors))).unwrap();
        fs::remove_file(source.join(safetensors)).unwrap();
    }
    source
}

#[test]
fn pickled_weights_of_components_are_converted_exactly() {
    for files in [&FILES[..], &FILES[..1]] {
        let folder = tempfile::tempdir().unwrap();
        let source = model(folder.path(), files);
        let target = folder.path().join("model");
        let report = import(&source, &target, &ImportOptions::default()).unwrap();
        assert_eq!(report.format, SourceFormat::DiffusersDirectory);
        assert_eq!(report.weights, WeightTransfer::Copied);
        assert_eq!(files_below(&target), files_below(&golden("sd2/diffusers")));
        for component in Component::ALL {
            let expected = contents(&golden("sd2/diffusers"), component);
            assert_eq!(contents(&target, component), expected, "{component:?}");
        }
    }
}

/// A repository that was cloned without Git LFS contains such pointers.
#[test]
fn git_lfs_pointers_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let source = model(folder.path(), &[]);
    let weights = source.join(FILES[1].0);
    fs::remove_file(&weights).unwrap();
    fs::write(weights, LARGE_FILE_POINTER).unwrap();
    let refused = Weights::open(&source, Component::Unet).unwrap_err();
    assert!(matches!(refused, CheckpointError::LargeFilePointer { .. }));
    let single = folder.path().join("model.ckpt");
    fs::write(&single, LARGE_FILE_POINTER).unwrap();
    let target = folder.path().join("model");
    let refused = import(&single, &target, &ImportOptions::default()).unwrap_err();
    assert!(matches!(refused, CheckpointError::LargeFilePointer { .. }));
}

#[test]
fn safetensors_files_are_preferred_to_pickled_ones() {
    let folder = tempfile::tempdir().unwrap();
    let source = model(folder.path(), &[]);
    for (_, torch) in FILES {
        fs::write(source.join(torch), "not read").unwrap();
    }
    let target = folder.path().join("model");
    import(&source, &target, &ImportOptions::default()).unwrap();
    assert_eq!(files_below(&target), files_below(&golden("sd2/diffusers")));
}

#[test]
fn pickled_weights_that_were_not_imported_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = model(folder.path(), &FILES[1..2]);
    let refused = Weights::open(&source, Component::Unet).unwrap_err();
    assert!(matches!(refused, CheckpointError::PickledWeights { .. }));
    let message = refused.to_string();
    assert!(message.contains(FILES[1].1), "{message}");
    assert!(message.contains("imported"), "{message}");
}

#[test]
fn code_in_a_pickled_component_is_never_run() {
    let folder = tempfile::tempdir().unwrap();
    let source = model(folder.path(), &FILES[1..2]);
    let trace = folder.path().join("trace");
    let harm = call(
        name("os", "system"),
        &[text(&format!("touch {}", trace.display()))],
    );
    let target = folder.path().join("model");
    for (bytes, words) in [
        (
            archive(&program(&dictionary(&[("weight", harm)])), &[]),
            "os.system",
        ),
        (b"\x80\x02}q\x00.".to_vec(), "neither a safetensors file"),
        (LARGE_FILE_POINTER.to_vec(), "Git LFS"),
    ] {
        fs::write(source.join(FILES[1].1), bytes).unwrap();
        let refused = import(&source, &target, &ImportOptions::default()).unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
        assert!(refused.to_string().contains(FILES[1].1), "{refused}");
    }
    assert!(!trace.exists() && !target.exists());
}
