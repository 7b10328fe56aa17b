//! Temporary files and folders beside an output, and those that a killed program has left behind.
//!
//! Whoever writes one holds a lock on it, and the system releases the lock however the program ends.
//! One that is not locked has therefore been abandoned. Windows would keep other programs, such as
//! ffmpeg, from writing a locked file: there nothing is locked and nothing removed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempDir};

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
    loop {
        let file = builder(mode).tempfile_in(folder)?;
        if lock(file.as_file(), file.path()) {
            return Ok(file);
        }
    }
}

/// A new folder for an output, which is locked for as long as the returned file is open. Abandoned files
/// beside it are removed first.
pub(crate) fn folder_in(parent: &Path) -> io::Result<(TempDir, Option<File>)> {
    remove_abandoned(parent);
    loop {
        let folder = builder(0o777).tempdir_in(parent)?;
        // Windows does not open folders.
        let Ok(file) = File::open(folder.path()) else {
            return Ok((folder, None));
        };
        if lock(&file, folder.path()) {
            return Ok((folder, Some(file)));
        }
    }
}

/// What `make` creates under the name that it is given, as a link or a copy. It is not locked, because a
/// link's lock would be that of the file it leads to; so its name is not one of those that are removed.
pub(crate) fn made_in(
    folder: &Path,
    make: impl FnMut(&Path) -> io::Result<()>,
) -> io::Result<NamedTempFile<()>> {
    builder(0o666).prefix(".lb-made-").make_in(folder, make)
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
    if !cfg!(unix) {
        return;
    }
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

fn remove_if_abandoned(path: &Path) -> io::Result<()> {
    let kind = path.symlink_metadata()?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        return Ok(());
    }
    let file = File::open(path)?;
    if file.try_lock().is_err() {
        return Ok(());
    }
    if kind.is_file() {
        return fs::remove_file(path);
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        // The folder of an output holds files alone, so this one is not ours.
        if !entry.file_type()?.is_file() {
            return Ok(());
        }
        files.push(entry.path());
    }
    for file in files {
        fs::remove_file(file)?;
    }
    fs::remove_dir(path)
}

/// Whether files are removed that have this name and are not locked.
fn is_temporary(name: &str) -> bool {
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
        fs::create_dir_all(path(".lb-Nested.partial/folder")).unwrap();

        let file = file_in(parent.path(), 0o600).unwrap();
        let (folder, lock) = folder_in(parent.path()).unwrap();
        fs::write(folder.path().join("frame_0000.png"), "a picture").unwrap();
        let third = file_in(parent.path(), 0o600).unwrap();
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut expected: Vec<String> = foreign.map(str::to_owned).into();
        expected.extend([".lb-Link12.partial", ".lb-Nested.partial"].map(str::to_owned));
        let ours = [file.path(), folder.path(), third.path()];
        expected.extend(ours.map(name));
        expected.sort();
        assert_eq!(names(parent.path()), expected);

        // Without its lock, the folder is taken for an abandoned one.
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
}
