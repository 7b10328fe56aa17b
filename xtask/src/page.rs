//! `page` and `page-test`: the page of `lb studio`, and its tests in a browser.
//!
//! The built page lies in the repository, so that nobody needs Node to build or run `lb`. These tasks need
//! it, and `page-test` needs Chromium as well.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::workspace::{Profile, Workspace};
use crate::{process, setup};

#[derive(clap::Args)]
pub(crate) struct PageArguments {
    /// compare with the page that lies in the repository, instead of replacing it
    #[arg(long)]
    check: bool,
}

/// Checks the page's types, runs its unit tests and builds it.
pub(crate) fn build(workspace: &Workspace, PageArguments { check }: &PageArguments) -> Result<()> {
    let folder = workspace.root.join("crates/lb-studio/page");
    install(&folder)?;
    npm(&folder, &["run", "check"])?;
    npm(&folder, &["test"])?;
    if !check {
        return npm(&folder, &["run", "build"]);
    }
    let built = tempfile::tempdir_in(&workspace.target)?;
    let path = built.path().to_str();
    let path = path.context("the target folder is not UTF-8")?;
    let build = ["run", "build", "--", "--emptyOutDir", "--outDir", path];
    npm(&folder, &build)?;
    let findings = differences(&files(&folder.join("dist"))?, &files(built.path())?);
    if findings.is_empty() {
        return Ok(());
    }
    bail!(
        "the page in the repository is not the one that its sources make; run `cargo xtask page`:\n  {}",
        findings.join("\n  ")
    )
}

/// Runs the tests of the page in Chromium, against the real program. `arguments` are those of
/// `node --test`.
pub(crate) fn test(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let browser = browser()?;
    let folder = workspace.root.join("tests/page");
    install(&folder)?;
    let library = setup::library(workspace)?;
    let program = workspace.build_lb(Profile::Debug)?;
    let mut test = Command::new("npm");
    workspace.prepare(&mut test, &library);
    test.current_dir(&folder)
        .env("LB_BINARY", program)
        .env("LB_CHROMIUM", browser)
        .args(["test", "--"])
        .args(arguments);
    process::run(&mut test)
}

fn install(folder: &Path) -> Result<()> {
    npm(folder, &["ci", "--no-audit", "--no-fund"])
}

fn npm(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("npm");
    command.current_dir(folder).args(arguments);
    process::run(&mut command).context("this task needs Node 20.19 or newer, with npm")
}

/// The Chromium that `LB_CHROMIUM` names, or one that is installed.
fn browser() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("LB_CHROMIUM") {
        return Ok(named.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
        .context(
            "no Chromium was found: install it (on Debian, `apt-get install chromium`), or name one in \
             LB_CHROMIUM",
        )
}

/// The contents of all files below a folder, by their paths in it.
fn files(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).with_context(|| next.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder)?.to_path_buf(), fs::read(&path)?);
            }
        }
    }
    Ok(found)
}

fn differences(
    kept: &BTreeMap<PathBuf, Vec<u8>>,
    built: &BTreeMap<PathBuf, Vec<u8>>,
) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, bytes) in built {
        match kept.get(path) {
            Some(same) if same == bytes => {}
            Some(_) => findings.push(format!("{} differs", path.display())),
            None => findings.push(format!("{} is missing", path.display())),
        }
    }
    let superfluous = kept.keys().filter(|path| !built.contains_key(*path));
    findings.extend(superfluous.map(|path| format!("{} is superfluous", path.display())));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_between_two_pages_is_found() {
        let page = |files: &[(&str, &str)]| -> BTreeMap<PathBuf, Vec<u8>> {
            files
                .iter()
                .map(|(path, text)| (path.into(), text.as_bytes().to_vec()))
                .collect()
        };
        let kept = page(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let built = page(&[("a", "1"), ("b", "9"), ("d", "4")]);
        assert!(differences(&kept, &kept).is_empty());
        assert_eq!(
            differences(&kept, &built),
            ["b differs", "d is missing", "c is superfluous"]
        );
    }

    #[test]
    fn files_of_folders_in_folders_are_found() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("assets")).unwrap();
        fs::write(folder.path().join("assets/page.js"), "x").unwrap();
        fs::write(folder.path().join("index.html"), "y").unwrap();
        let found = files(folder.path()).unwrap();
        let paths: Vec<_> = found.keys().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(paths, ["assets/page.js", "index.html"]);
    }
}
