//! The largest values that a job may have.

/// The largest number of keyframes.
pub(crate) const MOST_KEYFRAMES: usize = 1000;

/// The longest prompt, in bytes.
pub(crate) const LONGEST_PROMPT: usize = 10_000;

/// The largest factor by which a film may be larger than its frames.
pub(crate) const MOST_SCALE: usize = lb_video::FilmOptions::MOST_SCALE;

/// The widest feather of an inpainted film, in pixels.
pub(crate) const MOST_FEATHER: f64 = 1024.0;

/// The largest job file that is read or written, in bytes.
pub const LARGEST_JOB_FILE: usize = 1 << 20;
