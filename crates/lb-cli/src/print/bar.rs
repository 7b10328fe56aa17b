//! The progress bar, above which everything else is printed.

use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::escaped;

/// The bar that is on the screen, if there is one.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// A progress bar, which counts even if it is not shown.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar, on the screen or not. What is printed appears above one that is on the screen, until it is
    /// cleared.
    pub(crate) fn new(is_shown: bool) -> Self {
        let target = match is_shown {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if is_shown {
            bar.enable_steady_tick(Duration::from_millis(120));
            if let Ok(mut shown) = SHOWN.lock() {
                *shown = Some(bar.clone());
            }
        }
        Self(bar)
    }

    /// Takes the bar off the screen.
    pub(crate) fn clear(&self) {
        if let Ok(mut shown) = SHOWN.lock() {
            *shown = None;
        }
        self.0.finish_and_clear();
    }

    /// Changes how the bar looks.
    pub(crate) fn set_template(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
    }

    pub(crate) fn set_counts(&self, done: usize, total: usize) {
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }

    /// Like [`Self::set_counts`], with bytes.
    pub(crate) fn set_bytes(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }

    pub(crate) fn set_message(&self, message: &str) {
        self.0.set_message(escaped::line(message).into_owned());
    }

    pub(crate) fn set_prefix(&self, prefix: &str) {
        self.0.set_prefix(escaped::line(prefix).into_owned());
    }
}

/// Takes the bar off the screen while `print` runs.
pub(super) fn suspended(print: impl FnOnce()) {
    // The bar is cloned, so that nothing is locked while something is printed.
    let bar = SHOWN.lock().ok().and_then(|bar| bar.clone());
    match bar {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}
