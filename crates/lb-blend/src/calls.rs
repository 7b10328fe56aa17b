//! How large a film's model calls will be, known before it is rendered.

use crate::engine::{Film, Keyframe};

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
    /// The calls of a film under this batch limit.
    ///
    /// Where the guidance goes down to a scale of exactly 1 within a transition, which branches lie
    /// there is decided while rendering; then a call may have any number of rows. And a store may
    /// leave a single keyframe of a group to be computed.
    #[must_use]
    pub fn of_film(film: &Film, batch_limit: usize) -> Self {
        let limit = batch_limit.max(1);
        let mut work: Vec<(usize, usize)> = Vec::new();
        let mut add = |rows: usize, steps: usize| {
            for (rows, times) in split(rows, steps, limit) {
                match work.iter_mut().find(|(known, _)| *known == rows) {
                    Some((_, done)) => *done += rows * times,
                    None => work.push((rows, rows * times)),
                }
            }
        };
        let steps = film.transitions.first().map_or(0, |at| at.profile.steps());
        let mut first = 0;
        while first < film.keyframes.len() {
            let group = film.group(first, limit);
            first = group.end;
            let rows = film.keyframes[group].iter().map(Keyframe::rows).sum();
            add(rows, steps);
        }
        let mut varies = false;
        for (index, transition) in film.transitions.iter().enumerate() {
            let profile = &transition.profile;
            let rows = film.inner_rows(index);
            for (level, at) in profile.levels().iter().enumerate().skip(1) {
                add(
                    (at.branch_count - 2) * rows,
                    profile.step_range(level).len(),
                );
            }
            varies |= rows == 2 && film.reaches_one(index);
        }
        let rows = || work.iter().map(|&(rows, _)| rows);
        let alone = film.keyframes.iter().map(Keyframe::rows);
        let usual = work.iter().max_by_key(|&&(rows, done)| (done, rows));
        Self {
            fewest: if varies {
                1
            } else {
                rows().chain(alone).min().unwrap_or(1)
            },
            usual: usual.map_or(1, |&(rows, _)| rows),
            most: rows().max().unwrap_or(1),
        }
    }

    /// The same calls, and those of [`invert`](crate::invert) for these pictures or some of them.
    #[must_use]
    pub fn with_inversion<'a>(
        self,
        pictures: impl IntoIterator<Item = &'a Keyframe>,
        batch_limit: usize,
    ) -> Self {
        let rows = |picture: &Keyframe| picture.rows();
        let (least, all) = pictures
            .into_iter()
            .map(rows)
            .fold((usize::MAX, 0), |(least, all), rows| {
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
    use lb_schedule::BranchingProfile;

    use super::*;
    use crate::backend::Conditioning;
    use crate::engine::Transition;
    use crate::latents::{LatentShape, Latents};

    fn keyframe(guidance_scale: f64) -> Keyframe {
        let conditioning = Conditioning {
            tokens: 1,
            width: 1,
            values: vec![0.0],
        };
        let shape = LatentShape {
            channels: 1,
            height: 1,
            width: 1,
        };
        Keyframe {
            negative: conditioning.clone(),
            conditioning,
            guidance_scale,
            initial_latents: Latents::from_values(shape, vec![0.0]).unwrap(),
            concatenated: None,
        }
    }

    /// 2, 3 and 8 branches from steps 0, 3 and 8 of 10.
    fn rows(scales: &[f64], guidance_damper: f64, limit: usize) -> (usize, usize, usize) {
        let transition = Transition {
            profile: BranchingProfile::manual(10, &[2, 3, 8], &[0, 3, 8]).unwrap(),
            guidance_damper,
        };
        let film = Film {
            keyframes: scales.iter().copied().map(keyframe).collect(),
            transitions: vec![transition; scales.len() - 1],
        };
        let counted = CallRows::of_film(&film, limit);
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
    fn without_guidance_there_is_one_row_a_branch() {
        assert_eq!(rows(&[1.0; 2], 0.0, 64), (1, 2, 6));
    }

    #[test]
    fn guidance_that_reaches_one_may_leave_any_number() {
        assert_eq!(rows(&[4.0; 2], 0.0, 64), (1, 4, 12));
        assert_eq!(rows(&[4.0, 1.0], 0.5, 64), (1, 3, 12));
    }

    #[test]
    fn pictures_are_inverted_together_or_alone() {
        let pictures = |scales: &[f64]| -> Vec<Keyframe> {
            scales.iter().map(|&scale| keyframe(scale)).collect()
        };
        let film = CallRows {
            fewest: 2,
            usual: 4,
            most: 6,
        };
        let counted = |scales: &[f64], limit| {
            let rows = film.with_inversion(&pictures(scales), limit);
            (rows.fewest, rows.usual, rows.most)
        };
        assert_eq!(counted(&[], 8), (2, 4, 6));
        assert_eq!(counted(&[1.0], 8), (1, 4, 6));
        assert_eq!(counted(&[2.0; 4], 8), (2, 4, 8));
        assert_eq!(counted(&[2.0; 4], 7), (1, 4, 7));
    }
}
