//! Turning settings into a job, and a job into settings that leave nothing open.

use lb_blend::InversionOptions;
use lb_schedule::{Crossfeed, CrossfeedCurve, Pace, Spacing};

use super::{
    BranchingSettings, CameraSettings, CrossfeedSettings, DefaultSettings, DepthSettings,
    FilmLength, InpaintSettings, JobSettings, KeyframeSettings, PromptSettings,
    SecondStageSettings, SharedSettings, SpacingChoice, SpacingSettings, TimingSettings,
    UpscaleSettings,
};
use crate::film_trees::film_steps;
use crate::{
    Branching, DepthMap, FilmCamera, Injections, Inpaint, Job, Keyframe, KeyframeCamera, Levels,
    SettingsError, Transition, Upscale, Variation,
};

impl JobSettings {
    /// The job, with defaults for all settings that are open.
    ///
    /// A keyframe without a seed gets the seed of the keyframe before it plus 1, and the first one
    /// gets 0; keyframes that are pictures are skipped. A keyframe that is a picture needs no prompt. In
    /// a film that is not looped, the transition after the last keyframe is not used.
    ///
    /// A single prompt is a still unless the settings say otherwise. Of what describes the transitions of
    /// stills, only the number of steps is used.
    ///
    /// # Errors
    /// A [`SettingsError`] if settings contradict each other, or if one is missing. Ranges are checked
    /// by [`Plan::new`](crate::Plan::new).
    pub fn resolve(&self) -> Result<Job, SettingsError> {
        let default = Job::default();
        let timing = &self.timing;
        if let Some(sync) = timing.sync {
            return Err(SettingsError::NoSound { sync });
        }
        let looped = timing.looped.unwrap_or(default.looped);
        let is_still = |only: &KeyframeSettings| only.image.is_none() && !looped;
        let has_stills = match &self.keyframes[..] {
            [only] => self.stills.unwrap_or(is_still(only)),
            _ => self.stills.unwrap_or(false),
        };
        let settings = self.keyframes.iter().cloned();
        let settings: Vec<KeyframeSettings> = settings
            .map(|keyframe| keyframe.with_defaults(&self.defaults))
            .collect();
        let mut keyframes = Vec::with_capacity(settings.len());
        let mut seed = 0;
        for (index, settings) in settings.iter().enumerate() {
            let keyframe = settings.keyframe(index, seed)?;
            if keyframe.image.is_none() {
                seed = keyframe.seed.wrapping_add(1);
            }
            keyframes.push(keyframe);
        }
        let transitions = match has_stills {
            true => 0,
            false => Job::transition_count(settings.len(), looped),
        };
        let transitions = settings
            .iter()
            .take(transitions)
            .map(KeyframeSettings::transition)
            .collect::<Result<Vec<_>, _>>()?;
        let has_pictures = keyframes.iter().any(|at| at.image.is_some());
        // Steps that differ are an error of the plan.
        let steps = film_steps(&transitions).ok().filter(|_| has_pictures);
        let inversion = steps.map_or(default.inversion(), InversionOptions::for_steps);
        Ok(Job {
            keyframes,
            transitions,
            still_steps: has_stills.then(|| still_steps(&settings)).transpose()?,
            looped: looped && !has_stills,
            model: self.model.clone(),
            vae: self.vae.clone(),
            embeddings: self.prompts.embeddings.clone().unwrap_or_default(),
            prompt_syntax: self.prompts.prompt_syntax.unwrap_or(default.prompt_syntax),
            clip_skip: self.clip_skip,
            size: self.size,
            scale: self.scale.unwrap_or(default.scale),
            guidance_rescale: self.guidance_rescale,
            guidance_every: self.guidance_every.unwrap_or(default.guidance_every),
            sampler: self.sampler.unwrap_or(default.sampler),
            timestep_spacing: self.timestep_spacing,
            spacing: self.spacing.resolve()?,
            distance: self.distance.unwrap_or(default.distance),
            crossfeed: match has_stills {
                true => default.crossfeed,
                false => self.crossfeed.resolve(),
            },
            camera: match has_stills {
                true => default.camera,
                false => self.camera.resolve(),
            },
            timing: timing.timing.unwrap_or(default.timing),
            between: timing.between.unwrap_or(default.between),
            frame_rate: timing.frame_rate.unwrap_or(default.frame_rate),
            film_seconds: match timing.film_seconds {
                Some(FilmLength::Track) => return Err(SettingsError::NoTrack),
                given => given.and_then(FilmLength::seconds),
            },
            fit: self.fit,
            inversion_iterations: self.inversion_iterations.unwrap_or(inversion.iterations),
            inpaint: self.inpaint.resolve()?,
            depth: self.depth.image.clone().map(|image| DepthMap { image }),
            upscale: self.upscale.resolve()?,
        })
    }
}

