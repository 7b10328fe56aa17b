//! The recorded states of trajectories, as plain data that can be kept and continued from.

use lb_schedule::{BranchingProfile, validate_level};

use crate::film::Keyframe;
use crate::latents::{LatentShape, Latents};

/// Names a state of a film that other branches continue from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SnapshotKey {
    /// A keyframe's own trajectory after some of its steps.
    Keyframe {
        /// The index of the keyframe.
        index: usize,
        /// How many steps it has taken, at least 1.
        step: usize,
    },
    /// The end of a level of a transition's tree.
    Level {
        /// The index of the transition.
        transition: usize,
        /// The level, from 1 (level 0 is the keyframes).
        level: usize,
    },
}

/// The state of branches at a [`SnapshotKey`]: all that is needed to continue from there.
#[derive(Clone, PartialEq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Snapshot {
    /// The fractions of the transition's levels from level 0 to this one, the keyframes' 0 and 1
    /// included. Empty for a keyframe.
    pub fractions: Vec<Vec<f64>>,
    /// Each branch's latents: those of the level's branches between the keyframes, or of the one
    /// keyframe.
    pub latents: Vec<Latents>,
    /// What each branch's last step predicted as its clean latents (x̂₀).
    pub predicted_clean: Vec<Latents>,
    /// The difference that guidance made for a keyframe when it was last computed, if a step follows that may
    /// reuse it ([`FilmOutline::guidance_differences`](crate::FilmOutline::guidance_differences)).
    #[cfg_attr(feature = "serde", serde(default))]
    pub guidance_differences: Vec<Latents>,
}

/// Keeps what was computed, so that it need not be computed again.
///
/// The engine hands over each keyframe when it arrives, asks for a snapshot before it computes what
/// leads to it, and hands over every snapshot that it has computed before it uses it. Continuing
/// from a kept snapshot gives the same bits as computing it again, if the store answers with what
/// was kept *for the same film*. A snapshot depends on the model, the sampler, the guidance rescale, how
/// often guidance is computed, and
///
/// - for [`SnapshotKey::Keyframe`], the keyframe; with crossfeed between keyframes also on the
///   crossfeed's curve and on every keyframe before;
/// - for [`SnapshotKey::Level`], what the transition's two keyframes depend on, the transition's
///   guidance damper, its profile down to that level and to that level's last step, the spacing and
///   its distance, and the crossfeed from parents.
///
/// Which snapshots a keyframe has depends on the profiles beside it; their content does not. The
/// engine does not trust an answer of another shape, with another number of branches, with
/// fractions that cannot be a level's, or with a value that is NaN or infinite. It computes such a
/// snapshot itself.
///
/// `()` keeps nothing.
pub trait SnapshotStore {
    /// Takes note of a keyframe. By default nothing is noted.
    ///
    /// The engine calls this once for each keyframe, in film order, before it asks for a snapshot
    /// that depends on it. A store whose names follow from keyframes' values works them out here and
    /// need not keep the keyframe.
    fn keyframe(&mut self, index: usize, keyframe: &Keyframe) {
        let _ = (index, keyframe);
    }

    /// Returns what was kept under this key, if anything was.
    fn load(&mut self, key: SnapshotKey) -> Option<Snapshot>;

    /// Keeps what was computed. The work goes on if the store cannot keep it: then it keeps nothing,
    /// and reports the problem to its owner itself.
    fn save(&mut self, key: SnapshotKey, snapshot: &Snapshot);
}

impl SnapshotStore for () {
    fn load(&mut self, _: SnapshotKey) -> Option<Snapshot> {
        None
    }

    fn save(&mut self, _: SnapshotKey, _: &Snapshot) {}
}

impl Snapshot {
    /// Whether this can be a keyframe's snapshot.
    pub(crate) fn fits_keyframe(&self, shape: LatentShape, differences: usize) -> bool {
        self.fractions.is_empty() && self.holds(1, differences, shape)
    }

    /// Whether this can be the snapshot of a level of this profile.
    pub(crate) fn fits_level(
        &self,
        profile: &BranchingProfile,
        level: usize,
        shape: LatentShape,
    ) -> bool {
        let levels = &profile.levels()[..=level];
        let inner = levels[level].branch_count - 2;
        let fractions = self.fractions.iter().zip(levels).all(|(fractions, at)| {
            fractions.len() == at.branch_count && validate_level(fractions).is_ok()
        });
        self.fractions.len() == levels.len() && fractions && self.holds(inner, 0, shape)
    }

    fn holds(&self, branches: usize, differences: usize, shape: LatentShape) -> bool {
        let lists = [
            (&self.latents, branches),
            (&self.predicted_clean, branches),
            (&self.guidance_differences, differences),
        ];
        lists.into_iter().all(|(list, count)| {
            let fits = |latents: &Latents| latents.shape() == shape && latents.is_finite();
            list.len() == count && list.iter().all(fits)
        })
    }
}
