//! Films whose pictures another VAE decoder makes: `--vae`.

use std::fs;
use std::path::{Path, PathBuf};

use lb_models::testing::{copy_folder, write_tiny_model};

use crate::lb::Folder;
use crate::pictures::sequence;

const FILM: &[&str] = &[
    "render",
    "a b",
    "ab c",
    "--model=./model",
    "--steps=4",
    "--frames=3",
    "--timestep-spacing=trailing",
    "--force",
];

/// A tiny autoencoder with random weights.
fn tiny_vae() -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/lb-export/tests/golden");
    fixtures.join("fixtures/tiny_vae/vae")
}

fn folder() -> Folder {
    let folder = Folder::new();
    write_tiny_model("sd21", &folder.join("model")).unwrap();
    copy_folder(&tiny_vae(), &folder.join("quick")).unwrap();
    folder
}

/// Renders a film into `frames`, and returns its computed frames and the number of model evaluations.
fn render(folder: &Folder, more: &[&str]) -> (Vec<image::RgbImage>, u64) {
    let facts = folder.facts(&[FILM, &["--frames-dir=frames"], more].concat());
    let evaluations = facts["model_evaluations"].as_u64().unwrap();
    (sequence(&folder.join("frames")), evaluations)
}

#[test]
fn a_decoder_is_a_folder_or_a_file_and_is_kept_in_the_job() {
    let folder = folder();
    let (own, _) = render(&folder, &[]);
    let (quick, _) = render(&folder, &["--vae=quick"]);
    assert_eq!(quick.len(), 3);
    assert!(own.iter().zip(&quick).all(|(own, quick)| own != quick));
    let file = "--vae=quick/diffusion_pytorch_model.safetensors";
    assert_eq!(render(&folder, &[file]).0, quick);

    let saved = folder.run(&[FILM, &["--vae=quick", "--save-job=film.toml"]].concat());
    assert_eq!(saved.code, Some(0), "{}", saved.error);
    let text = fs::read_to_string(folder.join("film.toml")).unwrap();
    assert!(text.contains("vae = \"quick\""), "{text}");
    let again = ["render", "film.toml", "--frames-dir=again"];
    folder.facts(&again);
    assert_eq!(sequence(&folder.join("again")), quick);
}

#[test]
fn cached_pictures_belong_to_the_content_of_their_decoder() {
    let folder = folder();
    // Fixed spacing measures nothing, so that only pictures depend on the decoder.
    let film = ["--vae=quick", "--spacing=fixed"];
    let (first, evaluations) = render(&folder, &film);
    assert!(evaluations > 0);
    assert_eq!(render(&folder, &film), (first.clone(), 0));

    let weights = folder.join("quick/diffusion_pytorch_model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    // The sign of the first number, which belongs to the bias of the decoder's first layer.
    bytes[8 + header + 1] ^= 0x80;
    fs::write(&weights, bytes).unwrap();
    let (second, evaluations) = render(&folder, &film);
    assert_eq!(evaluations, 0);
    assert!(
        first
            .iter()
            .zip(&second)
            .all(|(first, second)| first != second)
    );
}

#[test]
fn what_is_no_decoder_for_the_model_is_refused() {
    let folder = folder();
    let refuse = |vae: &str, code, words: &[&str]| {
        let run = folder.run(&[FILM, &[vae, "--frames-dir=refused"]].concat());
        run.assert_refused(code, words);
        assert!(!folder.join("refused").exists());
    };
    refuse("--vae=nowhere", 1, &["nowhere"]);
    let config = folder.join("quick/config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace("\"latent_channels\": 4", "\"latent_channels\": 16"),
    )
    .unwrap();
    let words = ["quick", "channels of the latents", "found 16, expected 4"];
    refuse("--vae=quick", 2, &words);
    fs::write(folder.join("text.safetensors"), "not tensors").unwrap();
    refuse(
        "--vae=text.safetensors",
        1,
        &["text.safetensors", "safetensors file"],
    );
}