impl Job {
    /// The settings that [resolve](JobSettings::resolve) to this job, whatever the defaults are. Write
    /// them as JSON to hand a job to another program.
    #[must_use]
    pub fn settings(&self) -> JobSettings {
        let mut transitions = self.transitions.iter();
        let keyframes = self.keyframes.iter();
        let keyframes = keyframes.map(|at| {
            let mut settings = KeyframeSettings::explicit(at, transitions.next());
            settings.branching.steps = settings.branching.steps.or(self.still_steps);
            settings
        });
        JobSettings {
            keyframes: keyframes.collect(),
            // A film of one keyframe, which is refused later, must not become a still.
            stills: (self.has_stills() || self.keyframes.len() == 1).then_some(self.has_stills()),
            prompts: PromptSettings {
                prompt_syntax: Some(self.prompt_syntax),
                embeddings: Some(self.embeddings.clone()).filter(|all| !all.is_empty()),
            },
            clip_skip: self.clip_skip,
            size: self.size,
            scale: Some(self.scale),
            guidance_rescale: self.guidance_rescale,
            guidance_every: Some(self.guidance_every),
            sampler: Some(self.sampler),
            timestep_spacing: self.timestep_spacing,
            defaults: DefaultSettings::default(),
            spacing: (&self.spacing).into(),
            distance: Some(self.distance),
            timing: TimingSettings {
                frame_rate: Some(self.frame_rate),
                film_seconds: self.film_seconds.map(FilmLength::Seconds),
                sync: None,
                timing: Some(self.timing),
                between: Some(self.between),
                looped: Some(self.looped),
            },
            inversion_iterations: Some(self.inversion_iterations),
            model: self.model.clone(),
            vae: self.vae.clone(),
            inpaint: self.inpaint.as_ref().map(Into::into).unwrap_or_default(),
            fit: self.fit,
            depth: DepthSettings {
                image: self.depth.as_ref().map(|depth| depth.image.clone()),
                image_sha256: None,
            },
            upscale: self.upscale.as_ref().map(Into::into).unwrap_or_default(),
            crossfeed: (&self.crossfeed).into(),
            camera: (&self.camera).into(),
        }
    }
}

/// The inference steps of stills: the number that is given, else that of the finest quality.
fn still_steps(keyframes: &[KeyframeSettings]) -> Result<usize, SettingsError> {
    let trees = keyframes.iter().map(|at| &at.branching);
    let mut given = trees.clone().filter_map(|tree| tree.steps);
    if let Some(first) = given.next() {
        return match given.find(|&other| other != first) {
            Some(other) => Err(SettingsError::StillSteps { first, other }),
            None => Ok(first),
        };
    }
    let steps = trees.map(|tree| {
        let quality = tree.quality.unwrap_or_default();
        quality.steps(tree.rule.unwrap_or_default())
    });
    Ok(steps.max().unwrap_or(0))
}

impl KeyframeSettings {
    /// The keyframe. `seed` is its seed if the settings give none.
    fn keyframe(&self, index: usize, seed: u64) -> Result<Keyframe, SettingsError> {
        let default = Keyframe::default();
        if self.prompt.is_none() && self.image.is_none() {
            let keyframe = index + 1;
            return Err(SettingsError::NoPrompt { keyframe });
        }
        let shared = &self.shared;
        let negative_prompt = shared.negative_prompt.clone();
        // Distilled models are published with a guidance scale of 0, which means none as well.
        let given_scale = shared.guidance_scale;
        let given_scale = given_scale.map(|scale| if scale == 0.0 { 1.0 } else { scale });
        Ok(Keyframe {
            prompt: self.prompt.clone().unwrap_or(default.prompt),
            negative_prompt: negative_prompt.unwrap_or(default.negative_prompt),
            seed: self.seed.unwrap_or(seed),
            variation: self.variation()?,
            guidance_scale: given_scale.unwrap_or(match self.image {
                Some(_) => Keyframe::PICTURE_GUIDANCE,
                None => default.guidance_scale,
            }),
            hold: shared.hold.unwrap_or(default.hold),
            loras: shared.loras.clone().unwrap_or_default(),
            camera: KeyframeCamera {
                zoom: self.zoom,
                pan: self.pan,
                rotation: self.rotation,
            },
            image: self.image.clone(),
        })
    }

