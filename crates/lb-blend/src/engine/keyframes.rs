//! The keyframes' own trajectories: a group at a time, from wherever each of them stands.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Walk;
use super::batch::Start;
use super::neighbours::Neighbours;
use super::store::{LevelEnd, Place};
use crate::error::BlendError;
use crate::observe::{Branch, Phase};

/// A keyframe's trajectory, as far as others go on from it.
#[derive(Default)]
pub(super) struct Trajectory {
    /// By the number of steps taken.
    ends: BTreeMap<usize, LevelEnd>,
    /// The stretches that still have to be computed; each ends where the trajectory is recorded.
    missing: Vec<Range<usize>>,
}

impl Trajectory {
    /// Forgets all states but those after these steps.
    fn keep(&mut self, steps: &BTreeSet<usize>) {
        self.ends.retain(|step, _| steps.contains(step));
    }

    /// Where the keyframe stands after a step that is recorded.
    pub(super) fn after(&self, step: usize) -> &LevelEnd {
        &self.ends[&step]
    }

    fn misses(&self, step: usize) -> bool {
        self.missing.iter().any(|stretch| stretch.contains(&step))
    }
}

/// The keyframes that transitions still need.
pub(super) type Window = BTreeMap<usize, Trajectory>;

impl Walk<'_> {
    /// Puts a group of keyframes into the window, computing what the store does not have.
    ///
    /// All of them that miss a step take it together. A keyframe that is stored up to a step joins
    /// the others there.
    pub(super) fn keyframes(
        &mut self,
        group: Range<usize>,
        window: &mut Window,
    ) -> Result<(), BlendError> {
        let mut borders = BTreeSet::from([0]);
        for index in group.clone() {
            let steps = self.film.recorded_steps(index, self.options);
            window.insert(index, self.stored_trajectory(index, &steps));
            borders.extend(steps);
        }
        let borders: Vec<usize> = borders.into_iter().collect();
        let mut running = Vec::new();
        for stretch in borders.windows(2) {
            let (from, to) = (stretch[0], stretch[1]);
            let missing = group.clone().filter(|index| window[index].misses(from));
            let missing: Vec<usize> = missing.collect();
            if missing.is_empty() {
                running.clear();
                continue;
            }
            if missing != running {
                self.start_keyframes(&running, &missing, from, window)?;
                running = missing;
            }
            self.crossfeed_keyframes(&running, from, window)?;
            self.denoise(from..to, Phase::Keyframes)?;
            for (branch, &index) in running.iter().enumerate() {
                let Some(trajectory) = window.get_mut(&index) else {
                    continue;
                };
                if trajectory.missing.iter().any(|stretch| stretch.end == to) {
                    let end = self.batch.end(branch..branch + 1)?;
                    self.store.save(Place::Keyframe { index, step: to }, &end);
                    trajectory.ends.insert(to, end);
                }
            }
        }
        let held: usize = window.values().map(|at| at.ends.len()).sum();
        self.report.most_states_held = self.report.most_states_held.max(held);
        // Only the group's last keyframe still has a next one to hand its steps to.
        for (&index, trajectory) in window.range_mut(..group.end - 1) {
            let kept = self.film.steps_beside(index, self.options.spacing);
            trajectory.keep(&kept);
        }
        Ok(())
    }

    /// Draws the running keyframes, which are about to take a step, towards where the keyframes
    /// before them stood there.
    fn crossfeed_keyframes(
        &mut self,
        running: &[usize],
        step: usize,
        window: &Window,
    ) -> Result<(), BlendError> {
        let steps = self.sampler.timesteps().len();
        let curve = self.options.crossfeed.keyframes;
        let coefficient = curve.coefficient(step, 0, steps);
        if coefficient == 0.0 {
            return Ok(());
        }
        for (branch, &index) in running.iter().enumerate() {
            if let Some(before) = index.checked_sub(1) {
                let other = window[&before].after(step);
                let other = (other.latents[0].values(), other.predicted_clean[0].values());
                self.batch.crossfeed(branch, other, coefficient)?;
            }
        }
        Ok(())
    }

    fn stored_trajectory(&mut self, index: usize, steps: &BTreeSet<usize>) -> Trajectory {
        let mut trajectory = Trajectory::default();
        let mut before = 0;
        for &step in steps {
            match self.stored(Place::Keyframe { index, step }) {
                Some(end) => {
                    self.report.reused_evaluations += step - before;
                    trajectory.ends.insert(step, end);
                }
                None => trajectory.missing.push(before..step),
            }
            before = step;
        }
        trajectory
    }

    /// Begins a batch of these keyframes at a step, some of which may be in the last one.
    fn start_keyframes(
        &mut self,
        running: &[usize],
        next: &[usize],
        step: usize,
        window: &Window,
    ) -> Result<(), BlendError> {
        let mut carried = BTreeMap::new();
        for (branch, &index) in running.iter().enumerate() {
            carried.insert(index, self.batch.end(branch..branch + 1)?);
        }
        let mut starts = Vec::with_capacity(next.len());
        for &index in next {
            let keyframe = &self.film.keyframes[index];
            let reached = carried
                .get(&index)
                .or_else(|| window[&index].ends.get(&step));
            let latents = reached.map_or(&keyframe.initial_latents, |end| &end.latents[0]);
            let predicted = reached.map(|end| &end.predicted_clean[0]);
            starts.push(Start {
                branch: Branch::Keyframe(index),
                guidance_scale: keyframe.guidance_scale,
                latents: Neighbours::only(latents),
                history: predicted.map(Neighbours::only),
                keyframes: (keyframe, keyframe, 0.0),
            });
        }
        self.batch.fill(&starts)?;
        Ok(())
    }
}
