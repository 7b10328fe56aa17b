//! A folder of pictures as the keyframes of a film.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lb_files::{FileError, sort_naturally};
use lb_video::{VideoError, has_picture_ending};

use crate::file::FIRST_FRAME;
use crate::limits::{LONGEST_PROMPT, MOST_KEYFRAMES};
use crate::{JobError, KeyframeSettings, embedded_job};

/// The endings of pictures that other programs write and that are not read here.
const OTHER_PICTURES: [&str; 16] = [
    "arw", "avif", "bmp", "cr2", "cr3", "dng", "gif", "heic", "heif", "jp2", "jxl", "nef", "orf",
    "raf", "tif", "tiff",
];

/// The pictures of a folder, as keyframes in the natural order of their names.
///
/// PNG, JPEG and WebP pictures are taken, by the ending of their names. Hidden files, whose names begin with a
/// dot, and folders in the folder are left out. What a picture shows may be written in a *caption* beside it,
/// a text file of the same name: that of `lake.jpg` is `lake.txt`.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct PictureFolder {
    /// A keyframe for each picture, with its caption as its prompt.
    pub keyframes: Vec<KeyframeSettings>,
    /// Pictures in formats that are not read, by the ending of their names, in order.
    pub unread: Vec<PathBuf>,
    /// Files that are neither pictures nor captions of pictures, and folders; in order.
    pub ignored: Vec<PathBuf>,
}

impl PictureFolder {
    /// Whether a path leads to a folder that carries no job. A folder of frames that carry one stands for this
    /// job.
    #[must_use]
    pub fn is_at(path: &Path) -> bool {
        let frame = path.join(FIRST_FRAME);
        let carries_none = || matches!(embedded_job(&frame), Err(JobError::NoJob { .. }));
        path.is_dir() && (!frame.exists() || carries_none())
    }

    /// Lists the pictures of a folder and reads their captions. The pictures are not opened.
    ///
    /// # Errors
    /// [`JobError::NoPictures`], and [`JobError::Video`] for a folder or a caption that cannot be read.
    pub fn read(folder: &Path) -> Result<Self, JobError> {
        let mut found = Self::default();
        let mut pictures = Vec::new();
        let mut captions: BTreeMap<OsString, PathBuf> = BTreeMap::new();
        for path in visible_in(folder)? {
            let stem = path.file_stem().unwrap_or_default();
            if path.is_dir() {
                found.ignored.push(path);
            } else if has_picture_ending(&path) {
                pictures.push(path);
            } else if has_ending(&path, &["txt"]) {
                let other = captions.insert(stem.to_owned(), path);
                found.ignored.extend(other);
            } else if has_ending(&path, &OTHER_PICTURES) {
                found.unread.push(path);
            } else {
                found.ignored.push(path);
            }
        }
        if pictures.is_empty() {
            let (folder, unread) = (folder.into(), found.unread);
            return Err(JobError::NoPictures { folder, unread });
        }
        // Nor are the captions of more pictures read.
        if pictures.len() > MOST_KEYFRAMES {
            let found = pictures.len();
            return Err(JobError::PromptCount { found });
        }
        for picture in &pictures {
            let stem = picture.file_stem().unwrap_or_default();
            let mut keyframe = KeyframeSettings::from_image(picture);
            keyframe.prompt = captions.get(stem).map(|path| caption(path)).transpose()?;
            found.keyframes.push(keyframe);
        }
        let stems = pictures.iter().filter_map(|picture| picture.file_stem());
        stems.for_each(|stem| drop(captions.remove(stem)));
        found.ignored.extend(captions.into_values());
        sort_naturally(&mut found.ignored);
        Ok(found)
    }
}

/// What is in a folder, without hidden files, in natural order.
fn visible_in(folder: &Path) -> Result<Vec<PathBuf>, JobError> {
    let unreadable = |source| VideoError::from(FileError::io("read", folder)(source));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    sort_naturally(&mut paths);
    Ok(paths)
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let ending = path.extension().unwrap_or_default();
    endings
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known))
}

/// The text of a caption on one line.
fn caption(path: &Path) -> Result<String, JobError> {
    let text = lb_files::read_text(path, LONGEST_PROMPT as u64).map_err(VideoError::from)?;
    let words = text.trim_start_matches('\u{feff}').split_whitespace();
    Ok(words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn names(paths: &[PathBuf]) -> Vec<&str> {
        let names = paths.iter().map(|path| path.file_name().unwrap());
        names.map(|name| name.to_str().unwrap()).collect()
    }

    #[test]
    fn pictures_come_in_natural_order_with_their_captions() {
        let folder = folder(&[
            ("walk10.jpg", ""),
            ("walk9.JPEG", ""),
            ("walk9.TXT", "\u{feff}a lake,\r\n at dawn \n"),
            ("end.webp", ""),
            ("end.txt", "a town"),
            ("walk2.png", ""),
            ("notes.txt", "for me"),
            ("list.csv", ""),
            ("walk11.heic", ""),
            (".hidden.jpg", ""),
        ]);
        std::fs::create_dir(folder.path().join("more.png")).unwrap();
        let found = PictureFolder::read(folder.path()).unwrap();
        let keyframes: Vec<_> = found
            .keyframes
            .iter()
            .map(|at| {
                let name = at.image.as_ref().and_then(|path| path.file_name()).unwrap();
                (name.to_str().unwrap(), at.prompt.as_deref())
            })
            .collect();
        assert_eq!(
            keyframes,
            [
                ("end.webp", Some("a town")),
                ("walk2.png", None),
                ("walk9.JPEG", Some("a lake, at dawn")),
                ("walk10.jpg", None),
            ]
        );
        assert_eq!(names(&found.unread), ["walk11.heic"]);
        assert_eq!(names(&found.ignored), ["list.csv", "more.png", "notes.txt"]);
    }

    #[test]
    fn a_folder_without_pictures_says_which_it_cannot_read() {
        let message = |files: &[(&str, &str)]| {
            let folder = folder(files);
            let error = PictureFolder::read(folder.path()).unwrap_err();
            assert!(error.is_request());
            let name = folder.path().display().to_string();
            error.to_string().replace(&name, "FOLDER")
        };
        assert_eq!(
            message(&[("a.txt", "")]),
            "the folder FOLDER has no PNG, JPEG or WebP pictures"
        );
        assert_eq!(
            message(&[("b.HEIC", ""), ("a.gif", "")]),
            "the folder FOLDER has no PNG, JPEG or WebP pictures, and a.gif and 1 more are of other \
             formats"
        );
    }

    #[test]
    fn a_caption_that_is_no_prompt_is_named() {
        let long = "word ".repeat(LONGEST_PROMPT);
        let folder = folder(&[("a.png", ""), ("a.txt", &long)]);
        let error = PictureFolder::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("a.txt"), "{error}");
    }
}
