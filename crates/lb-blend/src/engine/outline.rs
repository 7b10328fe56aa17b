//! What is known of a film before any of its keyframes has been made.

use std::collections::BTreeSet;
use std::ops::Range;

use lb_schedule::{BranchingProfile, Cost, Guidance, Spacing, film_cost, keyframes_cost};

use crate::error::BlendError;
use crate::film::{Film, Transition};
use crate::guidance::rows_at;
use crate::keyframe_source::{KeyframeSource, validate_guidance_scale};
use crate::options::BlendOptions;
use crate::snapshot::SnapshotKey;

/// A film without latents and conditionings: its transitions, and how strongly each keyframe is
/// guided. This is enough to know the film's cost, the size of its model calls, and the snapshots
/// that it has.
///
/// Transitions join keyframes as in a [`Film`]: as many transitions as keyframes make a loop, and
/// without transitions the keyframes are stills.
#[derive(Clone, PartialEq, Debug)]
pub struct FilmOutline<'a> {
    transitions: &'a [Transition],
    guidance_scales: Vec<f64>,
    /// Denoising steps of stills.
    still_steps: usize,
}

impl<'a> FilmOutline<'a> {
    /// The outline of a film with these transitions, whose keyframes have these guidance scales.
    ///
    /// Nothing is validated here. The numbers of an outline that [`blend`](crate::blend()) would
    /// refuse mean nothing.
    #[must_use]
    pub fn new(
        transitions: &'a [Transition],
        guidance_scales: impl IntoIterator<Item = f64>,
    ) -> Self {
        Self {
            transitions,
            guidance_scales: guidance_scales.into_iter().collect(),
            still_steps: 0,
        }
    }

    /// The same outline, whose keyframes take this many denoising steps if they are stills. If there are
    /// transitions, their profiles say how many steps there are.
    #[must_use]
    pub fn with_steps(self, steps: usize) -> Self {
        Self {
            still_steps: steps,
            ..self
        }
    }

    /// The outline of a film with these transitions, whose keyframes this source makes. No keyframe
    /// is made for it.
    #[must_use]
    pub fn of_source(transitions: &'a [Transition], keyframes: &dyn KeyframeSource) -> Self {
        let indices = 0..keyframes.count();
        Self::new(
            transitions,
            indices.map(|index| keyframes.guidance_scale(index)),
        )
    }

