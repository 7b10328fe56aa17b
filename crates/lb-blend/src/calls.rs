//! How large a film's model calls will be, known before it is rendered.

use lb_schedule::{BranchingProfile, Guidance};

/// Rows of the calls of [`Backend::predict`](crate::Backend::predict) that a film makes: what a
/// backend that prepares itself for batch sizes wants to know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CallRows {
    /// No call has fewer.
    pub fewest: usize,
    /// Most of the work is done in calls of so many.
    pub usual: usize,
    /// No call has more.
    pub most: usize,
}

impl CallRows {
    /// The calls of a film of `keyframes` keyframes under this batch limit.
    ///
    /// Where the guidance is damped down to a scale of exactly 1, which branches lie there is
    /// decided while rendering; then a call may have any number of rows.
    #[must_use]
    pub fn of_film(
        profile: &BranchingProfile,
        keyframes: usize,
        guidance: &Guidance,
        batch_limit: usize,
    ) -> Self {
        let limit = batch_limit.max(1);
        let halves = if guidance.scale == 1.0 { 1 } else { 2 };
        let transitions = keyframes.saturating_sub(1);
        let keyframe_batch = (keyframes.max(1) * halves, profile.steps());
        let levels = profile.levels().iter().enumerate().skip(1);
        let level_batches = levels.map(|(level, at)| {
            let steps = profile.step_range(level).len() * transitions;
            (at.branch_count.saturating_sub(2) * halves, steps)
        });
        let calls = std::iter::once(keyframe_batch)
            .chain(level_batches)
            .filter(|&(rows, steps)| rows > 0 && steps > 0)
            .flat_map(|(rows, steps)| split(rows, steps, limit));
        let mut work: Vec<(usize, usize)> = Vec::new();
        for (rows, times) in calls {
            match work.iter_mut().find(|(known, _)| *known == rows) {
                Some((_, done)) => *done += rows * times,
                None => work.push((rows, rows * times)),
            }
        }
        let rows = || work.iter().map(|&(rows, _)| rows);
        let usual = work.iter().max_by_key(|&&(rows, done)| (done, rows));
        let varies = halves == 2 && guidance.damper == 0.0;
        Self {
            fewest: if varies { 1 } else { rows().min().unwrap_or(1) },
            usual: usual.map_or(1, |&(rows, _)| rows),
            most: rows().max().unwrap_or(1),
        }
    }
}

/// The calls that a batch's step takes, and how often over its steps: whole ones and the rest.
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

    fn rows(counts: &[usize], injections: &[usize], guidance: Guidance, limit: usize) -> CallRows {
        let profile = BranchingProfile::manual(10, counts, injections).unwrap();
        CallRows::of_film(&profile, 2, &guidance, limit)
    }

    #[test]
    fn counted_by_hand() {
        // Keyframes: 4 rows over 10 steps; inner branches: 2 rows over 3..8, 12 rows over 8..10.
        let guided = Guidance::default();
        let counted = rows(&[2, 3, 8], &[0, 3, 8], guided, 64);
        let expected = |fewest, usual, most| CallRows {
            fewest,
            usual,
            most,
        };
        assert_eq!(counted, expected(2, 4, 12));
        // In calls of 5: 4; 2; 5, 5 and 2.
        let counted = rows(&[2, 3, 8], &[0, 3, 8], guided, 5);
        assert_eq!(counted, expected(2, 4, 5));
        // One row each, whatever the rest.
        assert_eq!(rows(&[2, 3, 8], &[0, 3, 8], guided, 1), expected(1, 1, 1));
    }

    #[test]
    fn without_guidance_there_is_one_row_a_branch() {
        let (scale, damper) = (1.0, 0.0);
        let counted = rows(&[2, 8], &[0, 2], Guidance { scale, damper }, 64);
        assert_eq!((counted.fewest, counted.usual, counted.most), (2, 6, 6));
    }

    #[test]
    fn guidance_that_ends_in_the_middle_may_leave_any_number() {
        let (scale, damper) = (4.0, 0.0);
        let counted = rows(&[2, 8], &[0, 2], Guidance { scale, damper }, 64);
        assert_eq!((counted.fewest, counted.usual, counted.most), (1, 12, 12));
    }
}
