//! Tiny networks with random weights, for tests of this crate and of those that use it.

use std::path::Path;

/// A folder with a tiny model's networks for each architecture: `sd1`, `sd2`, `sd2_inpainting`,
/// `sd2_depth` and `sd2_upscaler`. Each has folders `unet`, `vae` and `text_encoder` as in a diffusers
/// directory, or only those that differ from `sd2`'s. `tests/golden/make.py` writes them.
#[must_use]
pub fn networks() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/fixtures"
    ))
}
