//! What a user asks for: a film's content, apart from where it is written.

use std::path::PathBuf;

use lb_blend::{InversionOptions, SamplerKind, SpacingDistance};
use lb_schedule::{Crossfeed, Spacing};

use crate::{DepthMap, Fit, Inpaint, JobError, Keyframe, Timing, Transition, Upscale};

/// The content of a film, with nothing left open but what the model decides.
///
/// Two jobs that are equal make the same film, byte for byte, on the same machine and device.
#[derive(Clone, PartialEq, Debug)]
pub struct Job {
    /// The end pictures, in film order; at least two.
    pub keyframes: Vec<Keyframe>,
    /// What joins keyframe t and keyframe t + 1. A looped film has one more, from its last
    /// keyframe to its first.
    pub transitions: Vec<Transition>,
    /// Whether the film ends where it begins.
    pub looped: bool,
    /// The model, by name or by folder; `None` leaves it to the front end.
    pub model: Option<String>,
    /// Width and height in pixels; `None` takes the model's own.
    pub size: Option<(usize, usize)>,
    /// How latents are denoised.
    pub sampler: SamplerKind,
    /// How a level's fractions are chosen.
    pub spacing: Spacing,
    /// What perceptual spacing measures.
    pub distance: SpacingDistance,
    /// What trajectories take over from each other; nothing by default.
    pub crossfeed: Crossfeed,
    /// Where in film time computed frames sit.
    pub timing: Timing,
    /// Film frames a second.
    pub frames_per_second: f64,
    /// Seconds of the whole film: transitions are stretched or shortened alike, holds are kept.
    /// `None` adds up what is there.
    pub film_seconds: Option<f64>,
    /// How a picture of another size than the film's is fitted; `None` refuses it.
    pub fit: Option<Fit>,
    /// How often each step of a picture's inversion is refined, where a keyframe is a picture: see
    /// [`InversionOptions`].
    pub inversion_iterations: usize,
    /// What stays and what is repainted, for an inpainting model.
    pub inpaint: Option<Inpaint>,
    /// What is near and what is far, for a depth model.
    pub depth: Option<DepthMap>,
    /// A second stage at four times the size.
    pub upscale: Option<Upscale>,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            keyframes: Vec::new(),
            transitions: Vec::new(),
            looped: false,
            model: None,
            size: None,
            sampler: SamplerKind::default(),
            spacing: Spacing::default(),
            distance: SpacingDistance::default(),
            crossfeed: Crossfeed::default(),
            timing: Timing::default(),
            frames_per_second: 30.0,
            film_seconds: None,
            fit: None,
            inversion_iterations: InversionOptions::default().iterations,
            inpaint: None,
            depth: None,
            upscale: None,
        }
    }
}

impl Job {
    /// Most keyframes of one film.
    pub const MOST_KEYFRAMES: usize = 1000;
    /// Longest prompt, in bytes.
    pub const LONGEST_PROMPT: usize = 10_000;

    /// The film through these prompts, with seeds 0, 1, 2 and so on and everything else at its
    /// default.
    #[must_use]
    pub fn of_prompts<P: Into<String>>(prompts: impl IntoIterator<Item = P>) -> Self {
        let keyframes: Vec<Keyframe> = prompts
            .into_iter()
            .enumerate()
            .map(|(index, prompt)| Keyframe {
                prompt: prompt.into(),
                seed: index as u64,
                ..Default::default()
            })
            .collect();
        Self {
            transitions: vec![Transition::default(); keyframes.len().saturating_sub(1)],
            keyframes,
            ..Default::default()
        }
    }

    /// How many transitions join this many keyframes.
    #[must_use]
    pub fn transition_count(keyframes: usize, looped: bool) -> usize {
        if looped {
            keyframes
        } else {
            keyframes.saturating_sub(1)
        }
    }

    /// Every path that the job names, to be made absolute or checked.
    pub fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let keyframes = self.keyframes.iter_mut();
        let pictures = keyframes.filter_map(|keyframe| keyframe.image.as_mut());
        let inpaint = self.inpaint.iter_mut();
        let depth = self.depth.iter_mut();
        pictures
            .chain(inpaint.flat_map(|inpaint| [&mut inpaint.image, &mut inpaint.mask]))
            .chain(depth.map(|depth| &mut depth.image))
    }

    /// Checks what can be checked without a model and without the tree.
    ///
    /// # Errors
    /// The rule that is broken; [`JobError::is_request`] is true of it.
    pub(crate) fn validate(&self) -> Result<(), JobError> {
        let count = self.keyframes.len();
        if !(2..=Self::MOST_KEYFRAMES).contains(&count) {
            return Err(JobError::PromptCount { found: count });
        }
        let expected = Self::transition_count(count, self.looped);
        if self.transitions.len() != expected {
            return Err(JobError::TransitionCount {
                found: self.transitions.len(),
                expected,
            });
        }
        for keyframe in &self.keyframes {
            keyframe.validate()?;
        }
        for (index, transition) in self.transitions.iter().enumerate() {
            transition.validate(self.keyframes[index].guidance_scale)?;
        }
        self.spacing.validate()?;
        self.crossfeed.validate()?;
        self.validate_pictures()?;
        self.inpaint.as_ref().map_or(Ok(()), Inpaint::validate)?;
        self.upscale.as_ref().map_or(Ok(()), Upscale::validate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_needs_two_keyframes_and_a_transition_between_neighbours() {
        let job = Job::of_prompts(["a"]);
        assert!(matches!(
            job.validate(),
            Err(JobError::PromptCount { found: 1 })
        ));
        let mut job = Job::of_prompts(["a", "b", "c"]);
        assert!(job.validate().is_ok());
        job.looped = true;
        assert!(matches!(
            job.validate(),
            Err(JobError::TransitionCount {
                found: 2,
                expected: 3
            })
        ));
        job.transitions.push(Transition::default());
        assert!(job.validate().is_ok());
    }
}
