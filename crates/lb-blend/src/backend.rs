//! The port: what the engine asks of a diffusion model, in plain data.

use std::ops::Range;

use crate::latents::{LatentShape, Latents, ShapeError, validate_length};

/// What a branch is conditioned on, usually a text: tokens × width, row-major.
///
/// For Stable Diffusion 2 it is the text encoder's last hidden state, 77 × 1024.
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Conditioning {
    /// Number of tokens, the rows.
    pub tokens: usize,
    /// Values of each token, the columns.
    pub width: usize,
    /// tokens × width values, one token after the other.
    pub values: Vec<f32>,
}

impl Conditioning {
    /// Makes a conditioning of row-major values.
    ///
    /// # Errors
    /// [`ShapeError::Length`] if there are not tokens × width values.
    pub fn new(tokens: usize, width: usize, values: Vec<f32>) -> Result<Self, ShapeError> {
        validate_length("conditioning", values.len(), tokens.saturating_mul(width))?;
        Ok(Self {
            tokens,
            width,
            values,
        })
    }
}

/// One call of the model: `rows` latents at one timestep, each with its own conditioning, its own
/// strengths of LoRAs and, for models that take more than latents, its own further input channels.
///
/// Rows are independent of each other. A request mixes conditional and unconditional rows of
/// several branches, and the same row must give the same output (to within float precision)
/// whatever other rows are with it.
#[derive(Clone, Copy, Debug)]
pub struct PredictRequest<'a> {
    /// Number of rows in this batch: at least 1, at most the backend's batch limit.
    pub rows: usize,
    /// The shape of each row's latents.
    pub shape: LatentShape,
    /// rows × channels × height × width values.
    pub latents: &'a [f32],
    /// Number of input channels that follow each row's latents and are not denoised; 0 for a model
    /// that takes latents alone.
    pub concatenated_channels: usize,
    /// rows × concatenated channels × height × width values, at the latents' height and width.
    pub concatenated: &'a [f32],
    /// The timestep of the training schedule, the same for all rows.
    pub timestep: u32,
    /// Tokens of each row's conditioning.
    pub tokens: usize,
    /// Width of each token.
    pub width: usize,
    /// rows × tokens × width values.
    pub conditioning: &'a [f32],
    /// Number of LoRAs whose strengths follow; 0 for a model without any.
    pub loras: usize,
    /// rows × LoRAs values: how strongly each LoRA changes the model for each row.
    pub lora_strengths: &'a [f32],
}

impl PredictRequest<'_> {
    /// Validates all lengths against each other and against the output's. Backends call it first.
    ///
    /// # Errors
    /// [`ShapeError::NoRows`] and [`ShapeError::Empty`] if there is nothing to predict;
    /// [`ShapeError::Length`] if latents, concatenated channels, conditioning, strengths of LoRAs or
    /// output are not as long as rows and shapes say.
    pub fn validate(&self, output: &[f32]) -> Result<(), ShapeError> {
        if self.rows == 0 {
            return Err(ShapeError::NoRows);
        }
        if self.shape.len() == 0 {
            return Err(ShapeError::Empty { shape: self.shape });
        }
        let latents = self.rows.saturating_mul(self.shape.len());
        let concatenated = self.shape.with_channels(self.concatenated_channels).len();
        let conditioning = self
            .rows
            .saturating_mul(self.tokens)
            .saturating_mul(self.width);
        validate_length("a request's latents", self.latents.len(), latents)?;
        validate_length(
            "a request's concatenated channels",
            self.concatenated.len(),
            self.rows.saturating_mul(concatenated),
        )?;
        validate_length(
            "a request's conditioning",
            self.conditioning.len(),
            conditioning,
        )?;
        validate_length(
            "a request's strengths of LoRAs",
            self.lora_strengths.len(),
            self.rows.saturating_mul(self.loras),
        )?;
        validate_length("a request's output", output.len(), latents)
    }
}