    fn variation(&self) -> Result<Option<Variation>, SettingsError> {
        let missing = |missing| Err(SettingsError::VariationIncomplete { missing });
        match (self.variation_seed, self.variation_strength) {
            (None, None) => Ok(None),
            (None, Some(_)) => missing("variation_seed"),
            (Some(_), None) => missing("variation_strength"),
            (Some(seed), Some(strength)) => Ok(Some(Variation { seed, strength })),
        }
    }

    /// The transition after the keyframe.
    fn transition(&self) -> Result<Transition, SettingsError> {
        let default = Transition::default();
        let shared = &self.shared;
        Ok(Transition {
            seconds: shared.seconds.unwrap_or(default.seconds),
            branching: self.branching.resolve()?,
            guidance_damper: shared.guidance_damper.unwrap_or(default.guidance_damper),
            easing: shared.easing.unwrap_or(default.easing),
            pace: Pace::new(self.pace.clone().unwrap_or_default())
                .map_err(|error| SettingsError::Pace(error.to_string()))?,
        })
    }

    /// The settings of a keyframe and of the transition after it, if there is one.
    fn explicit(keyframe: &Keyframe, transition: Option<&Transition>) -> Self {
        Self {
            prompt: Some(keyframe.prompt.clone()),
            seed: Some(keyframe.seed),
            variation_seed: keyframe.variation.map(|at| at.seed),
            variation_strength: keyframe.variation.map(|at| at.strength),
            image: keyframe.image.clone(),
            image_sha256: None,
            zoom: keyframe.camera.zoom,
            pan: keyframe.camera.pan,
            rotation: keyframe.camera.rotation,
            shared: SharedSettings::explicit(keyframe, transition),
            pace: transition
                .map(|at| at.pace.ways().to_vec())
                .filter(|ways| !ways.is_empty()),
            branching: transition.map_or_else(Default::default, |at| (&at.branching).into()),
        }
    }
}

impl SharedSettings {
    /// The settings of a keyframe and of the transition after it, if there is one.
    pub(super) fn explicit(keyframe: &Keyframe, transition: Option<&Transition>) -> Self {
        Self {
            negative_prompt: Some(keyframe.negative_prompt.clone()),
            loras: Some(keyframe.loras.clone()).filter(|loras| !loras.is_empty()),
            hold: Some(keyframe.hold),
            guidance_scale: Some(keyframe.guidance_scale),
            seconds: transition.map(|at| at.seconds),
            guidance_damper: transition.map(|at| at.guidance_damper),
            easing: transition.map(|at| at.easing),
        }
    }
}

impl BranchingSettings {
    /// Checks that the tree is not given in two ways at once.
    ///
    /// # Errors
    /// A [`SettingsError`].
    pub fn validate(&self) -> Result<(), SettingsError> {
        let injections = self.injection_steps.is_some() || self.injection_strengths.is_some();
        let levels = self.branches.is_some() || injections;
        if self.frames.is_some() && levels {
            return Err(SettingsError::FramesWithBranches);
        }
        if self.depth_strength.is_some() && levels {
            return Err(SettingsError::DepthStrengthWithBranches);
        }
        if self.rule.is_some() && levels {
            return Err(SettingsError::RuleWithBranches);
        }
        if self.injection_steps.is_some() && self.injection_strengths.is_some() {
            return Err(SettingsError::InjectionsTwice);
        }
        Ok(())
    }

    /// The tree's description, with defaults for all settings that are open.
    ///
    /// # Errors
    /// A [`SettingsError`] if the settings contradict each other, or if one is missing.
    pub fn resolve(&self) -> Result<Branching, SettingsError> {
        self.validate()?;
        let injections = match (&self.injection_steps, &self.injection_strengths) {
            (Some(at), _) => Some(Injections::Steps(at.clone())),
            (None, Some(at)) => Some(Injections::Strengths(at.clone())),
            (None, None) => None,
        };
        let levels = match (self.branches.clone(), injections) {
            (Some(branch_counts), Some(injections)) => Levels::Manual {
                branch_counts,
                injections,
            },
            (Some(_), None) => return Err(SettingsError::BranchesWithoutInjections),
            (None, Some(_)) => return Err(SettingsError::InjectionsWithoutBranches),
            (None, None) => Levels::Automatic {
                rule: self.rule.unwrap_or_default(),
                frames: self.frames,
                depth_strength: self.depth_strength.unwrap_or(Branching::DEPTH_STRENGTH),
            },
        };
        Ok(Branching {
            quality: self.quality.unwrap_or_default(),
            steps: self.steps,
            pictures: self.pictures,
            levels,
        })
    }
}

