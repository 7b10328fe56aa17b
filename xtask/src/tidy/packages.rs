//! What every package must have: documentation, an example, licences, everything that its code includes, and one test
//! binary at most.

use std::path::{Component, Path, PathBuf};

use super::TextFile;
use crate::workspace::Package;

/// Checks the package in `folder`. Paths are relative to the root of the repository.
pub(super) fn check(
    package: &Package,
    folder: &Path,
    files: &[TextFile],
    exists: impl Fn(&Path) -> bool,
) -> Vec<String> {
    let mut findings = check_roots(folder, files);
    let shown = folder.display();
    let binaries = integration_binaries(folder, files);
    if binaries > 1 {
        findings.push(format!(
            "{shown}: {binaries} integration test binaries; one is enough"
        ));
    }
    if folder.starts_with("crates") {
        let lacking = check_publishing(package, |name| exists(&folder.join(name)));
        findings.extend(lacking.into_iter().map(|what| format!("{shown}: {what}")));
        let of_package = files.iter().filter(|file| file.path.starts_with(folder));
        findings.extend(of_package.flat_map(|file| check_includes(folder, file)));
    }
    findings
}

/// Checks the documentation of the crate roots.
fn check_roots(folder: &Path, files: &[TextFile]) -> Vec<String> {
    let mut findings = Vec::new();
    for root in ["src/lib.rs", "src/main.rs"] {
        let path = folder.join(root);
        let Some(file) = files.iter().find(|file| file.path == path) else {
            continue;
        };
        let path = path.display();
        if !file.text.starts_with("//!") {
            findings.push(format!(
                "{path}: does not start with what the crate is about (`//!`)"
            ));
        }
        let is_library = folder.starts_with("crates") && root.ends_with("lib.rs");
        if is_library && !has_doctest(&file.text) {
            findings.push(format!(
                "{path}: its documentation has no example that is tested"
            ));
        }
    }
    findings
}

/// Checks what a registry and its readers want of a crate. `exists` is asked for names of files in
/// the crate's folder.
fn check_publishing(package: &Package, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for name in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        if !exists(name) {
            findings.push(format!("has no {name}"));
        }
    }
    for (name, is_given) in [
        ("description", package.description.is_some()),
        ("readme", package.readme.is_some()),
        ("keywords", !package.keywords.is_empty()),
        ("categories", !package.categories.is_empty()),
    ] {
        if !is_given {
            findings.push(format!("its Cargo.toml has no `{name}`"));
        }
    }
    if package.metadata.pointer("/docs/rs").is_none() {
        findings.push("its Cargo.toml has no `[package.metadata.docs.rs]`".into());
    }
    findings
}

/// Finds files that code includes from outside of its package, which are missing when the package is built alone.
fn check_includes(folder: &Path, file: &TextFile) -> Vec<String> {
    if !file.has_extension("rs") {
        return Vec::new();
    }
    let own = file.path.parent().unwrap_or(folder);
    let included = INCLUSIONS.iter().flat_map(|inclusion| {
        let rest = file.text.split(inclusion).skip(1);
        rest.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
    });
    let outside = included.filter(|path| !resolved(&own.join(path)).starts_with(folder));
    let shown = file.path.display();
    outside
        .map(|path| format!("{shown}: includes {path}, which is not in its package"))
        .collect()
}

/// How code includes other files.
const INCLUSIONS: [&str; 4] = [
    concat!("include_", "str!("),
    concat!("include_", "bytes!("),
    concat!("include", "!("),
    concat!("#[", "path ="),
];

/// A relative path without `..` in it, as far as it can do without.
fn resolved(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        match part {
            Component::ParentDir if path.file_name().is_some() => {
                path.pop();
            }
            part => path.push(part),
        }
        path
    })
}

/// Checks that the address of the repository is in all crates or in none.
pub(super) fn check_repository(packages: &[Package]) -> Vec<String> {
    let crates = packages.iter().filter(|package| {
        package
            .folder()
            .ends_with(Path::new("crates").join(&package.name))
    });
    let (with, without): (Vec<&Package>, Vec<_>) =
        crates.partition(|package| package.repository.is_some());
    if with.is_empty() {
        return Vec::new();
    }
    without
        .iter()
        .map(|package| {
            format!(
                "{}: its Cargo.toml has no `repository.workspace = true`",
                package.name
            )
        })
        .collect()
}

