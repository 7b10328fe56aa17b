//! The outputs of a render.

use std::path::{Path, PathBuf};

use lb_files::FileError;
use lb_job::{Job, Plan};
use lb_video::{
    AnimationOptions, AudioTrack, CompletedFilm, Encoder, FilmFormat, FilmOptions, FilmWriter,
    FrameRate, PngFile,
};

use crate::error::RenderError;
use crate::film::{FilmAssembler, Motion, TransitionPictures};
use crate::moving_camera::MovingCamera;
use crate::sinks::{
    ComputedFrame, FilmSink, FolderSink, FrameSink, SeedSheetSink, SheetSink, StillSink,
};

/// The files that a render writes. There may be none, because the observer receives the computed frames
/// as well, by [`RenderEvent::Frame`](crate::RenderEvent::Frame).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outputs {
    /// The film: a file whose ending names its format, or a folder for PNG pictures. It is the only output
    /// that the job's scale enlarges.
    pub film: Option<PathBuf>,
    /// A folder for the computed frames as they are before cross-fading.
    pub frames_dir: Option<PathBuf>,
    /// A picture of all computed frames side by side.
    pub contact_sheet: Option<PathBuf>,
    /// A PNG file for the picture of a job that is a single still.
    pub still: Option<PathBuf>,
    /// A PNG file in which all stills of a job lie side by side: a row for each prompt, which stands above
    /// it, and below each still its seed.
    pub seed_sheet: Option<PathBuf>,
    /// Whether existing files may be replaced.
    pub overwrite: bool,
    /// Whether the outputs do not carry the job.
    pub without_job: bool,
    /// The encoder of an MP4.
    pub encoder: Encoder,
    /// The options of a GIF or WebP.
    pub animation: AnimationOptions,
    /// The sound of an MP4.
    pub audio: Option<AudioTrack>,
}

