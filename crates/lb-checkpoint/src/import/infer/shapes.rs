//! Sizes and counts in the shapes of a component's tensors, which have diffusers' names.

use super::NORM_GROUPS;
use crate::error::CheckpointError;
use crate::weights::Weights;

pub(super) struct Shapes<'w>(pub(super) &'w Weights);

impl Shapes<'_> {
    /// The size of a tensor along an axis.
    pub(super) fn size(&self, name: &str, axis: usize) -> Result<usize, CheckpointError> {
        match self.0.shape(name) {
            Some(shape) => shape.get(axis).copied().ok_or_else(|| {
                self.untold("a size", format!("tensor \"{name}\" has shape {shape:?}"))
            }),
            None => Err(self.untold("a size", format!("tensor \"{name}\" is missing"))),
        }
    }

    /// How many axes a tensor has; 0 where it is absent.
    pub(super) fn rank(&self, name: &str) -> usize {
        self.0.shape(name).map_or(0, <[usize]>::len)
    }

    /// Whether there is anything below a path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.0.any_below(&format!("{path}."))
    }

    /// How many of `path.0`, `path.1`, … there are.
    pub(super) fn count(&self, path: &str) -> usize {
        let mut numbers = 0..;
        numbers
            .find(|number| !self.has(&format!("{path}.{number}")))
            .unwrap_or(0)
    }

    /// Widths that can be divided into the usual groups.
    pub(super) fn check_groups(&self, channels: &[usize]) -> Result<(), CheckpointError> {
        if channels.iter().all(|channels| channels % NORM_GROUPS == 0) {
            return Ok(());
        }
        Err(self.untold(
            "the groups of the norms",
            format!("widths {channels:?} are not multiples of the usual {NORM_GROUPS}"),
        ))
    }

    /// Heads of `size` channels each.
    pub(super) fn heads(&self, channels: usize, size: usize) -> Result<usize, CheckpointError> {
        if channels > 0 && channels.is_multiple_of(size) {
            return Ok(channels / size);
        }
        Err(self.untold(
            "the number of attention heads",
            format!("a width of {channels} is not a multiple of the usual {size}"),
        ))
    }

    /// The error for what shapes do not tell.
    pub(super) fn untold(&self, what: &'static str, reason: String) -> CheckpointError {
        CheckpointError::NotInferable {
            path: self.0.source().to_owned(),
            what,
            reason,
        }
    }
}
