//! What a model's output says about the picture and the noise.

use super::config::PredictionType;

/// Clean latents and noise as weights: every prediction type is linear in the latents x and the
/// model's output m.
pub(super) struct Prediction {
    /// clean = .0·x + .1·m
    pub(super) clean: (f64, f64),
    /// noise = .0·x + .1·m
    pub(super) noise: (f64, f64),
}

impl PredictionType {
    /// Solves x = signal·clean + noise·ε (signal = √ᾱ, noise = √(1−ᾱ)) with what the model
    /// predicts.
    pub(super) fn solve(self, signal: f64, noise: f64) -> Prediction {
        let (clean, noise) = match self {
            Self::Epsilon => ((1.0 / signal, -noise / signal), (0.0, 1.0)),
            Self::VPrediction => ((signal, -noise), (noise, signal)),
            // Without any noise there is none to solve for.
            Self::Sample if noise == 0.0 => ((0.0, 1.0), (0.0, 0.0)),
            Self::Sample => ((0.0, 1.0), (1.0 / noise, -signal / noise)),
        };
        Prediction { clean, noise }
    }
}

/// Weights as the latents' own type.
pub(super) fn single(weights: (f64, f64)) -> (f32, f32) {
    (weights.0 as f32, weights.1 as f32)
}
