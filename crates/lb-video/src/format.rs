//! Which format an output's name asks for.

use std::path::Path;

use crate::error::VideoError;

/// What a film is written as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FilmFormat {
    /// H.264 in an MP4 file.
    Mp4,
    /// An animated GIF.
    Gif,
    /// An animated WebP.
    Webp,
    /// A folder of `frame_0000.png`, `frame_0001.png`, …
    PngSequence,
}

impl FilmFormat {
    /// By the output's ending: `.mp4`, `.gif` or `.webp` in any case; without an ending, or if it is a folder that
    /// exists or ends in a slash, a folder of PNG pictures.
    ///
    /// # Errors
    /// [`VideoError::UnknownFormat`] for any other ending.
    pub fn from_path(path: &Path) -> Result<Self, VideoError> {
        let ends_in_slash = path.to_string_lossy().ends_with(std::path::is_separator);
        match path.extension() {
            _ if ends_in_slash => Ok(Self::PngSequence),
            None => Ok(Self::PngSequence),
            Some(ending) if ending.eq_ignore_ascii_case("mp4") => Ok(Self::Mp4),
            Some(ending) if ending.eq_ignore_ascii_case("gif") => Ok(Self::Gif),
            Some(ending) if ending.eq_ignore_ascii_case("webp") => Ok(Self::Webp),
            Some(_) if path.is_dir() => Ok(Self::PngSequence),
            Some(_) => Err(VideoError::UnknownFormat {
                path: path.to_path_buf(),
            }),
        }
    }
}

/// What a file is, by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Container {
    Mp4,
    Gif,
    Webp,
    Png,
}

impl Container {
    /// Twelve bytes suffice.
    pub(crate) fn from_start(bytes: &[u8]) -> Option<Self> {
        let at = |place: usize, name: &[u8]| bytes.get(place..place + name.len()) == Some(name);
        if at(0, b"\x89PNG") {
            Some(Self::Png)
        } else if at(0, b"GIF8") {
            Some(Self::Gif)
        } else if at(0, b"RIFF") && at(8, b"WEBP") {
            Some(Self::Webp)
        } else {
            at(4, b"ftyp").then_some(Self::Mp4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_names_the_format() {
        let format = |path: &str| FilmFormat::from_path(Path::new(path));
        assert_eq!(format("a/film.mp4").unwrap(), FilmFormat::Mp4);
        assert_eq!(format("FILM.MP4").unwrap(), FilmFormat::Mp4);
        assert_eq!(format("film.gif").unwrap(), FilmFormat::Gif);
        assert_eq!(format("film.WebP").unwrap(), FilmFormat::Webp);
        assert_eq!(format("a.b/frames").unwrap(), FilmFormat::PngSequence);
        assert_eq!(format("frames.v2/").unwrap(), FilmFormat::PngSequence);
        assert!(matches!(
            format("film.avi"),
            Err(VideoError::UnknownFormat { .. })
        ));
    }
}
