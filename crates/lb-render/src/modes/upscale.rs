//! The second stage of an upscaled film: the computed frames of the first one become keyframes.
//!
//! Every pair of neighbours is a transition of its own. All start from the same noise, and their
//! prompts are mixed as the first stage mixed them; what they follow is the picture of low
//! resolution beside them.

mod carried;
mod earlier;
mod low_res;
mod stage;

use std::collections::BTreeMap;
use std::ops::Range;

use lb_blend::{Conditioning, Film, Keyframe, Transition, lerp};
use lb_models::{ModelDirectory, ModelKind, Pipeline, UpscaleNoise};
use lb_schedule::{BranchingProfile, guidance_scale_between};

use self::carried::Carried;
pub use self::earlier::{EarlierFrames, FramePlaceError};
pub(crate) use self::low_res::{LowResFilm, LowResPictures};
pub(crate) use self::stage::SecondStage;
use crate::error::RenderError;
use crate::frame_place::FramePlace;
use lb_job::{Job, Upscale};

/// Frames of low resolution whose keyframes are made at once. Each takes its noise, its channels and
/// its prompts: megabytes.
const WINDOW: usize = 16;

/// Width and height of the film that an upscaler makes of frames of this size.
///
/// # Errors
/// [`ModelError::WrongKind`](lb_models::ModelError::WrongKind) for a model that is no upscaler, its
/// noise levels' [`ModelError::NoiseLevel`](lb_models::ModelError::NoiseLevel), and
/// [`RenderError::LowResSize`] for frames that it does not take.
pub(crate) fn upscaled_size(
    upscaler: &ModelDirectory,
    upscale: &Upscale,
    (width, height): (usize, usize),
) -> Result<(usize, usize), RenderError> {
    upscaler.require_kind(ModelKind::Upscale, "upscaling")?;
    if let Some(most) = upscaler.max_noise_level()
        && upscale.noise_level > most
    {
        let found = upscale.noise_level;
        return Err(lb_models::ModelError::NoiseLevel { found, most }.into());
    }
    let factor = upscaler.pixels_per_latent();
    let multiple = upscaler.side_multiple() / factor;
    let most = lb_models::LARGEST_SIDE / factor;
    let fits = |side: usize| side > 0 && side.is_multiple_of(multiple) && side <= most;
    if !fits(width) || !fits(height) {
        return Err(RenderError::LowResSize {
            width,
            height,
            multiple,
            most,
        });
    }
    Ok((width * factor, height * factor))
}

/// The film of a second stage, a few transitions at a time.
struct SecondFilm<'a> {
    job: &'a Job,
    film: &'a LowResFilm,
    /// Of every prompt and negative prompt, by the upscaler's own text encoder.
    encoded: BTreeMap<&'a str, Conditioning>,
    profile: BranchingProfile,
    noise: UpscaleNoise,
}

impl<'a> SecondFilm<'a> {
    fn new(
        job: &'a Job,
        upscale: &Upscale,
        film: &'a LowResFilm,
        encoded: BTreeMap<&'a str, Conditioning>,
        pipeline: &Pipeline,
    ) -> Result<Self, RenderError> {
        Ok(Self {
            job,
            film,
            encoded,
            profile: upscale.profile()?,
            noise: pipeline.upscale_noise(upscale.seed)?,
        })
    }

    /// The pairs of neighbours, a few at a time: together they are all of the film's.
    fn windows(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let pairs = self.film.pairs();
        let starts = (0..pairs).step_by(WINDOW);
        starts.map(move |start| start..(start + WINDOW).min(pairs))
    }

    /// The film of these pairs: the keyframes around them, and a transition for each.
    fn window(&self, pairs: Range<usize>, pipeline: &Pipeline) -> Result<Film, RenderError> {
        let transition = Transition {
            profile: self.profile.clone(),
            // The film's damper is in the keyframes' scales: it must not set in again at each pair.
            guidance_damper: 1.0,
        };
        // A loop that is one window closes onto its own first keyframe.
        let is_whole_loop = self.film.is_looped() && pairs == (0..self.film.pairs());
        let last = pairs.end - usize::from(is_whole_loop);
        let keyframes = (pairs.start..=last).map(|index| self.keyframe(index, pipeline));
        Ok(Film {
            transitions: vec![transition; pairs.len()],
            keyframes: keyframes.collect::<Result<_, _>>()?,
        })
    }

    /// A frame of low resolution as a keyframe, under the prompts as mixed as it was.
    fn keyframe(&self, index: usize, pipeline: &Pipeline) -> Result<Keyframe, RenderError> {
        let FramePlace {
            transition,
            fraction,
        } = self.film.place(index);
        let keyframes = &self.job.keyframes;
        let left = &keyframes[transition];
        let right = &keyframes[(transition + 1) % keyframes.len()];
        let mixed =
            |left: &str, right: &str| mixed(&self.encoded[left], &self.encoded[right], fraction);
        let scales = [left, right].map(|keyframe| keyframe.guidance_scale);
        let damper = self.job.transitions[transition].guidance_damper;
        let frame = self.film.picture(index)?;
        Ok(Keyframe {
            conditioning: mixed(&left.prompt, &right.prompt)?,
            negative_conditioning: mixed(&left.negative_prompt, &right.negative_prompt)?,
            guidance_scale: guidance_scale_between(scales, damper, fraction),
            initial_latents: self.noise.initial_latents.clone(),
            concatenated: Some(pipeline.low_res_channels(&frame, &self.noise)?),
        })
    }
}

fn mixed(
    left: &Conditioning,
    right: &Conditioning,
    fraction: f64,
) -> Result<Conditioning, RenderError> {
    let mut mixed = left.clone();
    lerp(&left.values, &right.values, fraction, &mut mixed.values)
        .map_err(lb_blend::BlendError::from)?;
    Ok(mixed)
}
