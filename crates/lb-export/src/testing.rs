//! Provides tiny networks with random weights, for tests of this crate and of those that use it.

use std::path::Path;

/// Returns a folder that contains a folder for each of several tiny models: `sd1`, `sd2`,
/// `sd2_inpainting`, `sd2_depth`, `sd2_upscaler`, and `tiny_vae`, which is an autoencoder alone.
///
/// Each model has the folders `unet`, `vae` and `text_encoder` of a diffusers directory, except for those
/// that would equal the ones of `sd2`. `tests/golden/make.py` writes the models.
#[must_use]
pub fn networks() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/fixtures"
    ))
}
