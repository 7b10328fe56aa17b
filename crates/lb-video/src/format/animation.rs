//! What GIF and WebP share: the times of an animation's frames, and reading them.

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use image::buffer::ConvertBuffer as _;
use image::{AnimationDecoder, ImageDecoder, Limits};

use crate::film_frame::{FilmFrame, Frames};
use crate::flaw::{Flaw, validate_declared_size};
use lb_schedule::FrameRate;

/// Decides when the frames of an animation are shown, in the whole ticks that its format counts in, and
/// which of them are shown at all. Times are rounded from the film's beginning on, so that rounding
/// errors do not add up.
#[derive(Debug)]
pub(super) struct Timeline {
    frame_rate: FrameRate,
    ticks_per_second: u64,
    shortest: u64,
    frames: usize,
    /// When the frame that is shown now began.
    began: Option<u64>,
}

impl Timeline {
    /// `shortest` is the number of ticks that every frame is shown for at least. Browsers slow down
    /// animations that are faster.
    pub(super) fn new(frame_rate: FrameRate, ticks_per_second: u64, shortest: u64) -> Self {
        Self {
            frame_rate,
            ticks_per_second,
            shortest,
            frames: 0,
            began: None,
        }
    }

    /// Takes the film's next frame. It is shown if it is `different` from the frame that is shown now
    /// and that one has been shown for long enough; then this returns for how many ticks that one was
    /// shown, which is 0 before the first frame.
    pub(super) fn take(&mut self, different: impl FnOnce() -> bool) -> Option<u64> {
        let now = self.now();
        self.frames += 1;
        let lasted = match self.began {
            None => 0,
            Some(began) if now - began >= self.shortest && different() => now - began,
            Some(_) => return None,
        };
        self.began = Some(now);
        Some(lasted)
    }

    /// For how many ticks the last frame is shown.
    pub(super) fn rest(&self) -> u64 {
        (self.now() - self.began.unwrap_or(0)).max(self.shortest)
    }

    pub(super) fn frames(&self) -> usize {
        self.frames
    }

    fn now(&self) -> u64 {
        self.frame_rate.ticks(self.frames, self.ticks_per_second)
    }
}

/// The frames that one of the image crate's decoders finds, with their times.
pub(super) fn read_with(
    path: &Path,
    mut decoder: impl ImageDecoder + AnimationDecoder<'static>,
) -> Result<Frames, Flaw> {
    let (width, height) = decoder.dimensions();
    validate_declared_size(width as usize, height as usize)?;
    let mut limits = Limits::no_limits();
    // A GIF's canvas, a frame no larger than that, and what both make.
    limits.max_alloc = Some(3 * 4 * u64::from(width) * u64::from(height));
    decoder.set_limits(limits)?;
    let (path, mut begins) = (path.to_path_buf(), 0);
    Ok(Box::new(decoder.into_frames().map(move |frame| {
        let frame = frame.map_err(|error| Flaw::from(error).of(&path))?;
        let (milliseconds, denominator) = frame.delay().numer_denom_ms();
        let lasts = u64::from(milliseconds / denominator.max(1));
        begins += lasts;
        let picture: RgbImage = frame.into_buffer().convert();
        Ok(FilmFrame {
            picture: Arc::new(picture),
            begins: (begins - lasts) as f64 / 1000.0,
            lasts: lasts as f64 / 1000.0,
        })
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ticks at which frames begin, and the end.
    fn beginnings(frames_per_second: f64, count: usize) -> Vec<u64> {
        let frame_rate = FrameRate::new(frames_per_second).unwrap();
        let mut timeline = Timeline::new(frame_rate, 100, 2);
        let mut at = 0;
        let mut beginnings = Vec::new();
        for _ in 0..count {
            if let Some(lasted) = timeline.take(|| true) {
                at += lasted;
                beginnings.push(at);
            }
        }
        beginnings.push(at + timeline.rest());
        beginnings
    }

    #[test]
    fn times_are_rounded_from_the_beginning() {
        assert_eq!(beginnings(25.0, 4), [0, 4, 8, 12, 16]);
        assert_eq!(beginnings(30.0, 7), [0, 3, 7, 10, 13, 17, 20, 23]);
        assert_eq!(beginnings(29.97, 3000).last(), Some(&10_010));
        assert_eq!(beginnings(0.5, 2), [0, 200, 400]);
    }

    #[test]
    fn what_comes_too_soon_is_left_out() {
        assert_eq!(beginnings(100.0, 7), [0, 2, 4, 6, 8]);
        assert!(
            beginnings(60.0, 60)
                .windows(2)
                .all(|pair| pair[1] >= pair[0] + 2)
        );
    }

    #[test]
    fn what_looks_the_same_goes_on() {
        let mut timeline = Timeline::new(FrameRate::new(10.0).unwrap(), 1000, 11);
        assert_eq!(timeline.take(|| false), Some(0));
        assert_eq!(timeline.take(|| false), None);
        assert_eq!(timeline.take(|| true), Some(200));
        assert_eq!((timeline.rest(), timeline.frames()), (100, 3));
    }
}
