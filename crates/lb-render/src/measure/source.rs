//! Frames on disk, to be read from the beginning as often as needed.

mod carried;
mod folder;

use std::path::{Path, PathBuf};

use image::RgbImage;
use lb_video::{ReadOptions, VideoError, read_frames};

use super::{MeasureError, Measurement, Sections, measure};
use crate::error::RenderError;
use crate::input::{picture_size, read_picture};
use carried::CarriedFilm;

/// Where frames are read from.
#[derive(Clone, PartialEq, Debug)]
pub struct FrameSource {
    kind: Kind,
    /// Where transitions begin and end, if the job that the frames carry tells.
    sections: Option<Sections>,
    frames_per_second: Option<f64>,
}

#[derive(Clone, PartialEq, Debug)]
enum Kind {
    Pictures(Vec<PathBuf>),
    Film { path: PathBuf, rate: f64 },
}

type Frames = Box<dyn Iterator<Item = Result<RgbImage, RenderError>>>;

impl FrameSource {
    /// A film, a folder's PNG pictures in the order of their names (numbers in names by their
    /// value), or several pictures in the order given.
    ///
    /// Films and frames that were rendered here carry their job: it tells where in a film, or in a
    /// folder of all computed frames, the keyframes are.
    ///
    /// # Errors
    /// [`MeasureError::NoPictures`] and [`MeasureError::Folder`] for a folder,
    /// [`MeasureError::OnePicture`] for a picture that does not move, [`MeasureError::Missing`] and [`RenderError::Video`] for a film that cannot be read.
    pub fn find(paths: &[PathBuf]) -> Result<Self, RenderError> {
        match paths {
            [folder] if folder.is_dir() => Ok(Self::of_pictures(folder::pictures_of(folder)?)),
            [film] if film.symlink_metadata().is_err() => {
                Err(MeasureError::Missing { path: film.clone() }.into())
            }
            [picture] if is_one_picture(picture) => Err(MeasureError::OnePicture {
                path: picture.clone(),
            }
            .into()),
            [film] => Self::of_film(film),
            several => Ok(Self::of_pictures(several.to_vec())),
        }
    }

    fn of_pictures(pictures: Vec<PathBuf>) -> Self {
        let carried = pictures.first().and_then(|path| CarriedFilm::read(path));
        let count = pictures.len();
        let mut sections = None;
        let mut frames_per_second = None;
        if let Some(film) = carried {
            if count == film.film_sections().shown_frames() {
                sections = Some(film.film_sections());
                frames_per_second = Some(film.frames_per_second());
            } else if count == film.computed_sections().shown_frames() {
                sections = Some(film.computed_sections());
            }
        }
        Self {
            kind: Kind::Pictures(pictures),
            sections,
            frames_per_second,
        }
    }

    fn of_film(path: &Path) -> Result<Self, RenderError> {
        let carried = CarriedFilm::read(path);
        let rate = match &carried {
            Some(film) => film.frames_per_second(),
            None => usual_rate(path)?,
        };
        Ok(Self {
            kind: Kind::Film {
                path: path.into(),
                rate,
            },
            sections: carried.map(|film| film.film_sections()),
            frames_per_second: Some(rate),
        })
    }

    /// A reading from the first frame on. A frame of a film that is shown for longer than others
    /// comes as often as it would at the film's usual rate.
    ///
    /// # Errors
    /// [`RenderError::Video`] for a film that cannot be opened.
    pub fn frames(&self) -> Result<Frames, RenderError> {
        match &self.kind {
            Kind::Pictures(pictures) => Ok(Box::new(
                pictures
                    .clone()
                    .into_iter()
                    .map(|path| Ok(read_picture(&path)?)),
            )),
            Kind::Film { path, rate } => {
                let rate = *rate;
                let frames = read_frames(path, &ReadOptions::default())?;
                Ok(Box::new(frames.flat_map(move |frame| {
                    let (frame, times) = match frame {
                        Ok(frame) => {
                            let times = (frame.lasts * rate).round() as usize;
                            (Ok(frame.picture), times.clamp(1, MOST_REPEATS))
                        }
                        Err(error) => (Err(error), 1),
                    };
                    repeated(frame.map_err(RenderError::from), times)
                })))
            }
        }
    }

    /// Measures the frames: each transition by itself where they carry a job that tells where it
    /// is, else all as one.
    ///
    /// # Errors
    /// As [`measure`]; [`RenderError::Input`] or [`RenderError::Video`] for what cannot be read.
    pub fn measure(&self) -> Result<Measurement, RenderError> {
        let rate = self.frames_per_second;
        let open = || self.frames();
        match measure(open, self.sections.as_ref(), rate) {
            // Cut or joined since it was rendered: the job tells nothing about these frames.
            Err(RenderError::Measure(MeasureError::FrameCount { .. })) => measure(open, None, rate),
            measured => measured,
        }
    }
}

/// Longest time that one frame of a film is taken for, in frames.
const MOST_REPEATS: usize = 1_000_000;

fn repeated(
    frame: Result<RgbImage, RenderError>,
    times: usize,
) -> impl Iterator<Item = Result<RgbImage, RenderError>> {
    let again = frame.as_ref().ok().cloned();
    let again = std::iter::repeat_n(again, times - 1).flatten();
    std::iter::once(frame).chain(again.map(Ok))
}

/// Whether a file is a picture of a format that films do not come in.
fn is_one_picture(path: &Path) -> bool {
    let is_film = || {
        let frames = read_frames(path, &ReadOptions::default());
        !matches!(frames, Err(VideoError::UnknownContent { .. }))
    };
    picture_size(path).is_ok() && !is_film()
}

/// Frames a second by what most frames last.
fn usual_rate(path: &Path) -> Result<f64, RenderError> {
    let mut seconds = Vec::new();
    for frame in read_frames(path, &ReadOptions::default())? {
        let lasts = frame?.lasts;
        if lasts > 0.0 {
            seconds.push(lasts);
        }
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds
        .get(seconds.len() / 2)
        .map_or(1.0, |usual| 1.0 / usual))
}
