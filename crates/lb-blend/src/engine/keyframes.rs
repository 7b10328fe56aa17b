//! The keyframes that are in memory, and their own trajectories: made and computed a group at a
//! time, and dropped when the transitions beside them are finished.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::batch::Start;
use super::crossfeed::crossfeed_keyframe;
use super::denoiser::Denoiser;
use super::origin::Origin;
use super::outline::FilmOutline;
use crate::error::BlendError;
use crate::film::{Branch, Keyframe};
use crate::keyframe_source::{KeyframeForm, KeyframeSource};
use crate::observer::Phase;
use crate::options::BlendOptions;
use crate::snapshot::{Snapshot, SnapshotKey, SnapshotStore};

/// A keyframe in memory, and its trajectory as far as other branches need it.
pub(super) struct HeldKeyframe {
    pub(super) keyframe: Keyframe,
    /// Snapshots by the number of steps taken.
    snapshots: BTreeMap<usize, Snapshot>,
    /// The stretches of steps that still have to be computed. Each ends where the trajectory is
    /// recorded.
    missing: Vec<Range<usize>>,
}

impl HeldKeyframe {
    /// The keyframe's state after a step that is recorded.
    pub(super) fn after(&self, step: usize) -> &Snapshot {
        &self.snapshots[&step]
    }

    fn misses(&self, step: usize) -> bool {
        self.missing.iter().any(|stretch| stretch.contains(&step))
    }
}

/// The keyframes that transitions still need: a group, the keyframe before it, and a loop's first.
pub(super) struct KeyframeWindow<'a> {
    source: &'a mut dyn KeyframeSource,
    outline: &'a FilmOutline<'a>,
    options: BlendOptions,
    /// The most rows of a group.
    group_rows: usize,
    /// The dimensions of keyframe 0, once it is there.
    form: Option<KeyframeForm>,
    held: BTreeMap<usize, HeldKeyframe>,
}

impl<'a> KeyframeWindow<'a> {
    pub(super) fn new(
        source: &'a mut dyn KeyframeSource,
        outline: &'a FilmOutline<'a>,
        options: BlendOptions,
        batch_limit: usize,
    ) -> Self {
        Self {
            source,
            outline,
            options,
            group_rows: outline.group_rows(batch_limit),
            form: None,
            held: BTreeMap::new(),
        }
    }

    /// A keyframe that is held.
    pub(super) fn get(&self, index: usize) -> &HeldKeyframe {
        &self.held[&index]
    }

    /// Drops a keyframe that no later transition needs.
    pub(super) fn drop_keyframe(&mut self, index: usize) {
        self.held.remove(&index);
    }

    /// Sees to it that a keyframe is there: if it is not, makes and computes the group that begins
    /// with it.
    pub(super) fn reach(
        &mut self,
        index: usize,
        denoiser: &mut Denoiser<'_>,
        snapshots: &mut dyn SnapshotStore,
    ) -> Result<(), BlendError> {
        if self.held.contains_key(&index) {
            return Ok(());
        }
        let group = self.outline.group(index, self.group_rows);
        for index in group.clone() {
            let keyframe = self.make(index)?;
            snapshots.keyframe(index, &keyframe);
            let held = self.resumed(index, keyframe, denoiser, snapshots);
            self.held.insert(index, held);
        }
        self.compute(group, denoiser, snapshots)
    }

    /// Asks the source for a keyframe, and validates it.
    fn make(&mut self, index: usize) -> Result<Keyframe, BlendError> {
        let keyframe = self.source.keyframe(index)?;
        let form = self.form.get_or_insert_with(|| KeyframeForm::of(&keyframe));
        form.validate(index, &keyframe)?;
        let announced = self.outline.guidance_scales()[index];
        let actual = keyframe.guidance_scale;
        if actual != announced {
            return Err(BlendError::GuidanceScale {
                keyframe: index,
                actual,
                announced,
            });
        }
        Ok(keyframe)
    }

    /// A keyframe with the snapshots that are kept of its trajectory.
    fn resumed(
        &self,
        index: usize,
        keyframe: Keyframe,
        denoiser: &mut Denoiser<'_>,
        store: &mut dyn SnapshotStore,
    ) -> HeldKeyframe {
        let shape = keyframe.initial_latents.shape();
        let (mut snapshots, mut missing) = (BTreeMap::new(), Vec::new());
        if self
            .outline
            .steps_beside(index, self.options.spacing)
            .contains(&0)
        {
            // Nothing is predicted yet, and no first step reads a prediction.
            let noise = &keyframe.initial_latents;
            let start = Snapshot {
                fractions: Vec::new(),
                latents: vec![noise.clone()],
                predicted_clean: vec![noise.clone()],
                guidance_differences: Vec::new(),
            };
            snapshots.insert(0, start);
        }
        let mut before = 0;
        for step in self.outline.recorded_steps(index, &self.options) {
            let key = SnapshotKey::Keyframe { index, step };
            let differences = self.outline.guidance_differences(key, &self.options);
            let fits = |snapshot: &Snapshot| snapshot.fits_keyframe(shape, differences);
            match store.load(key).filter(fits) {
                Some(snapshot) => {
                    denoiser.report.reused_evaluations += step - before;
                    snapshots.insert(step, snapshot);
                }
                None => missing.push(before..step),
            }
            before = step;
        }
        HeldKeyframe {
            keyframe,
            snapshots,
            missing,
        }
    }

