//! The positions that frames carry, compared with each other and with the job.

use std::path::{Path, PathBuf};

use lb_video::{VideoError, metadata};

use super::error::FramePositionError;
use crate::error::RenderError;
use crate::position::FramePosition;

/// The positions that frames carry, which are checked to be in film order.
#[derive(Debug)]
pub(super) struct Positions<'a> {
    paths: &'a [PathBuf],
    /// The position of each frame; `None` if it carries none.
    positions: Vec<Option<FramePosition>>,
}

impl<'a> Positions<'a> {
    pub(super) fn read(paths: &'a [PathBuf]) -> Result<Self, RenderError> {
        let mut positions = Vec::with_capacity(paths.len());
        let mut before: Option<FramePosition> = None;
        let mut first: Option<(&Path, Option<String>)> = None;
        for path in paths {
            let position = position_of(path)?;
            positions.push(position);
            let Some(found) = position else { continue };
            let job = metadata::read(path)?;
            let path = path.as_path();
            let (first, expected) = first.get_or_insert_with(|| (path, job.clone()));
            if job != *expected {
                let (path, first) = (path.into(), (*first).into());
                return Err(FramePositionError::OtherJob { path, first }.into());
            }
            if let Some(before) = before.filter(|before| found < *before) {
                let path = path.into();
                return Err(FramePositionError::Order {
                    path,
                    found,
                    before,
                }
                .into());
            }
            before = Some(found);
        }
        Ok(Self { paths, positions })
    }

    /// Whether any frame carries a position.
    pub(super) fn are_carried(&self) -> bool {
        self.positions.iter().any(Option::is_some)
    }

    /// The frames that carry no position.
    pub(super) fn missing(&self) -> Vec<&'a Path> {
        let frames = self.paths.iter().zip(&self.positions);
        let missing = frames.filter(|(_, position)| position.is_none());
        missing.map(|(path, _)| path.as_path()).collect()
    }

    /// How many frames each transition has, both keyframes included. `None` if a frame carries no
    /// position, or if the film has another number of transitions.
    pub(super) fn transition_frames(&self, transitions: usize, looped: bool) -> Option<Vec<usize>> {
        let mut counts = vec![1; transitions];
        // The film begins with a keyframe of its own.
        *counts.first_mut()? = 0;
        *counts.last_mut()? += usize::from(looped);
        for position in &self.positions {
            *counts.get_mut(position.as_ref()?.transition)? += 1;
        }
        counts.iter().all(|&count| count >= 2).then_some(counts)
    }

    /// The fractions of transitions with these numbers of frames, which add up to all frames. Frames
    /// without a position are spaced evenly between their neighbours.
    pub(super) fn fractions(
        &self,
        counts: &[usize],
        looped: bool,
    ) -> Result<Vec<Vec<f64>>, FramePositionError> {
        let mut frames = self.paths.iter().zip(&self.positions);
        let mut fractions = Vec::with_capacity(counts.len());
        for (transition, &count) in counts.iter().enumerate() {
            let closes = looped && transition + 1 == counts.len();
            let shown = usize::from(transition > 0)..count - usize::from(closes);
            let mut known = vec![None; count];
            (known[0], known[count - 1]) = (Some(0.0), Some(1.0));
            for (index, (path, position)) in shown.zip(&mut frames) {
                let Some(found) = *position else { continue };
                let (wanted, fits) = match known[index] {
                    Some(end) if end == 0.0 => ("beginning", found.fraction == end),
                    Some(end) => ("end", found.fraction == end),
                    None => ("inside", true),
                };
                if found.transition != transition || !fits {
                    return Err(FramePositionError::Misplaced {
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

/// The position that a picture of any format carries.
fn position_of(path: &Path) -> Result<Option<FramePosition>, RenderError> {
    let text = match metadata::read_frame_text(path) {
        Err(VideoError::UnknownContent { .. }) => None,
        text => text?,
    };
    let position = text.map(|text| FramePosition::parse(&text)).transpose();
    Ok(position.map_err(|reason| FramePositionError::Damaged {
        path: path.into(),
        reason,
    })?)
}

/// Spaces unknown fractions evenly between known ones. The first and the last one must be known.
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
    fn positions_say_how_many_frames_each_transition_has() {
        let paths = vec![PathBuf::new(); 5];
        let positions = [(0, 0.0), (0, 0.4), (0, 1.0), (1, 0.5), (1, 1.0)];
        let positions = positions.map(|(transition, fraction)| {
            Some(FramePosition {
                transition,
                fraction,
            })
        });
        let of = |count: usize| Positions {
            paths: &paths[..count],
            positions: positions[..count].to_vec(),
        };
        assert_eq!(of(5).transition_frames(2, false), Some(vec![3, 3]));
        assert_eq!(of(4).transition_frames(2, true), Some(vec![3, 3]));
        assert_eq!(of(3).transition_frames(2, true), Some(vec![3, 2]));
        assert_eq!(of(5).transition_frames(1, false), None);
        assert_eq!(of(5).transition_frames(3, false), None);
        let mut unknown = of(5);
        unknown.positions[1] = None;
        assert_eq!(unknown.transition_frames(2, false), None);
    }
}
