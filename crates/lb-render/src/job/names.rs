//! Names in job files of what other crates define without one.

use lb_blend::{SamplerKind, SpacingDistance};
use lb_schedule::Choice;

use super::SpacingChoice;

pub(super) const SAMPLERS: [SamplerKind; 2] = [SamplerKind::Ddim, SamplerKind::DpmSolver];
pub(super) const SPACINGS: [SpacingChoice; 2] = [SpacingChoice::Perceptual, SpacingChoice::Fixed];
pub(super) const DISTANCES: [SpacingDistance; 2] =
    [SpacingDistance::Latents, SpacingDistance::Pictures];

pub(super) fn sampler(kind: SamplerKind) -> &'static str {
    kind.name()
}

pub(super) const fn spacing(choice: SpacingChoice) -> &'static str {
    match choice {
        SpacingChoice::Perceptual => "perceptual",
        SpacingChoice::Fixed => "fixed",
    }
}

pub(super) fn distance(distance: SpacingDistance) -> &'static str {
    distance.name()
}

/// Reads a size like `512x768`, width first.
pub(super) fn size(text: &str) -> Option<(usize, usize)> {
    let (width, height) = text.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}
