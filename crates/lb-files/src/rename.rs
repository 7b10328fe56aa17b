//! Renaming to a name that nothing has yet, and over a file that another program may have open.
//!
//! The system's plain rename replaces a file, and an empty folder. Looking first whether the name is free
//! does not help, because it may be taken between the look and the rename.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use tempfile::NamedTempFile;

/// The waits before a file is replaced after all, in milliseconds: together as long as a virus scanner or an indexer
/// usually looks at a new file.
const WAITS: [u64; 6] = [10, 20, 50, 100, 200, 400];

/// What Windows says where another program has a file open and lets nobody replace it: `ERROR_ACCESS_DENIED`,
/// `ERROR_SHARING_VIOLATION` and `ERROR_LOCK_VIOLATION`.
const IN_USE: [i32; 3] = [5, 32, 33];

/// Gives a temporary file its name, and replaces the file that has it. On Windows, this is tried for a while if the
/// other file is open.
///
/// # Errors
/// Those of the file system. The temporary file is then removed.
pub(crate) fn file_over(file: NamedTempFile, path: &Path) -> io::Result<()> {
    let persist = |file: NamedTempFile| match file.persist(path) {
        Ok(_) => Ok(()),
        Err(refused) => Err((refused.error, refused.file)),
    };
    let is_in_use = |error: &io::Error| {
        cfg!(windows)
            && error
                .raw_os_error()
                .is_some_and(|code| IN_USE.contains(&code))
    };
    patiently(file, persist, is_in_use, thread::sleep)
}

/// Tries to do something with `subject`, which comes back with an error, until the error does not pass or has lasted
/// too long.
fn patiently<T>(
    mut subject: T,
    mut attempt: impl FnMut(T) -> Result<(), (io::Error, T)>,
    passes: impl Fn(&io::Error) -> bool,
    mut wait: impl FnMut(Duration),
) -> io::Result<()> {
    let mut waits = WAITS.into_iter();
    loop {
        let (error, back) = match attempt(subject) {
            Ok(()) => return Ok(()),
            Err(refused) => refused,
        };
        match waits.next().filter(|_| passes(&error)) {
            Some(milliseconds) => wait(Duration::from_millis(milliseconds)),
            None => return Err(error),
        }
        subject = back;
    }
}

/// Gives a temporary file its name if nothing has this name.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if something has the name, which is left as it is, and others of the
/// file system. The temporary file is then removed.
pub(crate) fn file_to_vacant(file: NamedTempFile, path: &Path) -> io::Result<()> {
    // By a rename that refuses to replace anything or, where the file system has none, by a hard link.
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(refused) if lacks_links(&refused.error) => {
            file_by_placeholder(refused.file.path(), path)
        }
        Err(refused) => Err(refused.error),
    }
}

/// Whether this is how file systems without hard links, such as FAT, refuse one.
fn lacks_links(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied || is_not_supported(error)
}

#[cfg(unix)]
fn is_not_supported(error: &io::Error) -> bool {
    use rustix::io::Errno;
    // Some systems have two numbers for this, of which the standard library knows one.
    let is_known = |error| error == Errno::NOTSUP || error == Errno::OPNOTSUPP;
    error.kind() == io::ErrorKind::Unsupported || Errno::from_io_error(error).is_some_and(is_known)
}

