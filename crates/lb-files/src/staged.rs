//! Outputs that get their names by a rename when they are whole, or not at all.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use crate::error::FileError;
use crate::temporary;

/// A file under a temporary name beside its final one. If it is dropped, it is removed.
#[derive(Debug)]
pub struct StagedFile {
    file: NamedTempFile,
    path: PathBuf,
    overwrite: bool,
}

impl StagedFile {
    /// Begins an output, and checks at once whether something is in its way.
    ///
    /// # Errors
    /// [`FileError::WrongKind`] for a folder, [`FileError::Exists`] for an output that may not be
    /// replaced, [`FileError::NoFolder`], and [`FileError::Io`] for a folder that is closed to
    /// writing.
    pub fn create(path: &Path, overwrite: bool) -> Result<Self, FileError> {
        if path.is_dir() {
            return Err(FileError::WrongKind {
                path: path.into(),
                found: "a folder",
                wanted: "a file",
            });
        }
        if !overwrite && path.symlink_metadata().is_ok() {
            return Err(FileError::Exists { path: path.into() });
        }
        let file = temporary::file_in(&existing_parent(path)?, 0o666)
            .map_err(FileError::io("created", path))?;
        Ok(Self {
            file,
            path: path.into(),
            overwrite,
        })
    }

    /// The final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The temporary name.
    pub fn temporary_path(&self) -> &Path {
        self.file.path()
    }

    /// What the errors of writing say about this output, for a writer that owns the file.
    pub fn unfinished(&self) -> UnfinishedOutput {
        UnfinishedOutput {
            path: self.path.clone(),
            temporary: self.temporary_path().to_path_buf(),
            bytes_elsewhere: 0,
        }
    }

    /// Waits until all bytes are on the disk and counts them.
    ///
    /// # Errors
    /// [`FileError::NoSpace`] and [`FileError::Io`]: some file systems report a full disk only now.
    pub fn complete(&self) -> Result<u64, FileError> {
        let refused = |source| self.unfinished().refused(source);
        self.file.as_file().sync_all().map_err(refused)?;
        let metadata = std::fs::metadata(self.file.path()).map_err(refused)?;
        Ok(metadata.len())
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`FileError::Exists`] if something has come in the way since, and [`FileError::Io`].
    pub fn publish(self) -> Result<(), FileError> {
        let Self {
            file,
            path,
            overwrite,
        } = self;
        let persisted = if overwrite {
            file.persist(&path)
        } else {
            file.persist_noclobber(&path)
        };
        match persisted {
            Ok(_) => Ok(()),
            Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(FileError::Exists { path })
            }
            Err(refused) => Err(FileError::io("named", &path)(refused.error)),
        }
    }
}

impl io::Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl io::Seek for StagedFile {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Writes bytes to a file, whole or not at all.
///
/// # Errors
/// As [`StagedFile::create`] and [`StagedFile::publish`], and [`FileError::NoSpace`].
pub fn write(path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), FileError> {
    let mut output = StagedFile::create(path, overwrite)?;
    let written = output.write_all(bytes);
    written.map_err(|source| output.unfinished().refused(source))?;
    output.complete()?;
    output.publish()
}

/// Replaces the file `path`, if there is one, by what `make` creates under the name that it is given,
/// as a link or a copy.
///
/// # Errors
/// [`FileError::NoFolder`], and [`FileError::Io`] where `make` or the renaming fails.
pub fn replace_by(path: &Path, make: impl FnMut(&Path) -> io::Result<()>) -> Result<(), FileError> {
    let made = temporary::made_in(&existing_parent(path)?, make)
        .map_err(FileError::io("written", path))?;
    let made_path = made.path().to_path_buf();
    made.persist(path)
        .map_err(|refused| FileError::io("written", path)(refused.error))?;
    // Renaming a hard link onto another link of the same file does nothing and leaves both names.
    let _usually_gone = std::fs::remove_file(made_path);
    Ok(())
}

/// A temporary file, readable by its owner only, in the folder of an output.
///
/// # Errors
/// [`FileError::NoFolder`] and [`FileError::Io`].
pub fn temporary_file_beside(path: &Path) -> Result<NamedTempFile, FileError> {
    temporary::file_in(&existing_parent(path)?, 0o600).map_err(FileError::io("created", path))
}

/// An output that is being written, for the errors of writing it.
#[derive(Clone, Debug)]
pub struct UnfinishedOutput {
    path: PathBuf,
    temporary: PathBuf,
    bytes_elsewhere: u64,
}

impl UnfinishedOutput {
    /// An output that gets the name `path` and lies under the name `temporary` until then.
    /// `bytes_elsewhere` counts what was written of the same output into other files.
    pub fn new(path: PathBuf, temporary: PathBuf, bytes_elsewhere: u64) -> Self {
        Self {
            path,
            temporary,
            bytes_elsewhere,
        }
    }

    /// Where the bytes go until they have their name.
    pub fn temporary_path(&self) -> &Path {
        &self.temporary
    }

    /// The error for what the system said about writing. A full disk is reported with the number of
    /// bytes that did fit.
    pub fn refused(&self, source: io::Error) -> FileError {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => self.no_space(),
            _ => FileError::io("written", &self.path)(source),
        }
    }

