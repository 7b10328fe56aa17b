//! Temporary files and folders beside an output, and those that a killed program has left behind.
//!
//! Whoever writes one holds a lock on it, and the system releases the lock however the program ends.
//! One that is not locked has therefore been abandoned. Windows would keep other programs, such as
//! ffmpeg, from writing a locked file: there nothing is locked and nothing removed.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::{Builder, NamedTempFile, TempDir};

use crate::destination::parent_of;
use crate::error::FileError;
use crate::no_follow::open_no_follow;
use crate::rename::{exchange_folders, rename_folder_to_vacant};

const PREFIX: &str = ".lb-";
const SUFFIX: &str = ".partial";
/// How many random letters and digits are between the two. It is tempfile's own number.
const RANDOM: usize = 6;

/// Hidden names, and the permissions that any new file gets instead of a temporary file's private
/// ones. The system takes the user's mask off.
fn builder(mode: u32) -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(RANDOM);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    #[cfg(not(unix))]
    let _ = mode;
    builder
}

/// A new file with these permissions, which is locked. Abandoned files of the folder are removed first.
pub(crate) fn file_in(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    remove_abandoned(folder);
    locked_file(folder, mode)
}

/// A new file under a hidden name, readable by its owner only and locked, so that
/// [`remove_if_abandoned`] leaves it alone for as long as this program runs.
///
/// # Errors
/// Those of making a file in this folder.
pub fn temporary_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    locked_file(folder, 0o600)
}

fn locked_file(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    loop {
        let file = builder(mode).tempfile_in(folder)?;
        if lock(file.as_file(), file.path()) {
            return Ok(file);
        }
    }
}

/// A folder under a hidden name, which is locked. If it is dropped, it is removed with everything in it.
#[derive(Debug)]
pub struct TemporaryFolder {
    folder: TempDir,
    /// The folder, open and locked: it is not taken for an abandoned one.
    _lock: Option<File>,
}

impl TemporaryFolder {
    /// Makes a temporary folder in `parent`. What killed programs have left there is removed first.
    ///
    /// # Errors
    /// Those of making a folder.
    pub fn new_in(parent: &Path) -> io::Result<Self> {
        remove_abandoned(parent);
        loop {
            let folder = builder(0o777).tempdir_in(parent)?;
            let lock_of = match File::open(folder.path()) {
                Ok(file) => Some(file),
                // Another program took it for an abandoned one before it was locked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                // Windows does not open folders.
                Err(_) => None,
            };
            let is_ours = lock_of
                .as_ref()
                .is_none_or(|file| lock(file, folder.path()));
            if is_ours {
                return Ok(Self {
                    folder,
                    _lock: lock_of,
                });
            }
        }
    }

