//! Frames on disk, which can be read from the beginning as often as needed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;
use lb_schedule::Camera;
use lb_video::{
    FrameRate, ReadOptions, VideoError, is_film, picture_size, pictures_in, read_durations,
    read_frames, read_picture,
};

use lb_video::limits::MOST_FRAME_PIXELS;

use crate::error::MeasureError;
use crate::measurement::{Measurement, Sections, measure};
use crate::past_camera::PastCamera;

/// Where frames are read from: a film, a folder of pictures, or several pictures.
#[derive(Clone, PartialEq, Debug)]
pub struct FrameSource {
    files: Files,
    /// Where transitions begin and end, if that is known.
    sections: Option<Sections>,
    frames_per_second: Option<f64>,
    /// The camera of the film whose frames these are.
    camera: Option<Camera>,
    /// Whether its movement is undone.
    is_past_camera: bool,
}

#[derive(Clone, PartialEq, Debug)]
enum Files {
    Pictures(Vec<PathBuf>),
    Film(PathBuf),
}

/// A reading of the frames of a [`FrameSource`].
pub type Frames = Box<dyn Iterator<Item = Result<Arc<RgbImage>, MeasureError>>>;

/// What is known about a film whose job is known: where its transitions lie.
#[derive(Clone, PartialEq, Debug)]
pub struct FilmLayout {
    /// The transitions among the frames of the film.
    pub film: Sections,
    /// The transitions among the computed frames, which a folder may hold instead.
    pub computed: Sections,
    /// The number of film frames a second.
    pub frame_rate: FrameRate,
    /// The camera of the film; `None` if whole pictures are shown.
    pub camera: Option<Camera>,
}

impl FrameSource {
    /// Finds what these paths name: one sequence of frames, as [`find`](Self::find) does, or two of them if
    /// they are two films or folders.
    ///
    /// # Errors
    /// Those of [`find`](Self::find).
    pub fn find_one_or_two(paths: &[PathBuf]) -> Result<Vec<Self>, MeasureError> {
        let sequences = match paths {
            [first, second] if !is_one_picture(first) && !is_one_picture(second) => paths.chunks(1),
            all => all.chunks(all.len().max(1)),
        };
        sequences.map(Self::find).collect()
    }

    /// Finds a film, the PNG pictures of a folder in the order of their names (numbers in names are
    /// sorted by their value), or several pictures in the order given.
    ///
    /// # Errors
    /// [`MeasureError::Video`] for a folder without pictures, [`MeasureError::Folder`],
    /// [`MeasureError::OnePicture`] for a picture that does not move, [`MeasureError::Sequences`] for films or
    /// folders among several paths, and [`MeasureError::Missing`].
    pub fn find(paths: &[PathBuf]) -> Result<Self, MeasureError> {
        let files = match paths {
            [folder] if folder.is_dir() => Files::Pictures(pictures_of(folder)?),
            [film] if film.symlink_metadata().is_err() => {
                return Err(MeasureError::Missing { path: film.clone() });
            }
            [picture] if is_one_picture(picture) => {
                let path = picture.clone();
                return Err(MeasureError::OnePicture { path });
            }
            [film] => Files::Film(film.clone()),
            several => {
                if let Some(path) = several.iter().find(|path| path.is_dir() || is_film(path)) {
                    let path = path.clone();
                    return Err(MeasureError::Sequences { path });
                }
                Files::Pictures(several.to_vec())
            }
        };
        Ok(Self {
            files,
            sections: None,
            frames_per_second: None,
            camera: None,
            is_past_camera: false,
        })
    }

    /// The film or the first of the pictures. Its metadata may say what the frames show.
    #[must_use]
    pub fn first_file(&self) -> Option<&Path> {
        match &self.files {
            Files::Pictures(pictures) => pictures.first().map(PathBuf::as_path),
            Files::Film(path) => Some(path),
        }
    }

    /// Measures each transition separately from now on, if these are the frames of the film or its
    /// computed frames. Pictures of another number are still measured as one transition.
    #[must_use]
    pub fn with_layout(mut self, layout: FilmLayout) -> Self {
        let count = match &self.files {
            Files::Pictures(pictures) => pictures.len(),
            Files::Film(_) => layout.film.shown_frames(),
        };
        if count == layout.film.shown_frames() {
            self.sections = Some(layout.film);
            self.frames_per_second = Some(layout.frame_rate.as_f64());
            self.camera = layout.camera;
        } else if count == layout.computed.shown_frames() {
            self.sections = Some(layout.computed);
        }
        self
    }

    /// Undoes the movement of the camera that the layout has: from now on, each frame is the part of the picture that
    /// every film frame shows, as large as where the film is closest to it.
    ///
    /// # Errors
    /// [`MeasureError::NoCamera`] for frames without one, which those of a folder of computed frames are, and
    /// [`MeasureError::EndlessZoom`]. Reading fails with [`MeasureError::NothingInCommon`] if there is no such part.
    pub fn past_camera(mut self) -> Result<Self, MeasureError> {
        match &self.camera {
            None => {
                let path = self.first_file().map(Path::to_path_buf).unwrap_or_default();
                Err(MeasureError::NoCamera { path })
            }
            Some(camera) if camera.endless_factor().is_some() => Err(MeasureError::EndlessZoom),
            Some(_) => {
                self.is_past_camera = true;
                Ok(self)
            }
        }
    }

