//! How settings are laid over each other.
//!
//! Nearly every setting that the upper layer leaves open takes the value of the lower layer. [`Merge`]
//! derives this rule, and this file has the exceptions.

use merge::Merge;

use super::{
    BranchingSettings, DefaultSettings, JobSettings, KeyframeSettings, SpacingChoice,
    SpacingSettings,
};

impl JobSettings {
    /// These settings, with open ones taken from `lower`. The keyframes all come from one layer: from
    /// the upper one, unless it has none.
    #[must_use]
    pub fn over(mut self, lower: Self) -> Self {
        self.merge(lower);
        self
    }

    /// These settings over lower ones. Their defaults also replace what each lower keyframe sets
    /// itself: a flag that is given with a job file applies to the whole film.
    #[must_use]
    pub fn forced_on(self, mut lower: Self) -> Self {
        for keyframe in &mut lower.keyframes {
            let own = std::mem::take(keyframe);
            *keyframe = own.under(&self.defaults);
        }
        self.over(lower)
    }
}

impl KeyframeSettings {
    /// This keyframe, with open settings taken from `defaults`.
    ///
    /// A guidance scale that is meant for prompts does not reach a keyframe that is a picture,
    /// because guidance makes its inversion less exact.
    #[must_use]
    pub fn with_defaults(mut self, defaults: &DefaultSettings) -> Self {
        let mut shared = defaults.shared.clone();
        if self.image.is_some() {
            shared.guidance_scale = None;
        }
        self.shared.merge(shared);
        branching(&mut self.branching, defaults.branching.clone());
        self
    }

    /// This keyframe, with `forced` replacing its own settings. Only the guidance scale of a keyframe
    /// that is a picture is never replaced.
    fn under(self, forced: &DefaultSettings) -> Self {
        let DefaultSettings {
            mut shared,
            branching: mut tree,
        } = forced.clone();
        if self.image.is_some() {
            shared.guidance_scale = None;
        }
        shared.merge(self.shared);
        branching(&mut tree, self.branching);
        Self {
            shared,
            branching: tree,
            ..self
        }
    }
}

/// Keeps the upper list, or takes the lower one if the upper one is empty.
pub(super) fn non_empty<T>(upper: &mut Vec<T>, lower: Vec<T>) {
    if upper.is_empty() {
        *upper = lower;
    }
}

/// A lower mid compression is dropped if the upper layer chooses perceptual spacing, which has none.
pub(super) fn spacing(upper: &mut SpacingSettings, mut lower: SpacingSettings) {
    if upper.choice == Some(SpacingChoice::Perceptual) {
        lower.mid_compression = None;
    }
    upper.merge(lower);
}

/// Takes from the lower settings only those that are compatible with how the upper ones describe the
/// tree. For example, an upper number of frames keeps the lower steps, but not a lower list of
/// branches.
pub(super) fn branching(upper: &mut BranchingSettings, lower: BranchingSettings) {
    let lower = upper.compatible(lower);
    upper.merge(lower);
}

impl BranchingSettings {
    /// The part of the lower settings that these can be laid over.
    fn compatible(&self, lower: Self) -> Self {
        let injections = self.injection_steps.is_some() || self.injection_strengths.is_some();
        if self.quality.is_some() {
            Self {
                depth_strength: lower.depth_strength,
                ..Self::default()
            }
        } else if self.frames.is_some() {
            Self {
                depth_strength: lower.depth_strength,
                steps: lower.steps,
                ..Self::default()
            }
        } else if self.branches.is_some() || injections {
            let (injection_steps, injection_strengths) = if injections {
                (None, None)
            } else {
                (lower.injection_steps, lower.injection_strengths)
            };
            Self {
                steps: lower.steps,
                branches: lower.branches,
                injection_steps,
                injection_strengths,
                ..Self::default()
            }
        } else {
            let quality = lower.quality.filter(|_| self.steps.is_none());
            Self { quality, ..lower }
        }
    }
}

#[cfg(test)]
mod tests {
    use lb_schedule::Quality;

    use super::*;
    use crate::{Branching, Injections};

    fn over(mut upper: BranchingSettings, lower: BranchingSettings) -> BranchingSettings {
        branching(&mut upper, lower);
        upper
    }

