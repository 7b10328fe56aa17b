//! Asking a UNet what it predicts, where no file of its model tells.
//!
//! At the last training timestep a model sees next to nothing but noise. A UNet that predicts the noise gives it
//! back. One that predicts the velocity, √ᾱ·noise − √(1 − ᾱ)·latents, gives the negative of the picture that it
//! expects, which has little to do with the noise and, unlike it, is smooth.

use std::path::Path;

use lb_blend::{Backend as _, LatentShape, PredictRequest, noise};
use lb_checkpoint::ImportedPrediction;

use crate::device::Device;
use crate::directory::ModelDirectory;
use crate::error::ModelError;
use crate::options::{PipelineOptions, SessionOptions};
use crate::pipeline::Pipeline;
use crate::pool::ModelPool;
use crate::runtime::Runtime;

/// The largest side of the latents, so that the answer takes seconds: that of pictures of 256 pixels for Stable
/// Diffusion.
const LARGEST_SIDE: usize = 32;

/// The cosine from which the output is the noise. The bundled model, whose velocity was converted to noise,
/// has 0.998.
const NOISE: f64 = 0.9;

/// The cosine up to which the output may be the velocity. The bundled models have -0.07 to 0.09.
const VELOCITY: f64 = 0.5;

/// How smooth a velocity is at least. The bundled models have 0.4 to 0.8, and UNets with random weights have -0.1 to
/// 0.05.
const SMOOTH: f64 = 0.25;

/// What a UNet gave for noise at the last timestep.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct UnetAnswer {
    /// The cosine of the angle between the output and the noise: 1 where both are alike, 0 where they have nothing in
    /// common.
    pub cosine: f64,
    /// The correlation of neighbouring values of the output, side by side and one above the other: near 1 for a
    /// picture, near 0 for noise.
    pub smoothness: f64,
}

impl UnetAnswer {
    /// What the UNet predicts; `None` if its answer is that of neither prediction.
    #[must_use]
    pub fn prediction(&self) -> Option<ImportedPrediction> {
        if self.cosine >= NOISE {
            return Some(ImportedPrediction::Epsilon);
        }
        let is_velocity = self.cosine.abs() <= VELOCITY && self.smoothness >= SMOOTH;
        is_velocity.then_some(ImportedPrediction::VPrediction)
    }

    fn new(noise: &[f32], output: &[f32], shape: LatentShape) -> Self {
        let product = |left: &[f32], right: &[f32]| -> f64 {
            let pairs = left.iter().zip(right);
            pairs.map(|(&l, &r)| f64::from(l) * f64::from(r)).sum()
        };
        let lengths = (product(noise, noise) * product(output, output)).sqrt();
        let (mut along, mut square) = (0.0, 0.0);
        let area = shape.height * shape.width;
        for channel in output.chunks_exact(area) {
            let mean = channel.iter().sum::<f32>() / area as f32;
            let centred: Vec<f32> = channel.iter().map(|value| value - mean).collect();
            for row in centred.chunks_exact(shape.width) {
                along += product(row, &row[1..]);
            }
            along += product(&centred, &centred[shape.width..]);
            square += 2.0 * product(&centred, &centred);
        }
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        Self {
            cosine: share(product(noise, output), lengths),
            smoothness: share(along, square),
        }
    }
}

/// Asks the UNet of the model directory at `path`, a text-to-image model. It is loaded on the CPU, and once
/// evaluated with the conditioning of the empty prompt.
///
/// # Errors
/// [`ModelError`] if the model cannot be opened, loaded or run.
pub fn ask_unet(runtime: Runtime, path: &Path) -> Result<UnetAnswer, ModelError> {
    let directory = ModelDirectory::open(path)?;
    let timestep = directory.schedule.num_train_timesteps.saturating_sub(1);
    let (width, height) = directory.default_size;
    let side = |pixels: usize| pixels.min(LARGEST_SIDE * directory.pixels_per_latent);
    let size = (side(width), side(height));
    let options = PipelineOptions::from(SessionOptions::new(Device::Cpu));
    let pool = ModelPool::new(runtime, 0);
    let mut pipeline = Pipeline::open(&pool, directory, size.0, size.1, options)?;
    let prompt = pipeline.tokenize("")?;
    let conditioning = pipeline.encode(&[prompt])?.remove(0);
    let shape = pipeline.latent_shape();
    let noise = noise::standard_normal(0, shape.len());
    let mut output = vec![0.0; noise.len()];
    let request = PredictRequest {
        rows: 1,
        shape,
        latents: &noise,
        concatenated_channels: 0,
        concatenated: &[],
        timestep: timestep as u32,
        tokens: conditioning.tokens,
        width: conditioning.width,
        conditioning: &conditioning.values,
        loras: 0,
        lora_strengths: &[],
    };
    let predicted = pipeline.predict(&request, &mut output);
    predicted.map_err(|error| ModelError::Runtime {
        doing: "asking the UNet what it predicts".into(),
        reason: error.to_string(),
    })?;
    Ok(UnetAnswer::new(&noise, &output, shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: LatentShape = LatentShape {
        channels: 2,
        height: 16,
        width: 12,
    };

    #[test]
    fn noise_and_smooth_pictures_are_told_apart_and_the_rest_is_unclear() {
        let noise = noise::standard_normal(1, SHAPE.len());
        let answer = |output: &[f32]| UnetAnswer::new(&noise, output, SHAPE);
        let same = answer(&noise);
        assert!((same.cosine - 1.0).abs() < 1e-12 && same.smoothness.abs() < 0.15);
        assert_eq!(same.prediction(), Some(ImportedPrediction::Epsilon));
        let shade = |index: usize| (index % SHAPE.width) as f32 / 4.0 - 1.4;
        let picture: Vec<f32> = (0..SHAPE.len()).map(shade).collect();
        let smooth = answer(&picture);
        assert!(smooth.smoothness > 0.7, "{smooth:?}");
        assert_eq!(smooth.prediction(), Some(ImportedPrediction::VPrediction));
        let other = answer(&noise::standard_normal(2, SHAPE.len()));
        assert_eq!(other.prediction(), None, "{other:?}");
        let mixed: Vec<f32> = noise.iter().zip(&picture).map(|(n, p)| n + p).collect();
        let mixed = answer(&mixed);
        assert!(mixed.cosine > 0.5 && mixed.cosine < 0.9, "{mixed:?}");
        assert_eq!(mixed.prediction(), None);
        assert_eq!(answer(&vec![0.0; SHAPE.len()]).prediction(), None);
    }
}
