//! Where wheels are unpacked before their libraries move to their places.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// An empty folder below the target folder, and so on the file system of what it is renamed to.
///
/// It is always the same one: gigabytes that an interrupted setup left there are gone with the next.
/// A second setup waits for the first to end.
pub(super) struct Staging {
    folder: PathBuf,
    _lock: File,
}

impl Staging {
    pub(super) fn take(target: &Path) -> Result<Self> {
        fs::create_dir_all(target)?;
        let lock = File::create(target.join("setup.lock"))?;
        if lock.try_lock().is_err() {
            println!("waiting for another setup to end");
            lock.lock().context("it cannot be waited for")?;
        }
        let folder = target.join("setup");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What stays is for the next setup to remove.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interrupted_setup_left_is_gone() {
        let target = tempfile::tempdir().unwrap();
        let staging = Staging::take(target.path()).unwrap();
        fs::write(staging.path().join("half.whl"), "").unwrap();
        // As where the process was killed: the system gives the lock back, nobody the folder.
        let Staging { folder, _lock } = &*std::mem::ManuallyDrop::new(staging);
        _lock.unlock().unwrap();
        assert!(folder.join("half.whl").exists());

        let staging = Staging::take(target.path()).unwrap();
        assert_eq!(fs::read_dir(staging.path()).unwrap().count(), 0);
        let folder = staging.path().to_path_buf();
        drop(staging);
        assert!(!folder.exists());
    }

    #[test]
    fn a_second_setup_waits_for_the_first() {
        let target = tempfile::tempdir().unwrap();
        let first = Staging::take(target.path()).unwrap();
        let lock = File::create(target.path().join("setup.lock")).unwrap();
        assert!(lock.try_lock().is_err());
        drop(first);
        lock.try_lock().unwrap();
    }
}
