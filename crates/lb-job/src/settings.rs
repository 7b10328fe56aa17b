//! A film as somebody asks for it: what is said, and nothing about the rest.
//!
//! Arguments and job files both become [`JobSettings`]. One of them is laid
//! [over](JobSettings::over) another, and what nobody has said gets its default in
//! [`JobSettings::resolve`], the one place that knows the defaults.

mod branching;
mod crossfeed;
mod error;
mod keyframe;
mod modes;
mod spacing;

pub use branching::BranchingSettings;
pub use crossfeed::{CrossfeedSettings, CurveSettings};
pub use error::SettingsError;
pub use keyframe::{KeyframeSettings, TransitionSettings};
pub use modes::{InpaintSettings, UpscaleSettings};
pub use spacing::{SpacingChoice, SpacingSettings};

use std::path::PathBuf;

use lb_blend::{SamplerKind, SpacingDistance};

use crate::{DepthMap, Fit, Job, Timing};

/// What is said about a film; `None` and empty for what is not.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct JobSettings {
    /// The keyframes, each with the transition that follows it.
    pub keyframes: Vec<KeyframeSettings>,
    /// What holds for every keyframe and transition that does not say otherwise. Prompt, seed and
    /// image are not looked at.
    pub defaults: KeyframeSettings,
    /// See [`Job::looped`].
    pub looped: Option<bool>,
    /// See [`Job::model`].
    pub model: Option<String>,
    /// See [`Job::size`].
    pub size: Option<(usize, usize)>,
    /// See [`Job::sampler`].
    pub sampler: Option<SamplerKind>,
    /// See [`Job::spacing`].
    pub spacing: SpacingSettings,
    /// See [`Job::distance`].
    pub distance: Option<SpacingDistance>,
    /// See [`Job::crossfeed`].
    pub crossfeed: CrossfeedSettings,
    /// See [`Job::timing`].
    pub timing: Option<Timing>,
    /// See [`Job::frames_per_second`].
    pub frames_per_second: Option<f64>,
    /// See [`Job::film_seconds`].
    pub film_seconds: Option<f64>,
    /// See [`Job::fit`].
    pub fit: Option<Fit>,
    /// See [`Job::inversion_iterations`].
    pub inversion_iterations: Option<usize>,
    /// See [`Job::inpaint`].
    pub inpaint: InpaintSettings,
    /// See [`Job::depth`].
    pub depth: Option<PathBuf>,
    /// See [`Job::upscale`].
    pub upscale: UpscaleSettings,
}

impl JobSettings {
    /// These settings, and the lower ones' where these say nothing. Keyframes are these ones', or
    /// all of the lower ones'.
    #[must_use]
    pub fn over(self, lower: Self) -> Self {
        Self {
            keyframes: if self.keyframes.is_empty() {
                lower.keyframes
            } else {
                self.keyframes
            },
            defaults: self.defaults.over(&lower.defaults),
            looped: self.looped.or(lower.looped),
            model: self.model.or(lower.model),
            size: self.size.or(lower.size),
            sampler: self.sampler.or(lower.sampler),
            spacing: self.spacing.over(lower.spacing),
            distance: self.distance.or(lower.distance),
            crossfeed: self.crossfeed.over(lower.crossfeed),
            timing: self.timing.or(lower.timing),
            frames_per_second: self.frames_per_second.or(lower.frames_per_second),
            film_seconds: self.film_seconds.or(lower.film_seconds),
            fit: self.fit.or(lower.fit),
            inversion_iterations: self.inversion_iterations.or(lower.inversion_iterations),
            inpaint: self.inpaint.over(lower.inpaint),
            depth: self.depth.or(lower.depth),
            upscale: self.upscale.over(lower.upscale),
        }
    }

    /// These settings' defaults as every keyframe's and transition's own values, before what those
    /// say themselves: a flag beside a job file holds for the whole film.
    #[must_use]
    pub fn forced_on(self, mut lower: Self) -> Self {
        for keyframe in &mut lower.keyframes {
            *keyframe = self.defaults.clone().over(keyframe);
        }
        self.over(lower)
    }

