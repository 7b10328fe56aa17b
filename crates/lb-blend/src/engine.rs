//! Walks over a film: computes keyframes in groups, and each transition as soon as its two keyframes are
//! there.

mod batch;
mod crossfeed;
mod curve;
mod denoiser;
mod distance;
mod forecast;
mod inversion;
mod keyframes;
mod level;
mod origin;
mod outline;
mod transition;

use lb_schedule::Crossfeed;

use self::denoiser::Denoiser;
pub use self::forecast::{BatchSteps, CallRows, Forecast};
pub use self::inversion::{InversionOptions, Inverted, invert, relative_error};
use self::keyframes::KeyframeWindow;
pub use self::outline::FilmOutline;
use self::transition::TransitionTree;
use crate::backend::Backend;
use crate::error::BlendError;
use crate::film::Transition;
use crate::guidance::GuidanceOptions;
use crate::keyframe_source::KeyframeSource;
use crate::observer::{BlendReport, BlendedFrame, Observer};
use crate::options::BlendOptions;
use crate::sampler::Sampler;
use crate::snapshot::SnapshotStore;

/// The arguments of [`blend`].
pub struct BlendRequest<'a> {
    /// The model.
    pub backend: &'a mut dyn Backend,
    /// How latents are denoised. It takes as many steps as the transitions' trees have.
    pub sampler: &'a dyn Sampler,
    /// The film's keyframes: at least 2, or at least 1 if there are no transitions.
    pub keyframes: &'a mut dyn KeyframeSource,
    /// What joins them: one transition for each pair of neighbours, and for a loop one from the last
    /// keyframe to the first. Without transitions, the keyframes are stills.
    pub transitions: &'a [Transition],
    /// Spacing and crossfeed.
    pub options: BlendOptions,
    /// Where snapshots are kept; `&mut ()` keeps none.
    pub snapshots: &'a mut dyn SnapshotStore,
    /// Who receives the film; `&mut ()` throws it away.
    pub observer: &'a mut dyn Observer,
}