#[cfg(not(unix))]
fn is_not_supported(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

/// Takes the name with an empty file, which fails if anything has it, and replaces that by the other one.
fn file_by_placeholder(from: &Path, path: &Path) -> io::Result<()> {
    drop(File::create_new(path)?);
    fs::rename(from, path).inspect_err(|_| {
        let _still_there = fs::remove_file(path);
    })
}

/// Gives a folder its name if nothing has this name, not even an empty folder.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if something has the name, which is left as it is, and others of the
/// file system. The folder then keeps the name that it had.
pub(crate) fn rename_folder_to_vacant(from: &Path, path: &Path) -> io::Result<()> {
    match rename_exclusively(from, path) {
        Err(error) if is_unknown(&error) => folder_by_placeholder(from, path),
        renamed => renamed,
    }
}

/// Whether the kernel or the file system does not know the rename that was asked for.
fn is_unknown(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidInput || is_not_supported(error)
}

/// Takes the name with an empty folder, which fails if anything has it, and replaces that by the other
/// one, which fails if anybody has put something into it.
fn folder_by_placeholder(from: &Path, path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    if cfg!(windows) {
        // There a folder is not replaced by renaming, so that the name is free for a moment.
        fs::remove_dir(path)?;
    }
    fs::rename(from, path).inspect_err(|_| {
        // It remains if it is not empty any more.
        let _still_there = fs::remove_dir(path);
    })
}

/// Exchanges the names of two folders in one step.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] where the system or the file system cannot do this, and others of the
/// file system. Both then keep their names.
pub(crate) fn exchange_folders(one: &Path, other: &Path) -> io::Result<()> {
    exchange(one, other).map_err(|error| match is_unknown(&error) {
        true => io::ErrorKind::Unsupported.into(),
        false => error,
    })
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_with(from: &Path, to: &Path, flags: rustix::fs::RenameFlags) -> io::Result<()> {
    use rustix::fs::CWD;
    Ok(rustix::fs::renameat_with(CWD, from, CWD, to, flags)?)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_exclusively(from: &Path, to: &Path) -> io::Result<()> {
    rename_with(from, to, rustix::fs::RenameFlags::NOREPLACE)
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    rename_with(one, other, rustix::fs::RenameFlags::EXCHANGE)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_exclusively(_from: &Path, _to: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn exchange(_one: &Path, _other: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What may have the name: a file, an empty folder, or a folder with something in it.
    fn occupied(folder: &Path) -> [std::path::PathBuf; 3] {
        let paths = ["file", "empty", "full"].map(|name| folder.join(name));
        fs::write(&paths[0], "somebody's").unwrap();
        fs::create_dir(&paths[1]).unwrap();
        fs::create_dir(&paths[2]).unwrap();
        fs::write(paths[2].join("text"), "somebody's").unwrap();
        paths
    }

    #[test]
    fn a_name_that_is_taken_stays_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::create_dir(&from).unwrap();
        fs::write(from.join("text"), "ours").unwrap();
        type Rename = fn(&Path, &Path) -> io::Result<()>;
        let ways: [Rename; 2] = [rename_folder_to_vacant, folder_by_placeholder];
        for rename in ways {
            for taken in occupied(folder.path()) {
                let error = rename(&from, &taken).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{error}");
                assert!(from.join("text").is_file());
                match taken.is_dir() {
                    true => assert!(!taken.join("text").is_file() || taken.ends_with("full")),
                    false => assert_eq!(fs::read(&taken).unwrap(), b"somebody's"),
                }
                match taken.is_dir() {
                    true => fs::remove_dir_all(&taken).unwrap(),
                    false => fs::remove_file(&taken).unwrap(),
                }
            }
            let vacant = folder.path().join("vacant");
            rename(&from, &vacant).unwrap();
            fs::rename(&vacant, &from).unwrap();
        }
    }

    #[test]
    fn an_open_file_is_waited_for_but_not_for_ever() {
        let tried = |lasts: usize, code: i32| {
            let (mut attempts, mut waited) = (0, Duration::ZERO);
            let attempt = |subject: &'static str| {
                attempts += 1;
                match attempts > lasts {
                    true => Ok(()),
                    false => Err((io::Error::from_raw_os_error(code), subject)),
                }
            };
            let passes = |error: &io::Error| error.raw_os_error() == Some(32);
            let done = patiently("film", attempt, passes, |wait| waited += wait);
            (done.is_ok(), attempts, waited)
        };
        assert_eq!(tried(0, 32), (true, 1, Duration::ZERO));
        assert_eq!(tried(2, 32), (true, 3, Duration::from_millis(30)));
        assert_eq!(tried(9, 32), (false, 7, Duration::from_millis(780)));
        assert_eq!(tried(1, 2), (false, 1, Duration::ZERO));
    }

    #[test]
    fn a_file_gets_a_vacant_name_without_hard_links_too() {
        let folder = tempfile::tempdir().unwrap();
        for taken in occupied(folder.path()) {
            let file = NamedTempFile::new_in(folder.path()).unwrap();
            let refused = file_by_placeholder(file.path(), &taken).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
            let refused = file_to_vacant(file, &taken).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        }
        let file = NamedTempFile::new_in(folder.path()).unwrap();
        fs::write(file.path(), "ours").unwrap();
        let vacant = folder.path().join("vacant");
        file_by_placeholder(file.path(), &vacant).unwrap();
        assert_eq!(fs::read(&vacant).unwrap(), b"ours");
        // The file that was to be renamed is missing: its name is free again.
        let other = folder.path().join("other");
        assert!(file_by_placeholder(file.path(), &other).is_err());
        assert!(!other.exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn folders_exchange_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let [_, empty, full] = occupied(folder.path());
        exchange_folders(&empty, &full).unwrap();
        assert!(empty.join("text").is_file() && !full.join("text").exists());
        let missing = exchange_folders(&empty, &folder.path().join("missing"));
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
