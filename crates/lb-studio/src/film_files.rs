//! The films of a project: `films/<n>.mp4`, and what is known about each in `films/<n>.json`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use lb_files::StagedFile;
use lb_measure::FrameSource;
use lb_render::{Outputs, Summary};
use lb_video::picture::distance;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::api::types::{FilmFacts, FilmFormat, Motion};
use crate::error::ApiError;
use crate::ids::now;
use crate::projects::{FILMS, Project};
use crate::work::Work;

/// The largest file about a film in bytes that is read.
const LARGEST_FACTS: u64 = 64 << 20;

/// A film that is being rendered.
#[derive(Debug)]
pub(crate) struct NewFilm {
    number: usize,
    format: FilmFormat,
    folder: PathBuf,
}

impl FilmFormat {
    /// The ending of the file that is downloaded.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Png => "zip",
            Self::Sheet => "png",
        }
    }
}

impl NewFilm {
    /// The next film of a project.
    pub(crate) fn begin(project: &Project, format: FilmFormat) -> Result<Self, ApiError> {
        let folder = project.folder.join(FILMS);
        let numbers = entries(&folder).filter_map(|name| name.split('.').next()?.parse().ok());
        let last: usize = numbers.max().unwrap_or(0);
        Ok(Self {
            number: last + 1,
            format,
            folder,
        })
    }

    /// Where the film goes.
    pub(crate) fn outputs(&self) -> Outputs {
        let path = match self.format {
            FilmFormat::Png => self.frames(),
            _ => self.path(),
        };
        let mut outputs = Outputs {
            // Nothing but what a program that was killed has left can be there.
            overwrite: true,
            ..Outputs::default()
        };
        match self.format {
            FilmFormat::Sheet => outputs.contact_sheet = Some(path),
            _ => outputs.film = Some(path),
        }
        outputs
    }

    fn path(&self) -> PathBuf {
        film_path(&self.folder, self.number, self.format)
    }

    /// The folder of the pictures that are then put into an archive. Its name is no number, so that it never
    /// counts as a film.
    fn frames(&self) -> PathBuf {
        self.folder.join(format!("frames-{}", self.number))
    }
}

fn film_path(folder: &Path, number: usize, format: FilmFormat) -> PathBuf {
    folder.join(format!("{number}.{}", format.ending()))
}

fn entries(folder: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok())
}

/// Records a film that was rendered, and returns its number.
pub(crate) fn finish(
    film: NewFilm,
    project: &Project,
    work: &Work,
    summary: &Summary,
) -> Result<usize, ApiError> {
    let path = film.path();
    if film.format == FilmFormat::Png {
        archive(&film.frames(), &path)?;
        fs::remove_dir_all(film.frames())?;
    }
    let file = file_name(&project.record.name, film.number, film.format);
    let (width, height) = match film.format {
        FilmFormat::Sheet => lb_video::picture_size(&path).map_err(ApiError::failed)?,
        _ => (summary.width, summary.height),
    };
    let facts = FilmFacts {
        number: film.number,
        format: film.format,
        url: format!("/api/projects/{}/films/{}/{file}", project.id, film.number),
        file,
        width,
        height,
        frames: match film.format {
            FilmFormat::Sheet => summary.computed_frames,
            _ => summary.film_frames,
        },
        seconds: work.plan.seconds(),
        bytes: fs::metadata(&path)?.len(),
        created: now(),
        job_key: work.film_key.clone(),
    };
    let text = serde_json::to_vec_pretty(&facts)?;
    let facts_path = film.folder.join(format!("{}.json", film.number));
    lb_files::write(&facts_path, &text, true)?;
    Ok(film.number)
}

/// Puts the files of a folder into an archive, in the order of their names. They are compressed already.
fn archive(folder: &Path, path: &Path) -> Result<(), ApiError> {
    let mut names: Vec<String> = entries(folder).collect();
    names.retain(|name| name.ends_with(".png"));
    names.sort();
    let staged = StagedFile::create(path, true)?;
    let mut archive = ZipWriter::new(staged);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for name in names {
        let picture = lb_files::read(&folder.join(&name), u64::MAX)?;
        archive
            .start_file(name, options)
            .map_err(ApiError::failed)?;
        archive.write_all(&picture)?;
    }
    let staged = archive.finish().map_err(ApiError::failed)?;
    staged.complete()?;
    staged.publish()?;
    Ok(())
}

