//! Outputs appear under their names whole, by a rename, or not at all.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempDir};

use crate::error::VideoError;
use crate::place::Place;

/// A temporary file beside its final name; dropped, it is removed.
#[derive(Debug)]
pub(crate) struct StagedFile {
    file: NamedTempFile,
    path: PathBuf,
    overwrite: bool,
}

impl StagedFile {
    /// # Errors
    /// If the output exists and may not be replaced, is a folder, or its folder cannot be written.
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<Self, VideoError> {
        if path.is_dir() {
            return Err(VideoError::WrongKind {
                path: path.to_path_buf(),
                found: "a folder",
                wanted: "a file",
            });
        }
        if !overwrite && path.symlink_metadata().is_ok() {
            return Err(VideoError::OutputExists {
                path: path.to_path_buf(),
            });
        }
        let file = builder(0o666)
            .tempfile_in(existing_parent(path)?)
            .map_err(VideoError::io("created", path))?;
        Ok(Self {
            file,
            path: path.to_path_buf(),
            overwrite,
        })
    }

    /// The final name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the bytes go until then.
    pub(crate) fn temporary_path(&self) -> &Path {
        self.file.path()
    }

    /// Another temporary file beside the final name.
    pub(crate) fn beside(&self) -> Result<NamedTempFile, VideoError> {
        builder(0o600)
            .tempfile_in(existing_parent(&self.path)?)
            .map_err(VideoError::io("created", &self.path))
    }

    /// For errors, also when the file is in other hands.
    pub(crate) fn place(&self) -> Place {
        Place {
            path: self.path.clone(),
            temporary: self.temporary_path().to_path_buf(),
            elsewhere: 0,
        }
    }

    /// Waits until the bytes are on the disk and tells how many they are.
    pub(crate) fn complete(&self) -> Result<u64, VideoError> {
        // Some file systems tell of a full disk only now.
        let refused = |source| self.place().refused(source);
        self.file.as_file().sync_all().map_err(refused)?;
        let metadata = std::fs::metadata(self.file.path()).map_err(refused)?;
        Ok(metadata.len())
    }

    /// Gives the file its name.
    pub(crate) fn publish(self) -> Result<(), VideoError> {
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
                Err(VideoError::OutputExists { path })
            }
            Err(refused) => Err(VideoError::io("named", &path)(refused.error)),
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

/// A temporary folder whose files all get their names at once; dropped, it is removed.
#[derive(Debug)]
pub(crate) struct StagedFolder {
    folder: TempDir,
    path: PathBuf,
    exists: bool,
}

impl StagedFolder {
    /// A folder that does not exist yet is made beside its name; into one that exists, the files
    /// move one by one (it may be a mount point, or the parent closed to writing).
    ///
    /// # Errors
    /// If the output is a file, a folder that holds anything and may not be replaced, or cannot be
    /// written.
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<Self, VideoError> {
        let exists = match std::fs::read_dir(path) {
            Ok(mut entries) => {
                if !overwrite && entries.next().is_some() {
                    return Err(VideoError::FolderNotEmpty {
                        path: path.to_path_buf(),
                    });
                }
                true
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(_) if path.is_file() => {
                return Err(VideoError::WrongKind {
                    path: path.to_path_buf(),
                    found: "a file",
                    wanted: "a folder",
                });
            }
            Err(error) => return Err(VideoError::io("read", path)(error)),
        };
        let place = if exists {
            path.to_path_buf()
        } else {
            existing_parent(path)?
        };
        let folder = builder(0o777)
            .tempdir_in(place)
            .map_err(VideoError::io("created", path))?;
        Ok(Self {
            folder,
            path: path.to_path_buf(),
            exists,
        })
    }

    /// The final name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the files go until then.
    pub(crate) fn temporary_path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the files named their names, and removes those in the final folder that `is_stale`
    /// says are left from before.
    pub(crate) fn publish(
        self,
        names: &[String],
        is_stale: impl Fn(&str) -> bool,
    ) -> Result<(), VideoError> {
        let Self {
            folder,
            path,
            exists,
        } = self;
        let failed = |action| VideoError::io(action, &path);
        if !exists {
            std::fs::rename(folder.path(), &path).map_err(failed("named"))?;
            // It has moved: there is nothing left to remove.
            let _moved = folder.keep();
            return Ok(());
        }
        for name in names {
            let (from, to) = (folder.path().join(name), path.join(name));
            std::fs::rename(from, &to).map_err(VideoError::io("named", &to))?;
        }
        for entry in std::fs::read_dir(&path).map_err(failed("read"))? {
            let entry = entry.map_err(failed("read"))?;
            if entry.file_name().to_str().is_some_and(&is_stale) {
                let stale = entry.path();
                std::fs::remove_file(&stale).map_err(VideoError::io("removed", &stale))?;
            }
        }
        folder.close().map_err(failed("written"))
    }
}

/// The folder that `path` lies in, if it is there.
fn existing_parent(path: &Path) -> Result<PathBuf, VideoError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if parent.is_dir() {
        Ok(parent.to_path_buf())
    } else {
        Err(VideoError::NoFolder {
            path: path.to_path_buf(),
            folder: parent.to_path_buf(),
        })
    }
}

/// Hidden names; the permissions that any new file gets, not a temporary file's private ones.
fn builder(mode: u32) -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".lb-").suffix(".partial");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder
}
