//! Imports with an autoencoder that is published by itself.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lb_checkpoint::{CheckpointError, Component, StandaloneDecoder};
use serde_json::{Map, json};

use crate::{contents, files_below, golden, header, import, import_observed, with_configuration};

const PREFIX: &str = "first_stage_model.";

/// Writes tensors of a golden checkpoint to a file of their own, under the names that `rename` gives them, and
/// with their bytes as `change` makes them.
fn write_part(
    checkpoint: &str,
    path: &Path,
    rename: impl Fn(&str) -> Option<String>,
    change: impl Fn(u8) -> u8,
) {
    let source = golden(checkpoint);
    let bytes = fs::read(&source).unwrap();
    let (mut entries, mut data) = (Map::new(), Vec::new());
    for (name, (dtype, shape, start, length)) in header(&source) {
        let Some(name) = rename(&name) else {
            continue;
        };
        let begin = data.len();
        let tensor = &bytes[start as usize..(start + length) as usize];
        data.extend(tensor.iter().map(|&byte| change(byte)));
        let entry = json!({"dtype": dtype, "shape": shape, "data_offsets": [begin, data.len()]});
        entries.insert(name, entry);
    }
    let text = serde_json::to_vec(&entries).unwrap();
    let length = (text.len() as u64).to_le_bytes();
    fs::write(path, [&length[..], &text, &data].concat()).unwrap();
}

fn vae_of(directory: &Path) -> BTreeMap<String, (Vec<usize>, Vec<u8>)> {
    contents(directory, Component::VaeDecoder)
}

/// A checkpoint without an autoencoder, and autoencoders in all forms.
fn parts(folder: &Path) -> (PathBuf, Vec<PathBuf>) {
    let checkpoint = "sd1/checkpoint.safetensors";
    let bare = folder.join("bare.safetensors");
    let others = |name: &str| (!name.starts_with(PREFIX)).then(|| name.to_owned());
    write_part(checkpoint, &bare, others, |byte| byte);
    let prefixed = folder.join("prefixed.safetensors");
    let own = |name: &str| name.starts_with(PREFIX).then(|| name.to_owned());
    write_part(checkpoint, &prefixed, own, |byte| byte);
    let plain = folder.join("plain.safetensors");
    let inner = |name: &str| name.strip_prefix(PREFIX).map(str::to_owned);
    write_part(checkpoint, &plain, inner, |byte| byte);
    let vae = golden("sd1/diffusers/vae");
    let weights = files_below(&vae).into_iter();
    let weights = weights.filter(|name| name.ends_with(".safetensors"));
    let weights: Vec<String> = weights.collect();
    assert_eq!(weights.len(), 1);
    let whole = golden(checkpoint);
    let forms = [
        prefixed,
        plain,
        vae.join(&weights[0]),
        vae.clone(),
        golden("sd1/diffusers"),
        whole,
    ];
    (bare, forms.to_vec())
}

#[test]
fn a_checkpoint_without_an_autoencoder_is_given_one_in_any_form() {
    let folder = tempfile::tempdir().unwrap();
    let (bare, forms) = parts(folder.path());
    let mut options = with_configuration("sd1");
    let target = folder.path().join("model");
    let refused = import(&bare, &target, &options).unwrap_err();
    assert!(
        matches!(refused, CheckpointError::NoAutoencoder { .. }),
        "{refused}"
    );
    assert!(refused.is_request());
    let expected = vae_of(&golden("sd1/diffusers"));
    options.replace = true;
    for form in forms {
        options.vae = Some(form.clone());
        let report = import(&bare, &target, &options).unwrap();
        let vae = report.vae.unwrap();
        assert_eq!((vae.path, vae.replaces), (form.clone(), false));
        assert_eq!(vae_of(&target), expected, "{}", form.display());
        let files = files_below(&target.join("vae"));
        assert_eq!(files.len(), 2, "weights and a configuration: {files:?}");
        StandaloneDecoder::open(&target).unwrap();
    }
}

