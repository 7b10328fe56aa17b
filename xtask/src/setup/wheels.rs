//! Fetching wheels with pip, without installing them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::workspace::Workspace;
use crate::{process, python};

/// Wheels that belong together.
pub(super) struct Wheels {
    /// What they are, for messages.
    pub(super) what: String,
    /// How much they are to download.
    pub(super) megabytes: u32,
    /// The file in `xtask/requirements/` that pins them by hash.
    pub(super) requirements: &'static str,
    /// pip's names of the platforms that they are made for.
    pub(super) platforms: &'static [&'static str],
    /// How to do without, for messages.
    pub(super) otherwise: &'static str,
}

impl Wheels {
    /// The text of the requirements file.
    pub(super) fn pins(&self, workspace: &Workspace) -> Result<String> {
        let path = self.requirements_in(workspace);
        fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
    }

    /// Downloads the wheels and unpacks them into `folder`, which pip works in as well: the
    /// system's folder for temporary files may be a small one in memory.
    pub(super) fn unpack(&self, workspace: &Workspace, folder: &Path) -> Result<()> {
        let (what, otherwise) = (&self.what, self.otherwise);
        let python = python::interpreter()
            .with_context(|| format!("{what} is fetched with Python's pip; {otherwise}"))?;
        let mut probe = python.command();
        if process::standard_output(probe.args(["-m", "pip", "--version"])).is_err() {
            let path = python.path.display();
            bail!("{path} has no pip, which fetches {what}; {otherwise}");
        }
        let mut pip = python.command();
        pip.args(["-m", "pip", "download", "--require-hashes", "--no-deps"])
            .args(["--only-binary=:all:", "--implementation=cp", "--abi=cp313"])
            .arg("--python-version=3.13");
        match self.is_small() {
            true => pip.arg("--quiet"),
            // pip would keep all of it a second time.
            false => pip.arg("--no-cache-dir"),
        };
        for platform in self.platforms {
            pip.args(["--platform", platform]);
        }
        pip.arg("--dest").arg(folder);
        pip.arg("-r").arg(self.requirements_in(workspace));
        process::run(pip.env("TMPDIR", folder))
            .with_context(|| format!("{what} could not be fetched; try again, or {otherwise}"))?;
        for wheel in wheels_in(folder)? {
            let mut unzip = python.command();
            unzip.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder);
            process::run(&mut unzip)?;
            fs::remove_file(wheel)?;
        }
        Ok(())
    }

    /// Whether nobody waits for them.
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

fn wheels_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut wheels = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == "whl") {
            wheels.push(path);
        }
    }
    Ok(wheels)
}
