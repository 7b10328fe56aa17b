//! Progress as plain lines, for a log file or another program.

use std::time::{Duration, Instant};

/// A line is printed when this much time has passed since the last one, or this share of the
/// evaluations is done, whichever comes first.
const OFTEN: Duration = Duration::from_secs(10);
const SHARE: f64 = 0.1;

/// Decides when a line is due.
#[derive(Debug)]
pub(crate) struct Lines {
    last: Instant,
    share: f64,
}

impl Lines {
    pub(crate) fn new() -> Self {
        Self {
            last: Instant::now(),
            share: 0.0,
        }
    }

    /// Starts again with a new stage, whose own line has been printed.
    pub(super) fn restart(&mut self) {
        *self = Self::new();
    }

    /// Whether a line is due now that this share of the work is done. With a lower share than before,
    /// other work has begun.
    pub(crate) fn is_due(&mut self, share: f64) -> bool {
        if share < self.share {
            self.share = 0.0;
        }
        let is_due = self.last.elapsed() >= OFTEN || share >= self.share + SHARE;
        if is_due {
            self.last = Instant::now();
            self.share = share;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_due_after_a_tenth_of_the_work_or_ten_seconds() {
        let mut lines = Lines::new();
        let due: Vec<usize> = (0..=100)
            .filter(|&percent| lines.is_due(percent as f64 / 100.0))
            .collect();
        assert!((9..=10).contains(&due.len()), "{due:?}");
        assert!(!lines.is_due(1.0));
        lines.last = Instant::now().checked_sub(OFTEN).unwrap();
        assert!(lines.is_due(1.0));
        assert!(!lines.is_due(0.05));
        assert!(lines.is_due(0.2));
    }
}
