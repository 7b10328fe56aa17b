//! Where a film and its pictures go.

use std::path::{Path, PathBuf};

use lb_video::{AnimationOptions, AudioTrack, Encoder, FilmOptions};

use crate::error::RenderError;

/// What is written where; at least one of the three is named.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outputs {
    /// The film: a file whose ending names its format, or a folder for PNG pictures.
    pub film: Option<PathBuf>,
    /// A folder for the computed frames as they are before cross-fading.
    pub frames_dir: Option<PathBuf>,
    /// A picture of all computed frames side by side.
    pub contact_sheet: Option<PathBuf>,
    /// Whether what exists may be replaced.
    pub overwrite: bool,
    /// What encodes an MP4.
    pub encoder: Encoder,
    /// How a GIF or WebP is written.
    pub animation: AnimationOptions,
    /// The sound of an MP4.
    pub audio: Option<AudioTrack>,
}

impl Outputs {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.film.is_none() && self.frames_dir.is_none() && self.contact_sheet.is_none()
    }

    /// Checks what can be checked before any work: that something is asked for, that no two
    /// outputs are one, that nothing is in the way, and that the contact sheet is not called what it
    /// is not.
    ///
    /// # Errors
    /// [`RenderError::NoOutput`], [`RenderError::SameOutput`], [`RenderError::OutputExists`],
    /// [`RenderError::SpecialFile`], [`RenderError::ContactSheetFormat`].
    pub fn validate(&self) -> Result<(), RenderError> {
        let named: Vec<&PathBuf> = [&self.film, &self.frames_dir, &self.contact_sheet]
            .into_iter()
            .flatten()
            .collect();
        if self.is_empty() {
            return Err(RenderError::NoOutput);
        }
        for (index, path) in named.iter().enumerate() {
            if named[..index].iter().any(|other| same_place(other, path)) {
                return Err(RenderError::SameOutput {
                    path: path.to_path_buf(),
                });
            }
            check_place(path, self.overwrite)?;
        }
        match &self.contact_sheet {
            Some(path) if !is_called_png(path) => {
                Err(RenderError::ContactSheetFormat { path: path.clone() })
            }
            _ => Ok(()),
        }
    }

    /// A folder on the disk that they go to.
    pub(crate) fn folder(&self) -> &Path {
        let named = [&self.film, &self.frames_dir, &self.contact_sheet];
        let first = named.into_iter().flatten().next();
        match first.map(|path| (path, path.parent())) {
            Some((path, _)) if path.is_dir() => path,
            Some((_, Some(parent))) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }

    /// How the films among them are written, with a text that they carry.
    pub(crate) fn film_options(
        &self,
        frames_per_second: f64,
        description: Option<String>,
    ) -> FilmOptions {
        FilmOptions {
            frames_per_second,
            encoder: self.encoder.clone(),
            animation: self.animation,
            audio: self.audio.clone(),
            description,
            overwrite: self.overwrite,
        }
    }
}

fn same_place(left: &Path, right: &Path) -> bool {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    absolute(left) == absolute(right)
}

/// Checks that an output may be written at this place: that nothing is there, or what is there may
/// be replaced. A device or a pipe never may: outputs are whole files that take a name at the end,
/// and would take it from the device.
///
/// # Errors
/// [`RenderError::OutputExists`], [`RenderError::SpecialFile`].
pub fn check_place(path: &Path, overwrite: bool) -> Result<(), RenderError> {
    let path_buf = || path.to_path_buf();
    match path.metadata() {
        Ok(there) if !there.is_file() && !there.is_dir() => {
            Err(RenderError::SpecialFile { path: path_buf() })
        }
        _ if !overwrite && is_in_the_way(path) => {
            Err(RenderError::OutputExists { path: path_buf() })
        }
        _ => Ok(()),
    }
}

fn is_called_png(path: &Path) -> bool {
    path.extension()
        .is_none_or(|ending| ending.eq_ignore_ascii_case("png"))
}

/// A file is in the way, a folder only if it holds anything.
fn is_in_the_way(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => path.symlink_metadata().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_must_be_asked_for_and_two_outputs_differ() {
        assert!(matches!(
            Outputs::default().validate(),
            Err(RenderError::NoOutput)
        ));
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
