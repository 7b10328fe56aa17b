//! The computed frames of a first stage, and their positions in the film.

use std::path::PathBuf;

use image::RgbImage;
use lb_video::{FrameSpool, picture, read_picture};

use crate::error::RenderError;
use crate::position::{FramePosition, FrameSpan};

/// Pictures of low resolution on disk, in film order. Each is read when it is needed.
#[derive(Debug)]
pub(crate) enum LowResPictures {
    /// Pictures that a first stage has just computed.
    Spooled(FrameSpool),
    /// Files of an earlier render.
    Files(Vec<PathBuf>),
}

impl LowResPictures {
    fn count(&self) -> usize {
        match self {
            Self::Spooled(spool) => spool.count(),
            Self::Files(paths) => paths.len(),
        }
    }

    /// Reads a picture, which must have this size. That of a file may have changed.
    fn read(&self, index: usize, expected: (usize, usize)) -> Result<RgbImage, RenderError> {
        let path = match self {
            Self::Spooled(spool) => return Ok(spool.read(index)?),
            Self::Files(paths) => paths[index].clone(),
        };
        let picture = read_picture(&path)?;
        match picture::size(&picture) {
            found if found == expected => Ok(picture),
            found => Err(RenderError::FrameSize {
                path,
                found,
                expected,
            }),
        }
    }
}

/// The computed frames of a film of low resolution, in film order. A shared keyframe is contained once,
/// and the first keyframe of a loop is not repeated at the end.
#[derive(Debug)]
pub(crate) struct LowResFrames {
    pictures: LowResPictures,
    /// Width and height of the pictures.
    pub(crate) size: (usize, usize),
    positions: Vec<FramePosition>,
    /// The fractions of every transition's frames, both keyframes included.
    fractions: Vec<Vec<f64>>,
    is_looped: bool,
}

impl LowResFrames {
    /// Divides numbers of in-betweens, one for each transition, evenly among its pairs of frames.
    pub(crate) fn shares(&self, in_betweens: &[usize]) -> Vec<usize> {
        let transitions = self.fractions.iter().zip(in_betweens);
        let shares = transitions.flat_map(|(fractions, &count)| {
            let pairs = fractions.len() - 1;
            (0..pairs).map(move |pair| (pair + 1) * count / pairs - pair * count / pairs)
        });
        shares.collect()
    }

    /// The frames of a film whose transitions have frames at these fractions, both keyframes
    /// included.
    ///
    /// # Errors
    /// [`RenderError::LowResCount`] if there is not one picture for each fraction.
    pub(crate) fn new(
        pictures: LowResPictures,
        size: (usize, usize),
        fractions: Vec<Vec<f64>>,
        is_looped: bool,
    ) -> Result<Self, RenderError> {
        let transitions = fractions.iter().enumerate();
        let mut positions: Vec<FramePosition> = transitions
            .flat_map(|(transition, fractions)| {
                let own = fractions.iter().skip(usize::from(transition > 0));
                own.map(move |&fraction| FramePosition {
                    transition,
                    fraction,
                })
            })
            .collect();
        if is_looped {
            positions.pop();
        }
        if pictures.count() != positions.len() {
            return Err(RenderError::LowResCount {
                found: pictures.count(),
                expected: positions.len(),
            });
        }
        Ok(Self {
            pictures,
            size,
            positions,
            fractions,
            is_looped,
        })
    }

    /// How many frames there are.
    pub(crate) fn count(&self) -> usize {
        self.positions.len()
    }

    /// The fractions of every level of every transition, where only the last level is known.
    pub(crate) fn as_last_levels(&self) -> Vec<Vec<Vec<f64>>> {
        let fractions = self.fractions.iter();
        fractions.map(|fractions| vec![fractions.clone()]).collect()
    }

    /// The number of pairs of neighbours. In a loop, the last frame and the first one are a pair.
    pub(crate) fn pairs(&self) -> usize {
        self.count() - usize::from(!self.is_looped)
    }

    /// A frame's picture.
    pub(crate) fn picture(&self, index: usize) -> Result<RgbImage, RenderError> {
        self.pictures.read(index, self.size)
    }

    /// A frame's position in the film.
    pub(crate) fn position(&self, index: usize) -> FramePosition {
        self.positions[index]
    }

    /// The part of the film between a frame and the next.
    pub(crate) fn span(&self, pair: usize) -> FrameSpan {
        let left = self.position(pair);
        let (transition, to) = match self.positions.get(pair + 1) {
            Some(right) => (right.transition, right.fraction),
            // The last frame of a loop is followed by its first one.
            None => (self.fractions.len() - 1, 1.0),
        };
        // A keyframe is the end of one transition and the beginning of the next.
        let is_within = left.transition == transition;
        FrameSpan {
            transition,
            from: if is_within { left.fraction } else { 0.0 },
            to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(
        count: usize,
        fractions: &[Vec<f64>],
        is_looped: bool,
    ) -> Result<LowResFrames, RenderError> {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = FrameSpool::create(folder.path(), 1, 1).unwrap();
        for level in 0..count {
            let picture = RgbImage::from_raw(1, 1, vec![level as u8; 3]).unwrap();
            spool.push(&picture).unwrap();
        }
        LowResFrames::new(
            LowResPictures::Spooled(spool),
            (1, 1),
            fractions.to_vec(),
            is_looped,
        )
    }

    #[test]
    fn shared_keyframes_are_contained_once_and_a_loop_returns() {
        let fractions = [vec![0.0, 0.4, 1.0], vec![0.0, 1.0]];
        let open = frames(4, &fractions, false).unwrap();
        let positions: Vec<(usize, f64)> = (0..4)
            .map(|index| {
                (
                    open.position(index).transition,
                    open.position(index).fraction,
                )
            })
            .collect();
        assert_eq!(positions, [(0, 0.0), (0, 0.4), (0, 1.0), (1, 1.0)]);
        let looped = frames(3, &fractions, true).unwrap();
        assert_eq!((looped.count(), open.count()), (3, 4));
        for frames in [open, looped] {
            assert_eq!(frames.pairs(), 3);
            let spans: Vec<(usize, f64, f64)> = (0..3)
                .map(|pair| frames.span(pair))
                .map(|span| (span.transition, span.from, span.to))
                .collect();
            assert_eq!(spans, [(0, 0.0, 0.4), (0, 0.4, 1.0), (1, 0.0, 1.0)]);
        }
    }

    #[test]
    fn the_number_of_frames_must_be_that_of_the_fractions() {
        let fractions = [vec![0.0, 0.4, 1.0]];
        assert!(frames(2, &fractions, false).is_err());
        assert!(frames(3, &fractions, false).is_ok());
    }
}