impl From<&Branching> for BranchingSettings {
    fn from(branching: &Branching) -> Self {
        let given = Self {
            quality: Some(branching.quality),
            steps: branching.steps,
            pictures: branching.pictures,
            ..Self::default()
        };
        match &branching.levels {
            Levels::Automatic {
                rule,
                frames,
                depth_strength,
            } => Self {
                frames: *frames,
                rule: Some(*rule),
                depth_strength: Some(*depth_strength),
                ..given
            },
            Levels::Manual {
                branch_counts,
                injections,
            } => {
                let (injection_steps, injection_strengths) = match injections.clone() {
                    Injections::Steps(at) => (Some(at), None),
                    Injections::Strengths(at) => (None, Some(at)),
                };
                Self {
                    branches: Some(branch_counts.clone()),
                    injection_steps,
                    injection_strengths,
                    ..given
                }
            }
        }
    }
}

impl CameraSettings {
    fn resolve(&self) -> FilmCamera {
        let default = FilmCamera::default();
        FilmCamera {
            zoom: self.zoom.unwrap_or(default.zoom),
            pan: self.pan.unwrap_or(default.pan),
            rotation: self.rotation.unwrap_or(default.rotation),
            easing: self.easing.unwrap_or(default.easing),
        }
    }
}

impl From<&FilmCamera> for CameraSettings {
    fn from(camera: &FilmCamera) -> Self {
        Self {
            zoom: Some(camera.zoom),
            pan: Some(camera.pan),
            rotation: Some(camera.rotation),
            easing: Some(camera.easing),
        }
    }
}

impl SpacingSettings {
    /// The spacing, with defaults for all settings that are open.
    ///
    /// # Errors
    /// [`SettingsError::MidCompressionWithoutFixed`].
    pub fn resolve(self) -> Result<Spacing, SettingsError> {
        match (self.choice, self.mid_compression) {
            (Some(SpacingChoice::Fixed), given) => Ok(Spacing::Fixed {
                mid_compression: given.unwrap_or(Self::MID_COMPRESSION),
            }),
            (_, Some(_)) => Err(SettingsError::MidCompressionWithoutFixed),
            (_, None) => Ok(Spacing::Perceptual),
        }
    }
}

impl From<&Spacing> for SpacingSettings {
    fn from(spacing: &Spacing) -> Self {
        let (choice, mid_compression) = match *spacing {
            Spacing::Perceptual => (SpacingChoice::Perceptual, None),
            Spacing::Fixed { mid_compression } => (SpacingChoice::Fixed, Some(mid_compression)),
        };
        Self {
            choice: Some(choice),
            mid_compression,
        }
    }
}

impl InpaintSettings {
    fn resolve(&self) -> Result<Option<Inpaint>, SettingsError> {
        let missing = |missing| Err(SettingsError::InpaintIncomplete { missing });
        match (&self.image, &self.mask, self.feather) {
            (None, None, None) => Ok(None),
            (None, ..) => missing("image"),
            (_, None, _) => missing("mask"),
            (Some(image), Some(mask), feather) => Ok(Some(Inpaint {
                image: image.clone(),
                mask: mask.clone(),
                feather: feather.unwrap_or(Inpaint::FEATHER),
            })),
        }
    }
}

impl From<&Inpaint> for InpaintSettings {
    fn from(inpaint: &Inpaint) -> Self {
        Self {
            image: Some(inpaint.image.clone()),
            mask: Some(inpaint.mask.clone()),
            feather: Some(inpaint.feather),
            ..Self::default()
        }
    }
}

