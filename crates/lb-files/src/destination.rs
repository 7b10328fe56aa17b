//! Where an output goes: links are followed to the file that they lead to, and what is no file is left alone.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::FileError;
use crate::temporary;

/// The most links that are followed for one name, which is as many as the system follows.
const MOST_LINKS: usize = 40;

/// Folders whose links are the system's: `/dev/stdout`, `/proc/self/fd/1`.
const SYSTEM_FOLDERS: [&str; 3] = ["/dev", "/proc", "/sys"];

/// Folders below them that hold ordinary files.
const ORDINARY_FOLDERS: [&str; 2] = ["/dev/shm", "/dev/mqueue"];

/// The path without links at which an output of this name is published. The output gets its name by a
/// rename, which would replace a link by the output, so that a link is followed to where it leads. There
/// may be a file, a folder, or nothing.
///
/// # Errors
/// [`FileError::SpecialFile`] for a device, a pipe or a socket, also at the end of a link, for a link of
/// the system such as `/dev/stdout`, and for a link that leads nowhere.
pub fn resolve_destination(path: &Path) -> Result<PathBuf, FileError> {
    let special = |found| FileError::SpecialFile {
        path: path.into(),
        found,
    };
    let mut at = path.to_path_buf();
    for _ in 0..=MOST_LINKS {
        let there = match at.symlink_metadata() {
            Ok(there) => there,
            Err(error) if error.kind() == io::ErrorKind::NotFound && at != path => {
                return Err(special("a link that leads nowhere"));
            }
            // There is nothing, or opening the output tells what is wrong.
            Err(_) => return Ok(at),
        };
        if !there.is_symlink() {
            return match there.is_file() || there.is_dir() {
                true => Ok(at),
                false => Err(special("a device or a pipe")),
            };
        }
        if is_of_the_system(&at) {
            return Err(special("a link of the system"));
        }
        let target = std::fs::read_link(&at).map_err(FileError::io("read", path))?;
        at = parent_of(&at).join(target);
    }
    Err(special("a link that leads in a circle"))
}

/// Checks that an output may get this name: that nothing is there, or that it may be replaced. An empty
/// folder is in nobody's way.
///
/// # Errors
/// As [`resolve_destination`], and [`FileError::Exists`].
pub fn validate_destination(path: &Path, overwrite: bool) -> Result<(), FileError> {
    resolve_destination(path)?;
    let is_in_the_way = match temporary::is_vacant(path) {
        Ok(is_vacant) => !is_vacant,
        Err(_) => path.symlink_metadata().is_ok(),
    };
    match is_in_the_way && !overwrite {
        true => Err(FileError::Exists { path: path.into() }),
        false => Ok(()),
    }
}

fn is_of_the_system(link: &Path) -> bool {
    let folder = parent_of(link).canonicalize().unwrap_or_default();
    let is_below = |known: &&str| folder.starts_with(known);
    SYSTEM_FOLDERS.iter().any(&is_below) && !ORDINARY_FOLDERS.iter().any(is_below)
}

/// The folder that holds `path`, whether it exists or not.
pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn found(path: &Path) -> &'static str {
        match resolve_destination(path) {
            Err(FileError::SpecialFile { found, .. }) => found,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_link_leads_to_the_file_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("there")).unwrap();
        fs::write(path("there/film.mp4"), "older").unwrap();
        symlink("there/film.mp4", path("first")).unwrap();
        symlink(path("first"), path("second")).unwrap();
        let resolved = |name: &str| resolve_destination(&path(name)).unwrap();
        assert_eq!(resolved("second"), path("there/film.mp4"));
        assert_eq!(resolved("missing"), path("missing"));
        assert!(matches!(
            validate_destination(&path("second"), false),
            Err(FileError::Exists { .. })
        ));
        validate_destination(&path("second"), true).unwrap();
    }

    #[test]
    fn what_is_no_file_is_no_destination() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        symlink("/dev/null", path("device")).unwrap();
        symlink("missing", path("dangling")).unwrap();
        symlink("circle", path("circle")).unwrap();
        assert_eq!(found(Path::new("/dev/null")), "a device or a pipe");
        assert_eq!(found(&path("device")), "a device or a pipe");
        assert_eq!(found(&path("dangling")), "a link that leads nowhere");
        assert_eq!(found(&path("circle")), "a link that leads in a circle");
    }

    /// Whatever standard output is: here it may well be an ordinary file.
    #[cfg(target_os = "linux")]
    #[test]
    fn links_of_the_system_are_no_destination() {
        for name in [
            "/dev/stdout",
            "/dev/fd/1",
            "/proc/self/fd/1",
            "/proc/self/exe",
        ] {
            assert_eq!(found(Path::new(name)), "a link of the system", "{name}");
        }
    }
}
