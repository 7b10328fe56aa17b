//! The pictures of keyframes and transitions that were computed, under the keys of what they show.
//!
//! The folder of a key contains `keyframe.png` in full size, or a small picture of each computed frame
//! between two keyframes: `0003-0.25.png` is the third one, and lies at a quarter of the way.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::ids::{Id, is_hex};
use crate::projects::FRAMES;

/// The number of hexadecimal digits of a key.
pub(crate) const KEY_DIGITS: usize = 32;

/// The pictures of one project.
#[derive(Clone, Debug)]
pub(crate) struct FrameStore {
    project: Id,
    folder: PathBuf,
}

/// A picture that clients can ask for, by a text like `PROJECT-KEY-NUMBER`. A keyframe has the number 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PictureId {
    pub(crate) project: Id,
    pub(crate) key: String,
    pub(crate) number: usize,
}

/// A computed frame that is on disk.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct StoredFrame {
    pub(crate) number: usize,
    pub(crate) fraction: f64,
}

impl FrameStore {
    pub(crate) fn new(project: Id, folder: &Path) -> Self {
        Self {
            project,
            folder: folder.join(FRAMES),
        }
    }

    /// The text by which clients name a picture.
    pub(crate) fn picture(&self, key: &str, number: usize) -> String {
        format!("{}-{key}-{number}", self.project)
    }

    /// The folder of a key. It may not exist.
    pub(crate) fn folder(&self, key: &str) -> PathBuf {
        self.folder.join(key)
    }

    pub(crate) fn keyframe_path(&self, key: &str) -> PathBuf {
        self.folder(key).join(KEYFRAME)
    }

    pub(crate) fn frame_path(&self, key: &str, number: usize, fraction: f64) -> PathBuf {
        self.folder(key).join(format!("{number:04}-{fraction}.png"))
    }

    /// The picture of a keyframe, if it was computed.
    pub(crate) fn keyframe(&self, key: &str) -> Option<String> {
        let is_there = self.keyframe_path(key).is_file();
        is_there.then(|| self.picture(key, 0))
    }

    /// The frames of a transition that were computed, in film order.
    pub(crate) fn frames(&self, key: &str) -> Vec<StoredFrame> {
        let names = self.names(key);
        let mut frames: Vec<StoredFrame> = names.iter().filter_map(|at| parse(at)).collect();
        frames.sort_by_key(|frame| frame.number);
        frames.dedup_by_key(|frame| frame.number);
        frames
    }

    /// The file of a picture.
    pub(crate) fn path_of(&self, picture: &PictureId) -> Option<PathBuf> {
        if picture.number == 0 {
            return Some(self.keyframe_path(&picture.key)).filter(|path| path.is_file());
        }
        let names = self.names(&picture.key).into_iter();
        let mut found = names.filter(|name| {
            let frame = parse(name);
            frame.is_some_and(|frame| frame.number == picture.number)
        });
        found
            .next()
            .map(|name| self.folder(&picture.key).join(name))
    }

    fn names(&self, key: &str) -> Vec<String> {
        let entries = fs::read_dir(self.folder(key)).into_iter().flatten();
        let names = entries.flatten().map(|entry| entry.file_name());
        names.filter_map(|name| name.into_string().ok()).collect()
    }
}

const KEYFRAME: &str = "keyframe.png";

fn parse(name: &str) -> Option<StoredFrame> {
    let (number, fraction) = name.strip_suffix(".png")?.split_once('-')?;
    Some(StoredFrame {
        number: number.parse().ok()?,
        fraction: fraction.parse().ok()?,
    })
}

impl FromStr for PictureId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('-');
        let mut part = || parts.next().ok_or(());
        let id = Self {
            project: part()?.parse().map_err(|_| ())?,
            key: part()?.to_owned(),
            number: part()?.parse().map_err(|_| ())?,
        };
        let is_sound = is_hex(&id.key, KEY_DIGITS) && parts.next().is_none();
        is_sound.then_some(id).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_by_number_and_in_order() {
        let disk = tempfile::tempdir().unwrap();
        let store = FrameStore::new(Id::random().unwrap(), disk.path());
        let key = "ab".repeat(16);
        assert!(store.frames(&key).is_empty() && store.keyframe(&key).is_none());
        fs::create_dir_all(store.folder(&key)).unwrap();
        for (number, fraction) in [(10, 0.9), (2, 1.0 / 3.0), (1, 0.1)] {
            fs::write(store.frame_path(&key, number, fraction), "x").unwrap();
        }
        let frames = store.frames(&key);
        let numbers = frames.iter().map(|frame| frame.number);
        assert_eq!(numbers.collect::<Vec<_>>(), [1, 2, 10]);
        assert_eq!(frames[1].fraction, 1.0 / 3.0);
        let id: PictureId = store.picture(&key, 2).parse().unwrap();
        assert!(store.path_of(&id).unwrap().is_file());
        let id: PictureId = store.picture(&key, 0).parse().unwrap();
        assert_eq!(store.path_of(&id), None);
    }

    #[test]
    fn no_other_text_names_a_picture() {
        let key = "ab".repeat(16);
        for text in [
            "",
            "..",
            "0123456789abcdef",
            &format!("0123456789abcdef-{key}"),
            &format!("0123456789abcdef-{key}-x"),
            &format!("0123456789abcdef-{key}-1-2"),
            &format!("0123456789abcdef-{}-1", "..".repeat(16)),
            &format!("../../../../../..-{key}-1"),
        ] {
            assert_eq!(text.parse::<PictureId>(), Err(()), "{text}");
        }
    }
}
