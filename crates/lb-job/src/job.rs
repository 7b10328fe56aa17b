//! What a film shows and how it is made, apart from where it is written.

use std::collections::BTreeSet;
use std::path::PathBuf;

use lb_blend::{InversionOptions, SamplerKind, SpacingDistance, TimestepSpacing};
use lb_prompt::{Prompt, PromptSyntax, ReadAsWords};
use lb_schedule::{
    Crossfeed, Easing, FrameRate, Guidance, GuidanceRescale, MAX_BRANCHES, MAX_STEPS, Pace, Pulse,
    ScheduleError, Spacing, validate_guidance_every,
};

use crate::limits;
use crate::plan::timing;
use crate::{
    Between, Branching, DepthMap, EmbeddingFile, FilmCamera, Fit, Frames, Inpaint, JobError,
    KeyframeCamera, KeyframeLora, Timing, Upscale,
};

/// The content of a film, or of stills, with nothing left open but what the model decides.
///
/// Two equal jobs make the same film, byte for byte, on the same machine and device.
#[derive(Clone, PartialEq, Debug)]
pub struct Job {
    /// The keyframes in film order: at least two, or at least one if they are stills.
    pub keyframes: Vec<Keyframe>,
    /// What joins keyframe t and keyframe t + 1. A looped film has one transition more, which leads
    /// from its last keyframe to its first, and stills have none.
    pub transitions: Vec<Transition>,
    /// Inference steps of stills, 1 to 1000: keyframes that no transition joins, so that each is a
    /// picture of its own. `None` in a film, whose trees have the steps.
    pub still_steps: Option<usize>,
    /// Whether the film ends where it begins.
    pub looped: bool,
    /// The model, by name or by folder; `None` leaves it to the front end.
    pub model: Option<String>,
    /// A file or folder with the VAE decoder that makes the pictures of the first stage, or of the only
    /// one; `None` takes the model's own. Pictures are always encoded by the model's own autoencoder.
    pub vae: Option<PathBuf>,
    /// The embeddings that prompts may name, each by a name of its own.
    pub embeddings: Vec<EmbeddingFile>,
    /// How prompts and negative prompts are read.
    pub prompt_syntax: PromptSyntax,
    /// The text encoder's layer that gives the conditioning, counted from the last one, which is 1; `None` takes
    /// the last one. So does the second stage of an upscaled film always.
    pub clip_skip: Option<usize>,
    /// Width and height in pixels; `None` takes the model's own.
    pub size: Option<(usize, usize)>,
    /// How many times wider and higher the film is than its frames, which are enlarged before they are
    /// encoded; 1 to [`MOST_SCALE`](Self::MOST_SCALE). Frames that are saved by themselves are not.
    pub scale: usize,
    /// How far the standard deviation that guidance adds is taken back; `None` means not at all. The second stage of
    /// an upscaled film never takes anything back.
    pub guidance_rescale: Option<GuidanceRescale>,
    /// The number of steps from one computation of guidance's difference to the next, in both stages of an upscaled
    /// film; see [`BlendOptions::guidance_every`](lb_blend::BlendOptions::guidance_every).
    pub guidance_every: usize,
    /// The sampler that denoises the latents.
    pub sampler: SamplerKind,
    /// The timesteps that the sampler visits; `None` takes those that the model's configuration names.
    pub timestep_spacing: Option<TimestepSpacing>,
    /// How the fractions of a level's branches are chosen.
    pub spacing: Spacing,
    /// The differences that perceptual spacing measures.
    pub distance: SpacingDistance,
    /// How much trajectories take over from each other; nothing by default.
    pub crossfeed: Crossfeed,
    /// How the camera moves through the whole film.
    pub camera: FilmCamera,
    /// When the computed frames of a transition are shown.
    pub timing: Timing,
    /// What the film shows between computed frames.
    pub between: Between,
    /// Film frames per second.
    pub frame_rate: FrameRate,
    /// Seconds of the whole film: all transitions are scaled by the same factor, and holds keep their
    /// length. With `None`, the film lasts for the sum of its transitions and holds.
    pub film_seconds: Option<f64>,
    /// How a picture that does not have the film's size is fitted. `None` crops keyframes that are
    /// pictures and refuses other pictures.
    pub fit: Option<Fit>,
    /// How often each step of the inversion is refined if a keyframe is a picture; see
    /// [`InversionOptions`].
    pub inversion_iterations: usize,
    /// The picture that an inpainting model partly repaints.
    pub inpaint: Option<Inpaint>,
    /// The depth map that a depth model follows.
    pub depth: Option<DepthMap>,
    /// A second stage at four times the size.
    pub upscale: Option<Upscale>,
}

