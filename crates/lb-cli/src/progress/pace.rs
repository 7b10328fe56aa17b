//! How fast a render computes, and how long the rest will take.

use std::time::{Duration, Instant};

use lb_render::RenderEvent;

use crate::print;

/// The pace of the model evaluations of a stage. Those whose results are in the cache count as done, but
/// not for the pace.
#[derive(Debug)]
pub(super) struct Pace {
    last: Instant,
    /// The time since the first evaluation began, with all decoding and writing in it.
    spent: Duration,
    computed: usize,
    left: usize,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last: now,
            spent: Duration::ZERO,
            computed: 0,
            left: 0,
        }
    }

    /// Takes every event of a render, at the time when it came.
    pub(super) fn event(&mut self, event: &RenderEvent<'_>, now: Instant) {
        let passed = now.duration_since(self.last);
        self.last = now;
        match event {
            // The time that loading took says nothing about the speed of the evaluations.
            RenderEvent::Stage(_) => *self = Self::new(now),
            RenderEvent::Step(at) => {
                let left = at.total_model_evaluations - at.model_evaluations;
                self.computed(at.branches, left, passed);
            }
            // Before the first evaluation, results are only read.
            _ if self.computed > 0 => self.spent += passed,
            _ => {}
        }
    }

    /// Counts evaluations that took this long, with this many left in the stage.
    fn computed(&mut self, evaluations: usize, left: usize, passed: Duration) {
        self.spent += passed;
        self.computed += evaluations;
        self.left = left;
    }

    /// The evaluations in a second and the time left, once there are any.
    pub(super) fn text(&self) -> String {
        let seconds = self.spent.as_secs_f64();
        if self.computed == 0 || seconds == 0.0 {
            return String::new();
        }
        let rate = self.computed as f64 / seconds;
        let left = Duration::from_secs_f64(self.left as f64 / rate);
        format!("{rate:.1}/s {:#} left", print::HumanDuration(left))
    }
}

#[cfg(test)]
mod tests {
    use lb_render::Stage;

    use super::*;

    #[test]
    fn results_from_the_cache_are_not_part_of_the_pace() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut pace = Pace::new(begun);
        pace.event(&RenderEvent::Stage(Stage::Loading), at(10));
        pace.event(&RenderEvent::Stage(Stage::Blending), at(30));
        // Pictures that are in the cache are read for five seconds.
        pace.event(&RenderEvent::Decoded { done: 9, total: 40 }, at(35));
        assert_eq!(pace.text(), "");
        // Of 1000 evaluations, 910 were in the cache. The first step has taken the next ten.
        pace.computed(10, 80, Duration::from_secs(5));
        assert_eq!(pace.text(), "2.0/s 40s left");
        // Decoding is part of the time that is left.
        pace.event(
            &RenderEvent::Decoded {
                done: 10,
                total: 40,
            },
            at(40),
        );
        assert_eq!(pace.text(), "1.0/s 80s left");
        pace.event(&RenderEvent::Stage(Stage::Finishing), at(41));
        assert_eq!(pace.text(), "");
    }
}