/// A name for a download: the project's name as far as every file system can hold it.
fn file_name(name: &str, number: usize, format: FilmFormat) -> String {
    let mut plain = String::new();
    for letter in name.chars().take(60) {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' => plain.push(letter),
            _ if !plain.is_empty() && !plain.ends_with('-') => plain.push('-'),
            _ => {}
        }
    }
    let plain = match plain.trim_end_matches('-') {
        "" => "film",
        plain => plain,
    };
    let kind = match format {
        FilmFormat::Png => "-frames",
        FilmFormat::Sheet => "-sheet",
        _ => "",
    };
    format!("{plain}-{number}{kind}.{}", format.ending())
}

/// The films of a project, the newest last.
pub(crate) fn list(project: &Project) -> Vec<FilmFacts> {
    let folder = project.folder.join(FILMS);
    let numbers = entries(&folder).filter_map(|name| name.strip_suffix(".json")?.parse().ok());
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.sort_unstable();
    let films = numbers
        .iter()
        .filter_map(|&number| find(project, number).ok());
    films.map(|(facts, _)| facts).collect()
}

/// What is known about a film, and its file.
pub(crate) fn find(project: &Project, number: usize) -> Result<(FilmFacts, PathBuf), ApiError> {
    let folder = project.folder.join(FILMS);
    let text = lb_files::read(&folder.join(format!("{number}.json")), LARGEST_FACTS);
    let text = text.map_err(|_| ApiError::not_found("film"))?;
    let facts: FilmFacts = serde_json::from_slice(&text)?;
    let path = film_path(&folder, number, facts.format);
    Ok((facts, path))
}

/// Removes a film.
pub(crate) fn remove(project: &Project, number: usize) -> Result<(), ApiError> {
    let (_, path) = find(project, number)?;
    let folder = project.folder.join(FILMS);
    fs::remove_file(folder.join(format!("{number}.json")))?;
    // What is left without its record is no film any more.
    let _ = fs::remove_file(motion_path(project, number));
    fs::remove_file(path)?;
    Ok(())
}

fn motion_path(project: &Project, number: usize) -> PathBuf {
    project.folder.join(FILMS).join(format!("{number}.motion"))
}

/// The step between neighbouring frames of a film, if it was measured already.
pub(crate) fn kept_motion(project: &Project, number: usize) -> Result<Option<Motion>, ApiError> {
    let (facts, _) = find(project, number)?;
    if matches!(facts.format, FilmFormat::Png | FilmFormat::Sheet) {
        return Err(ApiError::request("only films have motion"));
    }
    match lb_files::read(&motion_path(project, number), LARGEST_FACTS) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(_) => Ok(None),
    }
}

/// The step between neighbouring frames. It is measured once and kept.
pub(crate) fn motion(project: &Project, number: usize) -> Result<Motion, ApiError> {
    // Another request may have measured it while this one waited.
    if let Some(kept) = kept_motion(project, number)? {
        return Ok(kept);
    }
    let (_, path) = find(project, number)?;
    let source = FrameSource::find(&[path]).map_err(ApiError::failed)?;
    let mut steps = Vec::new();
    let mut before: Option<std::sync::Arc<lb_render::RgbImage>> = None;
    for frame in source.frames().map_err(ApiError::failed)? {
        let frame = frame.map_err(ApiError::failed)?;
        if let Some(before) = before.replace(std::sync::Arc::clone(&frame)) {
            steps.push(distance(&before, &frame).map_err(ApiError::failed)?);
        }
    }
    let motion = Motion {
        frames: steps.len() + usize::from(before.is_some()),
        steps,
    };
    lb_files::write(
        &motion_path(project, number),
        &serde_json::to_vec(&motion)?,
        true,
    )?;
    Ok(motion)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloads_have_plain_names() {
        let named = |name| file_name(name, 3, FilmFormat::Mp4);
        assert_eq!(named("Fruits of Autumn"), "Fruits-of-Autumn-3.mp4");
        assert_eq!(named("../../etc/passwd"), "etc-passwd-3.mp4");
        assert_eq!(named("\"; rm -rf\r\n"), "rm-rf-3.mp4");
        assert_eq!(named("作品"), "film-3.mp4");
        assert_eq!(file_name("a", 1, FilmFormat::Png), "a-1-frames.zip");
    }
}
