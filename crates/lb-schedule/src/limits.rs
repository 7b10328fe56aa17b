//! The largest and smallest values that settings of a tree and a film may have. Values beyond them are taken
//! for mistakes.

/// The most inference steps: the noise schedules of the models have this many training timesteps.
pub const MAX_STEPS: usize = 1000;

/// The most branches of a level. They are enough for two and a half minutes of film at 60 frames per
/// second without a single cross-fade.
pub const MAX_BRANCHES: usize = 10_000;

/// Larger guidance scales may overflow the range of a model's numbers.
pub(crate) const MAX_GUIDANCE_SCALE: f64 = 100.0;

/// A smaller mid compression piles up the branches at the ends of a level, and a larger one in its middle.
pub(crate) const MIN_MID_COMPRESSION: f64 = 0.1;
pub(crate) const MAX_MID_COMPRESSION: f64 = 10.0;

/// The most frames that a film may have: nine hours at 30 frames per second.
pub const MAX_FILM_FRAMES: usize = 1_000_000;

/// The longest transition or hold: a day.
pub(crate) const MAX_SECONDS: f64 = 86_400.0;

/// The largest zoom. A film of 512 pixels shows 5 of them from edge to edge there, which is a blur.
pub(crate) const MAX_ZOOM: f64 = 100.0;

/// The most degrees by which the camera may turn to either side: ten whole turns.
pub(crate) const MAX_ROTATION: f64 = 3600.0;