    /// The job, with defaults for whatever is not said.
    ///
    /// A keyframe without a seed has that of the one before and one, pictures not counted; the first
    /// has 0. A keyframe that is a picture needs no prompt. What the last keyframe of a film that is
    /// not looped says about a transition concerns none.
    ///
    /// # Errors
    /// A [`SettingsError`] for what contradicts itself or is not enough. Ranges are checked by
    /// [`Plan::new`](crate::Plan::new).
    pub fn resolve(&self) -> Result<Job, SettingsError> {
        let default = Job::default();
        let looped = self.looped.unwrap_or(default.looped);
        let said: Vec<KeyframeSettings> = self
            .keyframes
            .iter()
            .map(|keyframe| keyframe.clone().over(&self.defaults))
            .collect();
        let mut keyframes = Vec::with_capacity(said.len());
        let mut seed = 0;
        for (index, settings) in said.iter().enumerate() {
            let keyframe = settings.keyframe(index, seed)?;
            if keyframe.image.is_none() {
                seed = keyframe.seed.wrapping_add(1);
            }
            keyframes.push(keyframe);
        }
        let transitions = said
            .iter()
            .take(Job::transition_count(said.len(), looped))
            .map(|settings| settings.transition.resolve())
            .collect::<Result<_, _>>()?;
        Ok(Job {
            keyframes,
            transitions,
            looped,
            model: self.model.clone(),
            size: self.size,
            sampler: self.sampler.unwrap_or(default.sampler),
            spacing: self.spacing.resolve()?,
            distance: self.distance.unwrap_or(default.distance),
            crossfeed: self.crossfeed.resolve(),
            timing: self.timing.unwrap_or(default.timing),
            frames_per_second: self.frames_per_second.unwrap_or(default.frames_per_second),
            film_seconds: self.film_seconds,
            fit: self.fit,
            inversion_iterations: self
                .inversion_iterations
                .unwrap_or(default.inversion_iterations),
            inpaint: self.inpaint.resolve()?,
            depth: self.depth.clone().map(|image| DepthMap { image }),
            upscale: self.upscale.resolve()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::*;

    fn keyframe(prompt: &str, seed: Option<u64>) -> KeyframeSettings {
        KeyframeSettings {
            prompt: Some(prompt.into()),
            seed,
            ..Default::default()
        }
    }

    #[test]
    fn what_is_not_said_gets_its_default() {
        let settings = JobSettings {
            keyframes: vec![keyframe("a", None), keyframe("b", None)],
            ..Default::default()
        };
        assert_eq!(settings.resolve(), Ok(Job::of_prompts(["a", "b"])));
    }

    #[test]
    fn seeds_count_on_from_the_keyframe_before() {
        let seeds = |given: &[Option<u64>]| -> Vec<u64> {
            let keyframes = given.iter().map(|&seed| keyframe("a", seed)).collect();
            let settings = JobSettings {
                keyframes,
                ..Default::default()
            };
            let job = settings.resolve().unwrap();
            job.keyframes.iter().map(|keyframe| keyframe.seed).collect()
        };
        assert_eq!(seeds(&[None, None, None]), [0, 1, 2]);
        assert_eq!(seeds(&[Some(7), Some(3), None, None]), [7, 3, 4, 5]);
        assert_eq!(seeds(&[Some(u64::MAX), None]), [u64::MAX, 0]);
    }

    #[test]
    fn what_is_above_wins_and_what_is_forced_wins_over_each_keyframe() {
        let hold = |hold: f64| KeyframeSettings {
            hold: Some(hold),
            ..Default::default()
        };
        let file = JobSettings {
            keyframes: vec![
                KeyframeSettings {
                    hold: Some(2.0),
                    ..keyframe("a", None)
                },
                keyframe("b", None),
            ],
            defaults: hold(1.0),
            frames_per_second: Some(12.0),
            ..Default::default()
        };
        let flags = JobSettings {
            defaults: hold(0.5),
            ..Default::default()
        };
        let holds = |settings: JobSettings| -> Vec<f64> {
            let job = settings.resolve().unwrap();
            assert_eq!(job.frames_per_second, 12.0);
            job.keyframes.iter().map(|keyframe| keyframe.hold).collect()
        };
        assert_eq!(holds(file.clone()), [2.0, 1.0]);
        assert_eq!(holds(flags.clone().over(file.clone())), [2.0, 0.5]);
        assert_eq!(holds(flags.forced_on(file)), [0.5, 0.5]);
    }

    #[test]
    fn a_looped_film_has_a_transition_after_its_last_keyframe() {
        let mut settings = JobSettings {
            keyframes: vec![keyframe("a", None), keyframe("b", None)],
            looped: Some(true),
            ..Default::default()
        };
        settings.keyframes[1].transition.seconds = Some(9.0);
        let job = settings.resolve().unwrap();
        assert_eq!(job.transitions.len(), 2);
        assert_eq!(job.transitions[1].seconds, 9.0);
    }

    #[test]
    fn a_keyframe_is_a_prompt_or_a_picture() {
        let mut settings = JobSettings {
            keyframes: vec![keyframe("a", None), KeyframeSettings::default()],
            ..Default::default()
        };
        assert_eq!(
            settings.resolve(),
            Err(SettingsError::NoPrompt { keyframe: 2 })
        );
        settings.keyframes[1].image = Some("b.png".into());
        assert_eq!(settings.resolve().unwrap().keyframes[1].prompt, "");
    }

    #[test]
    fn a_picture_is_guided_only_where_its_own_keyframe_says_so() {
        let picture = |guidance_scale| KeyframeSettings {
            image: Some("b.png".into()),
            guidance_scale,
            ..Default::default()
        };
        let file = JobSettings {
            keyframes: vec![keyframe("a", None), picture(None), picture(Some(1.5))],
            ..Default::default()
        };
        let flags = JobSettings {
            defaults: KeyframeSettings {
                guidance_scale: Some(3.0),
                ..Default::default()
            },
            ..Default::default()
        };
        for settings in [
            flags.clone().over(file.clone()),
            flags.clone().forced_on(file),
        ] {
            let job = settings.resolve().unwrap();
            let scales = job.keyframes.iter().map(|keyframe| keyframe.guidance_scale);
            assert_eq!(scales.collect::<Vec<_>>(), [3.0, 1.0, 1.5]);
        }
    }
}