impl<'a> PredictRequest<'a> {
    /// The request for some of its rows alone, for a model that takes fewer at once.
    ///
    /// # Panics
    /// If the range is not within the rows, or the request would not pass [`validate`](Self::validate).
    #[must_use]
    pub fn of_rows(&self, rows: Range<usize>) -> PredictRequest<'a> {
        let concatenated = self.shape.with_channels(self.concatenated_channels).len();
        let part = |values: &'a [f32], row: usize| &values[rows.start * row..rows.end * row];
        PredictRequest {
            rows: rows.len(),
            latents: part(self.latents, self.shape.len()),
            concatenated: part(self.concatenated, concatenated),
            conditioning: part(self.conditioning, self.tokens * self.width),
            lora_strengths: part(self.lora_strengths, self.loras),
            ..*self
        }
    }
}

/// A diffusion model as the engine sees it.
///
/// Implement it to blend over a model of your own. `examples/own_backend.rs` does so in a few
/// lines, and the conformance suite behind the feature `testing` finds out whether an
/// implementation keeps its promises.
pub trait Backend {
    /// The largest number of rows that one [`predict`](Self::predict) may have, at least 1.
    /// `usize::MAX` means that there is no limit.
    fn batch_limit(&self) -> usize;

    /// Writes the model's output for every row: rows × channels × height × width values.
    ///
    /// Whether the output is noise, velocity or the clean sample is the noise schedule's
    /// [`PredictionType`](crate::PredictionType); by default it is velocity, as for Stable Diffusion
    /// 2.1 at 768 pixels. How noisy the latents are at a timestep follows from
    /// [`NoiseScheduleConfig::alphas_cumprod`](crate::NoiseScheduleConfig::alphas_cumprod).
    ///
    /// # Errors
    /// Whatever keeps the model from answering. The engine stops and returns the error.
    fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), BackendError>;

    /// How strongly each latent channel shows: the mean square change of the picture when the
    /// channel changes by 1, in any unit. These numbers weight the channels in distances between
    /// predicted clean latents, so that those follow distances between pictures.
    ///
    /// The engine asks for them at most once in a film, under perceptual spacing. By default every
    /// channel weighs 1.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    fn channel_weights(&mut self, channels: usize) -> Result<Vec<f64>, BackendError> {
        Ok(vec![1.0; channels])
    }

    /// Features of the pictures that these predicted clean latents decode to: one flat vector for
    /// each, all of one length. Under
    /// [`SpacingDistance::Pictures`](crate::SpacingDistance::Pictures) their Euclidean distances
    /// decide where the computed frames lie.
    ///
    /// # Errors
    /// As [`predict`](Self::predict). A backend that does not implement it always fails.
    fn picture_features(
        &mut self,
        predicted_clean: &[Latents],
    ) -> Result<Vec<Vec<f32>>, BackendError> {
        let _ = predicted_clean;
        Err(BackendError::unsupported("distances between pictures"))
    }
}

/// What a backend returns when it cannot do what it was asked to.
///
/// It wraps the backend's own error and shows that error's message and cause as they are.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BackendError(Box<dyn std::error::Error + Send + Sync>);

impl BackendError {
    /// Wraps an error or a message.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }

    /// The error of a backend that has no such operation.
    #[must_use]
    pub fn unsupported(operation: &str) -> Self {
        Self::new(format!("this backend does not support {operation}"))
    }

    /// The wrapped error, so that its own type can be looked for with `downcast_ref`.
    #[must_use]
    pub fn get_ref(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self.0.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_rows_of_a_request_have_their_own_values() {
        let values: Vec<f32> = (0..48_u8).map(f32::from).collect();
        let request = PredictRequest {
            rows: 3,
            shape: LatentShape {
                channels: 2,
                height: 2,
                width: 2,
            },
            latents: &values[..24],
            concatenated_channels: 1,
            concatenated: &values[24..36],
            timestep: 7,
            tokens: 2,
            width: 2,
            conditioning: &values[36..],
            loras: 1,
            lora_strengths: &values[..3],
        };
        let part = request.of_rows(1..3);
        assert_eq!(part.validate(&[0.0; 16]), Ok(()));
        assert_eq!(part.latents, &values[8..24]);
        assert_eq!(part.concatenated, &values[28..36]);
        assert_eq!(part.conditioning, &values[40..]);
        assert_eq!(part.lora_strengths, &values[1..3]);
    }
}