    /// The transitions.
    #[must_use]
    pub fn transitions(&self) -> &'a [Transition] {
        self.transitions
    }

    /// The guidance scale of each keyframe.
    #[must_use]
    pub fn guidance_scales(&self) -> &[f64] {
        &self.guidance_scales
    }

    /// Number of keyframes.
    #[must_use]
    pub fn keyframes(&self) -> usize {
        self.guidance_scales.len()
    }

    /// Denoising steps of every trajectory.
    #[must_use]
    pub fn steps(&self) -> usize {
        let first = self.transitions.first();
        first.map_or(self.still_steps, |at| at.profile.steps())
    }

    /// Whether transitions join the keyframes.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        !self.transitions.is_empty()
    }

    /// Whether the last transition leads back to the first keyframe.
    #[must_use]
    pub fn is_looped(&self) -> bool {
        self.is_joined() && self.transitions.len() == self.keyframes()
    }

    /// The indices of the two keyframes that a transition joins.
    #[must_use]
    pub fn ends(&self, transition: usize) -> (usize, usize) {
        let next = transition + 1;
        let right = if next < self.keyframes() { next } else { 0 };
        (transition, right)
    }

    /// Model evaluations and computed frames of the whole film. [`blend`](crate::blend()) spends
    /// exactly these evaluations, less those that snapshots spare.
    #[must_use]
    pub fn cost(&self) -> Cost {
        match self.is_joined() {
            true => film_cost(self.profiles(), self.is_looped()),
            false => keyframes_cost(self.keyframes(), self.steps()),
        }
    }

    /// After which steps a keyframe's trajectory is recorded: the engine asks the snapshot store for
    /// these, as [`SnapshotKey::Keyframe`].
    ///
    /// They are the steps after which a level of a transition beside the keyframe ends, under
    /// perceptual spacing every step at which branches move beside it, and with crossfeed between
    /// keyframes also every step at which the next keyframe is drawn towards this one (then the
    /// content depends on all keyframes before, too). The last step is always among them. The state
    /// before the first step, where a tree of one step branches, is the keyframe itself and not recorded.
    #[must_use]
    pub fn recorded_steps(&self, keyframe: usize, options: &BlendOptions) -> BTreeSet<usize> {
        let mut recorded = self.steps_beside(keyframe, options.spacing);
        recorded.extend(options.crossfeed.keyframes.active_steps(self.steps()));
        recorded.remove(&0);
        recorded
    }

    /// The snapshots from which the whole film is put together without asking the model: all
    /// recorded steps of its keyframes, and the last level of every transition.
    pub fn final_snapshots<'s>(
        &'s self,
        options: &BlendOptions,
    ) -> impl Iterator<Item = SnapshotKey> + 's {
        let options = *options;
        let keyframes = (0..self.keyframes()).flat_map(move |index| {
            let steps = self.recorded_steps(index, &options);
            let key = move |step| SnapshotKey::Keyframe { index, step };
            steps.into_iter().map(key)
        });
        let levels = self.transitions.iter().enumerate();
        let levels = levels.filter_map(|(transition, at)| {
            let level = at.profile.levels().len() - 1;
            (level > 0).then_some(SnapshotKey::Level { transition, level })
        });
        keyframes.chain(levels)
    }

    /// How many differences that guidance made a snapshot has: one for a guided keyframe, if guidance is not
    /// computed at every step and a step follows. A level has none, as the next one starts by computing them.
    /// See [`BlendOptions::guidance_every`].
    #[must_use]
    pub fn guidance_differences(&self, key: SnapshotKey, options: &BlendOptions) -> usize {
        match key {
            SnapshotKey::Keyframe { index, step } => usize::from(
                options.guidance_every > 1 && step < self.steps() && self.keyframe_rows(index) == 2,
            ),
            SnapshotKey::Level { .. } => 0,
        }
    }

    /// Validates everything but the keyframes' latents and conditionings, for a sampler of this many
    /// steps.
    pub(super) fn validate(&self, sampler: usize) -> Result<(), BlendError> {
        let (transitions, keyframes) = (self.transitions.len(), self.keyframes());
        if keyframes < 1 + usize::from(self.is_joined()) {
            return Err(BlendError::TooFewKeyframes { count: keyframes });
        }
        if self.is_joined() && transitions != keyframes - 1 && transitions != keyframes {
            return Err(BlendError::TransitionCount {
                transitions,
                keyframes,
            });
        }
        for (transition, at) in self.transitions.iter().enumerate() {
            let (profile, damper) = (at.profile.steps(), at.guidance_damper);
            if sampler != profile {
                return Err(BlendError::StepsDiffer {
                    sampler,
                    transition,
                    profile,
                });
            }
            Guidance::new(1.0, damper).validate()?;
        }
        let mut scales = self.guidance_scales.iter();
        scales.try_for_each(|&scale| validate_guidance_scale(scale))
    }

    pub(super) fn profiles(&self) -> impl Iterator<Item = &'a BranchingProfile> + Clone {
        self.transitions.iter().map(|at| &at.profile)
    }

    /// After which steps a transition beside a keyframe needs the keyframe's state: where a level
    /// ends, and under perceptual spacing wherever the branches of a level move.
    pub(super) fn steps_beside(&self, keyframe: usize, spacing: Spacing) -> BTreeSet<usize> {
        if !self.is_joined() {
            return BTreeSet::from([self.steps()]);
        }
        let last = self.transitions.len() - 1;
        let before = match keyframe.checked_sub(1) {
            Some(before) => Some(before),
            None => self.is_looped().then_some(last),
        };
        let beside = before.into_iter().chain([keyframe]);
        let beside = beside.filter_map(|index| self.transitions.get(index));
        let steps = beside.flat_map(|transition| {
            let profile = &transition.profile;
            (0..profile.levels().len()).flat_map(move |level| {
                let spaced = match level {
                    0 => 0..0,
                    _ => spacing_steps(profile, level, spacing),
                };
                spaced.chain([profile.step_range(level).end])
            })
        });
        steps.collect()
    }

    /// The most rows that a group of keyframes takes: as many as the batch limit allows, but no more
    /// than the film's largest level (or two keyframes) has. Then a long film needs no larger calls
    /// and no more memory than a short one. Stills are computed in groups of at most
    /// [`MOST_ROWS_OF_STILLS`], so that the first ones are finished soon.
    pub(super) fn group_rows(&self, batch_limit: usize) -> usize {
        if !self.is_joined() {
            return batch_limit.min(MOST_ROWS_OF_STILLS);
        }
        let inner = (0..self.transitions.len()).map(|index| {
            let branches = self.transitions[index].profile.frame_count() - 2;
            branches * self.inner_rows(index)
        });
        inner.fold(4, usize::max).min(batch_limit)
    }

    /// The keyframes from `first` on that are computed together: as many as fit into this many rows,
    /// and at least one.
    pub(super) fn group(&self, first: usize, most_rows: usize) -> Range<usize> {
        let mut rows = 0;
        let others = (first..self.keyframes()).take_while(|&index| {
            rows += self.keyframe_rows(index);
            index == first || rows <= most_rows
        });
        first..first + others.count()
    }

    /// Rows that a keyframe takes in a model call.
    pub(super) fn keyframe_rows(&self, index: usize) -> usize {
        self.guidance_scales.get(index).map_or(1, |&at| rows_at(at))
    }

    /// The most rows that an inner branch of a transition takes in a model call.
    pub(super) fn inner_rows(&self, transition: usize) -> usize {
        let (left, right) = self.ends(transition);
        self.keyframe_rows(left).max(self.keyframe_rows(right))
    }

    /// Whether a guided transition may have branches at a guidance scale of exactly 1.
    pub(super) fn reaches_one(&self, transition: usize) -> bool {
        let (left, right) = self.ends(transition);
        let unguided = |index: usize| self.keyframe_rows(index) == 1;
        self.transitions[transition].guidance_damper == 0.0 || unguided(left) || unguided(right)
    }
}

/// The most rows of a group of stills. Larger model calls would gain nothing.
const MOST_ROWS_OF_STILLS: usize = 32;

/// The steps of a level before which the fractions of its branches are decided: under fixed spacing
/// the first one, and under perceptual spacing, which moves the branches, all of them.
pub(super) fn spacing_steps(
    profile: &BranchingProfile,
    level: usize,
    spacing: Spacing,
) -> Range<usize> {
    let steps = profile.step_range(level);
    match spacing {
        Spacing::Fixed { .. } => steps.start..steps.start + 1,
        Spacing::Perceptual => steps,
    }
}

impl Film {
    /// What is known of this film without its latents and conditionings.
    #[must_use]
    pub fn outline(&self) -> FilmOutline<'_> {
        let keyframes = self.keyframes.iter();
        FilmOutline::new(&self.transitions, keyframes.map(|at| at.guidance_scale))
    }

    /// The whole film's cost; see [`FilmOutline::cost`]. Without transitions, the steps are not known
    /// here, and the cost counts the decodes alone.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.outline().cost()
    }

    /// Whether the last transition leads back to the first keyframe.
    #[must_use]
    pub fn is_looped(&self) -> bool {
        self.outline().is_looped()
    }
}