impl UpscaleSettings {
    /// The second stage, with defaults for all settings that are open; `None` if no setting is given.
    ///
    /// # Errors
    /// [`SettingsError::UpscaleWithoutModel`].
    pub fn resolve(&self) -> Result<Option<Upscale>, SettingsError> {
        let Some(model) = &self.model else {
            return match *self == Self::default() {
                true => Ok(None),
                false => Err(SettingsError::UpscaleWithoutModel),
            };
        };
        let default = Upscale::with_model(model);
        let stage = &self.stage;
        Ok(Some(Upscale {
            steps: stage.steps.unwrap_or(default.steps),
            frames: stage.frames.unwrap_or(default.frames),
            depth_strength: stage.depth_strength.unwrap_or(default.depth_strength),
            noise_level: stage.noise_level.unwrap_or(default.noise_level),
            seed: stage.seed.unwrap_or(default.seed),
            ..default
        }))
    }
}

impl From<&Upscale> for UpscaleSettings {
    fn from(upscale: &Upscale) -> Self {
        Self {
            model: Some(upscale.model.clone()),
            stage: SecondStageSettings {
                steps: Some(upscale.steps),
                frames: Some(upscale.frames),
                depth_strength: Some(upscale.depth_strength),
                noise_level: Some(upscale.noise_level),
                seed: Some(upscale.seed),
            },
        }
    }
}

impl CrossfeedSettings {
    fn resolve(self) -> Crossfeed {
        let default = Crossfeed::default();
        let (keyframes, parents) = (default.keyframes, default.parents);
        Crossfeed::new(
            CrossfeedCurve {
                power: self.power.unwrap_or(keyframes.power),
                range: self.range.unwrap_or(keyframes.range),
                decay: self.decay.unwrap_or(keyframes.decay),
            },
            CrossfeedCurve {
                power: self.parental_power.unwrap_or(parents.power),
                range: self.parental_range.unwrap_or(parents.range),
                decay: self.parental_decay.unwrap_or(parents.decay),
            },
        )
    }
}

impl From<&Crossfeed> for CrossfeedSettings {
    fn from(crossfeed: &Crossfeed) -> Self {
        let (keyframes, parents) = (crossfeed.keyframes, crossfeed.parents);
        Self {
            power: Some(keyframes.power),
            range: Some(keyframes.range),
            decay: Some(keyframes.decay),
            parental_power: Some(parents.power),
            parental_range: Some(parents.range),
            parental_decay: Some(parents.decay),
        }
    }
}

#[cfg(test)]
mod tests {
    use lb_schedule::{BranchingRule, Quality};

    use super::*;
    use crate::Frames;

    fn keyframe(prompt: &str, seed: Option<u64>) -> KeyframeSettings {
        KeyframeSettings {
            seed,
            ..KeyframeSettings::from_prompt(prompt)
        }
    }

    #[test]
    fn open_settings_get_their_defaults() {
        let settings = JobSettings {
            keyframes: vec![keyframe("a", None), keyframe("b", None)],
            ..Default::default()
        };
        let job = Job::of_prompts(["a", "b"]);
        assert_eq!(settings.resolve(), Ok(job.clone()));
        // The defaults as a layer give the same job, without those that only apply to other jobs.
        let mut defaults = JobSettings::defaults();
        defaults.spacing.mid_compression = None;
        defaults.inpaint.feather = None;
        defaults.upscale = UpscaleSettings::default();
        assert_eq!(settings.over(defaults).resolve(), Ok(job));
    }

    #[test]
    fn few_steps_are_inverted_with_more_iterations() {
        let iterations = |steps: usize| {
            let mut settings = JobSettings {
                keyframes: vec![keyframe("a", None), KeyframeSettings::from_image("b.png")],
                ..Default::default()
            };
            settings.defaults.branching.steps = Some(steps);
            settings.resolve().unwrap().inversion_iterations
        };
        assert_eq!([8, 29, 30, 60].map(iterations), [4, 4, 3, 3]);
    }

    #[test]
    fn a_guidance_scale_of_0_is_no_guidance() {
        let mut settings = JobSettings {
            keyframes: vec![keyframe("a", None), keyframe("b", None)],
            ..Default::default()
        };
        settings.defaults.shared.guidance_scale = Some(0.0);
        let job = settings.resolve().unwrap();
        assert_eq!(job.keyframes[1].guidance_scale, 1.0);
    }

