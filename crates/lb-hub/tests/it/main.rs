//! Downloads from a hub on this machine that does everything right, and from one that does not.

#![allow(clippy::unwrap_used)]

mod failures;
mod pull;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use lb_hub::testing::LoopbackHub;
use lb_hub::{Hub, HubError, HubOptions, Progress, Repository, Wanted};

/// The repository that the tests download.
const NAME: &str = "some/model";

/// A hub with a model of a few hundred kilobytes, among other files.
fn server() -> LoopbackHub {
    let server = LoopbackHub::start().unwrap();
    for path in [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "text_encoder/config.json",
        "unet/config.json",
        "vae/config.json",
    ] {
        server.add(NAME, path, format!("{{\"the file\": \"{path}\"}}"));
    }
    server.add(NAME, "text_encoder/model.safetensors", noise(1, 30_000));
    server.add(NAME, "unet/diffusion_pytorch_model.safetensors", unet());
    server.add(NAME, "vae/diffusion_pytorch_model.safetensors", noise(3, 1));
    for other in ["fp16.safetensors", "non_ema.safetensors", "bin", "onnx"] {
        let path = format!("unet/diffusion_pytorch_model.{other}");
        server.add(NAME, &path, noise(4, 1000));
    }
    server
}

fn unet() -> Vec<u8> {
    noise(2, 600_000)
}

/// Bytes that look random.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}

fn repository() -> Repository {
    NAME.parse().unwrap()
}

/// Options with which failures are known soon.
fn options(server: &LoopbackHub, cache: &Path) -> HubOptions {
    let mut options = HubOptions::new(cache);
    options.endpoint = server.endpoint();
    options.stall = Duration::from_millis(500);
    options.pause = Duration::from_millis(10);
    options.tries = 3;
    options
}

fn go_on(_: &Progress<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Downloads the model.
fn pull(options: HubOptions) -> Result<std::path::PathBuf, HubError> {
    let hub = Hub::new(options)?;
    let listing = hub.list(&repository(), &mut go_on)?;
    let files = listing.select(&Wanted::default())?;
    hub.pull(&listing, &files, &mut go_on)
}

/// The contents of a download's large file.
fn unet_in(snapshot: &Path) -> Vec<u8> {
    std::fs::read(snapshot.join("unet/diffusion_pytorch_model.safetensors")).unwrap()
}

/// The names of what lies in the repository's folder of contents.
fn blobs(cache: &Path) -> Vec<String> {
    let folder = cache.join("models--some--model/blobs");
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}