    /// The path of the folder under its temporary name.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the folder the name `path`, if nothing has this name. An empty folder is replaced.
    ///
    /// # Errors
    /// [`FileError::Exists`] if something has the name, which is left as it is, and [`FileError::Io`].
    pub fn publish(self, path: &Path) -> Result<(), FileError> {
        // It is removed only if it is an empty folder.
        let _occupied = fs::remove_dir(path);
        match rename_folder_to_vacant(self.path(), path) {
            Ok(()) => {
                // It has moved: there is nothing left to remove.
                let _moved = self.folder.keep();
                Ok(())
            }
            Err(error) => Err(match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => {
                    FileError::Exists { path: path.into() }
                }
                _ => FileError::io("named", path)(error),
            }),
        }
    }

    /// As [`publish`](Self::publish), but a folder that has the name and `is_replaceable` is replaced and
    /// removed, in one step where the file system can exchange two names.
    ///
    /// # Errors
    /// As [`publish`](Self::publish). What had the name has it again.
    pub fn publish_over(
        self,
        path: &Path,
        is_replaceable: impl Fn(&Path) -> bool,
    ) -> Result<(), FileError> {
        if !is_replaceable(path) {
            return self.publish(path);
        }
        let named = FileError::io("named", path);
        // Under the temporary name, what had the name until now must not be taken for an abandoned folder.
        // Should this program be killed before it is removed or has its name back, it will be.
        let _locked = File::open(path).inspect(|file| drop(file.try_lock()));
        match exchange_folders(self.path(), path) {
            // Something else may have got the name in the last moment.
            Ok(()) if is_replaceable(self.path()) => Ok(()),
            Ok(()) => {
                exchange_folders(self.path(), path).map_err(named)?;
                Err(FileError::Exists { path: path.into() })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.publish(path),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.publish_after_moving(path, is_replaceable)
            }
            Err(error) => Err(named(error)),
        }
    }

    /// As [`publish_over`](Self::publish_over), in several steps: what has the name is moved aside first.
    fn publish_after_moving(
        self,
        path: &Path,
        is_replaceable: impl Fn(&Path) -> bool,
    ) -> Result<(), FileError> {
        // Should this program be killed now, nobody removes this folder.
        let aside = Builder::new()
            .prefix(".lb-replaced-")
            .tempdir_in(parent_of(path));
        let aside = aside.map_err(FileError::io("named", path))?.keep();
        let older = aside.join(path.file_name().unwrap_or_default());
        let result = match fs::rename(path, &older) {
            Ok(()) if is_replaceable(&older) => {
                let published = self.publish(path);
                if published.is_ok() {
                    let _as_much_as_possible = fs::remove_dir_all(&older);
                }
                published
            }
            Ok(()) => Err(FileError::Exists { path: path.into() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.publish(path),
            Err(error) => Err(FileError::io("named", path)(error)),
        };
        if result.is_err() {
            let _back_if_it_was_moved = rename_folder_to_vacant(&older, path);
        }
        let _if_empty = fs::remove_dir(&aside);
        result
    }
}

/// Locks a new file or folder. Returns false if it has been removed before, because somebody took it for
/// an abandoned one.
fn lock(file: &File, path: &Path) -> bool {
    if cfg!(unix) {
        // Where the file system has no locks, nobody can lock the file to remove it either.
        let _unsupported = file.lock();
    }
    path.symlink_metadata().is_ok()
}

/// Whether a folder holds nothing but temporary files and folders of outputs.
///
/// # Errors
/// Those of reading the folder, such as [`io::ErrorKind::NotFound`].
pub fn is_vacant(folder: &Path) -> io::Result<bool> {
    let mut names = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.file_name()));
    let taken = names.find(|name| match name {
        Ok(name) => name.to_str().is_none_or(|name| !is_temporary(name)),
        Err(_) => true,
    });
    taken.transpose().map(|taken| taken.is_none())
}

/// Removes the temporary files and folders that nobody is writing any more.
fn remove_abandoned(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        if name.to_str().is_none_or(|name| !is_temporary(name)) {
            continue;
        }
        // It may be another user's. Nothing depends on it.
        let _refused = remove_if_abandoned(&path);
    }
}

/// Removes a temporary file or folder that nobody is writing any more, with everything in it. Returns
/// whether it did. Other systems than Unix have no locks by which this could be known: nothing is removed
/// there.
///
/// # Errors
/// Those of opening and removing it. It may be another user's.
pub fn remove_if_abandoned(path: &Path) -> io::Result<bool> {
    if !cfg!(unix) {
        return Ok(false);
    }
    let kind = path.symlink_metadata()?.file_type();
    let file = match kind.is_dir() {
        true => File::open(path)?,
        false if kind.is_file() => open_no_follow(path).map_err(FileError::into_io)?,
        false => return Ok(false),
    };
    if file.try_lock().is_err() {
        return Ok(false);
    }
    match kind.is_dir() {
        true => fs::remove_dir_all(path)?,
        false => fs::remove_file(path)?,
    }
    Ok(true)
}