/// A keyframe: a picture that the film leads to or from, and how long the film rests on it.
#[derive(Clone, PartialEq, Debug)]
pub struct Keyframe {
    /// What the picture shows.
    pub prompt: String,
    /// What the picture should not show; may be empty.
    pub negative_prompt: String,
    /// The seed of the noise that the picture is made from, as diffusers draws it.
    pub seed: u64,
    /// How far the noise is from that of the seed; `None` for exactly that.
    pub variation: Option<Variation>,
    /// Guidance scale, 1 (no guidance) to 100.
    pub guidance_scale: f64,
    /// Seconds for which the film rests on the picture, 0 to 86400.
    pub hold: f64,
    /// A picture to be this keyframe, which is inverted with the prompt. The film shows exactly this
    /// picture, fitted to its size; the second stage of an upscaled film redraws it. With `None`, the
    /// keyframe is made from the prompt and the seed.
    pub image: Option<PathBuf>,
    /// The LoRAs that change the model for this picture, each named once. In a transition, their strengths
    /// lead from those of one keyframe to those of the next along a line.
    pub loras: Vec<KeyframeLora>,
    /// Where the camera is.
    pub camera: KeyframeCamera,
}

/// Noise on the arc from that of a keyframe's seed to that of another one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Variation {
    /// The other seed.
    pub seed: u64,
    /// The share of the way to it, from 0 to 1.
    pub strength: f64,
}

/// The part of the film between a keyframe and the next.
#[derive(Clone, PartialEq, Debug)]
pub struct Transition {
    /// Seconds of film, above 0 and at most 86400.
    pub seconds: f64,
    /// The branching tree.
    pub branching: Branching,
    /// How much of the guidance is left in the middle: 1 for all of it, 0 for none.
    pub guidance_damper: f64,
    /// How the motion starts and ends.
    pub easing: Easing,
    /// How the way is divided over the time, before easing.
    pub pace: Pace,
}

impl Job {
    /// The largest scale.
    pub const MOST_SCALE: usize = limits::MOST_SCALE;
    /// The largest number of keyframes.
    pub const MOST_KEYFRAMES: usize = limits::MOST_KEYFRAMES;
    /// Longest prompt, in bytes.
    pub const LONGEST_PROMPT: usize = limits::LONGEST_PROMPT;

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

    /// Stills of this many inference steps, with everything else at its default.
    #[must_use]
    pub fn of_stills(keyframes: impl IntoIterator<Item = Keyframe>, steps: usize) -> Self {
        Self {
            keyframes: keyframes.into_iter().collect(),
            still_steps: Some(steps),
            ..Default::default()
        }
    }

    /// Whether the keyframes are stills rather than those of a film.
    #[must_use]
    pub fn has_stills(&self) -> bool {
        self.still_steps.is_some()
    }

    /// How many transitions join this many keyframes of a film.
    #[must_use]
    pub fn transition_count(keyframes: usize, looped: bool) -> usize {
        if looped {
            keyframes
        } else {
            keyframes.saturating_sub(1)
        }
    }

    /// The prompts and negative prompts of all keyframes, each once.
    #[must_use]
    pub fn prompts(&self) -> BTreeSet<&str> {
        let keyframes = self.keyframes.iter();
        keyframes
            .flat_map(|at| [at.prompt.as_str(), at.negative_prompt.as_str()])
            .collect()
    }

    /// Reads a prompt with the syntax of this job.
    ///
    /// # Errors
    /// [`JobError::Prompt`], as [`Prompt::read`] gives it.
    pub fn read_prompt(&self, prompt: &str) -> Result<Prompt, JobError> {
        Ok(Prompt::read(prompt, self.prompt_syntax)?)
    }

    /// What other programs give a meaning, and what this job's syntax reads as words: each of its prompts
    /// with such words.
    pub fn read_as_words(&self) -> impl Iterator<Item = (&str, ReadAsWords)> {
        let prompts = self.prompts().into_iter();
        let prompts = prompts.filter(|_| self.prompt_syntax != PromptSyntax::Plain);
        prompts.flat_map(|prompt| {
            let found = ReadAsWords::of(prompt, |name| self.names_embedding(name)).into_iter();
            found.map(move |words| (prompt, words))
        })
    }

