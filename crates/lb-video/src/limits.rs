//! The largest and smallest values that options, sizes and files may have.
//!
//! # What a file may cost
//!
//! A few bytes can declare a picture of any size, so that the size of a file says little about the work of
//! reading it. These rules hold for all that is read, and each is checked before memory is allocated:
//!
//! * A single picture has at most [`MOST_INPUT_PIXELS`] pixels, [`LARGEST_INPUT_SIDE`] on a side, and its
//!   decoder takes at most [`MOST_INPUT_MEMORY`] bytes: for the pixels as the file has them, for what the
//!   decoder keeps beside them, and for the result.
//! * A frame of a film has at most [`MOST_FRAME_PIXELS`] pixels. A few frames are in memory at a time.
//! * The frames of a film that is one file have no more than [`MOST_PIXELS`] pixels together, or
//!   [`PIXELS_PER_BYTE`] for each byte of the file if that is more. A frame that is equal to the one before
//!   counts as an [`UNCHANGED`]th of its pixels.
//! * The index of a film names at most [`MOST_FRAMES`] frames.

use std::ops::RangeInclusive;

/// The longest side that a picture of a film may have, in pixels.
pub const MAX_SIDE: usize = 16_384;

/// The most pixels that a frame of a film may have when it is read: those of a 4K film (4096×2160).
pub const MOST_FRAME_PIXELS: usize = 4096 * 2160;

/// The most frames that the index of a film may name. A film of four hours at 60 frames a second has fewer.
pub const MOST_FRAMES: usize = 1_000_000;

/// The pixels that all frames of any film may have together.
pub const MOST_PIXELS: u64 = 64 << 20;

/// The pixels that all frames of a film may have for each of its bytes. Films that move have a few hundred, and
/// an animation in which a corner of the picture moves has thousands.
pub const PIXELS_PER_BYTE: u64 = 4096;

/// The share of a frame's pixels that counts if the frame is equal to the one before. Such frames take a few
/// bytes in H.264, and little time.
pub const UNCHANGED: u64 = 16;

/// The most bytes that the file of a picture may have.
pub const LARGEST_INPUT_FILE: u64 = 256 << 20;

/// The most pixels that a side of a picture may have.
pub const LARGEST_INPUT_SIDE: u32 = 16_384;

/// The most pixels that a picture may have.
pub const MOST_INPUT_PIXELS: u64 = 64_000_000;

/// The most bytes of memory that reading a picture may take.
pub const MOST_INPUT_MEMORY: u64 = 240 << 20;

/// The most bytes that the text of a film or picture may have.
pub const MAX_DESCRIPTION: usize = 1 << 20;

/// The most bytes that a decoder may keep of what lies beside the pixels, such as a colour profile.
pub(crate) const MOST_SIDE_DATA: u64 = 16 << 20;

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