/// Whether this is a name of temporary files and folders, which are removed if nobody holds their lock.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    let random = name
        .strip_prefix(PREFIX)
        .and_then(|name| name.strip_suffix(SUFFIX));
    random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            names.push(entry.unwrap().file_name().into_string().unwrap());
        }
        names.sort();
        names
    }

    #[test]
    fn only_abandoned_files_and_folders_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let path = |name: &str| parent.path().join(name);
        // What a killed program leaves: the same names, but no locks.
        fs::write(path(".lb-Abc123.partial"), "half a film").unwrap();
        fs::create_dir(path(".lb-Abc124.partial")).unwrap();
        fs::write(path(".lb-Abc124.partial/frame_0000.png"), "half a picture").unwrap();
        let foreign = [
            ".lb-Abc12.partial",
            ".lb-made-Abc123.partial",
            "lb-Abc123.partial",
            ".lb-Abc-23.partial",
            ".lb-Abc123.partial.txt",
        ];
        for name in foreign {
            fs::write(path(name), "somebody else's").unwrap();
        }
        std::os::unix::fs::symlink(path(foreign[0]), path(".lb-Link12.partial")).unwrap();
        // An import's folder holds folders.
        fs::create_dir_all(path(".lb-Nested.partial/unet")).unwrap();
        std::os::unix::fs::symlink(path(foreign[1]), path(".lb-Nested.partial/unet/link")).unwrap();

        let file = file_in(parent.path(), 0o600).unwrap();
        let folder = TemporaryFolder::new_in(parent.path()).unwrap();
        fs::write(folder.path().join("frame_0000.png"), "a picture").unwrap();
        let third = file_in(parent.path(), 0o600).unwrap();
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut expected: Vec<String> = foreign.map(str::to_owned).into();
        expected.push(".lb-Link12.partial".to_owned());
        let ours = [file.path(), folder.path(), third.path()];
        expected.extend(ours.map(name));
        expected.sort();
        assert_eq!(names(parent.path()), expected);

        // Without its lock, the folder is taken for an abandoned one.
        let TemporaryFolder {
            folder,
            _lock: lock,
        } = folder;
        drop(lock);
        let _fourth = file_in(parent.path(), 0o600).unwrap();
        assert!(!folder.path().exists());
    }

    #[test]
    fn a_new_file_that_was_taken_for_an_abandoned_one_is_made_again() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("new");
        let file = File::create(&path).unwrap();
        assert!(lock(&file, &path));
        fs::remove_file(&path).unwrap();
        assert!(!lock(&file, &path));
    }

    /// A folder with one file, whose text says whose it is.
    fn model(path: &Path, text: &str) {
        fs::create_dir(path).unwrap();
        fs::write(path.join("model"), text).unwrap();
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path.join("model")).unwrap()
    }

    fn new_model(parent: &Path) -> TemporaryFolder {
        let folder = TemporaryFolder::new_in(parent).unwrap();
        fs::write(folder.path().join("model"), "new").unwrap();
        folder
    }

    fn is_model(path: &Path) -> bool {
        path.join("model").is_file()
    }

    #[test]
    fn a_folder_gets_a_name_that_nothing_has() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("name");
        model(&path, "older");
        let refused = new_model(parent.path()).publish(&path);
        assert!(matches!(refused, Err(FileError::Exists { .. })));
        assert_eq!(text(&path), "older");
        fs::remove_dir_all(&path).unwrap();
        fs::write(&path, "a file").unwrap();
        let refused = new_model(parent.path()).publish(&path);
        assert!(matches!(refused, Err(FileError::Exists { .. })));
        fs::remove_file(&path).unwrap();
        for _ in 0..2 {
            new_model(parent.path()).publish(&path).unwrap();
            assert_eq!(text(&path), "new");
            fs::remove_file(path.join("model")).unwrap();
        }
        assert_eq!(names(parent.path()), ["name"]);
    }

    #[test]
    fn of_many_that_want_a_name_one_gets_it() {
        let parent = tempfile::tempdir().unwrap();
        for round in 0..20 {
            let path = parent.path().join(round.to_string());
            let folders: Vec<_> = (0..4).map(|_| new_model(parent.path())).collect();
            let published = std::thread::scope(|scope| {
                let threads = folders.into_iter().map(|folder| {
                    let path = &path;
                    scope.spawn(move || folder.publish(path).is_ok())
                });
                let threads: Vec<_> = threads.collect();
                let ended = threads.into_iter().map(|thread| thread.join().unwrap());
                ended.filter(|published| *published).count()
            });
            assert_eq!(published, 1);
            assert_eq!(names(&path), ["model"]);
        }
    }

    #[test]
    fn a_folder_replaces_what_may_be_replaced_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("name");
        type Publish = fn(TemporaryFolder, &Path) -> Result<(), FileError>;
        let ways: [Publish; 2] = [
            |folder, path| folder.publish_over(path, is_model),
            |folder, path| folder.publish_after_moving(path, is_model),
        ];
        for publish in ways {
            model(&path, "older");
            publish(new_model(parent.path()), &path).unwrap();
            assert_eq!(text(&path), "new");
            fs::rename(path.join("model"), path.join("notes")).unwrap();
            let refused = publish(new_model(parent.path()), &path);
            assert!(matches!(refused, Err(FileError::Exists { .. })));
            assert_eq!(names(&path), ["notes"]);
            fs::remove_dir_all(&path).unwrap();
            publish(new_model(parent.path()), &path).unwrap();
            fs::remove_dir_all(&path).unwrap();
        }
        assert!(names(parent.path()).is_empty());
    }

    /// What has got the name after it was looked at is not removed.
    #[test]
    fn what_has_come_in_the_last_moment_stays() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("name");
        model(&path, "somebody else's");
        let looks = std::cell::Cell::new(0);
        let only_at_first = |_: &Path| looks.replace(looks.get() + 1) == 0;
        let refused = new_model(parent.path()).publish_over(&path, only_at_first);
        assert!(matches!(refused, Err(FileError::Exists { .. })));
        assert_eq!(text(&path), "somebody else's");
        assert_eq!(names(parent.path()), ["name"]);
    }
}
