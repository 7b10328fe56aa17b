//! Latents of one branch: a shape and its values.

use crate::error::ShapeError;

/// The shape of one branch's latents: channels, then height, then width (N = 1 of NCHW).
///
/// Height and width are in latent units: for Stable Diffusion 2 an eighth of the picture's pixels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LatentShape {
    /// Channels, 4 for Stable Diffusion.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl LatentShape {
    /// How many values latents of this shape have. Saturates instead of overflowing.
    #[allow(
        clippy::len_without_is_empty,
        reason = "an empty shape is refused wherever latents are made"
    )]
    pub fn len(&self) -> usize {
        self.channels
            .saturating_mul(self.height)
            .saturating_mul(self.width)
    }

    /// The same height and width with another number of channels.
    pub fn with_channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }
}

impl std::fmt::Display for LatentShape {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{}×{}×{}",
            self.channels, self.height, self.width
        )
    }
}

/// The latents of one branch: row-major values of a [`LatentShape`], never empty, always of its
/// length.
#[derive(Clone, PartialEq, Debug)]
pub struct Latents {
    shape: LatentShape,
    values: Vec<f32>,
}

impl Latents {
    /// Latents with these row-major (channel, row, column) values.
    ///
    /// # Errors
    /// [`ShapeError::Empty`] if the shape has no values; [`ShapeError::Length`] if there are more
    /// or fewer values than it has.
    pub fn from_values(shape: LatentShape, values: Vec<f32>) -> Result<Self, ShapeError> {
        if shape.len() == 0 {
            return Err(ShapeError::Empty { shape });
        }
        ShapeError::check_length("latents", values.len(), shape.len())?;
        Ok(Self { shape, values })
    }

    /// The shape.
    pub fn shape(&self) -> LatentShape {
        self.shape
    }

    /// The values, row-major: channel, row, column.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The values by themselves.
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: LatentShape = LatentShape {
        channels: 2,
        height: 3,
        width: 4,
    };

    #[test]
    fn values_must_fit_the_shape() {
        assert!(Latents::from_values(SHAPE, vec![0.0; 24]).is_ok());
        let error = Latents::from_values(SHAPE, vec![0.0; 23]).unwrap_err();
        assert_eq!(error.to_string(), "latents: 23 values, expected 24");
    }

    #[test]
    fn an_empty_shape_is_refused() {
        let shape = LatentShape { height: 0, ..SHAPE };
        let error = Latents::from_values(shape, Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "latents of shape 2×0×4 have no values");
    }
}