#[test]
fn a_given_autoencoder_replaces_that_of_the_source() {
    let folder = tempfile::tempdir().unwrap();
    let zeros = folder.path().join("zeros.safetensors");
    let inner = |name: &str| name.strip_prefix(PREFIX).map(str::to_owned);
    write_part("sd1/checkpoint.safetensors", &zeros, inner, |_| 0);
    for source in ["sd1/checkpoint.safetensors", "sd1/diffusers"] {
        let target = folder.path().join(source.replace('/', "-"));
        let mut options = with_configuration("sd1");
        options.vae = Some(zeros.clone());
        let report = import(&golden(source), &target, &options).unwrap();
        assert!(report.vae.unwrap().replaces);
        let found = vae_of(&target);
        let expected = vae_of(&golden("sd1/diffusers"));
        assert!(found.keys().eq(expected.keys()));
        let mut bytes = found.values().flat_map(|(_, bytes)| bytes);
        assert!(bytes.all(|&byte| byte == 0), "{source}");
        let unet = |directory: &Path| contents(directory, Component::Unet);
        assert_eq!(unet(&target), unet(&golden("sd1/diffusers")));
    }
}

#[test]
fn an_autoencoder_that_torch_has_pickled_is_converted() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let mut options = with_configuration("sd2");
    options.vae = Some(golden("sd2/checkpoint.ckpt"));
    import(&golden("sd2/checkpoint.safetensors"), &target, &options).unwrap();
    assert_eq!(vae_of(&target), vae_of(&golden("sd2/diffusers")));
    let files = files_below(&target.join("vae"));
    assert_eq!(files.len(), 2, "{files:?}");
    // An interruption leaves nothing.
    for calls in (0..2000).step_by(23) {
        let (mut left, second) = (calls, folder.path().join("second"));
        let mut observe = || match left {
            0 => ControlFlow::Break(()),
            _ => {
                left -= 1;
                ControlFlow::Continue(())
            }
        };
        let source = golden("sd2/checkpoint.safetensors");
        match import_observed(&source, &second, &options, &mut observe) {
            Ok(_) => return,
            Err(error) => assert!(matches!(error, CheckpointError::Interrupted), "{error}"),
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
    panic!("the import is never complete");
}

#[test]
fn files_without_an_autoencoder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (bare, _) = parts(folder.path());
    let half = folder.path().join("half.safetensors");
    let decoder = |name: &str| {
        let inner = name.strip_prefix(PREFIX)?;
        inner.starts_with("decoder.").then(|| inner.to_owned())
    };
    write_part("sd1/checkpoint.safetensors", &half, decoder, |byte| byte);
    let other = folder.path().join("words.txt");
    fs::write(&other, "neither of the two").unwrap();
    let mut options = with_configuration("sd1");
    for (given, expected) in [
        (&bare, "no autoencoder of Stable Diffusion"),
        (&half, "no autoencoder of Stable Diffusion"),
        (&other, "neither a safetensors file"),
        (&folder.path().join("nowhere"), "nowhere"),
    ] {
        options.vae = Some(given.clone());
        let target = folder.path().join("model");
        let refused = import(&bare, &target, &options).unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
        assert!(!target.exists());
    }
}

#[test]
fn the_file_of_a_whole_autoencoder_is_a_decoder() {
    // The names and shapes of published checkpoints; the numbers are a hole in the file.
    let shapes = fs::read(golden("../checkpoint_shapes.json.gz")).unwrap();
    let shapes: BTreeMap<String, BTreeMap<String, Vec<usize>>> =
        serde_json::from_reader(flate2::read::GzDecoder::new(&shapes[..])).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vae.safetensors");
    for (model, pixels) in [("sd1", 8), ("sd2", 8)] {
        let Some((_, tensors)) = shapes.iter().find(|(name, _)| name.contains(model)) else {
            panic!("{model} is not among {:?}", shapes.keys());
        };
        let (mut entries, mut end) = (Map::new(), 0);
        for (name, shape) in tensors {
            let Some(name) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let begin = end;
            end += 2 * shape.iter().product::<usize>();
            let entry = json!({"dtype": "F16", "shape": shape, "data_offsets": [begin, end]});
            entries.insert(name.to_owned(), entry);
        }
        let text = serde_json::to_vec(&entries).unwrap();
        let length = (text.len() as u64).to_le_bytes();
        fs::write(&path, [&length[..], &text].concat()).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_len((8 + text.len() + end) as u64).unwrap();
        let decoder = StandaloneDecoder::open(&path).unwrap();
        assert_eq!(decoder.config().latent_channels(), 4);
        assert_eq!(decoder.config().pixels_per_latent(), pixels);
        assert_eq!(decoder.config().out_channels(), 3);
        assert!((decoder.scaling_factor() - 0.18215).abs() < 1e-9);
    }
}
