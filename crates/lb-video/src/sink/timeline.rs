//! When the frames of an animation are shown, in the whole ticks that its format counts in.

use crate::frame_rate::FrameRate;

/// Rounds each frame's time from the film's beginning, so that nothing adds up, and decides which
/// frames are worth showing.
#[derive(Debug)]
pub(crate) struct Timeline {
    frame_rate: FrameRate,
    ticks_per_second: u64,
    shortest: u64,
    frames: usize,
    /// When the frame that is shown began.
    began: Option<u64>,
}

impl Timeline {
    /// `shortest`: ticks that a frame is shown at least; browsers slow down what is faster.
    pub(crate) fn new(frame_rate: FrameRate, ticks_per_second: u64, shortest: u64) -> Self {
        Self {
            frame_rate,
            ticks_per_second,
            shortest,
            frames: 0,
            began: None,
        }
    }

    /// The film's next frame: shown if it is `different` from the one that is shown, and that has
    /// been shown for long enough. Then the ticks for which it was (0 for the first frame).
    pub(crate) fn take(&mut self, different: impl FnOnce() -> bool) -> Option<u64> {
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
    pub(crate) fn rest(&self) -> u64 {
        (self.now() - self.began.unwrap_or(0)).max(self.shortest)
    }

    pub(crate) fn frames(&self) -> usize {
        self.frames
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.frame_rate.time(self.frames)
    }

    fn now(&self) -> u64 {
        self.frame_rate.ticks(self.frames, self.ticks_per_second)
    }
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
