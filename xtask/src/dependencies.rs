//! `dependencies`: the rules of `deny.toml` for licences, duplicate versions and sources.
//!
//! cargo-deny checks these rules too, and known vulnerabilities besides. Building it takes longer
//! than all other checks together, so the rules that need no database are checked here, and
//! cargo-deny runs where somebody has installed it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

use crate::process;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let rules =
        fs::read_to_string(workspace.root.join("deny.toml")).context("deny.toml cannot be read")?;
    let rules: Rules = toml::from_str(&rules).context("deny.toml is not what was expected")?;
    let packages = packages(workspace, &rules.graph.targets)?;
    let mut findings = licence_findings(&packages, &rules.licenses);
    findings.extend(version_findings(&packages, &rules.bans));
    findings.extend(source_findings(&packages));
    if !findings.is_empty() {
        bail!(
            "deny.toml forbids {}:\n  {}",
            findings.len(),
            findings.join("\n  ")
        );
    }
    println!("dependencies: {} packages, nothing found", packages.len());
    run_cargo_deny(workspace)
}

/// The part of `deny.toml` that is checked here.
#[derive(Debug, Deserialize)]
struct Rules {
    graph: Graph,
    licenses: Licences,
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Licences {
    /// SPDX identifiers.
    allow: BTreeSet<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Bans {
    skip: Vec<Skip>,
}

/// A version that may stand beside another one of the same crate.
#[derive(Debug, Deserialize)]
struct Skip {
    /// `name@version`, the version shortened to the numbers that matter.
    #[serde(rename = "crate")]
    version: String,
}

/// A package as `cargo metadata` describes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Package {
    name: String,
    version: String,
    id: String,
    license: Option<String>,
    /// `None` for the packages of this workspace.
    source: Option<String>,
}

/// The packages that are built on at least one of `targets`.
fn packages(workspace: &Workspace, targets: &[String]) -> Result<BTreeSet<Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
        resolve: Resolve,
    }
    #[derive(Deserialize)]
    struct Resolve {
        /// The packages that are built; of each node, only the `id` matters.
        nodes: Vec<BTreeMap<String, serde_json::Value>>,
    }

    let mut all = BTreeSet::new();
    for target in targets {
        let mut command = process::cargo(&workspace.root);
        command.args("metadata --format-version=1 --all-features --filter-platform".split(' '));
        let metadata = process::standard_output(command.arg(target))?;
        let metadata: Metadata =
            serde_json::from_str(&metadata).context("cargo metadata is not what was expected")?;
        let nodes = metadata.resolve.nodes.iter();
        let built: BTreeSet<_> = nodes.filter_map(|node| node["id"].as_str()).collect();
        let packages = metadata.packages.into_iter();
        all.extend(packages.filter(|package| built.contains(package.id.as_str())));
    }
    Ok(all)
}

fn licence_findings(packages: &BTreeSet<Package>, licences: &Licences) -> Vec<String> {
    let finding = |package: &Package| {
        let Package { name, version, .. } = package;
        match &package.license {
            None => Some(format!("{name} {version}: states no licence")),
            Some(licence) if is_allowed(licence, &licences.allow) => None,
            Some(licence) => Some(format!("{name} {version}: its licence is {licence}")),
        }
    };
    packages.iter().filter_map(finding).collect()
}

/// Whether an SPDX expression can be satisfied with the allowed licences. Old manifests, which write
/// `/` for `OR`, are understood as well.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = Expression::parse_mode(expression, ParseMode::LAX);
    expression.is_ok_and(|expression| {
        expression.evaluate(|requirement| allowed.contains(&requirement.to_string()))
    })
}

/// Finds crates of more than one version, and exceptions in `deny.toml` that excuse nothing.
fn version_findings(packages: &BTreeSet<Package>, bans: &Bans) -> Vec<String> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        let known = versions.entry(&package.name).or_default();
        known.insert(&package.version);
    }
    let mut findings = Vec::new();
    for (name, versions) in &versions {
        let is_skipped = |version: &str| bans.skip.iter().any(|skip| skip.matches(name, version));
        let mut counted: Vec<_> = versions.iter().copied().collect();
        counted.retain(|version| !is_skipped(version));
        if counted.len() > 1 {
            findings.push(format!(
                "{name}: versions {}; use one, or give the reason for both in deny.toml",
                counted.join(" and ")
            ));
        }
    }
    for skip in &bans.skip {
        let is_needed = versions.iter().any(|(name, versions)| {
            versions.len() > 1 && versions.iter().any(|version| skip.matches(name, version))
        });
        if !is_needed {
            findings.push(format!(
                "{}: is excused, but has no second version any more",
                skip.version
            ));
        }
    }
    findings
}

