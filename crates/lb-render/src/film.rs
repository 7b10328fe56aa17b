//! Computed frames to film frames, as they come.

use lb_schedule::FilmFrame;
use lb_video::Frame;

use crate::error::RenderError;

/// Cross-fades computed frames into a film, holding no more than two of them.
pub(crate) struct FilmAssembler {
    film: std::vec::IntoIter<FilmFrame>,
    next: Option<FilmFrame>,
    previous: Option<Frame>,
    arrived: usize,
}

impl FilmAssembler {
    pub(crate) fn new(film: Vec<FilmFrame>) -> Self {
        let mut film = film.into_iter();
        let next = film.next();
        Self {
            film,
            next,
            previous: None,
            arrived: 0,
        }
    }

    /// Takes the next computed frame and hands out every film frame that it completes.
    pub(crate) fn push(
        &mut self,
        frame: Frame,
        mut show: impl FnMut(Frame) -> Result<(), RenderError>,
    ) -> Result<(), RenderError> {
        let index = self.arrived;
        while let Some(wanted) = self.next.filter(|wanted| wanted.right <= index) {
            let left = match &self.previous {
                Some(previous) if wanted.left < index => previous,
                _ => &frame,
            };
            show(Frame::blend(left, &frame, wanted.weight)?)?;
            self.next = self.film.next();
        }
        self.previous = Some(frame);
        self.arrived += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(level: u8) -> Frame {
        Frame::from_rgb(2, 2, vec![level; 12]).unwrap()
    }

    fn mix(left: usize, right: usize, weight: f64) -> FilmFrame {
        FilmFrame {
            left,
            right,
            weight,
        }
    }

    #[test]
    fn every_film_frame_comes_once_in_order_and_mixed_as_asked() {
        let film = vec![
            mix(0, 0, 0.0),
            mix(0, 1, 0.5),
            mix(1, 1, 0.0),
            mix(1, 2, 0.25),
            mix(2, 2, 0.0),
        ];
        let mut assembler = FilmAssembler::new(film);
        let mut shown = Vec::new();
        for level in [0, 100, 200] {
            assembler
                .push(grey(level), |frame| {
                    shown.push(frame.pixels()[0]);
                    Ok(())
                })
                .unwrap();
        }
        assert_eq!(shown, [0, 50, 100, 125, 200]);
    }

    #[test]
    fn a_film_of_fewer_frames_than_were_computed_skips_some() {
        let mut assembler = FilmAssembler::new(vec![mix(0, 0, 0.0), mix(3, 3, 0.0)]);
        let mut shown = 0;
        for level in 0..4 {
            assembler
                .push(grey(level), |_| {
                    shown += 1;
                    Ok(())
                })
                .unwrap();
        }
        assert_eq!(shown, 2);
    }
}
