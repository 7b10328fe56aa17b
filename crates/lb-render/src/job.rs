//! What a user asks for: a film's content, apart from where it is written.

use lb_blend::{SamplerKind, SpacingDistance};
use lb_schedule::{BranchingProfile, Guidance, Quality, ScheduleError, Spacing};

use crate::error::RenderError;

/// The content of a film.
///
/// Two jobs that are equal make the same film, byte for byte, on the same machine and device.
#[derive(Clone, PartialEq, Debug)]
pub struct Job {
    /// One prompt a keyframe, in film order; at least two.
    pub prompts: Vec<String>,
    /// What no keyframe shall show; empty for nothing.
    pub negative_prompt: String,
    /// One seed a keyframe; keyframes beyond the list count on from its last seed, and an empty
    /// list counts from 0.
    pub seeds: Vec<u64>,
    /// Width and height in pixels; `None` takes the model's own.
    pub size: Option<(usize, usize)>,
    /// How latents are denoised.
    pub sampler: SamplerKind,
    /// The branching tree.
    pub branching: Branching,
    /// How a level's fractions are chosen.
    pub spacing: Spacing,
    /// What perceptual spacing measures.
    pub distance: SpacingDistance,
    /// Guidance over the transition.
    pub guidance: Guidance,
    /// Seconds of film a transition.
    pub seconds: f64,
    /// Film frames a second.
    pub frames_per_second: f64,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            prompts: Vec::new(),
            negative_prompt: String::new(),
            seeds: Vec::new(),
            size: None,
            sampler: SamplerKind::default(),
            branching: Branching::default(),
            spacing: Spacing::default(),
            distance: SpacingDistance::default(),
            guidance: Guidance::default(),
            seconds: 3.0,
            frames_per_second: 30.0,
        }
    }
}

/// How the tree's shape is given.
#[derive(Clone, PartialEq, Debug)]
pub enum Branching {
    /// A named quality.
    Preset {
        /// Steps and computed frames.
        quality: Quality,
        /// Where the first injection lies, as a share of the steps.
        depth_strength: f64,
    },
    /// Steps and frames; levels are found.
    Autosetup {
        /// Inference steps.
        steps: usize,
        /// Computed frames of a transition, its keyframes among them.
        frames: usize,
        /// Where the first injection lies, as a share of the steps.
        depth_strength: f64,
    },
    /// Every level given.
    Manual {
        /// Inference steps.
        steps: usize,
        /// Branches a level.
        branch_counts: Vec<usize>,
        /// Where the levels begin.
        injections: Injections,
    },
}

impl Default for Branching {
    fn default() -> Self {
        Self::Preset {
            quality: Quality::Medium,
            depth_strength: 0.4,
        }
    }
}

impl Branching {
    /// The tree.
    ///
    /// # Errors
    /// The rule of [`ScheduleError`] that the numbers break.
    pub fn profile(&self) -> Result<BranchingProfile, ScheduleError> {
        match self {
            Self::Preset {
                quality,
                depth_strength,
            } => BranchingProfile::preset(*quality, *depth_strength),
            Self::Autosetup {
                steps,
                frames,
                depth_strength,
            } => BranchingProfile::autosetup(*steps, *frames, *depth_strength),
            Self::Manual {
                steps,
                branch_counts,
                injections: Injections::Steps(at),
            } => BranchingProfile::manual(*steps, branch_counts, at),
            Self::Manual {
                steps,
                branch_counts,
                injections: Injections::Strengths(at),
            } => BranchingProfile::manual_strengths(*steps, branch_counts, at),
        }
    }
}

/// Where the levels of a tree begin.
#[derive(Clone, PartialEq, Debug)]
pub enum Injections {
    /// At these steps.
    Steps(Vec<usize>),
    /// At these shares of all steps.
    Strengths(Vec<f64>),
}

impl Job {
    /// Most keyframes of one film.
    pub const MOST_KEYFRAMES: usize = 1000;
    /// Longest prompt, in bytes.
    pub const LONGEST_PROMPT: usize = 10_000;

    /// The seed of every keyframe.
    #[must_use]
    pub fn keyframe_seeds(&self) -> Vec<u64> {
        let count_on = |index: usize| match self.seeds.last() {
            Some(last) => last.wrapping_add((index + 1 - self.seeds.len()) as u64),
            None => index as u64,
        };
        (0..self.prompts.len())
            .map(|index| {
                self.seeds
                    .get(index)
                    .copied()
                    .unwrap_or_else(|| count_on(index))
            })
            .collect()
    }

    pub(crate) fn measures_pictures(&self) -> bool {
        self.distance == SpacingDistance::Pictures
    }

    pub(crate) fn check_prompts(&self) -> Result<(), RenderError> {
        let count = self.prompts.len();
        if !(2..=Self::MOST_KEYFRAMES).contains(&count) {
            return Err(RenderError::PromptCount { found: count });
        }
        if self.seeds.len() > count {
            return Err(RenderError::SeedCount {
                found: self.seeds.len(),
                prompts: count,
            });
        }
        let too_long = self
            .prompts
            .iter()
            .chain(std::iter::once(&self.negative_prompt))
            .find(|prompt| prompt.len() > Self::LONGEST_PROMPT);
        match too_long {
            Some(prompt) => Err(RenderError::PromptLength {
                found: prompt.len(),
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(prompts: usize, seeds: &[u64]) -> Job {
        Job {
            prompts: vec!["a".into(); prompts],
            seeds: seeds.to_vec(),
            ..Default::default()
        }
    }

    #[test]
    fn seeds_count_on_from_the_last_one_given() {
        assert_eq!(job(3, &[]).keyframe_seeds(), [0, 1, 2]);
        assert_eq!(job(4, &[7, 3]).keyframe_seeds(), [7, 3, 4, 5]);
        assert_eq!(job(2, &[u64::MAX]).keyframe_seeds(), [u64::MAX, 0]);
    }

    #[test]
    fn a_film_needs_two_prompts_and_no_more_seeds_than_prompts() {
        assert!(matches!(
            job(1, &[]).check_prompts(),
            Err(RenderError::PromptCount { found: 1 })
        ));
        assert!(matches!(
            job(2, &[1, 2, 3]).check_prompts(),
            Err(RenderError::SeedCount {
                found: 3,
                prompts: 2
            })
        ));
        assert!(job(2, &[1, 2]).check_prompts().is_ok());
    }
}
