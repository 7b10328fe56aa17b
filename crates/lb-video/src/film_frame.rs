//! What is read from a film: its frames, and how they are asked for.

use std::path::PathBuf;
use std::sync::Arc;

use image::RgbImage;
use lb_schedule::FrameRate;

use crate::error::VideoError;

/// How a film is read.
#[derive(Clone, PartialEq, Debug)]
pub struct ReadOptions {
    /// Frames a second of a folder of pictures. Films in files have times of their own.
    pub frame_rate: FrameRate,
    /// The program for an MP4 that is not in 8-bit H.264 with 4:2:0, by its path or its name on the
    /// search path; `None` refuses such films.
    pub ffmpeg: Option<PathBuf>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            frame_rate: FrameRate::default(),
            ffmpeg: Some("ffmpeg".into()),
        }
    }
}

/// A frame of a film that is read.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct FilmFrame {
    /// The picture. Neighbours that are equal share one, so that nobody has to look at it again.
    pub picture: Arc<RgbImage>,
    /// When it is shown, in seconds from the first frame on.
    pub begins: f64,
    /// For how long it is shown, in seconds.
    pub lasts: f64,
}

/// What a format gives to be read.
pub(crate) type Frames = Box<dyn Iterator<Item = Result<FilmFrame, VideoError>>>;