impl Outputs {
    /// Whether nothing is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.named().next().is_none()
    }

    fn named(&self) -> impl Iterator<Item = &PathBuf> {
        let named = [
            &self.film,
            &self.frames_dir,
            &self.contact_sheet,
            &self.still,
            &self.seed_sheet,
        ];
        named.into_iter().flatten()
    }

    /// Checks the outputs before any work: that no two are the same, that none exists unless it may be
    /// replaced, and that pictures have the names of PNG files.
    ///
    /// # Errors
    /// [`RenderError::SameOutput`], [`RenderError::OutputExists`], [`RenderError::SpecialFile`],
    /// [`RenderError::ContactSheetFormat`], [`RenderError::PictureFormat`].
    pub fn validate(&self) -> Result<(), RenderError> {
        for (index, path) in self.named().enumerate() {
            if self.named().take(index).any(|other| same_path(other, path)) {
                return Err(RenderError::SameOutput { path: path.clone() });
            }
            validate_destination(path, self.overwrite)?;
        }
        for path in [&self.still, &self.seed_sheet].into_iter().flatten() {
            if path.extension().is_none() || !is_called_png(path) {
                return Err(RenderError::PictureFormat { path: path.clone() });
            }
        }
        match &self.contact_sheet {
            Some(path) if !is_called_png(path) => {
                Err(RenderError::ContactSheetFormat { path: path.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Checks that the job makes what the outputs are meant for: a film, a still, or several.
    ///
    /// # Errors
    /// [`RenderError::OutputOfOtherJob`].
    pub fn validate_for(&self, job: &Job) -> Result<(), RenderError> {
        let stills = job.has_stills().then_some(job.keyframes.len());
        for (path, output, fits) in [
            (&self.film, "a film", stills.is_none()),
            (&self.still, "a single picture", stills == Some(1)),
            (&self.seed_sheet, "a sheet of stills", stills.is_some()),
        ] {
            if let Some(path) = path
                && !fits
            {
                return Err(RenderError::OutputOfOtherJob {
                    path: path.clone(),
                    output,
                    stills,
                });
            }
        }
        Ok(())
    }

    /// A folder into which outputs are written.
    pub(crate) fn folder(&self) -> &Path {
        match self.named().next().map(|path| (path, path.parent())) {
            Some((path, _)) if path.is_dir() => path,
            Some((_, Some(parent))) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }

    /// The options of films that are enlarged by `scale`. `description` is the text that they carry.
    fn film_options(
        &self,
        frame_rate: FrameRate,
        scale: usize,
        description: Option<String>,
    ) -> FilmOptions {
        FilmOptions {
            frame_rate,
            scale,
            encoder: self.encoder.clone(),
            animation: self.animation,
            audio: self.audio.clone(),
            description,
            overwrite: self.overwrite,
        }
    }
}

/// The outputs of a render while they are being written. All of them get their names at the end; if
/// this is dropped before, no file is left behind.
pub(crate) struct OpenOutputs {
    /// The film, or `None` for stills.
    film: Option<FilmSink>,
    frames: Option<FolderSink>,
    sheet: Option<SheetSink>,
    still: Option<StillSink>,
    seed_sheet: Option<SeedSheetSink>,
}

impl OpenOutputs {
    /// Opens every output, so that one that cannot be written is found before any work. `describe` gives
    /// the text that an output in a folder carries.
    pub(crate) fn open(
        outputs: &Outputs,
        job: &Job,
        plan: &Plan,
        (width, height): (usize, usize),
        describe: &dyn Fn(&Path) -> Result<Option<String>, RenderError>,
    ) -> Result<Self, RenderError> {
        // The text of a folder is that of the pictures in it.
        let description = |path: &Path, is_folder: bool| match path.parent() {
            _ if outputs.without_job => Ok(None),
            _ if is_folder => describe(path),
            Some(parent) if parent != Path::new("") => describe(parent),
            _ => describe(Path::new(".")),
        };
        let options = |path: &Path, is_folder, scale| {
            let rate = plan.timeline.frame_rate();
            let description = description(path, is_folder)?;
            Ok::<_, RenderError>(outputs.film_options(rate, scale, description))
        };
        let film_size = (width * job.scale, height * job.scale);
        let film = outputs.film.as_ref().map(|path| {
            let is_folder = FilmFormat::from_path(path)? == FilmFormat::PngSequence;
            // A camera enlarges pictures itself, so that they are resampled once.
            let (enlarged, scale) = match plan.camera {
                Some(_) => (film_size, 1),
                None => ((width, height), job.scale),
            };
            let options = options(path, is_folder, scale)?;
            Ok::<_, RenderError>(FilmWriter::create(path, enlarged.0, enlarged.1, &options)?)
        });
        let frames = outputs.frames_dir.as_ref().map(|folder| {
            let options = options(folder, true, 1)?;
            let writer = FilmWriter::png_sequence(folder, width, height, &options)?;
            Ok::<_, RenderError>(writer)
        });
        let computed = plan.computed_frames();
        let sheet = outputs.contact_sheet.as_ref();
        let sheet = sheet.map(|path| {
            let description = description(path, false)?;
            let frames = (computed, (width, height));
            SheetSink::create(path, outputs.overwrite, frames, description)
        });
        let still = outputs.still.as_ref().map(|path| {
            let description = description(path, false)?;
            StillSink::create(path, outputs.overwrite, description)
        });
        let seed_sheet = outputs.seed_sheet.as_ref().map(|path| {
            let description = description(path, false)?;
            SeedSheetSink::create(path, outputs.overwrite, job, (width, height), description)
        });
        let writer = film.transpose()?;
        let film = (!job.has_stills()).then(|| FilmSink {
            assembler: FilmAssembler::new(
                plan.timeline.clone(),
                TransitionPictures::of_plan(plan),
                job.timing,
            ),
            writer,
            camera: plan
                .camera
                .clone()
                .map(|camera| MovingCamera::new(camera, film_size)),
            first: None,
            is_looped: job.looped,
        });
        Ok(Self {
            film,
            frames: frames.transpose()?.map(FolderSink),
            sheet: sheet.transpose()?,
            still: still.transpose()?,
            seed_sheet: seed_sheet.transpose()?,
        })
    }

    /// Completes every output, and then gives them their names: if one cannot be completed, none appears.
    /// Returns what was written, and the motion of every transition.
    ///
    /// # Errors
    /// Those of completing, and [`RenderError::PartlyPublished`] if something has come in the way of one
    /// output while others have their names already.
    pub(crate) fn publish(self) -> Result<(Vec<PathBuf>, Vec<Motion>), RenderError> {
        let (writer, motions) = match self.film {
            Some(film) => (film.writer, film.assembler.motions),
            None => (None, Vec::new()),
        };
        let has_film = writer.is_some();
        let films = writer.into_iter().chain(self.frames.map(|sink| sink.0));
        let completed: Vec<CompletedFilm> =
            films.map(FilmWriter::complete).collect::<Result<_, _>>()?;
        let sheet = self.sheet.map(SheetSink::complete);
        let still = self.still.map(StillSink::complete);
        let seed_sheet = self.seed_sheet.map(SeedSheetSink::complete);
        let pictures = sheet.into_iter().chain(still).chain(seed_sheet);
        let pictures: Vec<(PngFile, PathBuf)> = pictures.collect::<Result<_, _>>()?;
        let mut films = completed.into_iter();
        let (film, frames) = match has_film {
            true => (films.next(), films.next()),
            false => (None, films.next()),
        };
        // Folders first and the film last: the more files an output has, the more can be in its way.
        let mut named: Vec<Unnamed> = Vec::new();
        named.extend(frames.map(Unnamed::Film));
        named.extend(pictures.into_iter().map(Unnamed::Picture));
        named.extend(film.map(Unnamed::Film));
        let mut files = Vec::with_capacity(named.len());
        for output in named {
            match output.publish() {
                Ok(path) => files.push(path),
                Err(error) if files.is_empty() => return Err(error),
                Err(error) => {
                    return Err(RenderError::PartlyPublished {
                        written: files,
                        source: error.into(),
                    });
                }
            }
        }
        // The film is named first.
        if has_film {
            files.rotate_right(1);
        }
        Ok((files, motions))
    }
}

impl FrameSink for OpenOutputs {
    fn take(&mut self, frame: &ComputedFrame) -> Result<(), RenderError> {
        if let Some(sheet) = &mut self.sheet {
            sheet.take(frame)?;
        }
        if let Some(frames) = &mut self.frames {
            frames.take(frame)?;
        }
        if let Some(still) = &mut self.still {
            still.take(frame)?;
        }
        if let Some(sheet) = &mut self.seed_sheet {
            sheet.take(frame)?;
        }
        match &mut self.film {
            Some(film) => film.take(frame),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), RenderError> {
        self.film.as_mut().map_or(Ok(()), FilmSink::end)
    }
}

/// A complete output without its name.
enum Unnamed {
    Film(CompletedFilm),
    Picture((PngFile, PathBuf)),
}

impl Unnamed {
    fn publish(self) -> Result<PathBuf, RenderError> {
        match self {
            Self::Film(film) => Ok(film.publish()?.path),
            Self::Picture((file, path)) => {
                file.publish()?;
                Ok(path)
            }
        }
    }
}

fn same_path(left: &Path, right: &Path) -> bool {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    absolute(left) == absolute(right)
}

/// Checks that an output may be written under this name: that it does not exist, or may be replaced. A
/// device, a pipe or a link of the system may never be replaced, because an output is a new file that takes
/// over the name.
///
/// # Errors
/// [`RenderError::OutputExists`], [`RenderError::SpecialFile`].
pub fn validate_destination(path: &Path, overwrite: bool) -> Result<(), RenderError> {
    lb_files::validate_destination(path, overwrite).map_err(|error| match error {
        FileError::Exists { path } => RenderError::OutputExists { path },
        FileError::SpecialFile { path, found } => RenderError::SpecialFile { path, found },
        error => lb_video::VideoError::from(error).into(),
    })
}

fn is_called_png(path: &Path) -> bool {
    path.extension()
        .is_none_or(|ending| ending.eq_ignore_ascii_case("png"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_may_be_empty_but_not_the_same_twice() {
        assert!(Outputs::default().is_empty());
        assert!(Outputs::default().validate().is_ok());
        let twice = Outputs {
            film: Some("a/film".into()),
            frames_dir: Some("./a/film".into()),
            ..Default::default()
        };
        assert!(matches!(
            twice.validate(),
            Err(RenderError::SameOutput { .. })
        ));
    }

    #[test]
    fn outputs_must_suit_the_job() {
        let film = Job::of_prompts(["a", "b"]);
        let stills = |count| Job::of_stills(vec![lb_job::Keyframe::default(); count], 4);
        let path = || Some(PathBuf::from("output.png"));
        let outputs = [
            Outputs {
                film: path(),
                ..Default::default()
            },
            Outputs {
                still: path(),
                ..Default::default()
            },
            Outputs {
                seed_sheet: path(),
                ..Default::default()
            },
        ];
        let fitting = |job: &Job| {
            let outputs = outputs.each_ref();
            outputs.map(|outputs| outputs.validate_for(job).is_ok())
        };
        assert_eq!(fitting(&film), [true, false, false]);
        assert_eq!(fitting(&stills(1)), [false, true, true]);
        assert_eq!(fitting(&stills(2)), [false, false, true]);
    }

    #[test]
    fn pictures_are_png_files() {
        for name in ["owl.mp4", "owl.jpg", "owl", "folder/"] {
            let still = Outputs {
                still: Some(name.into()),
                ..Default::default()
            };
            let sheet = Outputs {
                seed_sheet: Some(name.into()),
                ..Default::default()
            };
            for outputs in [still, sheet] {
                assert!(matches!(
                    outputs.validate(),
                    Err(RenderError::PictureFormat { .. })
                ));
            }
        }
    }

    #[test]
    fn an_existing_output_is_refused_unless_it_may_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let film = folder.path().join("film.mp4");
        let mut outputs = Outputs {
            film: Some(film.clone()),
            ..Default::default()
        };
        assert!(outputs.validate().is_ok());
        std::fs::write(&film, b"an older film").unwrap();
        assert!(matches!(
            outputs.validate(),
            Err(RenderError::OutputExists { .. })
        ));
        outputs.overwrite = true;
        assert!(outputs.validate().is_ok());
    }
}