    /// How many keyframes are pictures.
    #[must_use]
    pub fn pictures(&self) -> usize {
        self.picture_indices().count()
    }

    fn picture_indices(&self) -> impl Iterator<Item = usize> {
        let keyframes = self.keyframes.iter().enumerate();
        keyframes.filter_map(|(index, keyframe)| keyframe.image.is_some().then_some(index))
    }

    /// How the keyframes that are pictures are inverted.
    #[must_use]
    pub fn inversion(&self) -> InversionOptions {
        InversionOptions::new(self.inversion_iterations)
            .with_guidance_rescale(self.guidance_rescale.unwrap_or_default())
    }

    /// Every path that the job names, to change it.
    pub fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let keyframes = self.keyframes.iter_mut();
        let named = keyframes.flat_map(|keyframe| {
            let loras = keyframe.loras.iter_mut().map(|lora| &mut lora.path);
            keyframe.image.iter_mut().chain(loras)
        });
        let inpaint = self.inpaint.iter_mut();
        let embeddings = self.embeddings.iter_mut();
        named
            .chain(embeddings.map(|embedding| &mut embedding.path))
            .chain(self.vae.as_mut())
            .chain(inpaint.flat_map(|inpaint| [&mut inpaint.image, &mut inpaint.mask]))
            .chain(self.depth.iter_mut().map(|depth| &mut depth.image))
    }

    /// Puts the keyframes of a film on the moments of its sound and lets its motion follow the sound's energy, as
    /// [`FilmTiming::synchronized`](lb_schedule::FilmTiming::synchronized) does. The job then says so in seconds,
    /// holds and paces, and makes the same film without the sound. Stills stay as they are.
    ///
    /// # Errors
    /// [`JobError::TransitionCount`] or [`JobError::Schedule`] for timing that breaks a rule.
    pub fn synchronize(&mut self, pulse: &Pulse) -> Result<(), JobError> {
        if self.has_stills() {
            return Ok(());
        }
        let timing = timing(self).synchronized(pulse)?;
        self.film_seconds = timing.film_seconds;
        for (keyframe, hold) in self.keyframes.iter_mut().zip(timing.holds) {
            keyframe.hold = hold;
        }
        for (transition, timing) in self.transitions.iter_mut().zip(timing.transitions) {
            (transition.seconds, transition.pace) = (timing.seconds, timing.pace);
        }
        Ok(())
    }

    /// Checks every rule that needs neither a model nor the tree. [`Plan::new`](crate::Plan::new)
    /// checks the others too.
    ///
    /// # Errors
    /// The rule that is broken; [`JobError::is_request`] is true of it.
    pub fn validate(&self) -> Result<(), JobError> {
        let count = self.keyframes.len();
        let (fewest, expected) = match self.still_steps {
            Some(steps) if !(1..=MAX_STEPS).contains(&steps) => {
                return Err(ScheduleError::StepsOutOfRange { steps }.into());
            }
            Some(_) => (1, 0),
            None => (2, Self::transition_count(count, self.looped)),
        };
        if !(fewest..=Self::MOST_KEYFRAMES).contains(&count) {
            return Err(JobError::PromptCount { found: count });
        }
        if self.transitions.len() != expected {
            return Err(JobError::TransitionCount {
                found: self.transitions.len(),
                expected,
            });
        }
        for (index, keyframe) in self.keyframes.iter().enumerate() {
            keyframe.validate()?;
            keyframe.validate_loras(index)?;
            for prompt in [&keyframe.prompt, &keyframe.negative_prompt] {
                self.read_prompt(prompt)?;
            }
        }
        for (index, transition) in self.transitions.iter().enumerate() {
            transition.validate(self.keyframes[index].guidance_scale)?;
        }
        if !(1..=Self::MOST_SCALE).contains(&self.scale) {
            return Err(JobError::Scale { found: self.scale });
        }
        if self.clip_skip == Some(0) {
            return Err(JobError::ClipSkip);
        }
        validate_guidance_every(self.guidance_every)?;
        self.validate_embeddings()?;
        self.spacing.validate()?;
        self.crossfeed.validate()?;
        self.validate_pictures()?;
        self.inpaint.as_ref().map_or(Ok(()), Inpaint::validate)?;
        if let Some(upscale) = &self.upscale {
            upscale.profile()?;
            if self.has_stills() {
                return Err(JobError::StillsUpscaled);
            }
        }
        Ok(())
    }

    /// Checks the rules for films with pictures as keyframes.
    fn validate_pictures(&self) -> Result<(), JobError> {
        let found = self.inversion_iterations;
        if self.inversion().validate().is_err() {
            return Err(JobError::InversionIterations { found });
        }
        if self.pictures() == 0 {
            return Ok(());
        }
        if !self.sampler.is_invertible() {
            let sampler = self.sampler;
            return Err(JobError::SamplerNotInvertible { sampler });
        }
        let power = self.crossfeed.keyframes.power;
        // The first keyframe takes over nothing, not even in a loop.
        match self.picture_indices().find(|&index| index > 0) {
            Some(keyframe) if power > 0.0 => Err(JobError::PictureCrossfed { keyframe, power }),
            _ => Ok(()),
        }
    }
}