/// Computes a film, and hands it to the observer in film order.
///
/// A keyframe's own trajectory is computed once: it is the branch at fraction 0 or 1 of every level
/// of the transitions beside it. Keyframes are computed in groups, as many in one batch as the
/// backend's batch limit allows, but no more than the film's largest level has branches. As soon as
/// a transition's two keyframes are there, its tree is walked level by level, each level's inner
/// branches as one batch. They start from the slerp of their parents' latents and run under the mix
/// of the keyframes' conditionings (and of their negative conditionings), beside the slerp of their
/// concatenated channels (a copy where the keyframes share them). A multistep sampler also gets the
/// parents' last predictions, mixed along the line between them: clean latents, unlike noisy ones,
/// do not lie on a sphere, and the branch's conditioning is the same mix of its parents'. So a
/// branch at its parent's fraction continues as that parent would. A batch is one
/// [`Backend::predict`] call in each step, split only where the backend's batch limit demands it.
/// Neither the split nor the groups change a result, apart from what the number of rows in a call
/// changes in the backend.
///
/// Under perceptual spacing a level's branches move. Before every step their fractions are decided
/// again by the distances between what the branches' last step predicted (before a level's first step:
/// the last step of the level above), so that neighbours will differ by equal amounts. Deciding once,
/// when a level starts, is too early: a picture that changes abruptly from one object to the other does
/// so while the level is denoised. A branch that starts or moves becomes what lies at its fraction on
/// the curve through the known branches (the keyframes among them). Its clean part lies on a cubic
/// through four branches, whose bend is stretched, within limits, until the contrast is between that of
/// the two neighbours, because a plain mix of two pictures loses contrast; its noise lies on the arc
/// between the neighbours' noise. Moving takes no model evaluation.
///
/// Under [crossfeed](lb_schedule::Crossfeed) a trajectory is drawn towards another one before the
/// model is asked: at each step of the range its latents become the slerp of themselves and the
/// other's latents at that step, by the curve's coefficient (and the prediction of the step before,
/// which a multistep sampler reads, becomes the linear mix of both predictions by the same
/// coefficient). A keyframe is drawn towards the state of the keyframe before it at the same step; the
/// first one is not drawn towards any, also in a loop. An inner branch is drawn towards the mix of its
/// parents. Parents end with their level, so from there each is continued along its last prediction, by
/// the step that DDIM would take from the parent's end to the noise level in question if the prediction
/// stayed the same: √ᾱ'·x̂₀ + √(1 − ᾱ')·ε. This takes no model evaluation, so crossfeed changes no cost.
///
/// Guidance rescale changes the guided output of every row that has an unconditional one, before the sampler
/// sees it. A branch whose guidance scale is 1 is not changed, and one that approaches 1 is changed less and
/// less, so that a damped transition has no jump.
///
/// Guidance may be computed only at every Nth step ([`BlendOptions::guidance_every`]): then the difference
/// that it made is a part of a branch's state, and scaled by the branch's present guidance scale. A level
/// computes it at its first step. Until it does so again, a branch that moves takes the mix of its neighbours'
/// differences, along the line.
///
/// What the snapshot store has is not computed again: a transition continues from the deepest level that
/// the store has of it, and of a keyframe's trajectory only the stretches whose snapshots are missing
/// are computed. What is computed is saved as soon as it is final. Memory is needed for one group of
/// keyframes and one transition, however long the film.
///
/// Keyframes without transitions are stills: they are computed in the same way and reported one by
/// one, and there is no crossfeed between them.
///
/// The same arguments give the same bits if the same requests to the backend do.
///
/// # Errors
/// A [`BlendError`] for arguments that do not fit together (before the model is asked anything,
/// except for keyframes that are made later), for a keyframe that cannot be made, for a value that
/// becomes NaN or infinite, for a backend that fails, and [`BlendError::Interrupted`] once the
/// observer stops the work.
pub fn blend(request: BlendRequest<'_>) -> Result<BlendReport, BlendError> {
    let BlendRequest {
        backend,
        sampler,
        keyframes,
        transitions,
        options,
        snapshots,
        observer,
    } = request;
    options.validate()?;
    let options = match transitions {
        // Stills are not drawn towards each other.
        [] => options.with_crossfeed(Crossfeed::default()),
        _ => options,
    };
    let steps = sampler.timesteps().len();
    let outline = FilmOutline::of_source(transitions, keyframes).with_steps(steps);
    outline.validate(steps)?;
    keyframes.validate()?;
    let total = outline.cost().model_evaluations;
    let guidance = GuidanceOptions {
        rescale: options.guidance_rescale,
        every: options.guidance_every,
    };
    let denoiser = &mut Denoiser::new(backend, sampler, observer, total, guidance)?;
    let mut window = KeyframeWindow::new(keyframes, &outline, options, denoiser.batch_limit());
    for index in 0..outline.keyframes() {
        window.reach(index, denoiser, snapshots)?;
        let finished = window.get(index).after(denoiser.steps());
        denoiser.report_keyframe(index, &finished.latents[0])?;
        if !outline.is_joined() {
            window.drop_keyframe(index);
        } else if let Some(before) = index.checked_sub(1) {
            compute_transition(before, &outline, &options, &window, denoiser, snapshots)?;
            if before > 0 || !outline.is_looped() {
                window.drop_keyframe(before);
            }
        }
    }
    if outline.is_looped() {
        let last = transitions.len() - 1;
        compute_transition(last, &outline, &options, &window, denoiser, snapshots)?;
    }
    Ok(denoiser.report)
}

/// Computes a transition, both keyframes of which are in the window, and reports its frames.
fn compute_transition(
    index: usize,
    outline: &FilmOutline<'_>,
    options: &BlendOptions,
    window: &KeyframeWindow<'_>,
    denoiser: &mut Denoiser<'_>,
    snapshots: &mut dyn SnapshotStore,
) -> Result<(), BlendError> {
    let (left, right) = outline.ends(index);
    let tree = TransitionTree {
        index,
        transition: &outline.transitions()[index],
        left: window.get(left),
        right: window.get(right),
        options,
    };
    let last = tree.compute(denoiser, snapshots)?;
    let fractions = last.level_fractions().to_vec();
    let frames: Vec<BlendedFrame> = std::iter::zip(fractions, last.latents)
        .map(|(fraction, latents)| BlendedFrame { fraction, latents })
        .collect();
    denoiser.report_transition(index, &frames, &last.fractions)
}
