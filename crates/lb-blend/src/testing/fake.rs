//! A backend that computes a small formula, and refuses wrong requests that a real one might accept.

use crate::backend::{Backend, BackendError, PredictRequest};
use crate::latents::Latents;

/// A request that the fake answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// Rows of the request.
    pub rows: usize,
    /// Its timestep.
    pub timestep: u32,
}

/// A backend whose model is a smooth formula of latents, concatenated channels (any number of them),
/// timestep and conditioning, computed row by row, so that its answers are the same bits however
/// rows are split into batches.
///
/// It is strict: it refuses a request with a wrong length, with more rows than the limit, without
/// rows, or with a value that is NaN or infinite. It records every call.
#[derive(Clone, Debug)]
pub struct FakeBackend {
    batch_limit: usize,
    calls: Vec<Call>,
}

impl FakeBackend {
    /// Creates a fake that takes at most `batch_limit` rows in a call.
    pub fn new(batch_limit: usize) -> Self {
        Self {
            batch_limit,
            calls: Vec::new(),
        }
    }

    /// The calls answered so far.
    pub fn calls(&self) -> &[Call] {
        &self.calls
    }
}

impl Backend for FakeBackend {
    fn batch_limit(&self) -> usize {
        self.batch_limit
    }

    fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), BackendError> {
        request.validate(output).map_err(BackendError::new)?;
        if request.rows > self.batch_limit {
            let (rows, limit) = (request.rows, self.batch_limit);
            return Err(BackendError::new(format!("{rows} rows, at most {limit}")));
        }
        let inputs = [request.latents, request.concatenated, request.conditioning];
        let mut values = inputs.into_iter().flatten();
        if let Some(value) = values.find(|value| !value.is_finite()) {
            return Err(BackendError::new(format!(
                "a request contains {value}, must be finite"
            )));
        }
        self.calls.push(Call {
            rows: request.rows,
            timestep: request.timestep,
        });
        let (stride, width) = (request.shape.len(), request.tokens * request.width);
        let extra = request
            .shape
            .with_channels(request.concatenated_channels)
            .len();
        for (row, output) in output.chunks_exact_mut(stride).enumerate() {
            let latents = &request.latents[row * stride..][..stride];
            let concatenated = &request.concatenated[row * extra..][..extra];
            let conditioning = &request.conditioning[row * width..][..width];
            predict_row(latents, request.timestep, conditioning, output);
            add_concatenated(concatenated, output);
        }
        Ok(())
    }

    fn picture_features(
        &mut self,
        predicted_clean: &[Latents],
    ) -> Result<Vec<Vec<f32>>, BackendError> {
        let bend = |&value: &f32| value / (1.0 + value.abs());
        let features = |latents: &Latents| latents.values().iter().map(bend).collect();
        Ok(predicted_clean.iter().map(features).collect())
    }
}

/// Bends the latents (so that mixing and predicting do not commute), and adds a pattern that the
/// conditioning chooses.
fn predict_row(latents: &[f32], timestep: u32, conditioning: &[f32], output: &mut [f32]) {
    let mean = conditioning.iter().sum::<f32>() / conditioning.len().max(1) as f32;
    let time = 0.5 + timestep as f32 / 1000.0;
    for (index, (value, &x)) in output.iter_mut().zip(latents).enumerate() {
        let pattern = libm::sinf(0.7 * index as f32 + 3.0 * mean);
        *value = 0.6 * x / (1.0 + x * x) + 0.4 * time * (pattern + mean);
    }
}

/// Adds a bounded function of every concatenated value, if there are any.
fn add_concatenated(concatenated: &[f32], output: &mut [f32]) {
    for (index, &value) in concatenated.iter().enumerate() {
        output[index % output.len()] += 0.2 * value / (1.0 + value.abs());
    }
}