fn integration_binaries(folder: &Path, files: &[TextFile]) -> usize {
    let tests = folder.join("tests");
    let is_binary = |file: &&TextFile| {
        file.path.strip_prefix(&tests).is_ok_and(|below| {
            let depth = below.components().count();
            file.has_extension("rs") && (depth == 1 || depth == 2 && below.ends_with("main.rs"))
        })
    };
    files.iter().filter(is_binary).count()
}

/// Whether the crate documentation has a Rust code block that rustdoc compiles.
fn has_doctest(text: &str) -> bool {
    let mut inside = false;
    let documentation = text.lines().filter_map(|line| line.strip_prefix("//!"));
    documentation
        .map(str::trim)
        .filter_map(|line| line.strip_prefix("```"))
        .any(|info| {
            inside = !inside;
            let mut tags = info.split(',').map(str::trim).filter(|tag| !tag.is_empty());
            inside && tags.all(|tag| ["rust", "no_run", "should_panic"].contains(&tag))
        })
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_crate_says_what_it_is_and_shows_an_example() {
        let root = |text: &str| {
            check_roots(
                "crates/lb-x".as_ref(),
                &[file("crates/lb-x/src/lib.rs", text)],
            )
        };
        assert!(root("//! X.\n//!\n//! ```\n//! x();\n//! ```\n").is_empty());
        assert!(root("//! X.\n//! ```text\n//! ```\n")[0].contains("no example"));
        assert!(root("//! ```text\n//! ```\n//! ```ignore\n//! ```\n")[0].contains("no example"));
        assert!(root("mod x;")[0].contains("does not start"));
    }

    #[test]
    fn a_second_integration_binary_is_found() {
        let one = file("crates/lb-x/tests/it/main.rs", "");
        let module = file("crates/lb-x/tests/it/other.rs", "");
        let two = file("crates/lb-x/tests/more.rs", "");
        let folder = Path::new("crates/lb-x");
        assert_eq!(integration_binaries(folder, &[one.clone(), module]), 1);
        assert_eq!(integration_binaries(folder, &[one, two]), 2);
    }

    #[test]
    fn what_is_included_must_be_in_the_package() {
        let check = |text: &str| {
            let file = file("crates/lb-x/src/a/b.rs", text);
            check_includes("crates/lb-x".as_ref(), &file).len()
        };
        let include = |path: &str| format!("const A: &str = {}\"{path}\");", INCLUSIONS[0]);
        for inside in ["c.txt", "../../README.md", "../../../lb-x/a.txt"] {
            assert_eq!(check(&include(inside)), 0, "{inside}");
        }
        for outside in ["../../../lb-y/a.txt", "../../../../docs/a.md", "/etc/hosts"] {
            assert_eq!(check(&include(outside)), 1, "{outside}");
        }
        assert_eq!(
            check(&format!("{}\n    \"../../../x\"\n)", INCLUSIONS[1])),
            1
        );
    }

    #[test]
    fn the_repository_is_in_all_crates_or_in_none() {
        let package = |name: &str, repository: Option<&str>| Package {
            name: name.into(),
            manifest_path: format!("/work/crates/{name}/Cargo.toml").into(),
            repository: repository.map(Into::into),
            ..Package::default()
        };
        let some = Some("https://example.org/lb");
        assert!(check_repository(&[package("a", None), package("b", None)]).is_empty());
        assert!(check_repository(&[package("a", some), package("b", some)]).is_empty());
        let mut tasks = package("xtask", None);
        tasks.manifest_path = "/work/xtask/Cargo.toml".into();
        assert!(check_repository(&[package("a", some), tasks]).is_empty());
        assert_eq!(
            check_repository(&[package("a", some), package("b", None)]).len(),
            1
        );
    }

    #[test]
    fn a_crate_has_licences_a_readme_and_metadata() {
        let package = Package {
            description: Some("X".into()),
            readme: Some("README.md".into()),
            keywords: vec!["x".into()],
            categories: vec!["science".into()],
            metadata: serde_json::json!({ "docs": { "rs": { "all-features": true } } }),
            ..Package::default()
        };
        assert!(check_publishing(&package, |_| true).is_empty());
        let found = check_publishing(&package, |name| name != "LICENSE-MIT");
        assert_eq!(found, ["has no LICENSE-MIT"]);
        assert_eq!(check_publishing(&Package::default(), |_| true).len(), 5);
    }
}
