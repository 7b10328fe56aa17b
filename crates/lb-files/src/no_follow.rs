//! The files of a store, which are opened themselves and not through a link.
//!
//! A store is a folder in which a program keeps files under names that it gives itself, such as a cache. A
//! link under such a name is not the program's: what it leads to must neither be read as if it were, nor be
//! changed.

use std::fs::{File, OpenOptions};
use std::path::Path;

use crate::error::FileError;
use crate::regular::validate_type;

/// Opens a regular file for reading, but no link to one. A pipe is not waited for.
///
/// # Errors
/// [`FileError::NotRegular`], also for a link, and [`FileError::Io`] where the file is missing or may not
/// be read.
pub fn open_no_follow(path: &Path) -> Result<File, FileError> {
    open(path, File::options().read(true))
}

/// Opens a store's lock file, which is made if it is missing, and neither read nor written. Whatever else
/// has its name, such as a link, is removed first, without what it leads to being touched.
///
/// # Errors
/// [`FileError::NotRegular`] for a folder that holds anything, and [`FileError::Io`].
pub fn open_lock(path: &Path) -> Result<File, FileError> {
    let opened = open_or_make(path);
    if !matches!(opened, Err(FileError::NotRegular { .. })) {
        return opened;
    }
    // An empty folder is removed as well.
    let removed = std::fs::remove_file(path).or_else(|_| std::fs::remove_dir(path));
    match removed {
        Ok(()) => open_or_make(path),
        Err(_) => opened,
    }
}

fn open_or_make(path: &Path) -> Result<File, FileError> {
    open(
        path,
        // Nothing is cut off: the file may be somebody's after all.
        File::options().write(true).create(true).truncate(false),
    )
}

#[cfg(unix)]
fn open(path: &Path, options: &mut OpenOptions) -> Result<File, FileError> {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;
    use rustix::io::Errno;

    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match options.custom_flags(flags.bits().cast_signed()).open(path) {
        Ok(file) => file,
        Err(error) => {
            let found = match Errno::from_io_error(&error) {
                Some(Errno::LOOP | Errno::MLINK) => "a link",
                Some(Errno::ISDIR) => "a folder",
                // A pipe that nobody reads, or a socket.
                Some(Errno::NXIO) => "a pipe",
                _ => return Err(FileError::io("opened", path)(error)),
            };
            return Err(FileError::NotRegular {
                path: path.into(),
                found,
            });
        }
    };
    let opened = file.metadata().map_err(FileError::io("read", path))?;
    validate_type(path, opened.file_type())?;
    Ok(file)
}

#[cfg(not(unix))]
fn open(path: &Path, options: &mut OpenOptions) -> Result<File, FileError> {
    match path.symlink_metadata() {
        Ok(there) if there.is_symlink() => {
            return Err(FileError::NotRegular {
                path: path.into(),
                found: "a link",
            });
        }
        Ok(there) => validate_type(path, there.file_type())?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(FileError::io("opened", path)(error)),
    }
    options.open(path).map_err(FileError::io("opened", path))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("mine"), folder.path().join("link"));
        fs::write(&path, "mine").unwrap();
        symlink(&path, &link).unwrap();
        open_no_follow(&path).unwrap();
        for what in [&link, folder.path()] {
            let refused = open_no_follow(what);
            assert!(matches!(refused, Err(FileError::NotRegular { .. })));
        }
        let missing = open_no_follow(&folder.path().join("missing"));
        assert_eq!(
            missing.unwrap_err().into_io().kind(),
            std::io::ErrorKind::NotFound
        );
    }

    #[test]
    fn whatever_has_the_name_of_a_lock_nothing_else_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("mine"), "mine").unwrap();
        symlink(path("mine"), path("link")).unwrap();
        symlink(path("missing"), path("dangling")).unwrap();
        fs::hard_link(path("mine"), path("second name")).unwrap();
        fs::create_dir(path("empty")).unwrap();
        fs::create_dir_all(path("full/inner")).unwrap();
        let pipe = std::process::Command::new("mkfifo")
            .arg(path("pipe"))
            .status();
        assert!(pipe.unwrap().success());
        for name in ["new", "link", "dangling", "second name", "empty", "pipe"] {
            let lock = open_lock(&path(name)).unwrap();
            lock.try_lock().unwrap();
            assert!(path(name).symlink_metadata().unwrap().is_file(), "{name}");
        }
        assert_eq!(fs::read(path("mine")).unwrap(), b"mine");
        assert!(!path("missing").exists());
        assert!(matches!(
            open_lock(&path("full")),
            Err(FileError::NotRegular { .. })
        ));
        assert!(path("full/inner").is_dir());
    }
}