    #[test]
    fn missing_seeds_count_up_from_the_keyframe_before() {
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
    fn a_looped_film_has_a_transition_after_its_last_keyframe() {
        let mut settings = JobSettings {
            keyframes: vec![keyframe("a", None), keyframe("b", None)],
            ..Default::default()
        };
        settings.timing.looped = Some(true);
        settings.keyframes[1].shared.seconds = Some(9.0);
        let job = settings.resolve().unwrap();
        assert_eq!(job.transitions.len(), 2);
        assert_eq!(job.transitions[1].seconds, 9.0);
    }

    #[test]
    fn a_single_prompt_is_a_still() {
        let mut settings = JobSettings {
            keyframes: vec![keyframe("a", Some(3))],
            ..Default::default()
        };
        let steps = |settings: &JobSettings| settings.resolve().map(|job| job.still_steps);
        let usual = Quality::default().steps(BranchingRule::default());
        assert_eq!(steps(&settings), Ok(Some(usual)));
        settings.defaults.branching.quality = Some(Quality::High);
        let high = Quality::High.steps(BranchingRule::default());
        assert_eq!(steps(&settings), Ok(Some(high)));
        settings.defaults.branching = BranchingSettings {
            steps: Some(9),
            ..Default::default()
        };
        let job = settings.resolve().unwrap();
        assert_eq!((job.still_steps, job.transitions.len()), (Some(9), 0));
        assert_eq!(job.settings().resolve(), Ok(job));

        // A film of one keyframe is refused later, and so is a picture that would only be copied.
        settings.timing.looped = Some(true);
        assert_eq!(steps(&settings), Ok(None));
        settings.timing.looped = None;
        settings.keyframes[0].image = Some("a.png".into());
        assert_eq!(steps(&settings), Ok(None));
    }

    #[test]
    fn several_stills_have_one_number_of_steps() {
        let mut settings = JobSettings {
            keyframes: vec![keyframe("a", None), keyframe("b", None)],
            stills: Some(true),
            ..Default::default()
        };
        settings.timing.looped = Some(true);
        settings.crossfeed.power = Some(0.5);
        settings.keyframes[0].branching.quality = Some(Quality::Lowest);
        settings.keyframes[1].branching.quality = Some(Quality::High);
        let job = settings.resolve().unwrap();
        let high = Quality::High.steps(BranchingRule::default());
        assert_eq!(job.still_steps, Some(high));
        assert_eq!(job, Job::of_stills(job.keyframes.clone(), high));
        for (keyframe, steps) in settings.keyframes.iter_mut().zip([8, 9]) {
            keyframe.branching.steps = Some(steps);
        }
        let (first, other) = (8, 9);
        assert_eq!(
            settings.resolve(),
            Err(SettingsError::StillSteps { first, other })
        );
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
    fn contradictory_or_incomplete_trees_are_refused() {
        let open = BranchingSettings::default;
        let levels = || BranchingSettings {
            branches: Some(vec![2, 5]),
            injection_steps: Some(vec![0, 4]),
            ..open()
        };
        let refused = [
            BranchingSettings {
                injection_steps: None,
                ..levels()
            },
            BranchingSettings {
                branches: None,
                ..levels()
            },
            BranchingSettings {
                frames: Some(Frames::FILM),
                ..levels()
            },
            BranchingSettings {
                injection_strengths: Some(vec![0.1]),
                ..levels()
            },
            // A depth strength has no effect on levels that are given one by one, nor has a rule.
            BranchingSettings {
                depth_strength: Some(0.3),
                ..levels()
            },
            BranchingSettings {
                rule: Some(BranchingRule::Classic),
                ..levels()
            },
        ];
        use SettingsError as E;
        assert_eq!(
            refused.map(|settings| settings.resolve().unwrap_err()),
            [
                E::BranchesWithoutInjections,
                E::InjectionsWithoutBranches,
                E::FramesWithBranches,
                E::InjectionsTwice,
                E::DepthStrengthWithBranches,
                E::RuleWithBranches,
            ]
        );
    }

    #[test]
    fn numbers_replace_those_of_the_quality() {
        let given = BranchingSettings {
            quality: Some(Quality::High),
            steps: Some(30),
            frames: Some(Frames::FILM),
            pictures: Some(Frames::Number(120)),
            ..Default::default()
        };
        let expected = Branching {
            quality: Quality::High,
            pictures: Some(Frames::Number(120)),
            ..Branching::automatic(30, Frames::FILM, Branching::DEPTH_STRENGTH)
        };
        assert_eq!(given.resolve(), Ok(expected.clone()));
        assert_eq!(BranchingSettings::from(&expected).resolve(), Ok(expected));
    }
}
