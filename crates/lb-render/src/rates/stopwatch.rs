//! Measures how long evaluations, decoding and everything else take while a film is rendered.

use std::time::{Duration, Instant};

use lb_blend::Forecast;
use lb_job::RenderRate;

use crate::observe::{RenderEvent, Stage};
use crate::summary::Summary;

/// The times of each stage of a render, for an observer that passes every event on.
#[derive(Debug)]
pub struct Stopwatch {
    last: Instant,
    stages: Vec<Lap>,
}

/// The times of one stage.
#[derive(Debug, Default)]
struct Lap {
    whole: Duration,
    is_warm: bool,
    evaluations: usize,
    evaluating: Duration,
    decoding: Duration,
}

impl Stopwatch {
    /// A stopwatch that starts now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            last: Instant::now(),
            stages: vec![Lap::default()],
        }
    }

    /// Takes the time of an event.
    pub fn event(&mut self, event: &RenderEvent<'_>) {
        let now = Instant::now();
        let passed = now - self.last;
        self.last = now;
        if let RenderEvent::Stage(Stage::Upscaling { .. }) = event {
            self.stages.push(Lap::default());
        }
        if let Some(lap) = self.stages.last_mut() {
            lap.event(event, passed);
        }
    }

    /// The rate of every stage of a finished render, of which these stages were planned. It is `None` if too little was computed for an
    /// estimate, or if some results came from the cache.
    #[must_use]
    pub fn rates(&self, planned: &[Forecast], summary: &Summary) -> Vec<Option<RenderRate>> {
        let reused = summary.statistics.reused_evaluations + summary.reused_decodes > 0;
        let laps = self.stages.iter().zip(planned);
        laps.map(|(lap, planned)| lap.rate(planned).filter(|_| !reused))
            .collect()
    }
}

impl Default for Stopwatch {
    fn default() -> Self {
        Self::new()
    }
}

impl Lap {
    fn event(&mut self, event: &RenderEvent<'_>, passed: Duration) {
        // Weights are hashed once and not with every film, so this time says nothing about others.
        if !matches!(event, RenderEvent::Weights { .. }) {
            self.whole += passed;
        }
        match event {
            // The first step also allocates memory for all steps after it.
            RenderEvent::Step(_) if !self.is_warm => self.is_warm = true,
            RenderEvent::Step(progress) => {
                self.evaluations += progress.branches;
                self.evaluating += passed;
            }
            RenderEvent::Keyframe { .. }
            | RenderEvent::Frame { .. }
            | RenderEvent::Decoded { .. } => self.decoding += passed,
            _ => {}
        }
    }

    fn rate(&self, planned: &Forecast) -> Option<RenderRate> {
        if self.evaluations == 0 || planned.decodes == 0 {
            return None;
        }
        let per_evaluation = self.evaluating.as_secs_f64() / self.evaluations as f64;
        let evaluating = per_evaluation * planned.model_evaluations as f64;
        let decoding = self.decoding.as_secs_f64();
        Some(RenderRate {
            per_row: evaluating / planned.rows as f64,
            per_decode: decoding / planned.decodes as f64,
            beside: (self.whole.as_secs_f64() - evaluating - decoding).max(0.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::position::FramePosition;

    #[test]
    fn every_event_after_a_decode_counts_as_decoding() {
        let (mut lap, picture) = (Lap::default(), RgbImage::new(1, 1));
        let position = FramePosition {
            transition: 0,
            fraction: 0.5,
        };
        for event in [
            RenderEvent::Keyframe {
                index: 0,
                picture: &picture,
            },
            RenderEvent::Frame {
                position,
                picture: &picture,
            },
            RenderEvent::Decoded { done: 2, total: 2 },
        ] {
            lap.event(&event, Duration::from_secs(1));
        }
        assert_eq!(lap.decoding, Duration::from_secs(3));
    }
}
