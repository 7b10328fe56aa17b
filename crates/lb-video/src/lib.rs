//! Films and pictures on disk: writing them, and reading them back.
//!
//! Frames are handed over one by one. The film grows meanwhile on a thread of its own, and appears under
//! its name only when it is whole:
//!
//! ```text
//!  RgbImage ─► FilmWriter::write ─►│ queue of 3 │─► sink thread ─► temporary file ─► final name
//!                                   a full queue     RGB → Y'CbCr    in the same       by rename,
//!                                   makes write      → H.264, or     folder            in finish
//!                                   wait             GIF, WebP, PNG
//! ```
//!
//! * A frame is an [`RgbImage`]; [`picture`] makes one of bytes, cross-fades two and compares them.
//! * A [`FilmWriter`] takes frames of one size and writes the format that the output's ending
//!   names ([`FilmFormat`]): an MP4 (H.264, 4:2:0, BT.709, index first, so that it plays and seeks
//!   everywhere), an animated GIF or WebP, or a folder of PNG pictures. Besides the queue and the
//!   frame that is being encoded, no pictures are in memory, however long the film is.
//! * [`read_frames`] gives a film's frames back, one by one. What reading may cost is bounded by [`limits`].
//! * Films and pictures carry a text, such as the job that they were made from, which
//!   [`metadata::read`] finds. Each picture of a folder may carry another one of its own.
//! * A [`FrameSpool`] keeps frames on the disk until they are needed again.
//! * A [`ContactSheet`] shows all frames of a film in one picture.
//! * [`write_png`] writes one picture.
//!
//! An output that exists is refused unless it may be replaced, and one that fails or is given up leaves
//! nothing behind. The same frames and options give the same bytes, and no file says when it was made.
//!
//! ```
//! use std::sync::Arc;
//!
//! use lb_video::picture::cross_fade;
//! use lb_video::{FilmOptions, FilmWriter, FrameRate, RgbImage};
//!
//! let folder = tempfile::tempdir()?;
//! let red = Arc::new(RgbImage::from_pixel(64, 48, [255, 0, 0].into()));
//! let green = Arc::new(RgbImage::from_pixel(64, 48, [0, 255, 0].into()));
//!
//! let options = FilmOptions { frame_rate: FrameRate::new(24.0)?, ..FilmOptions::default() };
//! let mut film = FilmWriter::create(folder.path().join("film.mp4"), 64, 48, &options)?;
//! for step in 0..=12 {
//!     film.write(cross_fade(&red, &green, f64::from(step) / 12.0)?)?;
//! }
//! let summary = film.finish()?;
//! assert_eq!(summary.frames, 13);
//! assert!(summary.path.is_file());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod colour;
mod contact_sheet;
mod description;
mod error;
mod film_frame;
mod flaw;
mod format;
mod input;
mod label;
mod labelled_sheet;
pub mod limits;
pub mod metadata;
mod options;
pub mod picture;
mod picture_name;
mod reader;
mod sink;
mod spool;
mod work;
mod writer;

pub use image::RgbImage;
pub use lb_files::FileError;
pub use lb_schedule::FrameRate;

pub use contact_sheet::{ContactSheet, contact_sheet, evenly_spaced};
pub use error::VideoError;
pub use film_frame::{FilmFrame, ReadOptions};
pub use format::png::{PngFile, pictures_in, write_png};
pub use format::{FilmFormat, FormatOption, ffmpeg_available, ffmpeg_version};
pub use input::{
    GreyImage, InputError, has_picture_ending, picture_size, read_grey_picture, read_picture,
};
pub use labelled_sheet::{LabelledRow, LabelledSheet};
pub use options::{AnimationOptions, AudioTrack, Encoder, FilmOptions, WebpCompression};
pub use reader::{FrameReader, is_film, read_durations, read_frames};
pub use sink::{CompletedFilm, FilmSummary};
pub use spool::FrameSpool;
pub use writer::FilmWriter;

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
