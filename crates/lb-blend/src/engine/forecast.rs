//! What a film will take, known before any of its keyframes has been made.

use std::ops::Add;

use lb_schedule::{BranchingProfile, Cost};

use super::outline::FilmOutline;
use crate::guidance::{guidance_steps, rows_at};
use crate::options::BlendOptions;

/// What a film, or a part of the work on it, will take at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Forecast {
    /// Model evaluations.
    pub model_evaluations: usize,
    /// Latents that are decoded: the computed frames, and predicted pictures that are measured.
    pub decodes: usize,
    /// Rows that the model sees: two for an evaluation, and one without guidance or at a step that reuses the
    /// difference that guidance made. Guidance that is computed at every step, and that its damper takes to 1
    /// in the very middle of a transition, saves some of them.
    pub rows: usize,
}

impl Forecast {
    /// The model evaluations and decodes.
    #[must_use]
    pub fn cost(&self) -> Cost {
        Cost {
            model_evaluations: self.model_evaluations,
            decodes: self.decodes,
        }
    }
}

impl Add for Forecast {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            model_evaluations: self
                .model_evaluations
                .saturating_add(other.model_evaluations),
            decodes: self.decodes.saturating_add(other.decodes),
            rows: self.rows.saturating_add(other.rows),
        }
    }
}

impl FilmOutline<'_> {
    /// What the whole film takes, where no snapshot spares anything.
    #[must_use]
    pub fn forecast(&self, options: &BlendOptions) -> Forecast {
        let cost = self.cost();
        let measured = match options.measures_pictures() {
            true => self.profiles().map(measured_branches).sum(),
            false => 0,
        };
        // The batch limit decides how keyframes are grouped, and not how many rows there are in all.
        let batches = self.batches(usize::MAX, options).into_iter();
        Forecast {
            model_evaluations: cost.model_evaluations,
            decodes: cost.decodes.saturating_add(measured),
            rows: batches.map(|batch| batch.rows * batch.steps).sum(),
        }
    }

    /// The batches of the film under this batch limit: those of the keyframes' groups and of the
    /// transitions' levels, with the denoising steps that they are taken through. Each size is listed
    /// once. A batch may have more rows than the limit; it is then split into several calls. At steps that reuse
    /// the difference that guidance made, a batch has one row for each branch.
    #[must_use]
    pub fn batches(&self, batch_limit: usize, options: &BlendOptions) -> Vec<BatchSteps> {
        let mut batches: Vec<BatchSteps> = Vec::new();
        let mut add =
            |rows: usize, steps: usize| match batches.iter_mut().find(|known| known.rows == rows) {
                Some(known) => known.steps += steps,
                None if rows > 0 && steps > 0 => batches.push(BatchSteps { rows, steps }),
                None => {}
            };
        let mut add_branches = |branches: usize, rows: usize, steps: usize| {
            let guided = guidance_steps(steps, options.guidance_every);
            add(rows, guided);
            add(branches, steps - guided);
        };
        let group_rows = self.group_rows(batch_limit.max(1));
        let mut first = 0;
        while first < self.keyframes() {
            let group = self.group(first, group_rows);
            first = group.end;
            let branches = group.len();
            let rows = group.map(|index| self.keyframe_rows(index)).sum();
            add_branches(branches, rows, self.steps());
        }
        for (index, profile) in self.profiles().enumerate() {
            let rows = self.inner_rows(index);
            for (level, at) in profile.levels().iter().enumerate().skip(1) {
                let branches = at.branch_count - 2;
                add_branches(branches, branches * rows, profile.step_range(level).len());
            }
        }
        batches
    }

    /// The sizes of the film's model calls under this batch limit.
    ///
    /// Where the guidance goes down to a scale of exactly 1 within a transition, which branches lie
    /// there is decided while rendering; then a call may have any number of rows. Snapshots may
    /// leave a single keyframe of a group to be computed.
    #[must_use]
    pub fn call_rows(&self, batch_limit: usize, options: &BlendOptions) -> CallRows {
        let limit = batch_limit.max(1);
        let mut work: Vec<(usize, usize)> = Vec::new();
        for batch in self.batches(limit, options) {
            for (rows, times) in split(batch.rows, batch.steps, limit) {
                match work.iter_mut().find(|(known, _)| *known == rows) {
                    Some((_, done)) => *done += rows * times,
                    None => work.push((rows, rows * times)),
                }
            }
        }
        let mut transitions = 0..self.transitions().len();
        let every = options.guidance_every;
        let varies = every == 1
            && transitions.any(|index| self.inner_rows(index) == 2 && self.reaches_one(index));
        let rows = || work.iter().map(|&(rows, _)| rows);
        let reuses = every > 1 && self.steps() > 1;
        let alone = (0..self.keyframes()).map(|index| match reuses {
            true => 1,
            false => self.keyframe_rows(index),
        });
        let usual = work.iter().max_by_key(|&&(rows, done)| (done, rows));
        CallRows {
            fewest: match varies {
                true => 1,
                false => rows().chain(alone).min().unwrap_or(1),
            },
            usual: usual.map_or(1, |&(rows, _)| rows),
            most: rows().max().unwrap_or(1),
        }
    }
}

