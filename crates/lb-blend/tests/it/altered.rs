//! The fake backend with a part of it replaced, to test how the engine treats other answers.

use lb_blend::testing::FakeBackend;
use lb_blend::{Backend, BackendError, Latents, PredictRequest};

type Heard<'t> = dyn FnMut(&PredictRequest<'_>, &mut [f32]) + 't;
type FeaturesOf<'t> = dyn FnMut(&[Latents]) -> Result<Vec<Vec<f32>>, BackendError> + 't;

/// A fake backend whose answers a test sees and may change.
pub(crate) struct Altered<'t> {
    pub(crate) inner: FakeBackend,
    /// Called with every request and the fake's answer to it.
    pub(crate) heard: Option<Box<Heard<'t>>>,
    /// Replaces the fake's picture features.
    pub(crate) features: Option<Box<FeaturesOf<'t>>>,
    /// Replaces the fake's weights, which are equal.
    pub(crate) channel_weights: Option<Vec<f64>>,
}

impl Altered<'_> {
    /// A fake of which nothing is replaced.
    pub(crate) fn nothing(batch_limit: usize) -> Self {
        Self {
            inner: FakeBackend::new(batch_limit),
            heard: None,
            features: None,
            channel_weights: None,
        }
    }
}

impl Backend for Altered<'_> {
    fn batch_limit(&self) -> usize {
        self.inner.batch_limit()
    }

    fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), BackendError> {
        self.inner.predict(request, output)?;
        if let Some(heard) = &mut self.heard {
            heard(request, output);
        }
        Ok(())
    }

    fn channel_weights(&mut self, channels: usize) -> Result<Vec<f64>, BackendError> {
        match &self.channel_weights {
            Some(weights) => Ok(weights.clone()),
            None => self.inner.channel_weights(channels),
        }
    }

    fn picture_features(
        &mut self,
        predicted_clean: &[Latents],
    ) -> Result<Vec<Vec<f32>>, BackendError> {
        match &mut self.features {
            Some(features) => features(predicted_clean),
            None => self.inner.picture_features(predicted_clean),
        }
    }
}
