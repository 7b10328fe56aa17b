//! The walk over a film: keyframes in groups, each transition as soon as its two are there.

mod batch;
mod check;
mod distance;
mod film;
mod inversion;
mod keyframes;
mod neighbours;
mod options;
mod parents;
mod placement;
mod store;
mod transition;

use std::ops::{ControlFlow, Range};

use self::batch::{Batch, Moment};
pub use self::film::{Film, Keyframe, Transition};
pub use self::inversion::{InversionOptions, Inverted, invert, relative_error};
use self::keyframes::Window;
pub use self::options::{BlendOptions, SpacingDistance};
pub use self::store::{LevelEnd, Place, TrajectoryStore};
use crate::backend::Backend;
use crate::error::BlendError;
use crate::latents::Latents;
use crate::observe::{Observer, Phase, StepProgress};
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
pub struct BlendReport {
    /// Branches × steps that were computed.
    pub model_evaluations: usize,
    /// Branches × steps that the store spared. Together with those computed they are
    /// [`Film::cost`]'s.
    pub reused_evaluations: usize,
    /// Rows that the backend predicted: conditional and unconditional ones.
    pub predicted_rows: usize,
    /// Calls of [`Backend::predict`].
    pub predict_calls: usize,
    /// Most states of keyframes' trajectories that were held at once; does not grow with the film.
    pub most_states_held: usize,
}

/// Computes a film, and hands it to the observer in film order.
///
/// A keyframe's own trajectory is computed once: it is the branch at fraction 0 or 1 of every level
/// of the transitions beside it. Keyframes are computed in groups, as many in one batch as the
/// backend's batch limit takes, but no more than the film's largest level has. As soon as a
/// transition's two keyframes are there, it is walked level by level, its inner branches as one
/// batch: they start from the slerp of their parents' latents and run under the mix of the
/// keyframes' conditionings, beside the slerp of their concatenated channels (a copy where the
/// keyframes share them). A multistep sampler also gets the parents' last predictions, mixed along
/// the line between them: clean latents, unlike noisy ones, do not lie on a sphere; the branch's
/// conditioning is the same mix of its parents'; and so a branch at its parent's fraction goes on
/// as that parent would. A batch is one [`Backend::predict`] call per step, split only where the
/// backend's batch limit says so; neither the split nor the groups change a result beyond what the
/// company of other rows changes in the backend.
///
/// Under perceptual spacing a level's branches move: before every step (in a film of many steps,
/// before every twentieth part of them, and before the last one) they are placed anew, by the
/// distances of what their own last step predicted (before a level's first step: the step of the
/// level above), so that neighbours will differ by equal amounts. A place decided once, when a
/// level starts, is too early: a picture that snaps from one object to the other does so while the
/// level is denoised. A branch that moves becomes what lies at its new fraction on the curve
/// through the level's branches (the keyframes among them): on the arc between its neighbours, bent
/// to a cubic through four, because a plain mix of two pictures takes contrast from both. Moving
/// asks the model nothing.
///
/// Under [crossfeed](lb_schedule::Crossfeed) a trajectory is drawn towards another before the model
/// is asked: at each step of the range its latents become the slerp of themselves and the other's
/// latents at that step, by the curve's coefficient (and what a multistep sampler reads of the step
/// before becomes the same mix of both predictions). A keyframe is drawn to the keyframe before it,
/// as that one was after its own last step; the first one goes its own way, also in a loop. An
/// inner branch is drawn to the mix of its parents. Parents end with their level, so from there
/// each is continued along its last prediction: the step that DDIM would take from where the parent
/// ended to the noise level in question if the model said the same again, √ᾱ'·x̂₀ + √(1 − ᾱ')·ε. It
/// asks the model nothing, so that crossfeed changes no cost.
///
/// What the store has is not computed again: a transition goes on from its deepest level there, and
/// a keyframe from wherever its trajectory is interrupted. What is computed is saved as soon as it
/// is final. Memory is that of one group of keyframes and one transition, however long the film.
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
    film: &Film,
    options: &BlendOptions,
    store: &mut dyn TrajectoryStore,
    observer: &mut dyn Observer,
) -> Result<BlendReport, BlendError> {
    check::check(sampler, film, options)?;
    let batch_limit = backend.batch_limit();
    if batch_limit == 0 {
        return Err(BlendError::BatchLimit);
    }
    let walk = Walk {
        backend,
        batch_limit,
        sampler,
        film,
        options,
        store,
        observer,
        batch: Batch::like(&film.keyframes[0]),
        channel_weights: Vec::new(),
        report: BlendReport::default(),
        total_model_evaluations: film.cost().model_evaluations,
    };
    walk.film()
}

/// A film in the making.
struct Walk<'a> {
    backend: &'a mut dyn Backend,
    batch_limit: usize,
    sampler: &'a dyn Sampler,
    film: &'a Film,
    options: &'a BlendOptions,
    store: &'a mut dyn TrajectoryStore,
    observer: &'a mut dyn Observer,
    batch: Batch,
    /// Empty until they are asked for.
    channel_weights: Vec<f64>,
    report: BlendReport,
    total_model_evaluations: usize,
}

impl Walk<'_> {
    fn film(mut self) -> Result<BlendReport, BlendError> {
        let (film, last) = (self.film, self.sampler.timesteps().len());
        let mut window = Window::new();
        for index in 0..film.keyframes.len() {
            if !window.contains_key(&index) {
                self.keyframes(film.group(index, self.batch_limit), &mut window)?;
            }
            let finished = &window[&index].after(last).latents[0];
            proceed(self.observer.keyframe(index, finished))?;
            if let Some(before) = index.checked_sub(1) {
                self.transition(before, &window)?;
                if before > 0 || !film.is_looped() {
                    window.remove(&before);
                }
            }
        }
        if film.is_looped() {
            self.transition(film.transitions.len() - 1, &window)?;
        }
        Ok(self.report)
    }

    /// What the store has for a place, if it can be believed.
    fn stored(&mut self, place: Place) -> Option<LevelEnd> {
        let end = self.store.load(place)?;
        end.fits(self.film, place).then_some(end)
    }

    /// Takes the batch through these steps.
    fn denoise(&mut self, steps: Range<usize>, phase: Phase) -> Result<(), BlendError> {
        let branches = self.batch.branches();
        for step in steps {
            let at = Moment::new(step, self.sampler.timesteps());
            let calls = self.batch.predict(self.backend, self.batch_limit, at)?;
            self.batch.step(self.sampler, step)?;
            self.report.predict_calls += calls;
            self.report.predicted_rows += self.batch.rows();
            self.report.model_evaluations += branches;
            proceed(self.observer.step(&StepProgress {
                phase,
                branches,
                step: step + 1,
                steps: self.sampler.timesteps().len(),
                model_evaluations: self.report.model_evaluations + self.report.reused_evaluations,
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
