//! The port: what the engine asks of a diffusion model, in plain data.

use std::ops::Range;

use crate::error::{BackendError, ShapeError};
use crate::latents::{LatentShape, Latents};

/// Text (or other) conditioning of one branch: tokens × width, row-major.
///
/// For Stable Diffusion 2 the text encoder's last hidden state, 77 × 1024.
#[derive(Clone, PartialEq, Debug)]
pub struct Conditioning {
    /// Rows.
    pub tokens: usize,
    /// Columns.
    pub width: usize,
    /// tokens × width values, one token after the other.
    pub values: Vec<f32>,
}

/// One call of the model: `rows` latents at one timestep, each with its own conditioning and, for
/// models that take more than latents, its own further input channels.
///
/// Rows are independent of each other: conditional and unconditional halves of several branches
/// stand side by side, and the same row must give the same output in any company (to within float
/// precision).
#[derive(Clone, Copy, Debug)]
pub struct PredictRequest<'a> {
    /// Rows in this batch, at least 1, at most the backend's batch limit.
    pub rows: usize,
    /// The shape of each row's latents.
    pub shape: LatentShape,
    /// rows × channels × height × width values.
    pub latents: &'a [f32],
    /// Input channels that stand behind each row's latents and are not denoised: 0 where there are
    /// none.
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
}

impl PredictRequest<'_> {
    /// Checks all lengths against each other and against the output's, for backends to begin with.
    ///
    /// # Errors
    /// [`ShapeError::NoRows`] and [`ShapeError::Empty`] if there is nothing to predict;
    /// [`ShapeError::Length`] if latents, concatenated channels, conditioning or output are not as
    /// long as rows and shapes say.
    pub fn check(&self, output: &[f32]) -> Result<(), ShapeError> {
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
        ShapeError::check_length("a request's latents", self.latents.len(), latents)?;
        ShapeError::check_length(
            "a request's concatenated channels",
            self.concatenated.len(),
            self.rows.saturating_mul(concatenated),
        )?;
        ShapeError::check_length(
            "a request's conditioning",
            self.conditioning.len(),
            conditioning,
        )?;
        ShapeError::check_length("a request's output", output.len(), latents)
    }
}

impl<'a> PredictRequest<'a> {
    /// The same of some of its rows, for what takes fewer at once.
    ///
    /// # Panics
    /// If the range is not within the rows, or the request would not pass [`check`](Self::check).
    #[must_use]
    pub fn of_rows(&self, rows: Range<usize>) -> PredictRequest<'a> {
        let concatenated = self.shape.with_channels(self.concatenated_channels).len();
        let part = |values: &'a [f32], row: usize| &values[rows.start * row..rows.end * row];
        PredictRequest {
            rows: rows.len(),
            latents: part(self.latents, self.shape.len()),
            concatenated: part(self.concatenated, concatenated),
            conditioning: part(self.conditioning, self.tokens * self.width),
            ..*self
        }
    }
}

/// A diffusion model, as the engine sees it.
///
/// Implement it to blend over a model of your own; `examples/own_backend.rs` does so in a few
/// lines, and the conformance suite behind the feature `testing` tells whether it holds.
pub trait Backend {
    /// Most rows that one [`predict`](Self::predict) may have, at least 1. `usize::MAX` where there
    /// is no limit.
    fn batch_limit(&self) -> usize;

    /// Writes the model's output for every row: rows × channels × height × width values.
    ///
    /// What the output means (noise, velocity or clean sample) is the noise schedule's
    /// [`PredictionType`](crate::PredictionType), by default that of Stable Diffusion 2.1 at 768
    /// pixels: velocity. How noisy the latents are at a timestep is told by
    /// [`NoiseScheduleConfig::alphas_cumprod`](crate::NoiseScheduleConfig::alphas_cumprod).
    ///
    /// # Errors
    /// Whatever keeps the model from answering. The engine stops and hands it on.
    fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), BackendError>;

    /// How strongly each latent channel shows: the mean square change of the picture when the
    /// channel changes by 1, in any unit. They weigh the channels in distances between predicted
    /// clean latents, so that these go with distances between pictures.
    ///
    /// Asked for once a film at most, under perceptual spacing; 1 each, unless a backend knows
    /// better.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    fn channel_weights(&mut self, channels: usize) -> Result<Vec<f64>, BackendError> {
        Ok(vec![1.0; channels])
    }

    /// Features of the pictures that these predicted clean latents decode to: one flat vector per
    /// latents, all of one length. Their Euclidean distances have the last word on the spacing under
    /// [`SpacingDistance::Pictures`](crate::SpacingDistance::Pictures).
    ///
    /// # Errors
    /// As [`predict`](Self::predict); always, unless a backend implements it.
    fn picture_features(
        &mut self,
        predicted_clean: &[Latents],
    ) -> Result<Vec<Vec<f32>>, BackendError> {
        let _ = predicted_clean;
        Err(BackendError::unsupported("distances between pictures"))
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
        };
        let part = request.of_rows(1..3);
        assert_eq!(part.check(&[0.0; 16]), Ok(()));
        assert_eq!(part.latents, &values[8..24]);
        assert_eq!(part.concatenated, &values[28..36]);
        assert_eq!(part.conditioning, &values[40..]);
    }
}
