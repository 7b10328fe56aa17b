//! The computed frames of a first stage, and where in the film each of them stands.

use std::path::PathBuf;

use image::RgbImage;
use lb_video::{FrameSpool, picture, read_picture};

use crate::error::RenderError;
use crate::frame_place::{FramePlace, FrameSpan};

/// Pictures of low resolution on the disk, in film order. They are read when they are needed.
#[derive(Debug)]
pub(crate) enum LowResPictures {
    /// What a first stage has just computed.
    Spooled(FrameSpool),
    /// Files of an earlier render, which all had this width and height.
    Files(Vec<PathBuf>, (usize, usize)),
}

impl LowResPictures {
    fn count(&self) -> usize {
        match self {
            Self::Spooled(spool) => spool.count(),
            Self::Files(paths, _) => paths.len(),
        }
    }

    fn read(&self, index: usize) -> Result<RgbImage, RenderError> {
        match self {
            Self::Spooled(spool) => Ok(spool.read(index)?),
            Self::Files(paths, size) => {
                let path = &paths[index];
                let picture = read_picture(path)?;
                let found = picture::size(&picture);
                if found != *size {
                    return Err(RenderError::FrameSize {
                        path: path.clone(),
                        found,
                        expected: *size,
                    });
                }
                Ok(picture)
            }
        }
    }
}

/// A film of low resolution: its computed frames in film order, a shared keyframe once.
#[derive(Debug)]
pub(crate) struct LowResFilm {
    pictures: LowResPictures,
    places: Vec<FramePlace>,
    transitions: usize,
    looped: bool,
}

impl LowResFilm {
    /// The frames of a film with these fractions: those of every transition, both keyframes
    /// included. A loop does not show its first keyframe again at its end.
    ///
    /// # Errors
    /// [`RenderError::LowResCount`] where there are not as many frames as fractions say.
    pub(crate) fn new(
        pictures: LowResPictures,
        fractions: &[Vec<f64>],
        looped: bool,
    ) -> Result<Self, RenderError> {
        let transitions = fractions.iter().enumerate();
        let mut places: Vec<FramePlace> = transitions
            .flat_map(|(transition, fractions)| {
                let own = fractions.iter().skip(usize::from(transition > 0));
                own.map(move |&fraction| FramePlace {
                    transition,
                    fraction,
                })
            })
            .collect();
        if looped {
            places.pop();
        }
        if pictures.count() != places.len() {
            return Err(RenderError::LowResCount {
                found: pictures.count(),
                expected: places.len(),
            });
        }
        Ok(Self {
            pictures,
            places,
            transitions: fractions.len(),
            looped,
        })
    }

    /// How many neighbours there are to go between.
    pub(crate) fn pairs(&self) -> usize {
        self.frames() - usize::from(!self.looped)
    }

    /// How many frames there are.
    pub(crate) fn frames(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn is_looped(&self) -> bool {
        self.looped
    }

    /// A frame's picture; behind the last one of a loop comes its first.
    pub(crate) fn picture(&self, index: usize) -> Result<RgbImage, RenderError> {
        self.pictures.read(index % self.frames())
    }

    /// Where a frame stands; behind the last one of a loop comes its first.
    pub(crate) fn place(&self, index: usize) -> FramePlace {
        self.places[index % self.frames()]
    }

    /// What lies between a frame and the next.
    pub(crate) fn span(&self, pair: usize) -> FrameSpan {
        let (left, right) = (self.place(pair), self.place(pair + 1));
        let (transition, to) = match self.closes(pair + 1) {
            true => (self.transitions - 1, 1.0),
            false => (right.transition, right.fraction),
        };
        // A keyframe is the end of one transition and the beginning of the next.
        let is_within = left.transition == transition;
        FrameSpan {
            transition,
            from: if is_within { left.fraction } else { 0.0 },
            to,
        }
    }

    /// Whether this frame is the first one again.
    pub(crate) fn closes(&self, index: usize) -> bool {
        self.looped && index == self.frames()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(count: usize, fractions: &[Vec<f64>], looped: bool) -> Result<LowResFilm, RenderError> {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = FrameSpool::create(folder.path(), 1, 1).unwrap();
        for level in 0..count {
            let picture = RgbImage::from_pixel(1, 1, [level as u8; 3].into());
            spool.push(&picture).unwrap();
        }
        LowResFilm::new(LowResPictures::Spooled(spool), fractions, looped)
    }

    #[test]
    fn shared_keyframes_stand_once_and_a_loop_comes_back() {
        let fractions = [vec![0.0, 0.4, 1.0], vec![0.0, 1.0]];
        let open = film(4, &fractions, false).unwrap();
        let places: Vec<(usize, f64)> = (0..4)
            .map(|index| (open.place(index).transition, open.place(index).fraction))
            .collect();
        assert_eq!(places, [(0, 0.0), (0, 0.4), (0, 1.0), (1, 1.0)]);
        assert_eq!((open.pairs(), open.closes(4)), (3, false));

        let looped = film(3, &fractions, true).unwrap();
        assert_eq!((looped.pairs(), looped.closes(3)), (3, true));
        assert_eq!(looped.picture(3).unwrap(), looped.picture(0).unwrap());
        for film in [open, looped] {
            let spans: Vec<(usize, f64, f64)> = (0..3)
                .map(|pair| film.span(pair))
                .map(|span| (span.transition, span.from, span.to))
                .collect();
            assert_eq!(spans, [(0, 0.0, 0.4), (0, 0.4, 1.0), (1, 0.0, 1.0)]);
        }
    }

    #[test]
    fn as_many_frames_as_fractions() {
        let fractions = [vec![0.0, 0.4, 1.0]];
        assert!(film(2, &fractions, false).is_err());
        assert!(film(3, &fractions, false).is_ok());
    }
}
