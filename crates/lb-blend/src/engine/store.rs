//! Where branches stand, as plain data that can be kept and gone on from.

use lb_schedule::validate_level;

use super::film::Film;
use crate::latents::{LatentShape, Latents};

/// A point of a film that other branches go on from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Place {
    /// A keyframe's own trajectory.
    Keyframe {
        /// Which keyframe, from 0.
        index: usize,
        /// How many steps it has taken, at least 1.
        step: usize,
    },
    /// The end of a level of a transition's tree.
    Level {
        /// Which transition, from 0.
        transition: usize,
        /// Which level, from 1 (level 0 is the keyframes).
        level: usize,
    },
}

/// Where branches stand at a [`Place`]: all that is needed to go on from there.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LevelEnd {
    /// The fractions of the transition's levels from level 0 to this one, the keyframes' 0 and 1
    /// included. Empty for a keyframe.
    pub fractions: Vec<Vec<f64>>,
    /// Each branch's latents: the level's branches between the keyframes, or the one keyframe.
    pub latents: Vec<Latents>,
    /// What each branch's last step predicted as its clean latents (x̂₀).
    pub predicted_clean: Vec<Latents>,
}

/// Keeps what was computed, so that it need not be computed again.
///
/// The engine asks for a place before it computes what leads there, and hands over every place that
/// it has computed, before anything else is made of it. Going on from a kept place gives the bits
/// that computing it again would give, if the store answers with what was kept *for the same film*:
/// what a place holds depends on the model, the sampler, and
///
/// - for [`Place::Keyframe`], the keyframe; with crossfeed between keyframes also on its curve and on
///   every keyframe before;
/// - for [`Place::Level`], what the transition's two keyframes depend on, its guidance damper, its
///   profile down to that level and to that level's last step, the spacing and its distance, and the
///   crossfeed from parents.
///
/// Which places a keyframe has depends on the profiles beside it; what is there does not. An answer
/// of another shape, with another number of branches, with fractions that are no level's, or with a
/// value that is NaN or infinite is not believed: the place is computed.
///
/// `()` keeps nothing.
pub trait TrajectoryStore {
    /// What was kept for a place, if anything was.
    fn load(&mut self, place: Place) -> Option<LevelEnd>;

    /// Keeps what was computed for a place. A store that cannot is no reason to stop: it keeps
    /// nothing, or tells its caller by itself.
    fn save(&mut self, place: Place, end: &LevelEnd);
}

impl TrajectoryStore for () {
    fn load(&mut self, _: Place) -> Option<LevelEnd> {
        None
    }

    fn save(&mut self, _: Place, _: &LevelEnd) {}
}

impl LevelEnd {
    /// Whether this can be what a film has at a place.
    pub(super) fn fits(&self, film: &Film, place: Place) -> bool {
        let shape = film.keyframes[0].initial_latents.shape();
        match place {
            Place::Keyframe { .. } => self.fractions.is_empty() && self.holds(1, shape),
            Place::Level { transition, level } => {
                let levels = &film.transitions[transition].profile.levels()[..=level];
                let inner = levels[level].branch_count - 2;
                let fractions = self.fractions.iter().zip(levels).all(|(fractions, at)| {
                    fractions.len() == at.branch_count && validate_level(fractions).is_ok()
                });
                self.fractions.len() == levels.len() && fractions && self.holds(inner, shape)
            }
        }
    }

    fn holds(&self, branches: usize, shape: LatentShape) -> bool {
        [&self.latents, &self.predicted_clean].iter().all(|list| {
            let finite = |latents: &Latents| latents.values().iter().all(|value| value.is_finite());
            let fits = |latents: &Latents| latents.shape() == shape && finite(latents);
            list.len() == branches && list.iter().all(fits)
        })
    }
}
