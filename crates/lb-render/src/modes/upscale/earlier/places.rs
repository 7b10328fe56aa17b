//! Where frames say that they stand, held against each other and against the job.

use std::path::{Path, PathBuf};

use lb_video::{VideoError, metadata};

use crate::error::RenderError;
use crate::frame_place::FramePlace;

/// Frames that cannot be those of one film.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FramePlaceError {
    /// What a frame carries is no place.
    #[error("{} does not tell where in the film it stands: {reason}", path.display())]
    Damaged {
        /// The frame.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A frame that stands before its predecessor.
    #[error(
        "{} stands at {found}, behind a frame at {before}: they are not in film order",
        path.display()
    )]
    Order {
        /// The frame.
        path: PathBuf,
        /// Where it stands.
        found: FramePlace,
        /// Where one before it stands.
        before: FramePlace,
    },
    /// Frames of different jobs.
    #[error("{} carries another job than {}: they are of different films", path.display(), first.display())]
    OtherJob {
        /// The frame.
        path: PathBuf,
        /// The first frame that tells where it stands.
        first: PathBuf,
    },
    /// A frame where the job has another one.
    #[error(
        "{} stands at {found}; the job has the {wanted} of transition {} there",
        path.display(), transition + 1
    )]
    Misplaced {
        /// The frame.
        path: PathBuf,
        /// Where it stands.
        found: FramePlace,
        /// What part of the transition the job has.
        wanted: &'static str,
        /// The transition that the job has, from 0.
        transition: usize,
    },
}

/// What frames say, none for those that say nothing: they do not go backwards.
#[derive(Debug)]
pub(super) struct Places<'a> {
    paths: &'a [PathBuf],
    places: Vec<Option<FramePlace>>,
}

impl<'a> Places<'a> {
    pub(super) fn read(paths: &'a [PathBuf]) -> Result<Self, RenderError> {
        let mut places = Vec::with_capacity(paths.len());
        let mut before: Option<FramePlace> = None;
        let mut first: Option<(&Path, Option<String>)> = None;
        for path in paths {
            let place = place_of(path)?;
            places.push(place);
            let Some(found) = place else { continue };
            let job = metadata::read(path)?;
            let path = path.as_path();
            let (first, expected) = first.get_or_insert_with(|| (path, job.clone()));
            if job != *expected {
                let (path, first) = (path.into(), (*first).into());
                return Err(FramePlaceError::OtherJob { path, first }.into());
            }
            if let Some(before) = before.filter(|before| found < *before) {
                let path = path.into();
                return Err(FramePlaceError::Order {
                    path,
                    found,
                    before,
                }
                .into());
            }
            before = Some(found);
        }
        Ok(Self { paths, places })
    }

    /// Whether any frame says where it stands.
    pub(super) fn are_carried(&self) -> bool {
        self.places.iter().any(Option::is_some)
    }

    /// The frames that say nothing.
    pub(super) fn missing(&self) -> Vec<&'a Path> {
        let frames = self.paths.iter().zip(&self.places);
        let missing = frames.filter(|(_, place)| place.is_none());
        missing.map(|(path, _)| path.as_path()).collect()
    }

    /// Frames of every transition of a film that has so many, both keyframes included; none if a
    /// frame says nothing, or these are not the frames of so many.
    pub(super) fn transition_frames(&self, transitions: usize, looped: bool) -> Option<Vec<usize>> {
        let mut counts = vec![1; transitions];
        // It begins with a keyframe of its own.
        *counts.first_mut()? = 0;
        *counts.last_mut()? += usize::from(looped);
        for place in &self.places {
            *counts.get_mut(place.as_ref()?.transition)? += 1;
        }
        counts.iter().all(|&count| count >= 2).then_some(counts)
    }

    /// The fractions of transitions with so many frames, of which there are as many as here. What
    /// says nothing stands evenly between its neighbours.
    pub(super) fn fractions(
        &self,
        counts: &[usize],
        looped: bool,
    ) -> Result<Vec<Vec<f64>>, FramePlaceError> {
        let mut frames = self.paths.iter().zip(&self.places);
        let mut fractions = Vec::with_capacity(counts.len());
        for (transition, &count) in counts.iter().enumerate() {
            let closes = looped && transition + 1 == counts.len();
            let shown = usize::from(transition > 0)..count - usize::from(closes);
            let mut known = vec![None; count];
            (known[0], known[count - 1]) = (Some(0.0), Some(1.0));
            for (index, (path, place)) in shown.zip(&mut frames) {
                let Some(found) = *place else { continue };
                let (wanted, fits) = match known[index] {
                    Some(end) if end == 0.0 => ("beginning", found.fraction == end),
                    Some(end) => ("end", found.fraction == end),
                    None => ("inside", true),
                };
                if found.transition != transition || !fits {
                    return Err(FramePlaceError::Misplaced {
                        path: path.clone(),
                        found,
                        wanted,
                        transition,
                    });
                }
                known[index] = Some(found.fraction);
            }
            fractions.push(filled(&known));
        }
        Ok(fractions)
    }
}

/// What a picture of whatever format says.
fn place_of(path: &Path) -> Result<Option<FramePlace>, RenderError> {
    let text = match metadata::read_frame_text(path) {
        Err(VideoError::UnknownContent { .. }) => None,
        text => text?,
    };
    let place = text.map(|text| FramePlace::parse(&text)).transpose();
    Ok(place.map_err(|reason| FramePlaceError::Damaged {
        path: path.into(),
        reason,
    })?)
}

/// Unknown fractions evenly between known ones; the first and the last are known.
fn filled(known: &[Option<f64>]) -> Vec<f64> {
    let mut filled: Vec<f64> = Vec::with_capacity(known.len());
    for fraction in known {
        let Some(to) = *fraction else { continue };
        let from = filled.last().copied().unwrap_or(to);
        let begin = filled.len();
        let gap = known[begin..].iter().take_while(|at| at.is_none()).count();
        let steps = (gap + 1) as f64;
        filled.extend((1..=gap).map(|step| from + (to - from) * (step as f64 / steps)));
        filled.push(to);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_evenly() {
        let known = [Some(0.0), None, Some(0.5), Some(0.6), None, None, Some(1.0)];
        let filled = filled(&known);
        let expected = [0.0, 0.25, 0.5, 0.6, 0.6 + 0.4 / 3.0, 0.6 + 0.8 / 3.0, 1.0];
        assert_eq!(filled.len(), expected.len());
        for (found, expected) in filled.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{filled:?}");
        }
    }

    #[test]
    fn frames_tell_how_many_each_transition_has() {
        let paths = vec![PathBuf::new(); 5];
        let places = [(0, 0.0), (0, 0.4), (0, 1.0), (1, 0.5), (1, 1.0)];
        let places = places.map(|(transition, fraction)| {
            Some(FramePlace {
                transition,
                fraction,
            })
        });
        let of = |count: usize| Places {
            paths: &paths[..count],
            places: places[..count].to_vec(),
        };
        assert_eq!(of(5).transition_frames(2, false), Some(vec![3, 3]));
        assert_eq!(of(4).transition_frames(2, true), Some(vec![3, 3]));
        assert_eq!(of(3).transition_frames(2, true), Some(vec![3, 2]));
        assert_eq!(of(5).transition_frames(1, false), None);
        assert_eq!(of(5).transition_frames(3, false), None);
        let mut unknown = of(5);
        unknown.places[1] = None;
        assert_eq!(unknown.transition_frames(2, false), None);
    }
}
