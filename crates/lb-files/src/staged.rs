//! Outputs that get their names by a rename when they are whole, or not at all.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::destination::{parent_of, resolve_destination};
use crate::error::FileError;
use crate::regular;
use crate::rename::{file_over, file_to_vacant};
use crate::temporary::{self, TemporaryFolder};

/// A file under a temporary name beside its final one. If it is dropped, it is removed.
#[derive(Debug)]
pub struct StagedFile {
    file: NamedTempFile,
    path: PathBuf,
    /// Where `path` leads if it is a link.
    destination: PathBuf,
    overwrite: bool,
}

impl StagedFile {
    /// Begins an output, and checks at once whether something is in its way. A link remains: the file that
    /// it leads to is replaced.
    ///
    /// # Errors
    /// Those of [`resolve_destination`], [`FileError::WrongKind`] for a folder, [`FileError::Exists`] for an output that may not be
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
        let destination = resolve_destination(path)?;
        let file = temporary::file_in(&existing_parent(&destination)?, 0o666)
            .map_err(FileError::io("created", path))?;
        Ok(Self {
            file,
            path: path.into(),
            destination,
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
            destination,
            overwrite,
        } = self;
        // A device or a link may have come, which a rename would replace.
        if resolve_destination(&path)? != destination {
            return Err(FileError::Exists { path });
        }
        let named = match overwrite {
            true => file_over(file, &destination),
            false => file_to_vacant(file, &destination),
        };
        named.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => FileError::Exists { path },
            _ => FileError::io("named", &path)(error),
        })
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
pub fn replace_by(
    path: &Path,
    make: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), FileError> {
    let written = FileError::io("written", path);
    let parent = existing_parent(path)?;
    let replace = || {
        // A link itself cannot be locked, whereas the folder that it is in can.
        let folder = TemporaryFolder::new_in(&parent)?;
        let made = folder.path().join("made");
        make(&made)?;
        // Renaming a hard link onto another link of the same file does nothing. The folder is removed
        // with whatever is left in it.
        std::fs::rename(made, path)
    };
    replace().map_err(written)
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
    folder: TemporaryFolder,
    path: PathBuf,
    /// Where `path` leads if it is a link.
    destination: PathBuf,
    exists: bool,
}

impl StagedFolder {
    /// Begins a folder. One that does not exist yet is made beside its name. Into one that exists the
    /// files move one by one, since it may be a mount point or its parent closed to writing. Temporary
    /// files in it do not count.
    ///
    /// # Errors
    /// Those of [`resolve_destination`], [`FileError::WrongKind`] for a file,
    /// [`FileError::FolderNotEmpty`] for a folder that holds anything and may not be overwritten,
    /// [`FileError::NoFolder`] and [`FileError::Io`].
    pub fn create(path: &Path, overwrite: bool) -> Result<Self, FileError> {
        let destination = resolve_destination(path)?;
        let exists = match temporary::is_vacant(&destination) {
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
            destination.clone()
        } else {
            existing_parent(&destination)?
        };
        let folder = TemporaryFolder::new_in(&parent).map_err(FileError::io("created", path))?;
        Ok(Self {
            folder,
            path: path.into(),
            destination,
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
    /// [`FileError::Exists`] if something has got the name of a folder that was not there,
    /// [`FileError::NotRegular`] for a link or a device under the name of one of the files, and
    /// [`FileError::Io`]. The folder is then as it was.
    pub fn publish(
        self,
        names: &[String],
        is_stale: impl Fn(&str) -> bool,
    ) -> Result<(), FileError> {
        if !self.exists {
            return self.folder.publish(&self.destination);
        }
        let path = &self.destination;
        let mut moves = Moves::new(self.folder.path(), path)?;
        let moved = moves.bring(names).and_then(|()| {
            for entry in std::fs::read_dir(path).map_err(FileError::io("read", path))? {
                let name = entry.map_err(FileError::io("read", path))?.file_name();
                if let Some(name) = name.to_str().filter(|name| is_stale(name)) {
                    moves.set_aside(name)?;
                }
            }
            Ok(())
        });
        if moved.is_err() {
            moves.undo();
        }
        moved
    }
}

/// Moves of files from a temporary folder into another, which can be taken back until the temporary folder
/// is removed: what they replace is moved into it.
struct Moves<'a> {
    from: &'a Path,
    to: &'a Path,
    /// A folder in the temporary one.
    replaced: PathBuf,
    /// Where each file was, and where it is.
    done: Vec<(PathBuf, PathBuf)>,
}

impl<'a> Moves<'a> {
    fn new(from: &'a Path, to: &'a Path) -> Result<Self, FileError> {
        let replaced = from.join("replaced");
        std::fs::create_dir(&replaced).map_err(FileError::io("written", to))?;
        Ok(Self {
            from,
            to,
            replaced,
            done: Vec::new(),
        })
    }

    fn bring(&mut self, names: &[String]) -> Result<(), FileError> {
        for name in names {
            self.set_aside(name)?;
            self.rename(self.from.join(name), self.to.join(name), "named")?;
        }
        Ok(())
    }

    /// Moves a file out of the way, if there is one.
    fn set_aside(&mut self, name: &str) -> Result<(), FileError> {
        let path = self.to.join(name);
        match path.symlink_metadata() {
            Ok(there) if there.is_file() => self.rename(path, self.replaced.join(name), "replaced"),
            Ok(there) => regular::validate_type(&path, there.file_type()),
            Err(_) => Ok(()),
        }
    }

    fn rename(
        &mut self,
        from: PathBuf,
        to: PathBuf,
        action: &'static str,
    ) -> Result<(), FileError> {
        std::fs::rename(&from, &to).map_err(|error| match action {
            "named" => FileError::io(action, &to)(error),
            _ => FileError::io(action, &from)(error),
        })?;
        self.done.push((from, to));
        Ok(())
    }

    fn undo(self) {
        for (from, to) in self.done.into_iter().rev() {
            // The first failure is the one that is reported.
            let _ = std::fs::rename(to, from);
        }
    }
}

/// The folder that `path` lies in, if it is there.
fn existing_parent(path: &Path) -> Result<PathBuf, FileError> {
    let parent = parent_of(path);
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

    #[cfg(unix)]
    #[test]
    fn a_link_stays_and_the_file_behind_it_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("there")).unwrap();
        std::fs::write(path("there/text"), "older").unwrap();
        std::os::unix::fs::symlink("there/text", path("link")).unwrap();
        write(&path("link"), b"new", true).unwrap();
        assert!(path("link").is_symlink());
        assert_eq!(std::fs::read(path("there/text")).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["link", "there"]);
        // A link that comes while the output is written is not replaced either.
        let output = StagedFile::create(&path("late"), true).unwrap();
        std::os::unix::fs::symlink("there/text", path("late")).unwrap();
        assert!(matches!(output.publish(), Err(FileError::Exists { .. })));
        assert!(path("late").is_symlink());
        for special in ["/dev/stdout", "/dev/null"] {
            let refused = write(Path::new(special), b"new", true);
            assert!(matches!(refused, Err(FileError::SpecialFile { .. })));
        }
    }

