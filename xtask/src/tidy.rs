//! `tidy`: the rules of this workspace that no compiler checks.
//!
//! Each rule is a function from plain data to findings, so that a test can show it fail.

mod layering;
mod packages;
mod prose;
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
    let exists = |path: &Path| workspace.root.join(path).exists();
    let mut findings = layering::check(&workspace.packages);
    findings.extend(packages::check_repository(&workspace.packages));
    findings.extend(sources::check_fixtures(&sizes(&workspace.root, &listed)));
    for package in &workspace.packages {
        let folder = package.folder();
        let folder = folder.strip_prefix(&workspace.root).unwrap_or(folder);
        findings.extend(packages::check(package, folder, &files, exists));
    }
    for file in &files {
        findings.extend(sources::check_file(file));
        findings.extend(prose::check_links(file, exists));
        findings.extend(prose::check_words(file));
    }
    for warning in files.iter().filter_map(sources::length_warning) {
        println!("warning: {warning}");
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

/// A text file of the repository.
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

    /// Whether it belongs to the sources of a library, which programs link.
    fn is_library_source(&self) -> bool {
        // The command line is the front end: it may print and read the environment.
        self.is_crate_source() && !self.path.starts_with("crates/lb-cli")
    }

    /// Whether it belongs to the sources of a library or of the program, apart from their tests.
    fn is_crate_source(&self) -> bool {
        let parts: Vec<_> = self.path.iter().collect();
        let is_source =
            matches!(parts[..], [first, _, src, ..] if first == "crates" && src == "src");
        let is_test = parts
            .iter()
            .any(|part| *part == "tests" || *part == "tests.rs");
        is_source && !is_test && self.has_extension("rs")
    }
}

/// Every file of the repository that git does not ignore, relative to the root.
fn listed(root: &Path) -> Result<Vec<PathBuf>> {
    let mut list = Command::new("git");
    list.current_dir(root).args(["ls-files", "-z", "--cached"]);
    list.args(["--others", "--exclude-standard"]);
    let listed = process::standard_output(&mut list)?;
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    Ok(paths.map(PathBuf::from).collect())
}

fn sizes(root: &Path, listed: &[PathBuf]) -> Vec<(PathBuf, u64)> {
    let size = |path: &PathBuf| Some((path.clone(), root.join(path).metadata().ok()?.len()));
    listed.iter().filter_map(size).collect()
}

fn text_files(root: &Path, listed: &[PathBuf]) -> Result<Vec<TextFile>> {
    const EXTENSIONS: [&str; 6] = ["rs", "toml", "md", "py", "txt", "yml"];
    let mut files = Vec::new();
    for path in listed {
        let extension = path.extension().unwrap_or_default();
        let is_text = EXTENSIONS.iter().any(|known| extension == *known);
        let whole = root.join(path);
        // git still lists a file that was deleted but not yet removed from its index.
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
