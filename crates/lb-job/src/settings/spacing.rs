//! What is said about spacing.

use lb_schedule::Spacing;

use super::SettingsError;

/// A way of spacing, without its numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpacingChoice {
    /// [`Spacing::Perceptual`].
    Perceptual,
    /// [`Spacing::Fixed`].
    Fixed,
}

/// What is said about spacing; see [`Spacing`].
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct SpacingSettings {
    /// Which way.
    pub choice: Option<SpacingChoice>,
    /// Density in the middle, of fixed spacing.
    pub mid_compression: Option<f64>,
}

/// Mid compression where none is given.
const MID_COMPRESSION: f64 = 1.2;

impl SpacingSettings {
    pub(super) fn over(self, lower: Self) -> Self {
        let lower_mid = match self.choice {
            // The lower one's number belonged to a spacing that is not wanted any more.
            Some(SpacingChoice::Perceptual) => None,
            _ => lower.mid_compression,
        };
        Self {
            choice: self.choice.or(lower.choice),
            mid_compression: self.mid_compression.or(lower_mid),
        }
    }

    /// The spacing, with defaults for whatever is not said.
    ///
    /// # Errors
    /// [`SettingsError::MidCompressionWithoutFixed`].
    pub fn resolve(self) -> Result<Spacing, SettingsError> {
        match (self.choice, self.mid_compression) {
            (Some(SpacingChoice::Fixed), given) => Ok(Spacing::Fixed {
                mid_compression: given.unwrap_or(MID_COMPRESSION),
            }),
            (_, Some(_)) => Err(SettingsError::MidCompressionWithoutFixed),
            (_, None) => Ok(Spacing::Perceptual),
        }
    }
}
