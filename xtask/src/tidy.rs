//! `tidy`: the rules of this workspace that no compiler checks.
//!
//! Each rule is a function from plain data to findings, so that its tests can show it fail.

mod documents;
mod fixtures;
mod layering;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let listed = listed(&workspace.root)?;
    let files = text_files(&workspace.root, &listed)?;
    let mut findings = layering::check(&workspace.packages);
    findings.extend(fixtures::check_sizes(&sizes(&workspace.root, &listed)));
    for package in &workspace.packages {
        let folder = package
            .folder()
            .strip_prefix(&workspace.root)
            .unwrap_or(package.folder());
        findings.extend(sources::check_package(folder, &files));
    }
    for file in &files {
        findings.extend(sources::check_file(file));
        findings.extend(documents::check_links(file, |target| {
            workspace.root.join(target).exists()
        }));
    }
    if findings.is_empty() {
        println!("tidy: {} files, nothing found", files.len());
        return Ok(());
    }
    bail!(
        "tidy found {}:\n  {}",
        findings.len(),
        findings.join("\n  ")
    )
}

/// A file of the repository that people write.
#[derive(Clone, Debug)]
struct TextFile {
    /// Relative to the root.
    path: PathBuf,
    text: String,
}

impl TextFile {
    fn has_extension(&self, extension: &str) -> bool {
        self.path
            .extension()
            .is_some_and(|found| found == extension)
    }

    /// Whether it belongs to the sources of a library: what its users link.
    fn is_library_source(&self) -> bool {
        let mut parts = self.path.iter();
        let in_crate = parts.next().is_some_and(|part| part == "crates");
        // The command line is the front end: it may print and read the environment.
        let of_library = parts.next().is_some_and(|part| part != "lb-cli");
        in_crate && of_library && parts.next().is_some_and(|part| part == "src")
    }
}

/// Every file of the repository that git does not ignore, relative to the root.
fn listed(root: &Path) -> Result<Vec<PathBuf>> {
    let mut list = Command::new("git");
    list.current_dir(root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let listed = process::standard_output(&mut list)?;
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    Ok(paths.map(PathBuf::from).collect())
}

fn sizes(root: &Path, listed: &[PathBuf]) -> Vec<(PathBuf, u64)> {
    let size = |path: &PathBuf| Some((path.clone(), root.join(path).metadata().ok()?.len()));
    listed.iter().filter_map(size).collect()
}

/// The text files among those listed.
fn text_files(root: &Path, listed: &[PathBuf]) -> Result<Vec<TextFile>> {
    let mut files = Vec::new();
    for path in listed {
        let known = ["rs", "toml", "md", "py", "txt", "yml"];
        let is_text = path
            .extension()
            .is_some_and(|found| known.iter().any(|name| found == *name));
        let whole = root.join(path);
        // A file that was deleted but not yet from the index is no file.
        if is_text && whole.is_file() {
            let text = fs::read_to_string(&whole)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            files.push(TextFile {
                path: path.clone(),
                text,
            });
        }
    }
    Ok(files)
}

#[cfg(test)]
fn file(path: &str, text: &str) -> TextFile {
    TextFile {
        path: path.into(),
        text: text.into(),
    }
}
