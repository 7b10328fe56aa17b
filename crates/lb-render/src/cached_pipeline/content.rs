//! How values of other crates are written into keys.

use image::RgbImage;
use lb_blend::{
    BetaSchedule, BlendOptions, Conditioning, FinalSigmas, InversionOptions, Keyframe, LatentShape,
    Latents, NoiseScheduleConfig, PredictionType, SamplerKind, SpacingDistance, TimestepSpacing,
};
use lb_cache::{ContentKey, KeyHasher};
use lb_models::GreyPicture;
use lb_schedule::{Choice, Crossfeed, CrossfeedCurve, Spacing};

/// A value of another crate, as a part of a key.
#[derive(Clone, Copy)]
pub(super) struct Content<'a, T>(pub(super) &'a T);

/// Implements [`ContentKey`]. The pattern of a structure names all fields, so that a new field is a
/// compilation error (except in structures that are `#[non_exhaustive]`), and the expressions say what
/// is written. Named choices write their names.
macro_rules! contents {
    ($($type:ty: $pattern:pat => $($part:expr),+;)+) => {$(
        impl ContentKey for Content<'_, $type> {
            fn write_key(&self, hasher: &mut KeyHasher) {
                let $pattern = self.0;
                $(hasher.write($part);)+
            }
        }
    )+};
}

contents! {
    LatentShape: LatentShape { channels, height, width } => channels, height, width;
    Conditioning: Conditioning { tokens, width, values } => tokens, width, values;
    Keyframe: Keyframe {
        conditioning,
        negative_conditioning,
        guidance_scale,
        initial_latents,
        concatenated,
        lora_strengths,
    } =>
        &Content(conditioning),
        &Content(negative_conditioning),
        guidance_scale,
        &Content(initial_latents),
        &concatenated.as_ref().map(Content),
        lora_strengths;
    // Guidance rescale, and how often guidance is computed, are in the key of the denoiser.
    BlendOptions: BlendOptions { spacing, distance, crossfeed, .. } =>
        &Content(spacing), &Content(distance), &Content(crossfeed);
    Crossfeed: Crossfeed { keyframes, parents, .. } => &Content(keyframes), &Content(parents);
    CrossfeedCurve: CrossfeedCurve { power, range, decay } => power, range, decay;
    InversionOptions: InversionOptions { iterations, .. } => iterations;
    GreyPicture: GreyPicture { width, height, values } => width, height, values;
    NoiseScheduleConfig: NoiseScheduleConfig {
        num_train_timesteps,
        beta_start,
        beta_end,
        beta_schedule,
        trained_betas,
        prediction_type,
        steps_offset,
        timestep_spacing,
        set_alpha_to_one,
        final_sigmas_type,
        original_inference_steps,
        clip_sample,
        clip_sample_range,
        rescale_betas_zero_snr,
        thresholding,
    } =>
        num_train_timesteps,
        beta_start,
        beta_end,
        &Content(beta_schedule),
        trained_betas,
        &Content(prediction_type),
        steps_offset,
        &timestep_spacing.as_ref().map(Content),
        set_alpha_to_one,
        &Content(final_sigmas_type),
        original_inference_steps,
        clip_sample,
        clip_sample_range,
        rescale_betas_zero_snr,
        thresholding;
    Latents: latents => &Content(&latents.shape()), latents.values();
    RgbImage: picture => &picture.dimensions(), picture.as_raw();
    SpacingDistance: choice => choice.name();
    SamplerKind: choice => choice.name();
    BetaSchedule: choice => choice.name();
    FinalSigmas: choice => choice.name();
    PredictionType: choice => choice.name();
    TimestepSpacing: choice => choice.name();
}

impl ContentKey for Content<'_, Spacing> {
    fn write_key(&self, hasher: &mut KeyHasher) {
        match self.0 {
            Spacing::Fixed { mid_compression } => hasher.write("fixed").write(mid_compression),
            Spacing::Perceptual => hasher.write("perceptual"),
        };
    }
}
