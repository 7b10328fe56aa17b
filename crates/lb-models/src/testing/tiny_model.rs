//! Model directories of a few hundred kilobytes, put together from this workspace's fixtures.

use std::fs;
use std::io;
use std::path::Path;

/// Of the networks: `crates/lb-export/tests/golden/make.py`.
const NETWORKS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../lb-export/tests/golden/fixtures"
);
/// Of what a directory has beside them: `tests/golden/kinds.py`.
const KINDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/kinds");

/// Writes a whole model directory with random weights, for prompts of the letters `a` to `w`.
///
/// `kind` is `sd15`, `sd21` (which predicts v), `sd21_base` (which predicts the noise), `inpaint`,
/// `depth` or `upscale`.
///
/// # Errors
/// Where the folder cannot be written, or there is no such kind.
pub fn write_tiny_model(kind: &str, to: &Path) -> io::Result<()> {
    let kinds = Path::new(KINDS);
    copy_folder(&kinds.join(kind), to)?;
    copy_folder(&kinds.join("tokenizer"), &to.join("tokenizer"))?;
    let (unet, vae, text_encoder) = match kind {
        "sd15" => ("sd1", "sd1", "sd1"),
        "inpaint" => ("sd2_inpainting", "sd2", "sd2"),
        "depth" => ("sd2_depth", "sd2", "sd2"),
        "upscale" => ("sd2_upscaler", "sd2_upscaler", "sd2"),
        _ => ("sd2", "sd2", "sd2"),
    };
    for (model, part) in [(unet, "unet"), (vae, "vae"), (text_encoder, "text_encoder")] {
        let network = Path::new(NETWORKS).join(model).join(part);
        copy_folder(&network, &to.join(part))?;
    }
    Ok(())
}

/// Copies a folder and all that is in it, without permissions, so that a copy of what is read-only
/// can be changed.
///
/// # Errors
/// Where something cannot be read or written.
pub fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::write(&target, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}