impl Skip {
    fn matches(&self, name: &str, version: &str) -> bool {
        let Some((skipped, numbers)) = self.version.split_once('@') else {
            return self.version == name;
        };
        let rest = version.strip_prefix(numbers);
        skipped == name && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

fn source_findings(packages: &BTreeSet<Package>) -> Vec<String> {
    let finding = |package: &Package| {
        let source = package.source.as_deref()?;
        let is_registry = source.starts_with("registry+") || source.starts_with("sparse+");
        (!is_registry).then(|| format!("{} {}: comes from {source}", package.name, package.version))
    };
    packages.iter().filter_map(finding).collect()
}

/// Runs cargo-deny if it is installed. A machine that cannot fetch the database of vulnerabilities
/// only gets a note.
fn run_cargo_deny(workspace: &Workspace) -> Result<()> {
    let deny = || {
        let mut command = process::cargo(&workspace.root);
        command.arg("deny");
        command
    };
    if process::standard_output(deny().arg("--version")).is_err() {
        println!("cargo-deny is not installed: known vulnerabilities were not looked for");
        return Ok(());
    }
    // Exceptions that excuse nothing were found above already, development dependencies included.
    process::run(
        deny()
            .args(["check", "--allow", "unmatched-skip"])
            .args(["licenses", "bans", "sources"]),
    )?;
    if process::standard_output(deny().args(["fetch", "db"])).is_err() {
        println!("the database of vulnerabilities could not be fetched, so it was not searched");
        return Ok(());
    }
    process::run(deny().args(["check", "advisories"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.into(),
            version: version.into(),
            id: format!("{name}@{version}"),
            license: Some("MIT".into()),
            source: Some("registry+somewhere".into()),
        }
    }

    #[test]
    fn licence_expressions_are_evaluated() {
        let allowed = ["MIT", "BSD-3-Clause", "Apache-2.0 WITH LLVM-exception"]
            .map(String::from)
            .into();
        let is_allowed = |expression| is_allowed(expression, &allowed);
        for fine in [
            "MIT",
            "GPL-3.0 OR MIT",
            "GPL-3.0/MIT",
            "MIT AND BSD-3-Clause",
            "(GPL-3.0 OR MIT) AND (MIT OR Zlib)",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(is_allowed(fine), "{fine}");
        }
        for forbidden in [
            "",
            "GPL-3.0",
            "Apache-2.0",
            "MIT AND GPL-3.0",
            "GPL-3.0 OR MIT AND Zlib",
            "(MIT",
            "MIT MIT",
            "MIT WITH LLVM-exception",
        ] {
            assert!(!is_allowed(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn a_package_without_an_allowed_licence_is_found() {
        let licences = Licences {
            allow: ["MIT".to_owned()].into(),
        };
        let mut silent = package("silent", "1.0.0");
        silent.license = None;
        let found = licence_findings(&[silent, package("fine", "1.0.0")].into(), &licences);
        assert_eq!(found, ["silent 1.0.0: states no licence"]);
    }

    #[test]
    fn second_versions_and_useless_exceptions_are_found() {
        let packages = [
            package("a", "1.2.0"),
            package("a", "2.0.0"),
            package("b", "1.0.0"),
        ]
        .into();
        let bans = |skip: &[&str]| Bans {
            skip: skip
                .iter()
                .map(|&version| Skip {
                    version: version.into(),
                })
                .collect(),
        };
        assert!(version_findings(&packages, &bans(&[]))[0].contains("a: versions 1.2.0 and 2.0.0"));
        assert!(version_findings(&packages, &bans(&["a@1"])).is_empty());
        assert!(version_findings(&packages, &bans(&["a@1.2"])).is_empty());
        assert_eq!(version_findings(&packages, &bans(&["a@1.3"])).len(), 2);
        assert!(
            version_findings(&packages, &bans(&["a@1", "b@1"]))[0].starts_with("b@1: is excused")
        );
    }

    #[test]
    fn a_package_from_a_git_repository_is_found() {
        let mut foreign = package("a", "1.0.0");
        foreign.source = Some("git+https://example.org/a".into());
        let mut own = package("b", "1.0.0");
        own.source = None;
        let found = source_findings(&[foreign, own, package("c", "1.0.0")].into());
        assert_eq!(found, ["a 1.0.0: comes from git+https://example.org/a"]);
    }
}