    /// Reads the frames from the first one on. A frame of a film that is shown for longer than others
    /// is repeated as often as it would be at the film's usual rate.
    ///
    /// # Errors
    /// [`MeasureError::Video`] for a film that cannot be opened, and [`MeasureError::TooManyRepeats`].
    pub fn frames(&self) -> Result<Frames, MeasureError> {
        self.frames_at(self.rate()?)
    }

    /// The frames a second: those of the layout, or else the usual rate of a film. Pictures without a
    /// layout have none.
    fn rate(&self) -> Result<Option<f64>, MeasureError> {
        let Files::Film(path) = &self.files else {
            return Ok(self.frames_per_second);
        };
        let durations = read_durations(path)?;
        let rate = self
            .frames_per_second
            .unwrap_or_else(|| usual_rate(&durations));
        let repeats = durations
            .iter()
            .map(|&lasts| times_shown(lasts, rate).saturating_sub(1))
            .fold(0_usize, usize::saturating_add);
        if repeats > MOST_REPEATS {
            return Err(MeasureError::TooManyRepeats {
                path: path.clone(),
                repeats,
            });
        }
        Ok(Some(rate))
    }

    fn frames_at(&self, rate: Option<f64>) -> Result<Frames, MeasureError> {
        let frames = self.recorded_frames(rate)?;
        Ok(match &self.camera {
            Some(camera) if self.is_past_camera => {
                Box::new(PastCamera::new(camera.clone(), frames))
            }
            _ => frames,
        })
    }

    /// The frames as they were recorded.
    fn recorded_frames(&self, rate: Option<f64>) -> Result<Frames, MeasureError> {
        match &self.files {
            Files::Pictures(pictures) => {
                let pictures = pictures.clone().into_iter();
                Ok(Box::new(pictures.map(|path| {
                    let (width, height) = picture_size(&path)?;
                    if width * height > MOST_FRAME_PIXELS {
                        return Err(MeasureError::FrameTooLarge {
                            path,
                            width,
                            height,
                        });
                    }
                    Ok(Arc::new(read_picture(&path)?))
                })))
            }
            Files::Film(path) => {
                let rate = rate.unwrap_or(1.0);
                let frames = read_frames(path, &ReadOptions::default())?;
                Ok(Box::new(frames.flat_map(move |frame| {
                    let (frame, times) = match frame {
                        Ok(frame) => (Ok(frame.picture), times_shown(frame.lasts, rate)),
                        Err(error) => (Err(error), 1),
                    };
                    repeated(frame.map_err(MeasureError::from), times)
                })))
            }
        }
    }

    /// Measures the frames: each transition separately where a layout is known, otherwise all as one.
    ///
    /// # Errors
    /// As [`measure()`], and [`MeasureError::Input`] or [`MeasureError::Video`] for files that cannot be
    /// read.
    pub fn measure(&self) -> Result<Measurement, MeasureError> {
        let rate = self.rate()?;
        let open = || self.frames_at(rate);
        match measure(open, self.sections.as_ref(), rate) {
            // The film was cut or joined since it was rendered, so the layout does not fit it.
            Err(MeasureError::FrameCount { .. }) if !self.is_past_camera => {
                measure(open, None, rate)
            }
            measured => measured,
        }
    }
}

/// The most frames that are repeated in a film because others are shown for long: an hour at 25 frames a second.
const MOST_REPEATS: usize = 90_000;

/// How many times a frame that lasts for this time in seconds is shown at a rate.
fn times_shown(lasts: f64, rate: f64) -> usize {
    ((lasts * rate).round() as usize).max(1)
}

fn repeated(
    frame: Result<Arc<RgbImage>, MeasureError>,
    times: usize,
) -> impl Iterator<Item = Result<Arc<RgbImage>, MeasureError>> {
    let again = frame.as_ref().ok().cloned();
    let again = std::iter::repeat_n(again, times - 1).flatten();
    std::iter::once(frame).chain(again.map(Ok))
}

/// Whether a file is a picture in a format that no film has.
fn is_one_picture(path: &Path) -> bool {
    picture_size(path).is_ok() && !is_film(path)
}

/// The frames a second of a film, from the time that most of its frames last.
fn usual_rate(durations: &[f64]) -> f64 {
    let mut seconds = durations.to_vec();
    seconds.retain(|&lasts| lasts > 0.0);
    seconds.sort_by(f64::total_cmp);
    let usual = seconds.get(seconds.len() / 2);
    usual.map_or(1.0, |usual| 1.0 / usual)
}

/// The PNG pictures of a folder, in the natural order of their names.
fn pictures_of(folder: &Path) -> Result<Vec<PathBuf>, MeasureError> {
    pictures_in(folder).map_err(|error| match error {
        VideoError::File(error) => MeasureError::Folder {
            path: folder.into(),
            source: error.into_io(),
        },
        other => other.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_of_a_folder_are_frames() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let none = pictures_of(path).unwrap_err();
        assert!(
            matches!(none, MeasureError::Video(VideoError::NoPictures { .. })),
            "{none}"
        );
        for name in ["b.PNG", "a.png", "notes.txt"] {
            std::fs::write(path.join(name), b"").unwrap();
        }
        let found = pictures_of(path).unwrap();
        assert_eq!(found, [path.join("a.png"), path.join("b.PNG")]);
    }
}
