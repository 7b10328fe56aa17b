//! Turning a job into settings that leave nothing open.

use lb_schedule::{Crossfeed, Spacing};

use super::{
    BranchingSettings, CrossfeedSettings, DefaultSettings, DepthSettings, InpaintSettings,
    JobSettings, KeyframeSettings, SecondStageSettings, SharedSettings, SpacingChoice,
    SpacingSettings, TimingSettings, UpscaleSettings,
};
use crate::{Branching, Injections, Inpaint, Job, Keyframe, Transition, Upscale};

impl Job {
    /// The settings that [resolve](JobSettings::resolve) to this job, whatever the defaults are. Write
    /// them as JSON to hand a job to another program.
    #[must_use]
    pub fn settings(&self) -> JobSettings {
        let mut transitions = self.transitions.iter();
        let keyframes = self
            .keyframes
            .iter()
            .map(|keyframe| KeyframeSettings::explicit(keyframe, transitions.next()));
        JobSettings {
            keyframes: keyframes.collect(),
            size: self.size,
            sampler: Some(self.sampler),
            defaults: DefaultSettings::default(),
            spacing: (&self.spacing).into(),
            distance: Some(self.distance),
            timing: TimingSettings {
                frames_per_second: Some(self.frames_per_second),
                film_seconds: self.film_seconds,
                timing: Some(self.timing),
                looped: Some(self.looped),
            },
            inversion_iterations: Some(self.inversion_iterations),
            model: self.model.clone(),
            inpaint: self.inpaint.as_ref().map(Into::into).unwrap_or_default(),
            fit: self.fit,
            depth: DepthSettings {
                image: self.depth.as_ref().map(|depth| depth.image.clone()),
            },
            upscale: self.upscale.as_ref().map(Into::into).unwrap_or_default(),
            crossfeed: (&self.crossfeed).into(),
        }
    }
}

impl KeyframeSettings {
    /// The settings of a keyframe and of the transition after it, if there is one.
    fn explicit(keyframe: &Keyframe, transition: Option<&Transition>) -> Self {
        let (shared, branching) = match transition {
            Some(transition) => (
                SharedSettings::explicit(keyframe, transition),
                (&transition.branching).into(),
            ),
            None => (
                SharedSettings::of_keyframe(keyframe),
                BranchingSettings::default(),
            ),
        };
        Self {
            prompt: Some(keyframe.prompt.clone()),
            seed: Some(keyframe.seed),
            image: keyframe.image.clone(),
            shared,
            branching,
        }
    }
}

impl SharedSettings {
    pub(super) fn explicit(keyframe: &Keyframe, transition: &Transition) -> Self {
        Self {
            seconds: Some(transition.seconds),
            guidance_damper: Some(transition.guidance_damper),
            easing: Some(transition.easing),
            ..Self::of_keyframe(keyframe)
        }
    }

    fn of_keyframe(keyframe: &Keyframe) -> Self {
        Self {
            negative_prompt: Some(keyframe.negative_prompt.clone()),
            hold: Some(keyframe.hold),
            guidance_scale: Some(keyframe.guidance_scale),
            ..Self::default()
        }
    }
}

impl From<&Branching> for BranchingSettings {
    fn from(branching: &Branching) -> Self {
        let open = Self::default();
        match branching {
            Branching::Preset {
                quality,
                depth_strength,
            } => Self {
                quality: Some(*quality),
                depth_strength: Some(*depth_strength),
                ..open
            },
            Branching::Autosetup {
                steps,
                frames,
                depth_strength,
            } => Self {
                steps: Some(*steps),
                frames: Some(*frames),
                depth_strength: Some(*depth_strength),
                ..open
            },
            Branching::Manual {
                steps,
                branch_counts,
                injections,
            } => {
                let (injection_steps, injection_strengths) = match injections {
                    Injections::Steps(at) => (Some(at.clone()), None),
                    Injections::Strengths(at) => (None, Some(at.clone())),
                };
                Self {
                    steps: Some(*steps),
                    branches: Some(branch_counts.clone()),
                    injection_steps,
                    injection_strengths,
                    ..open
                }
            }
        }
    }
}

impl From<&Spacing> for SpacingSettings {
    fn from(spacing: &Spacing) -> Self {
        match spacing {
            Spacing::Perceptual => Self {
                choice: Some(SpacingChoice::Perceptual),
                mid_compression: None,
            },
            Spacing::Fixed { mid_compression } => Self {
                choice: Some(SpacingChoice::Fixed),
                mid_compression: Some(*mid_compression),
            },
        }
    }
}

impl From<&Inpaint> for InpaintSettings {
    fn from(inpaint: &Inpaint) -> Self {
        Self {
            image: Some(inpaint.image.clone()),
            mask: Some(inpaint.mask.clone()),
            feather: Some(inpaint.feather),
        }
    }
}

impl From<&Upscale> for UpscaleSettings {
    fn from(upscale: &Upscale) -> Self {
        Self {
            model: Some(upscale.model.clone()),
            stage: upscale.into(),
        }
    }
}

impl From<&Upscale> for SecondStageSettings {
    fn from(upscale: &Upscale) -> Self {
        Self {
            steps: Some(upscale.steps),
            frames: Some(upscale.frames),
            depth_strength: Some(upscale.depth_strength),
            noise_level: Some(upscale.noise_level),
            seed: Some(upscale.seed),
        }
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
