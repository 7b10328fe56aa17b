//! The latents of one branch, their shape, and the error for lengths and numbers that do not fit.

/// The shape of one branch's latents: channels, then height, then width (an NCHW shape whose N is
/// 1).
///
/// Height and width are in latent units. For Stable Diffusion 2 these are an eighth of the
/// picture's pixels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LatentShape {
    /// Number of channels, 4 for Stable Diffusion.
    pub channels: usize,
    /// Number of rows.
    pub height: usize,
    /// Number of columns.
    pub width: usize,
}

impl LatentShape {
    /// Creates a shape. An empty one can be made, but latents of it cannot.
    #[must_use]
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self {
            channels,
            height,
            width,
        }
    }

    /// How many values latents of this shape have. Saturates instead of overflowing.
    #[allow(
        clippy::len_without_is_empty,
        reason = "an empty shape is refused wherever latents are made"
    )]
    #[must_use]
    pub fn len(&self) -> usize {
        self.channels
            .saturating_mul(self.height)
            .saturating_mul(self.width)
    }

    /// The same height and width with another number of channels.
    #[must_use]
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

/// The latents of one branch: row-major values of a [`LatentShape`]. They are never empty, and
/// there are always as many values as the shape has.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "RawLatents"))]
pub struct Latents {
    shape: LatentShape,
    values: Vec<f32>,
}

impl Latents {
    /// Makes latents of row-major (channel, row, column) values.
    ///
    /// # Errors
    /// [`ShapeError::Empty`] if the shape has no values; [`ShapeError::Length`] if there are more
    /// or fewer values than it has.
    pub fn from_values(shape: LatentShape, values: Vec<f32>) -> Result<Self, ShapeError> {
        if shape.len() == 0 {
            return Err(ShapeError::Empty { shape });
        }
        validate_length("latents", values.len(), shape.len())?;
        Ok(Self { shape, values })
    }

    /// The shape.
    #[must_use]
    pub fn shape(&self) -> LatentShape {
        self.shape
    }

    /// The values, row-major: channel, row, column.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Gives up the shape and returns the values.
    #[must_use]
    pub fn into_values(self) -> Vec<f32> {
        self.values
    }

    /// The same latents times a factor. This makes initial latents out of unit noise for a sampler that
    /// starts from [less noise](crate::Sampler::initial_noise).
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        if factor != 1.0 {
            let factor = factor as f32;
            self.values.iter_mut().for_each(|value| *value *= factor);
        }
        self
    }

    /// Whether no value is NaN or infinite.
    pub(crate) fn is_finite(&self) -> bool {
        self.values.iter().all(|value| value.is_finite())
    }
}

/// Latents as they are read, before their length is validated.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct RawLatents {
    shape: LatentShape,
    values: Vec<f32>,
}

#[cfg(feature = "serde")]
impl TryFrom<RawLatents> for Latents {
    type Error = ShapeError;

    fn try_from(raw: RawLatents) -> Result<Self, ShapeError> {
        Self::from_values(raw.shape, raw.values)
    }
}

/// A length or a number that does not fit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the values in the message")]
pub enum ShapeError {
    /// A list is longer or shorter than the shapes say.
    #[error("{what}: {actual} values, expected {expected}")]
    Length {
        what: &'static str,
        actual: usize,
        expected: usize,
    },
    /// A shape has no values at all.
    #[error("latents of shape {shape} have no values")]
    Empty { shape: LatentShape },
    /// A request has no rows.
    #[error("a request has no rows, must have at least 1")]
    NoRows,
    /// A sampler was asked for a step that it does not have.
    #[error("step {index} does not exist, the sampler takes {steps} steps, counted from 0")]
    Step { index: usize, steps: usize },
    /// A mix lies outside [0, 1].
    #[error("mix {mix} is not in [0, 1]")]
    Mix { mix: f64 },
}

/// Refuses a list that is longer or shorter than the shapes say.
pub(crate) fn validate_length(
    what: &'static str,
    actual: usize,
    expected: usize,
) -> Result<(), ShapeError> {
    if actual == expected {
        return Ok(());
    }
    Err(ShapeError::Length {
        what,
        actual,
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: LatentShape = LatentShape::new(2, 3, 4);

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
