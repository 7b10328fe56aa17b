//! The walk over a film's trees: keyframes first, then each transition, one batch a level.

mod batch;
mod check;
mod options;
mod transition;

use std::ops::ControlFlow;

use lb_schedule::BranchingProfile;

use self::batch::{Batch, LevelEnd, Start};
pub use self::options::{BlendOptions, Keyframe, SpacingDistance};
use crate::backend::Backend;
use crate::error::BlendError;
use crate::latents::Latents;
use crate::observe::{Branch, Observer, Phase, StepProgress};
use crate::sampler::Sampler;

/// A computed frame of a transition, ready to be decoded.
#[derive(Clone, PartialEq, Debug)]
pub struct BlendedFrame {
    /// Where between the transition's keyframes, from 0 to 1.
    pub fraction: f64,
    /// The clean latents.
    pub latents: Latents,
}

/// What a film took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BlendStatistics {
    /// Branches × steps; equals [`BranchingProfile::film_cost`].
    pub model_evaluations: usize,
    /// Rows that the backend predicted: conditional and unconditional ones.
    pub predicted_rows: usize,
    /// Calls of [`Backend::predict`].
    pub predict_calls: usize,
}

/// A computed film.
#[derive(Clone, PartialEq, Debug)]
pub struct Blended {
    /// For each pair of neighbouring keyframes its computed frames, by growing fraction, both
    /// keyframes included (so that an inner keyframe stands in two transitions).
    pub transitions: Vec<Vec<BlendedFrame>>,
    /// For each transition the fractions of every level of its tree, from level 0.
    pub level_fractions: Vec<Vec<Vec<f64>>>,
    /// What it took.
    pub statistics: BlendStatistics,
}

/// Computes the film through these keyframes.
///
/// The keyframes' own trajectories are computed first, all in one batch: they are the branches at
/// fraction 0 and 1 of every level of every transition. Then each transition is walked level by
/// level, its inner branches as one batch: they start from the slerp of their parents' latents and
/// run under the mix of the keyframes' conditionings, beside the slerp of their concatenated
/// channels (a copy where the keyframes share them). A multistep sampler also gets the parents'
/// last predictions, mixed along the line between them: clean latents, unlike noisy ones, do not
/// lie on a sphere; the branch's conditioning is the same mix of its parents'; and so a branch at
/// its parent's fraction goes on as that parent would. A batch is one [`Backend::predict`] call per
/// step, split only where the backend's batch limit says so; the split changes no result beyond
/// what it changes in the backend.
///
/// The same arguments give the same bits, given a backend of which that is true.
///
/// # Errors
/// A [`BlendError`] for what does not fit together (before the model is asked anything), for a
/// value that becomes NaN or infinite, for a backend that fails, and
/// [`BlendError::Interrupted`] once the observer breaks off.
pub fn blend(
    backend: &mut dyn Backend,
    sampler: &dyn Sampler,
    profile: &BranchingProfile,
    keyframes: &[Keyframe],
    options: &BlendOptions,
    observer: &mut dyn Observer,
) -> Result<Blended, BlendError> {
    check::check(sampler, profile, keyframes, options)?;
    let batch_limit = backend.batch_limit();
    if batch_limit == 0 {
        return Err(BlendError::BatchLimit);
    }
    let mut film = Film {
        backend,
        batch_limit,
        sampler,
        profile,
        options,
        observer,
        batch: Batch::like(&keyframes[0]),
        statistics: BlendStatistics::default(),
        total_model_evaluations: profile.film_cost(keyframes.len()).model_evaluations,
    };
    let ends = film.keyframes(keyframes)?;
    let mut transitions = Vec::with_capacity(keyframes.len() - 1);
    let mut level_fractions = Vec::with_capacity(keyframes.len() - 1);
    for index in 0..keyframes.len() - 1 {
        let (frames, fractions) = film.transition(index, keyframes, &ends)?;
        proceed(film.observer.transition(index, &frames))?;
        transitions.push(frames);
        level_fractions.push(fractions);
    }
    Ok(Blended {
        transitions,
        level_fractions,
        statistics: film.statistics,
    })
}

/// A film in the making.
struct Film<'a> {
    backend: &'a mut dyn Backend,
    batch_limit: usize,
    sampler: &'a dyn Sampler,
    profile: &'a BranchingProfile,
    options: &'a BlendOptions,
    observer: &'a mut dyn Observer,
    batch: Batch,
    statistics: BlendStatistics,
    total_model_evaluations: usize,
}

impl Film<'_> {
    /// Where all keyframes stand after each level.
    fn keyframes(&mut self, keyframes: &[Keyframe]) -> Result<Vec<LevelEnd>, BlendError> {
        let guidance_scale = self.options.guidance.at(0.0);
        let mut starts = Vec::with_capacity(keyframes.len());
        for (index, keyframe) in keyframes.iter().enumerate() {
            let latents = &keyframe.initial_latents;
            starts.push(Start {
                branch: Branch::Keyframe(index),
                guidance_scale,
                latents: (latents, latents, 0.0),
                history: None,
                keyframes: (keyframe, keyframe, 0.0),
            });
        }
        self.batch.fill(&starts)?;
        let mut ends = Vec::with_capacity(self.profile.levels().len());
        for level in 0..self.profile.levels().len() {
            self.denoise(level, Phase::Keyframes)?;
            ends.push(self.batch.end()?);
        }
        if let Some(end) = ends.last() {
            proceed(self.observer.keyframes(&end.latents))?;
        }
        Ok(ends)
    }

    /// Takes the batch through the steps of a level.
    fn denoise(&mut self, level: usize, phase: Phase) -> Result<(), BlendError> {
        let branches = self.batch.branches();
        if branches == 0 {
            return Ok(());
        }
        for step in self.profile.step_range(level) {
            let calls = self
                .batch
                .predict(self.backend, self.batch_limit, self.sampler, step)?;
            self.batch.step(self.sampler, step)?;
            self.statistics.predict_calls += calls;
            self.statistics.predicted_rows += self.batch.rows();
            self.statistics.model_evaluations += branches;
            proceed(self.observer.step(&StepProgress {
                phase,
                branches,
                step: step + 1,
                steps: self.profile.steps(),
                model_evaluations: self.statistics.model_evaluations,
                total_model_evaluations: self.total_model_evaluations,
            }))?;
        }
        Ok(())
    }
}

fn proceed(flow: ControlFlow<()>) -> Result<(), BlendError> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(BlendError::Interrupted),
    }
}