/// Branches whose predicted pictures decide where frames end up: the frames' own before their last
/// step, or those of the level above where that step is their first. None where two branches leave
/// nothing to decide.
fn measured_branches(profile: &BranchingProfile) -> usize {
    let last = profile.levels().len() - 1;
    let steps = profile.step_range(last).len();
    let measured = match (last, steps) {
        (0, _) => return 0,
        (_, 1) => last - 1,
        _ => last,
    };
    let count = profile.levels()[measured].branch_count;
    if count > 2 { count } else { 0 }
}

/// Batches of one size, and how many denoising steps they are taken through in all. A backend for
/// which each new size of call is expensive can choose its sizes by them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BatchSteps {
    /// Rows of the batch: two for a guided branch, one for another.
    pub rows: usize,
    /// Denoising steps. In each, the model sees every row once.
    pub steps: usize,
}

impl BatchSteps {
    /// The batches of [`invert`](crate::invert) for pictures of these guidance scales, each of which
    /// takes this many model evaluations.
    #[must_use]
    pub fn of_inversion(
        guidance_scales: &[f64],
        evaluations: usize,
        batch_limit: usize,
    ) -> Vec<Self> {
        let batch = |scales: &[f64]| Self {
            rows: scales.iter().map(|&scale| rows_at(scale)).sum(),
            steps: evaluations,
        };
        let batches = guidance_scales.chunks(batch_limit.max(1)).map(batch);
        batches.collect()
    }
}

/// Rows of the calls of [`Backend::predict`](crate::Backend::predict) that a film makes, for a
/// backend that prepares itself for the sizes of calls.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CallRows {
    /// No call has fewer rows.
    pub fewest: usize,
    /// Most of the work is done in calls of this many rows.
    pub usual: usize,
    /// No call has more rows.
    pub most: usize,
}

impl CallRows {
    /// These calls together with those of [`invert`](crate::invert) for pictures of these guidance
    /// scales, or for some of them.
    #[must_use]
    pub fn with_inversion(
        self,
        guidance_scales: impl IntoIterator<Item = f64>,
        batch_limit: usize,
    ) -> Self {
        let pictures = guidance_scales.into_iter().map(rows_at);
        let (least, all) = pictures.fold((usize::MAX, 0), |(least, all), rows| {
            (least.min(rows), all + rows)
        });
        let limit = batch_limit.max(1);
        Self {
            // A group of guided pictures may leave a single row over.
            fewest: match least {
                1 => 1,
                _ if all > limit => 1,
                _ => self.fewest.min(least),
            },
            most: self.most.max(all.min(limit)),
            ..self
        }
    }
}