    /// A folder with these files, each of which holds a text.
    fn folder_of(path: &Path, texts: &[(&str, &str)]) {
        std::fs::create_dir(path).unwrap();
        for (name, text) in texts {
            std::fs::write(path.join(name), text).unwrap();
        }
    }

    fn texts(path: &Path) -> Vec<(String, String)> {
        let text = |name: &String| std::fs::read_to_string(path.join(name)).unwrap();
        let names = names(path).into_iter();
        names.map(|name| (name.clone(), text(&name))).collect()
    }

    /// Publishes the frames 0 to 2 in a folder. Those with higher numbers are stale.
    fn publish_frames(path: &Path) -> Result<(), FileError> {
        let output = StagedFolder::create(path, true)?;
        let names = ["0", "1", "2"].map(str::to_owned);
        for name in &names {
            std::fs::write(output.temporary_path().join(name), "new").unwrap();
        }
        output.publish(&names, |name| {
            name.parse().is_ok_and(|number: usize| number > 2)
        })
    }

    #[test]
    fn files_of_an_earlier_output_are_replaced_or_removed() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("frames");
        folder_of(&path, &[("1", "old"), ("7", "old"), ("notes", "mine")]);
        publish_frames(&path).unwrap();
        let expected = [("0", "new"), ("1", "new"), ("2", "new"), ("notes", "mine")];
        let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(texts(&path), expected);
        assert_eq!(names(parent.path()), ["frames"]);
    }

    #[test]
    fn a_folder_that_cannot_take_all_files_is_as_it_was() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("frames");
        folder_of(&path, &[("0", "old"), ("7", "old")]);
        let before = texts(&path);
        for blocked in ["2", "9"] {
            std::fs::create_dir(path.join(blocked)).unwrap();
            let refused = publish_frames(&path);
            assert!(matches!(refused, Err(FileError::NotRegular { .. })));
            std::fs::remove_dir(path.join(blocked)).unwrap();
            assert_eq!(texts(&path), before);
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("7", path.join("1")).unwrap();
            assert!(publish_frames(&path).is_err());
            assert!(path.join("1").is_symlink());
            assert_eq!(std::fs::read(path.join("7")).unwrap(), b"old");
        }
    }

    #[test]
    fn a_folder_that_has_come_meanwhile_stays() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("frames");
        let output = StagedFolder::create(&path, false).unwrap();
        folder_of(&path, &[("notes", "mine")]);
        let refused = output.publish(&[], |_| true);
        assert!(matches!(refused, Err(FileError::Exists { .. })));
        assert_eq!(names(&path), ["notes"]);
        assert_eq!(names(parent.path()), ["frames"]);
    }
}