    fn numbers(steps: Option<usize>, frames: Option<usize>) -> BranchingSettings {
        BranchingSettings {
            steps,
            frames,
            ..Default::default()
        }
    }

    #[test]
    fn compatible_settings_are_kept_and_others_are_dropped() {
        let depth = |depth_strength| BranchingSettings {
            depth_strength: Some(depth_strength),
            ..Default::default()
        };
        let autosetup = |frames, depth_strength| {
            Ok(Branching::Autosetup {
                steps: 20,
                frames,
                depth_strength,
            })
        };
        let below = over(numbers(Some(20), Some(8)), depth(0.2));
        assert_eq!(below.resolve(), autosetup(8, 0.2));
        let fewer = over(numbers(None, Some(4)), below.clone());
        assert_eq!(fewer.resolve(), autosetup(4, 0.2));
        assert_eq!(over(depth(0.7), below.clone()).resolve(), autosetup(8, 0.7));
        let preset = BranchingSettings {
            quality: Some(Quality::Low),
            ..Default::default()
        };
        assert_eq!(
            over(preset, below.clone()).resolve(),
            Ok(Branching::Preset {
                quality: Quality::Low,
                depth_strength: 0.2
            })
        );
        let by_hand = BranchingSettings {
            branches: Some(vec![2, 5]),
            injection_steps: Some(vec![0, 9]),
            ..Default::default()
        };
        let by_hand = over(by_hand, below);
        assert_eq!(
            by_hand.resolve(),
            Ok(Branching::Manual {
                steps: 20,
                branch_counts: vec![2, 5],
                injections: Injections::Steps(vec![0, 9])
            })
        );
        let strengths = BranchingSettings {
            injection_strengths: Some(vec![0.0, 0.5]),
            ..Default::default()
        };
        assert!(matches!(
            over(strengths, by_hand).resolve(),
            Ok(Branching::Manual {
                injections: Injections::Strengths(_),
                ..
            })
        ));
    }

    fn keyframe(prompt: &str, hold: Option<f64>) -> KeyframeSettings {
        let mut keyframe = KeyframeSettings::from_prompt(prompt);
        keyframe.shared.hold = hold;
        keyframe
    }

    #[test]
    fn upper_settings_win_and_forced_ones_win_over_each_keyframe() {
        let mut file = JobSettings {
            keyframes: vec![keyframe("a", Some(2.0)), keyframe("b", None)],
            ..Default::default()
        };
        file.defaults.shared.hold = Some(1.0);
        file.timing.frames_per_second = Some(12.0);
        let mut flags = JobSettings::default();
        flags.defaults.shared.hold = Some(0.5);
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
    fn a_picture_is_guided_only_where_its_own_keyframe_says_so() {
        let picture = |guidance_scale| {
            let mut keyframe = KeyframeSettings::from_image("b.png");
            keyframe.shared.guidance_scale = guidance_scale;
            keyframe
        };
        let file = JobSettings {
            keyframes: vec![keyframe("a", None), picture(None), picture(Some(1.5))],
            ..Default::default()
        };
        let mut flags = JobSettings::default();
        flags.defaults.shared.guidance_scale = Some(3.0);
        for settings in [
            flags.clone().over(file.clone()),
            flags.clone().forced_on(file),
        ] {
            let job = settings.resolve().unwrap();
            let scales = job.keyframes.iter().map(|keyframe| keyframe.guidance_scale);
            assert_eq!(scales.collect::<Vec<_>>(), [3.0, 1.0, 1.5]);
        }
    }

    #[test]
    fn a_mid_compression_is_dropped_with_the_fixed_spacing_it_belonged_to() {
        let mut upper = SpacingSettings {
            choice: Some(SpacingChoice::Perceptual),
            mid_compression: None,
        };
        let lower = SpacingSettings {
            choice: Some(SpacingChoice::Fixed),
            mid_compression: Some(2.0),
        };
        spacing(&mut upper, lower);
        assert_eq!(upper.mid_compression, None);
        let mut open = SpacingSettings::default();
        spacing(&mut open, lower);
        assert_eq!(open, lower);
    }
}
