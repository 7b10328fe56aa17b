//! Incomplete model directories: the message names the file and the tensor, the exit code is 1, and
//! nothing is written.

use std::path::{Path, PathBuf};
use std::{env, fs};

use lb_models::testing::copy_folder;

use crate::lb::{Folder, SMALL_FILM};

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";

/// The directory of the model of which these tests break copies.
pub(crate) fn pocket() -> PathBuf {
    let given = env::var_os("LB_MODELS").unwrap_or_default();
    env::split_paths(&given)
        .chain([Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")])
        .map(|folder| folder.join("pocket"))
        .find(|folder| folder.join(UNET).is_file())
        .expect("the bundled model lies in models/ or in a folder of LB_MODELS")
}

/// Copies the files of the model that rendering reads to `model` in this folder.
pub(crate) fn copy_of_pocket(folder: &Folder) -> PathBuf {
    let (from, to) = (pocket(), folder.join("model"));
    for part in ["unet", "vae", "text_encoder", "tokenizer", "scheduler"] {
        copy_folder(&from.join(part), &to.join(part)).unwrap();
    }
    fs::copy(from.join("model_index.json"), to.join("model_index.json")).unwrap();
    to
}

/// Makes such a copy and damages it.
fn broken(damage: impl FnOnce(&Path)) -> Folder {
    let folder = Folder::new();
    damage(&copy_of_pocket(&folder));
    folder
}

fn assert_named(folder: &Folder, words: &[&str]) {
    let before = folder.contents();
    let said = folder.run(&[SMALL_FILM, &["--model=./model", "--output=film.mp4"]].concat());
    said.assert_refused(1, words);
    assert_eq!(folder.contents(), before);
}

#[test]
fn a_copy_renders() {
    let folder = broken(|_| {});
    let before = folder.contents().len();
    folder.facts(
        &[
            SMALL_FILM,
            &["--model=./model", "--contact-sheet=sheet.png"],
        ]
        .concat(),
    );
    assert_eq!(
        folder.contents().len(),
        before + 1,
        "nothing is written into a model"
    );
}

#[test]
fn missing_weights_are_named() {
    let folder = broken(|model| fs::remove_file(model.join(UNET)).unwrap());
    assert_named(&folder, &["unet"]);
}

#[test]
fn truncated_weights_are_named() {
    let shortened = |keep: fn(usize) -> usize| {
        move |model: &Path| {
            let path = model.join(UNET);
            let bytes = fs::read(&path).unwrap();
            fs::write(path, &bytes[..keep(bytes.len())]).unwrap();
        }
    };
    assert_named(&broken(shortened(|length| length / 2)), &[UNET]);
    assert_named(&broken(shortened(|_| 100)), &[UNET]);
    assert_named(&broken(shortened(|_| 0)), &[UNET]);
}

#[test]
fn a_configuration_that_contradicts_the_tensors_is_named() {
    let folder = broken(|model| {
        let path = model.join("unet/config.json");
        let text = fs::read_to_string(&path).unwrap();
        let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
        config["block_out_channels"][0] = 96.into();
        fs::write(path, config.to_string()).unwrap();
    });
    assert_named(&folder, &[UNET, "shape", "96"]);
}

#[test]
fn a_broken_configuration_is_named() {
    let cut =
        |model: &Path| fs::write(model.join("vae/config.json"), "{\"in_channels\": 3").unwrap();
    assert_named(&broken(cut), &["vae/config.json"]);
    let no_words = |model: &Path| fs::remove_file(model.join("tokenizer/merges.txt")).unwrap();
    assert_named(&broken(no_words), &["tokenizer/merges.txt"]);
}

#[test]
fn folders_that_need_something_done_first_say_what() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 3463726504\n";
    let cloned = broken(|model| fs::write(model.join(UNET), pointer).unwrap());
    assert_named(&cloned, &[UNET, "Git LFS", "git lfs pull"]);
    let pickled = broken(|model| {
        let torch = model.join("unet/diffusion_pytorch_model.bin");
        fs::rename(model.join(UNET), torch).unwrap();
    });
    assert_named(&pickled, &["diffusion_pytorch_model.bin", "lb import"]);
    let graphs = broken(|model| {
        let folder = model.join("text_encoder");
        fs::rename(folder.join("model.safetensors"), folder.join("model.onnx")).unwrap();
    });
    let said = crate::imports::run(&graphs, &["import", "model"]);
    said.assert_refused(1, &["text_encoder", "no weights", "--model FOLDER"]);
}
