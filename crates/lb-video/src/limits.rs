//! The largest and smallest values that options and sizes may have.

use std::ops::RangeInclusive;

/// The longest side that a picture of a film may have, in pixels.
pub const MAX_SIDE: usize = 16_384;

/// The most bytes that the text of a film or picture may have.
pub const MAX_DESCRIPTION: usize = 1 << 20;

/// The quantisers from the finest that openh264's rate control uses (rc.h, GOM_MIN_QP_MODE) to the coarsest of
/// H.264 in 8 bits.
pub(crate) const QUANTIZERS: RangeInclusive<u8> = 12..=51;

/// libx264's presets, fastest first (x264 --fullhelp).
#[rustfmt::skip]
pub(crate) const PRESETS: [&str; 10] = [
    "ultrafast", "superfast", "veryfast", "faster", "fast",
    "medium", "slow", "slower", "veryslow", "placebo",
];

/// The largest factor by which a film may be larger than its frames.
pub(crate) const MOST_SCALE: usize = 16;
