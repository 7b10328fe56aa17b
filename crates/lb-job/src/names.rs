//! Names in job files of what other crates define without one.

use lb_blend::{SamplerKind, SpacingDistance};
use lb_schedule::Choice;

use crate::SpacingChoice;

pub(crate) const SAMPLERS: [SamplerKind; 2] = [SamplerKind::Ddim, SamplerKind::DpmSolver];
pub(crate) const SPACINGS: [SpacingChoice; 2] = [SpacingChoice::Perceptual, SpacingChoice::Fixed];
pub(crate) const DISTANCES: [SpacingDistance; 2] =
    [SpacingDistance::Latents, SpacingDistance::Pictures];

pub(crate) fn sampler(kind: SamplerKind) -> &'static str {
    kind.name()
}

pub(crate) const fn spacing(choice: SpacingChoice) -> &'static str {
    match choice {
        SpacingChoice::Perceptual => "perceptual",
        SpacingChoice::Fixed => "fixed",
    }
}

pub(crate) fn distance(distance: SpacingDistance) -> &'static str {
    distance.name()
}

/// Reads a size like `512x768`, width first.
pub(crate) fn size(text: &str) -> Option<(usize, usize)> {
    let (width, height) = text.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}