impl Keyframe {
    fn validate(&self) -> Result<(), JobError> {
        for prompt in [&self.prompt, &self.negative_prompt] {
            if prompt.len() > Job::LONGEST_PROMPT {
                let found = prompt.len();
                return Err(JobError::PromptLength { found });
            }
        }
        if let Some(Variation { strength, .. }) = self.variation
            && !(0.0..=1.0).contains(&strength)
        {
            return Err(JobError::VariationStrength { found: strength });
        }
        let scale = self.guidance_scale;
        let damper = Guidance::default().damper;
        Ok(Guidance::new(scale, damper).validate()?)
    }
}

impl Keyframe {
    /// Checks the LoRAs of the keyframe with this index.
    fn validate_loras(&self, keyframe: usize) -> Result<(), JobError> {
        let mut known = BTreeSet::new();
        for lora in &self.loras {
            lora.validate()?;
            if !known.insert(&lora.path) {
                let path = lora.path.clone();
                return Err(JobError::LoraTwice { keyframe, path });
            }
        }
        Ok(())
    }
}

impl Transition {
    /// Checks a transition after a keyframe with this guidance scale.
    fn validate(&self, scale: f64) -> Result<(), JobError> {
        if let Some(Frames::Number(found)) = self.branching.pictures
            && !(2..=MAX_BRANCHES).contains(&found)
        {
            return Err(JobError::Pictures { found });
        }
        let damper = self.guidance_damper;
        Ok(Guidance::new(scale, damper).validate()?)
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

    #[test]
    fn stills_are_keyframes_without_transitions() {
        let still = || Keyframe {
            prompt: "an owl".into(),
            ..Default::default()
        };
        let job = Job::of_stills([still()], 12);
        assert!(job.has_stills() && job.validate().is_ok());
        assert!(Job::of_stills([still(), still()], 1).validate().is_ok());
        let refused = |job: Job| job.validate().unwrap_err().to_string();
        assert!(refused(Job::of_stills([], 12)).contains("0 given"));
        assert!(refused(Job::of_stills([still()], 0)).contains("got 0"));
        assert!(refused(Job::of_stills([still()], 1001)).contains("got 1001"));
        let joined = Job {
            transitions: vec![Transition::default()],
            ..Job::of_stills([still(), still()], 12)
        };
        assert!(refused(joined).contains("0 transitions"));
        let upscaled = Job {
            upscale: Some(Upscale::with_model("x4")),
            ..Job::of_stills([still()], 12)
        };
        assert!(refused(upscaled).contains("upscaled"));
    }

    #[test]
    fn crossfeed_must_not_change_a_picture() {
        let job = |picture: usize| {
            let mut job = Job::of_prompts(["a", "b", "c"]);
            job.keyframes[picture].image = Some("picture.png".into());
            job.crossfeed.parents.power = 0.5;
            job
        };
        assert!((0..3).all(|picture| job(picture).validate().is_ok()));
        let fed = |picture| {
            let mut job = job(picture);
            job.crossfeed.keyframes.power = 0.1;
            job.validate()
        };
        assert!(fed(0).is_ok());
        let refused = fed(2).unwrap_err();
        assert!(refused.is_request());
        assert_eq!(
            refused.to_string(),
            "keyframe 3 is a picture, and crossfeed of power 0.1 draws each keyframe towards the \
             one before it: it would no longer be the picture"
        );
    }
}
