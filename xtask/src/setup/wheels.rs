//! Fetching wheels with pip and unpacking them, without installing them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::workspace::{Workspace, entries_in};
use crate::{process, python};

/// Wheels that belong together.
pub(super) struct Wheels {
    /// Their name in messages.
    pub(super) what: String,
    /// The size of the download.
    pub(super) megabytes: u32,
    /// The file in `xtask/requirements/` that pins them by hash.
    pub(super) requirements: &'static str,
    /// pip's names of the platforms for which they are made.
    pub(super) platforms: Vec<&'static str>,
    /// What the user can do without them, for messages.
    pub(super) otherwise: &'static str,
}

impl Wheels {
    /// The text of the requirements file.
    pub(super) fn pins(&self, workspace: &Workspace) -> Result<String> {
        let path = self.requirements_in(workspace);
        fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    }

    /// Downloads the wheels and unpacks them into `folder`. pip also puts its temporary files there,
    /// because the system's folder for them may be small and in memory.
    pub(super) fn unpack(&self, workspace: &Workspace, folder: &Path) -> Result<()> {
        let (what, otherwise) = (&self.what, self.otherwise);
        let python = python::interpreter()
            .with_context(|| format!("{what} is fetched with Python's pip; {otherwise}"))?;
        let mut probe = Command::new(&python);
        if process::standard_output(probe.args(["-m", "pip", "--version"])).is_err() {
            let path = python.display();
            bail!("{path} has no pip, which fetches {what}; {otherwise}");
        }
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "download", "--require-hashes", "--no-deps"])
            .args(["--only-binary=:all:", "--implementation=cp", "--abi=cp313"])
            .arg("--python-version=3.13");
        match self.is_small() {
            true => pip.arg("--quiet"),
            // pip would keep a second copy of all of it.
            false => pip.arg("--no-cache-dir"),
        };
        for platform in &self.platforms {
            pip.args(["--platform", platform]);
        }
        pip.arg("--dest").arg(folder);
        pip.arg("-r").arg(self.requirements_in(workspace));
        process::run(pip.env("TMPDIR", folder))
            .with_context(|| format!("{what} could not be fetched; try again, or {otherwise}"))?;
        for wheel in entries_in(folder, "whl")? {
            let mut unzip = Command::new(&python);
            unzip.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder);
            process::run(&mut unzip)?;
            fs::remove_file(wheel)?;
        }
        Ok(())
    }

    /// Whether the download is so short that it needs no progress bar.
    fn is_small(&self) -> bool {
        self.megabytes < 100
    }

    fn requirements_in(&self, workspace: &Workspace) -> PathBuf {
        workspace
            .root
            .join("xtask/requirements")
            .join(self.requirements)
    }
}

/// An empty folder for unpacking wheels. It is below the target folder, and therefore on the same file
/// system as the folders to which its contents are renamed.
///
/// It is always the same folder, so that the next setup removes the gigabytes that an interrupted one
/// left there. A second setup waits until the first has ended.
pub(super) struct Staging {
    folder: PathBuf,
    _lock: File,
}

impl Staging {
    pub(super) fn take(target: &Path) -> Result<Self> {
        fs::create_dir_all(target)?;
        let lock = File::create(target.join("setup.lock"))?;
        if lock.try_lock().is_err() {
            println!("waiting until another setup has ended");
            lock.lock()
                .context("the lock of the other setup cannot be taken")?;
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
        // If this fails, the next setup removes the folder.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remains_of_an_interrupted_setup_are_removed() {
        let target = tempfile::tempdir().unwrap();
        let staging = Staging::take(target.path()).unwrap();
        fs::write(staging.path().join("half.whl"), "").unwrap();
        // If the process is killed, the system releases the lock, but nobody removes the folder.
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
