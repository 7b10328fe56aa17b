//! Upscaling: the noisy picture of low resolution, and the noise of a whole film.

use image::RgbImage;
use lb_blend::noise::Generator;
use lb_blend::{LatentShape, Latents, NoiseScheduleConfig, add_noise};
use lb_checkpoint::ModelKind;

use super::channels_of;
use crate::error::ModelError;
use crate::picture::{planes, size_of, validate_size};

/// The noise of an upscaled film. All its pictures use the same two draws, because it would flicker
/// otherwise.
#[derive(Clone, PartialEq, Debug)]
pub struct UpscaleNoise {
    /// The noise that is added to every picture of low resolution: red, green and blue planes of the
    /// latents' height and width.
    pub low_res: Latents,
    /// The latents from which every picture's trajectory starts.
    pub initial_latents: Latents,
}

impl UpscaleNoise {
    /// Draws both from one generator in the order of diffusers' `StableDiffusionUpscalePipeline`:
    /// first the noise for the picture, then the latents, which have the shape `shape`.
    ///
    /// # Errors
    /// [`ModelError::Shape`] for a shape without values.
    pub fn seeded(seed: u64, shape: LatentShape) -> Result<Self, ModelError> {
        let mut generator = Generator::seeded(seed);
        let channels = ModelKind::Upscale.concatenated_channels(shape.channels);
        let mut draw =
            |shape: LatentShape| channels_of(shape, generator.standard_normal(shape.len()));
        Ok(Self {
            low_res: draw(shape.with_channels(channels))?,
            initial_latents: draw(shape)?,
        })
    }
}

/// A picture of low resolution in the form that an upscaler sees: in [-1, 1], with noise as its
/// `low_res_scheduler` defines for `noise_level`, a timestep of that schedule.
///
/// # Errors
/// [`ModelError::InputSize`] for a picture that does not have the noise's width and height;
/// [`ModelError::NoiseLevel`] for a level that the schedule does not have;
/// [`ModelError::Schedule`] for a schedule that cannot be followed.
pub fn low_res_channels(
    picture: &RgbImage,
    noise: &Latents,
    schedule: &NoiseScheduleConfig,
    noise_level: usize,
) -> Result<Latents, ModelError> {
    let shape = noise.shape();
    let size = (shape.width, shape.height);
    validate_size("picture of low resolution", size_of(picture), size)?;
    let levels = schedule.num_train_timesteps;
    if noise_level >= levels {
        return Err(ModelError::NoiseLevel {
            found: noise_level,
            most: levels.saturating_sub(1),
        });
    }
    let noised = add_noise(schedule, noise_level, &planes(picture), noise.values())?;
    channels_of(shape, noised)
}

#[cfg(test)]
mod tests {
    use lb_blend::noise::standard_normal;

    use super::*;

    const SHAPE: LatentShape = LatentShape {
        channels: 4,
        height: 8,
        width: 16,
    };

    #[test]
    fn one_generator_draws_the_picture_noise_and_then_the_latents() {
        let noise = UpscaleNoise::seeded(3, SHAPE).unwrap();
        assert_eq!(noise.low_res.shape(), SHAPE.with_channels(3));
        assert_eq!(noise.initial_latents.shape(), SHAPE);
        // 3 · 128 and 4 · 128 values are whole blocks: one long draw is both.
        let both = [noise.low_res.values(), noise.initial_latents.values()].concat();
        assert_eq!(both, standard_normal(3, 7 * 128));
    }

    #[test]
    fn sizes_and_levels_are_checked() {
        let noise = UpscaleNoise::seeded(0, SHAPE).unwrap();
        let refused = |width, height, level| {
            let picture = RgbImage::new(width, height);
            let schedule = NoiseScheduleConfig::diffusers_default();
            let result = low_res_channels(&picture, &noise.low_res, &schedule, level);
            result.unwrap_err().to_string()
        };
        assert_eq!(
            refused(8, 16, 20),
            "the picture of low resolution has 8x16 pixels; 16x8 are needed"
        );
        assert_eq!(
            refused(16, 8, 1000),
            "the noise level is 1000; this upscaler takes 0 to 999"
        );
    }
}