    /// The error for a full disk.
    pub fn no_space(&self) -> FileError {
        let here = std::fs::metadata(&self.temporary).map_or(0, |metadata| metadata.len());
        FileError::NoSpace {
            path: self.path.clone(),
            written: self.bytes_elsewhere + here,
        }
    }
}

/// A folder under a temporary name whose files all get their names at once. If it is dropped, it is
/// removed.
#[derive(Debug)]
pub struct StagedFolder {
    folder: TempDir,
    /// The folder, open and locked: it is not taken for an abandoned one.
    _lock: Option<File>,
    path: PathBuf,
    exists: bool,
}

impl StagedFolder {
    /// Begins a folder. One that does not exist yet is made beside its name. Into one that exists the
    /// files move one by one, since it may be a mount point or its parent closed to writing. Temporary
    /// files in it do not count.
    ///
    /// # Errors
    /// [`FileError::WrongKind`] for a file, [`FileError::FolderNotEmpty`] for a folder that holds
    /// anything and may not be overwritten, [`FileError::NoFolder`] and [`FileError::Io`].
    pub fn create(path: &Path, overwrite: bool) -> Result<Self, FileError> {
        let exists = match temporary::is_vacant(path) {
            Ok(false) if !overwrite => {
                return Err(FileError::FolderNotEmpty { path: path.into() });
            }
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(_) if path.is_file() => {
                return Err(FileError::WrongKind {
                    path: path.into(),
                    found: "a file",
                    wanted: "a folder",
                });
            }
            Err(error) => return Err(FileError::io("read", path)(error)),
        };
        let parent = if exists {
            path.to_path_buf()
        } else {
            existing_parent(path)?
        };
        let (folder, lock) =
            temporary::folder_in(&parent).map_err(FileError::io("created", path))?;
        Ok(Self {
            folder,
            _lock: lock,
            path: path.into(),
            exists,
        })
    }

    /// The final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The temporary name.
    pub fn temporary_path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the files `names` their names, and removes those files of the final folder that
    /// `is_stale` takes for remains of an earlier output.
    ///
    /// # Errors
    /// [`FileError::Io`]. Files that have their names by then keep them.
    pub fn publish(
        self,
        names: &[String],
        is_stale: impl Fn(&str) -> bool,
    ) -> Result<(), FileError> {
        let Self {
            folder,
            path,
            exists,
            _lock,
        } = self;
        let failed = |action| FileError::io(action, &path);
        if !exists {
            std::fs::rename(folder.path(), &path).map_err(failed("named"))?;
            // It has moved: there is nothing left to remove.
            let _moved = folder.keep();
            return Ok(());
        }
        for name in names {
            let (from, to) = (folder.path().join(name), path.join(name));
            std::fs::rename(from, &to).map_err(FileError::io("named", &to))?;
        }
        for entry in std::fs::read_dir(&path).map_err(failed("read"))? {
            let entry = entry.map_err(failed("read"))?;
            if entry.file_name().to_str().is_some_and(&is_stale) {
                let stale = entry.path();
                std::fs::remove_file(&stale).map_err(FileError::io("removed", &stale))?;
            }
        }
        folder.close().map_err(failed("written"))
    }
}

/// The folder that `path` lies in, if it is there.
fn existing_parent(path: &Path) -> Result<PathBuf, FileError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if parent.is_dir() {
        Ok(parent.to_path_buf())
    } else {
        Err(FileError::NoFolder {
            path: path.into(),
            folder: parent.to_path_buf(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn an_output_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text");
        drop(StagedFile::create(&path, false).unwrap());
        assert!(names(folder.path()).is_empty());
        let mut output = StagedFile::create(&path, false).unwrap();
        output.write_all(b"new").unwrap();
        // Another program is faster.
        std::fs::write(&path, "other").unwrap();
        assert!(matches!(output.publish(), Err(FileError::Exists { .. })));
        assert!(matches!(
            write(&path, b"new", false),
            Err(FileError::Exists { .. })
        ));
        write(&path, b"new", true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["text"]);
    }

    #[test]
    fn a_file_is_replaced_by_a_link_to_itself() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("weights"), folder.path().join("link"));
        std::fs::write(&path, "weights").unwrap();
        for _ in 0..2 {
            replace_by(&link, |partial| std::fs::hard_link(&path, partial)).unwrap();
            assert_eq!(names(folder.path()), ["link", "weights"]);
        }
        let failed = replace_by(&link, |_| Err(io::ErrorKind::Unsupported.into()));
        assert!(matches!(failed, Err(FileError::Io { .. })));
        assert_eq!(names(folder.path()), ["link", "weights"]);
    }

    #[cfg(unix)]
    #[test]
    fn outputs_are_as_readable_as_other_files() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        let (usual, output) = (folder.path().join("usual"), folder.path().join("output"));
        std::fs::write(&usual, "").unwrap();
        write(&output, b"", false).unwrap();
        assert_eq!(mode(&output), mode(&usual));
    }

    #[test]
    fn a_folder_that_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(&folder.path().join("missing/text"), b"", false).unwrap_err();
        assert!(matches!(error, FileError::NoFolder { .. }), "{error}");
        assert!(!error.is_request());
    }
}