/// How a batch's step is split into calls: the rows of each kind of call, and how many of them there
/// are in all steps.
fn split(rows: usize, steps: usize, limit: usize) -> impl Iterator<Item = (usize, usize)> {
    let whole = (limit, rows / limit * steps);
    let rest = (rows % limit, steps);
    [whole, rest]
        .into_iter()
        .filter(|&(rows, times)| rows > 0 && times > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::film::Transition;
    use crate::options::SpacingDistance;

    /// 2, 3 and 8 branches from steps 0, 3 and 8 of 10.
    fn transition(guidance_damper: f64) -> Transition {
        let profile = BranchingProfile::manual(10, &[2, 3, 8], &[0, 3, 8]).unwrap();
        Transition::new(profile, guidance_damper)
    }

    fn rows(scales: &[f64], guidance_damper: f64, limit: usize) -> (usize, usize, usize) {
        let transitions = vec![transition(guidance_damper); scales.len() - 1];
        let outline = FilmOutline::new(&transitions, scales.iter().copied());
        let counted = outline.call_rows(limit, &BlendOptions::default());
        (counted.fewest, counted.usual, counted.most)
    }

    #[test]
    fn counted_by_hand() {
        // Keyframes: 4 rows over 10 steps; inner branches: 2 rows over 3..8, 12 rows over 8..10.
        assert_eq!(rows(&[4.0; 2], 0.5, 64), (2, 4, 12));
        // In calls of 5: 4; 2; 5, 5 and 2.
        assert_eq!(rows(&[4.0; 2], 0.5, 5), (2, 4, 5));
        // One row each, whatever the rest.
        assert_eq!(rows(&[4.0; 2], 0.5, 1), (1, 1, 1));
        // Eight keyframes in groups of six and two, as the widest level has 12 rows.
        assert_eq!(rows(&[4.0; 8], 0.5, 64), (2, 12, 12));
    }

    #[test]
    fn batches_counted_by_hand() {
        let batches = |scales: &[f64], limit: usize| {
            let transitions = vec![transition(0.5); scales.len() - 1];
            let outline = FilmOutline::new(&transitions, scales.iter().copied());
            let batches = outline.batches(limit, &BlendOptions::default());
            let batches = batches.into_iter();
            let mut batches: Vec<_> = batches.map(|at| (at.rows, at.steps)).collect();
            batches.sort_unstable();
            batches
        };
        assert_eq!(batches(&[4.0; 2], 64), [(2, 5), (4, 10), (12, 2)]);
        // A level may be larger than the limit, a group of keyframes only if it is a single one.
        assert_eq!(batches(&[4.0; 2], 3), [(2, 25), (12, 2)]);
        // Groups of six keyframes and of two; seven transitions.
        assert_eq!(batches(&[4.0; 8], 64), [(2, 35), (4, 10), (12, 24)]);
        let inverted = BatchSteps::of_inversion(&[1.0, 4.0, 4.0], 50, 2);
        let inverted: Vec<_> = inverted.iter().map(|at| (at.rows, at.steps)).collect();
        assert_eq!(inverted, [(3, 50), (2, 50)]);
    }

    #[test]
    fn steps_that_reuse_guidance_have_one_row_for_each_branch() {
        let transitions = [transition(0.0)];
        let outline = FilmOutline::new(&transitions, [4.0; 2]);
        let options = BlendOptions::default().with_guidance_every(2);
        let batches = outline.batches(64, &options).into_iter();
        let mut batches: Vec<_> = batches.map(|at| (at.rows, at.steps)).collect();
        batches.sort_unstable();
        // Keyframes: 4 rows at 5 steps and 2 at 5; levels: 2 rows at steps 3, 5 and 7, 1 at steps 4 and 6; 12 rows
        // at step 8, 6 at step 9.
        assert_eq!(batches, [(1, 2), (2, 8), (4, 5), (6, 1), (12, 1)]);
        assert_eq!(outline.forecast(&options).rows, 2 + 16 + 20 + 6 + 12);
        let counted = outline.call_rows(64, &options);
        assert_eq!((counted.fewest, counted.usual, counted.most), (1, 4, 12));
        // A keyframe may be computed alone.
        let once = BlendOptions::default().with_guidance_every(1000);
        let counted = outline.call_rows(64, &once);
        assert_eq!((counted.fewest, counted.usual, counted.most), (1, 2, 12));
    }

    #[test]
    fn without_guidance_there_is_one_row_a_branch() {
        assert_eq!(rows(&[1.0; 2], 0.0, 64), (1, 2, 6));
    }

    #[test]
    fn guidance_that_reaches_one_may_leave_any_number() {
        assert_eq!(rows(&[4.0; 2], 0.0, 64), (1, 4, 12));
        assert_eq!(rows(&[4.0, 1.0], 0.5, 64), (1, 3, 12));
    }

    #[test]
    fn all_rows_of_a_film_by_hand() {
        let transitions = [transition(0.5), transition(0.5)];
        let forecast = |scales: [f64; 3]| {
            let outline = FilmOutline::new(&transitions, scales);
            outline.forecast(&BlendOptions::default())
        };
        // Keyframes over 10 steps; between two of them 1 branch over 5 steps and 6 over 2.
        let unguided = forecast([1.0; 3]);
        assert_eq!(unguided.model_evaluations, 30 + 2 * (5 + 12));
        assert_eq!((unguided.rows, unguided.decodes), (64, 15));
        assert_eq!(forecast([4.0; 3]).rows, 128);
        // One side that is guided is enough for both rows.
        assert_eq!(forecast([4.0, 1.0, 1.0]).rows, 40 + 2 * 17 + 17);
    }

    #[test]
    fn pictures_that_are_measured_are_decoded() {
        let decodes = |counts: &[usize], injections: &[usize]| {
            let profile = BranchingProfile::manual(10, counts, injections).unwrap();
            let transitions = [Transition::new(profile, 0.5)];
            let options = BlendOptions::default().with_distance(SpacingDistance::Pictures);
            let forecast = FilmOutline::new(&transitions, [4.0; 2]).forecast(&options);
            forecast.decodes - counts[counts.len() - 1]
        };
        assert_eq!(decodes(&[2, 3, 8], &[0, 3, 8]), 8);
        assert_eq!(decodes(&[2, 3, 8], &[0, 3, 9]), 3);
        assert_eq!(decodes(&[2, 8], &[0, 9]), 0);
        assert_eq!(decodes(&[2], &[0]), 0);
    }

    #[test]
    fn pictures_are_inverted_together_or_alone() {
        let film = CallRows {
            fewest: 2,
            usual: 4,
            most: 6,
        };
        let counted = |scales: &[f64], limit| {
            let rows = film.with_inversion(scales.iter().copied(), limit);
            (rows.fewest, rows.usual, rows.most)
        };
        assert_eq!(counted(&[], 8), (2, 4, 6));
        assert_eq!(counted(&[1.0], 8), (1, 4, 6));
        assert_eq!(counted(&[2.0; 4], 8), (2, 4, 8));
        assert_eq!(counted(&[2.0; 4], 7), (1, 4, 7));
    }
}
