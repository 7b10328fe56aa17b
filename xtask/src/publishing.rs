//! `package` and `notes`: what has to hold before a version is published.

use anyhow::{Context as _, Result, ensure};

use crate::process;
use crate::workspace::{Workspace, entries_in};

/// The largest package that crates.io takes, in bytes.
const LARGEST_PACKAGE: u64 = 10 << 20;

/// Packs every crate that is to be published, and builds each one from what its package contains, together with the
/// packages of the crates below it. What the crates depend on is built once for all of them, and not optimised.
pub(crate) fn package(workspace: &Workspace) -> Result<()> {
    let mut publish = process::cargo(&workspace.root);
    publish.args([
        "publish",
        "--workspace",
        "--dry-run",
        "--allow-dirty",
        "--quiet",
    ]);
    publish.env("CARGO_TARGET_DIR", workspace.target.join("packages"));
    publish.env("CARGO_PROFILE_DEV_DEBUG", "0");
    process::run(&mut publish)?;
    let built = entries_in(&workspace.target.join("packages/package"), "crate")?;
    ensure!(!built.is_empty(), "cargo has left no packages there");
    for path in &built {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let bytes = path.metadata()?.len();
        ensure!(
            bytes <= LARGEST_PACKAGE,
            "{name} has {bytes} bytes; crates.io takes {LARGEST_PACKAGE}"
        );
        println!("{name}: {} kB", bytes.div_ceil(1000));
    }
    Ok(())
}

/// Prints the section of the changelog that belongs to a tag, for the page of the release.
pub(crate) fn notes(workspace: &Workspace, tag: &str) -> Result<()> {
    let version = workspace.version()?;
    ensure!(
        tag.strip_prefix('v') == Some(version),
        "the tag of version {version} is v{version}, not {tag}"
    );
    let has_address = workspace
        .packages
        .iter()
        .any(|package| package.repository.is_some());
    ensure!(
        has_address,
        "Cargo.toml has no `repository`; CONTRIBUTING.md says what to fill in before a release"
    );
    let changelog = std::fs::read_to_string(workspace.root.join("CHANGELOG.md"))?;
    let section = section(&changelog, version);
    let section = section.with_context(|| format!("CHANGELOG.md has no section {version}"))?;
    println!("{section}");
    Ok(())
}

/// The text below the heading of a version, if there is any.
fn section<'a>(changelog: &'a str, version: &str) -> Option<&'a str> {
    let is_of_version = |heading: &str| {
        let name = heading.split_whitespace().next().unwrap_or_default();
        name.trim_matches(['[', ']']) == version
    };
    let sections = changelog.split("\n## ").skip(1);
    let (_, text) = sections
        .filter_map(|section| section.split_once('\n'))
        .find(|(heading, _)| is_of_version(heading))?;
    Some(text.trim()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_of_a_version_becomes_its_notes() {
        let changelog = "# Changelog\n\nText.\n\n## Unreleased\n\n- New.\n\n\
             ## 0.1.10 (2027-01-02)\n\n### Added\n\n- Ten.\n\n## [0.1.1] - 2027-01-01\n\n- One.\n\n## 0.1.0\n";
        assert_eq!(section(changelog, "0.1.10"), Some("### Added\n\n- Ten."));
        assert_eq!(section(changelog, "0.1.1"), Some("- One."));
        assert_eq!(section(changelog, "0.1.0"), None, "it is empty");
        assert_eq!(section(changelog, "0.2.0"), None);
    }
}
