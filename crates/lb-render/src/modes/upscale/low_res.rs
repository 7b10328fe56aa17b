//! The computed frames of a first stage, and where in the film each of them stands.

use lb_video::Frame;

use crate::error::RenderError;

/// A film of low resolution: its computed frames in film order, a shared keyframe once.
#[derive(Clone, Debug)]
pub(crate) struct LowResFilm {
    frames: Vec<LowResFrame>,
    looped: bool,
}

/// A computed frame of low resolution.
#[derive(Clone, Debug)]
pub(crate) struct LowResFrame {
    pub(crate) picture: Frame,
    /// The film's transition that it belongs to.
    pub(crate) transition: usize,
    /// Where between that transition's keyframes, from 0 to 1.
    pub(crate) fraction: f64,
}

impl LowResFilm {
    /// The frames of a film with these fractions: those of every transition, both keyframes
    /// included. A loop does not show its first keyframe again at its end.
    ///
    /// # Errors
    /// [`RenderError::LowResCount`] where there are not as many frames as fractions say.
    pub(crate) fn new(
        pictures: Vec<Frame>,
        fractions: &[Vec<f64>],
        looped: bool,
    ) -> Result<Self, RenderError> {
        let transitions = fractions.iter().enumerate();
        let mut places: Vec<(usize, f64)> = transitions
            .flat_map(|(transition, fractions)| {
                let own = fractions.iter().skip(usize::from(transition > 0));
                own.map(move |&fraction| (transition, fraction))
            })
            .collect();
        if looped {
            places.pop();
        }
        if pictures.len() != places.len() {
            return Err(RenderError::LowResCount {
                found: pictures.len(),
                expected: places.len(),
            });
        }
        let frames = pictures.into_iter().zip(&places);
        let frames: Vec<LowResFrame> = frames
            .map(|(picture, &(transition, fraction))| LowResFrame {
                picture,
                transition,
                fraction,
            })
            .collect();
        Ok(Self { frames, looped })
    }

    /// How many neighbours there are to go between.
    pub(crate) fn pairs(&self) -> usize {
        self.frames.len() - usize::from(!self.looped)
    }

    /// How many frames there are.
    pub(crate) fn frames(&self) -> usize {
        self.frames.len()
    }

    pub(crate) fn is_looped(&self) -> bool {
        self.looped
    }

    /// A frame; behind the last one of a loop comes its first.
    pub(crate) fn frame(&self, index: usize) -> &LowResFrame {
        &self.frames[index % self.frames.len()]
    }

    /// Whether this frame is the first one again.
    pub(crate) fn closes(&self, index: usize) -> bool {
        self.looped && index == self.frames.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film(count: usize, fractions: &[Vec<f64>], looped: bool) -> Result<LowResFilm, RenderError> {
        let picture = |level| Frame::from_rgb(1, 1, vec![level as u8; 3]).unwrap();
        LowResFilm::new((0..count).map(picture).collect(), fractions, looped)
    }

    #[test]
    fn shared_keyframes_stand_once_and_a_loop_comes_back() {
        let fractions = [vec![0.0, 0.4, 1.0], vec![0.0, 1.0]];
        let open = film(4, &fractions, false).unwrap();
        let places: Vec<(usize, f64)> = (0..4)
            .map(|index| (open.frame(index).transition, open.frame(index).fraction))
            .collect();
        assert_eq!(places, [(0, 0.0), (0, 0.4), (0, 1.0), (1, 1.0)]);
        assert_eq!((open.pairs(), open.closes(4)), (3, false));

        let looped = film(3, &fractions, true).unwrap();
        assert_eq!((looped.pairs(), looped.closes(3)), (3, true));
        assert_eq!(looped.frame(3).picture, looped.frame(0).picture);
    }

    #[test]
    fn as_many_frames_as_fractions() {
        let fractions = [vec![0.0, 0.4, 1.0]];
        assert!(film(2, &fractions, false).is_err());
        assert!(film(3, &fractions, false).is_ok());
    }
}