    /// Computes what is missing from a group's trajectories.
    ///
    /// All keyframes that miss a step take it together. One whose snapshots reach up to a step joins
    /// the others there.
    fn compute(
        &mut self,
        group: Range<usize>,
        denoiser: &mut Denoiser<'_>,
        snapshots: &mut dyn SnapshotStore,
    ) -> Result<(), BlendError> {
        let recorded = group
            .clone()
            .flat_map(|index| self.outline.recorded_steps(index, &self.options));
        let borders: BTreeSet<usize> = recorded.chain([0]).collect();
        let borders: Vec<usize> = borders.into_iter().collect();
        let mut running = Vec::new();
        for stretch in borders.windows(2) {
            let (from, to) = (stretch[0], stretch[1]);
            let missing = group.clone().filter(|index| self.held[index].misses(from));
            let missing: Vec<usize> = missing.collect();
            if missing.is_empty() {
                running.clear();
                continue;
            }
            if missing != running {
                self.start(&running, &missing, from, denoiser)?;
                running = missing;
            }
            self.crossfeed(&running, from, denoiser)?;
            denoiser.denoise(from..to, 0, Phase::Keyframes)?;
            for (branch, &index) in running.iter().enumerate() {
                let Some(held) = self.held.get_mut(&index) else {
                    continue;
                };
                if held.missing.iter().any(|stretch| stretch.end == to) {
                    let reuses = to < denoiser.steps();
                    let snapshot = denoiser.batch.snapshot(branch..branch + 1, reuses)?;
                    snapshots.save(SnapshotKey::Keyframe { index, step: to }, &snapshot);
                    held.snapshots.insert(to, snapshot);
                }
            }
        }
        let count: usize = self.held.values().map(|at| at.snapshots.len()).sum();
        let most = &mut denoiser.report.most_snapshots_held;
        *most = count.max(*most);
        // Only the group's last keyframe still has a next one to be drawn towards its states.
        for (&index, held) in self.held.range_mut(..group.end - 1) {
            let needed = self.outline.steps_beside(index, self.options.spacing);
            held.snapshots.retain(|step, _| needed.contains(step));
        }
        Ok(())
    }

    /// Draws the running keyframes, which are about to take a step, towards the keyframes before
    /// them at that step.
    fn crossfeed(
        &self,
        running: &[usize],
        step: usize,
        denoiser: &mut Denoiser<'_>,
    ) -> Result<(), BlendError> {
        let curve = self.options.crossfeed.keyframes;
        let coefficient = curve.coefficient(step, 0, denoiser.steps());
        if coefficient == 0.0 {
            return Ok(());
        }
        for (branch, &index) in running.iter().enumerate() {
            if let Some(before) = index.checked_sub(1) {
                let before = self.held[&before].after(step);
                crossfeed_keyframe(&mut denoiser.batch, branch, before, coefficient)?;
            }
        }
        Ok(())
    }

    /// Starts a batch of these keyframes at a step. Some of them may be in the batch already.
    fn start(
        &self,
        running: &[usize],
        next: &[usize],
        step: usize,
        denoiser: &mut Denoiser<'_>,
    ) -> Result<(), BlendError> {
        let mut continued = BTreeMap::new();
        for (branch, &index) in running.iter().enumerate() {
            let snapshot = denoiser.batch.snapshot(branch..branch + 1, true)?;
            continued.insert(index, snapshot);
        }
        let mut starts = Vec::with_capacity(next.len());
        for &index in next {
            let held = &self.held[&index];
            let keyframe = &held.keyframe;
            let reached = continued.get(&index).or_else(|| held.snapshots.get(&step));
            let latents = reached.map_or(&keyframe.initial_latents, |at| &at.latents[0]);
            let predicted = reached.map(|at| &at.predicted_clean[0]);
            let difference = reached.and_then(|at| at.guidance_differences.first());
            starts.push(Start {
                branch: Branch::Keyframe(index),
                guidance_scale: keyframe.guidance_scale,
                origin: Origin::State(latents, predicted),
                keyframes: (keyframe, keyframe, 0.0),
                guidance_difference: difference.map(|at| Cow::Borrowed(at.values())),
            });
        }
        denoiser.batch.fill(&starts)?;
        Ok(())
    }
}
