//! What a film is made from: keyframes, and the transitions between them.

use std::collections::BTreeSet;
use std::ops::Range;

use lb_schedule::{BranchingProfile, Cost, Spacing, film_cost, guidance_scale_between};

use super::options::BlendOptions;
use super::placement::placements;
use crate::backend::Conditioning;
use crate::latents::Latents;

/// An end picture: what it shows, and the noise that it is made from.
#[derive(Clone, PartialEq, Debug)]
pub struct Keyframe {
    /// What the picture shows.
    pub conditioning: Conditioning,
    /// What guidance leads away from; usually the empty prompt's conditioning. As large as
    /// `conditioning`.
    pub negative: Conditioning,
    /// The guidance scale of the picture: 1 (no guidance) to 100.
    pub guidance_scale: f64,
    /// The noise at the first step, as [`initial_latents`](crate::noise::initial_latents) makes it.
    pub initial_latents: Latents,
    /// Further input channels that the model sees beside the latents at every step and that are not
    /// denoised: a mask and a masked picture (inpainting, 5 channels), depth (1), a noised picture
    /// of low resolution (upscaling, 3). Of the latents' height and width, and of as many channels
    /// in every keyframe of a film; `None` for a model that takes latents alone.
    pub concatenated: Option<Latents>,
}

impl Keyframe {
    pub(super) fn concatenated_values(&self) -> &[f32] {
        self.concatenated.as_ref().map_or(&[], Latents::values)
    }

    pub(super) fn concatenated_channels(&self) -> usize {
        let concatenated = self.concatenated.as_ref();
        concatenated.map_or(0, |latents| latents.shape().channels)
    }

    /// Rows of a model call that a branch at this keyframe takes.
    pub(crate) fn rows(&self) -> usize {
        if self.guidance_scale == 1.0 { 1 } else { 2 }
    }
}

/// What joins two keyframes.
#[derive(Clone, PartialEq, Debug)]
pub struct Transition {
    /// The branching tree; of as many steps as every other transition's of the film.
    pub profile: BranchingProfile,
    /// What is left of the guidance in the middle, 0 to 1: [`Guidance::damper`](lb_schedule::Guidance::damper).
    pub guidance_damper: f64,
}

impl Transition {
    /// The guidance scale at a fraction between keyframes of these scales.
    pub(super) fn guidance_scale(&self, left: f64, right: f64, fraction: f64) -> f64 {
        guidance_scale_between([left, right], self.guidance_damper, fraction)
    }
}

/// A film: transition t leads from keyframe t to the next.
///
/// K keyframes are joined by K − 1 transitions. With K of them the film is a loop: the last
/// transition leads back to keyframe 0, which is computed once.
#[derive(Clone, PartialEq, Debug)]
pub struct Film {
    /// The end pictures in film order, at least 2.
    pub keyframes: Vec<Keyframe>,
    /// One for each pair of neighbours, and for a loop one from the last keyframe to the first.
    pub transitions: Vec<Transition>,
}

impl Film {
    /// What the whole film takes; [`blend`](crate::blend()) spends exactly these model evaluations,
    /// less those that a store spares.
    pub fn cost(&self) -> Cost {
        let profiles = self
            .transitions
            .iter()
            .map(|transition| &transition.profile);
        film_cost(profiles, self.is_looped())
    }

    /// Whether the last transition leads back to the first keyframe.
    pub fn is_looped(&self) -> bool {
        self.transitions.len() == self.keyframes.len()
    }

    /// The keyframes that a transition joins.
    pub(super) fn ends(&self, transition: usize) -> (usize, usize) {
        (transition, (transition + 1) % self.keyframes.len())
    }

    /// After which steps a keyframe's trajectory is recorded: what [`blend`](crate::blend()) asks a
    /// store for as [`Place::Keyframe`](crate::Place::Keyframe).
    ///
    /// Where a level of a transition beside it ends, under perceptual spacing after every step at
    /// which branches move beside it, and with crossfeed between keyframes also at
    /// every step at which the next keyframe takes something over (then what is there depends on
    /// all keyframes before, too). The last step is always among them.
    pub fn recorded_steps(&self, keyframe: usize, options: &BlendOptions) -> BTreeSet<usize> {
        let mut recorded = self.steps_beside(keyframe, options.spacing);
        let steps = self.transitions.first().map(|at| at.profile.steps());
        let curve = options.crossfeed.keyframes;
        recorded.extend(curve.active_steps(steps.unwrap_or(0)));
        recorded
    }

    /// After which steps a transition beside a keyframe needs it: where a level ends, and under
    /// perceptual spacing wherever the branches of a level move.
    pub(super) fn steps_beside(&self, keyframe: usize, spacing: Spacing) -> BTreeSet<usize> {
        let transitions = self.transitions.iter().enumerate();
        let beside = transitions.filter(|&(index, _)| {
            let (left, right) = self.ends(index);
            left == keyframe || right == keyframe
        });
        let ends = beside.flat_map(|(_, transition)| {
            let profile = &transition.profile;
            (0..profile.levels().len()).flat_map(move |level| {
                let placed = match level {
                    0 => BTreeSet::new(),
                    _ => placements(profile, level, spacing),
                };
                placed.into_iter().chain([profile.step_range(level).end])
            })
        });
        ends.collect()
    }

    /// The keyframes from `first` on that are computed together.
    ///
    /// As many as the batch limit takes whole, but no more rows than the film's largest level (or
    /// two keyframes) has: then a long film needs no larger calls, and no more memory, than a short
    /// one.
    pub(crate) fn group(&self, first: usize, batch_limit: usize) -> Range<usize> {
        let widest = (0..self.transitions.len()).map(|index| self.widest_rows(index));
        let most = widest.fold(4, usize::max).min(batch_limit);
        let mut rows = 0;
        let others = self.keyframes[first..].iter().enumerate();
        let fitting = others.take_while(|(place, keyframe)| {
            rows += keyframe.rows();
            *place == 0 || rows <= most
        });
        first..first + fitting.count()
    }

    /// Rows that the inner branches of a transition's last level have at most.
    fn widest_rows(&self, transition: usize) -> usize {
        let inner = self.transitions[transition].profile.frame_count() - 2;
        inner * self.inner_rows(transition)
    }

    /// Rows that an inner branch of a transition has at most.
    pub(crate) fn inner_rows(&self, transition: usize) -> usize {
        let (left, right) = self.ends(transition);
        let rows = |index: usize| self.keyframes[index].rows();
        rows(left).max(rows(right))
    }

    /// Whether a guided transition may have branches at a guidance scale of exactly 1.
    pub(crate) fn reaches_one(&self, transition: usize) -> bool {
        let (left, right) = self.ends(transition);
        let unguided = |index: usize| self.keyframes[index].rows() == 1;
        self.transitions[transition].guidance_damper == 0.0 || unguided(left) || unguided(right)
    }
}
