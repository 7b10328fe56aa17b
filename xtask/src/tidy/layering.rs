//! Who may depend on whom.

use crate::workspace::Package;

/// The packages that each package may name directly, and through them what those may name.
/// The same picture, drawn: `docs/architecture.md`.
const ARROWS: &[(&str, &[&str])] = &[
    ("lb-schedule", &[]),
    ("lb-drawing", &["lb-schedule"]),
    ("lb-checkpoint", &[]),
    ("lb-export", &["lb-checkpoint"]),
    ("lb-video", &[]),
    ("lb-measure", &["lb-video"]),
    ("lb-blend", &["lb-schedule"]),
    ("lb-models", &["lb-blend", "lb-export"]),
    ("lb-cache", &[]),
    ("lb-render", &["lb-models", "lb-video", "lb-cache"]),
    ("lb-cli", &["lb-drawing", "lb-measure", "lb-render"]),
    ("lb-studio", &["lb-render"]),
    ("xtask", &["lb-export", "lb-video"]),
    ("lb-tests", &["lb-cli"]),
    ("lb-benches", &["lb-cli"]),
];

/// What the tests of a package may name besides.
const IN_TESTS: &[(&str, &str)] = &[("lb-models", "lb-video")];

/// The one package that knows which runtime runs the models.
const RUNTIME: (&str, &str) = ("ort", "lb-models");

pub(super) fn check(packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        let name = package.name.as_str();
        if !ARROWS.iter().any(|(known, _)| *known == name) {
            findings.push(format!(
                "{name}: has no place in the layers (xtask/src/tidy/layering.rs)"
            ));
        }
        for dependency in &package.dependencies {
            let kind = dependency.kind.as_deref().unwrap_or("normal");
            let on = dependency.name.as_str();
            let ours = packages.iter().any(|other| other.name == on);
            let in_tests = kind == "dev" && IN_TESTS.contains(&(name, on));
            if ours && on != name && !in_tests && !is_below(on, name) {
                findings.push(format!(
                    "{name}: must not depend on {on} ({kind} dependency)"
                ));
            }
            if on == RUNTIME.0 && name != RUNTIME.1 {
                findings.push(format!("{name}: only {} may depend on {on}", RUNTIME.1));
            }
        }
    }
    findings
}

fn is_below(lower: &str, upper: &str) -> bool {
    let direct = ARROWS
        .iter()
        .find(|(name, _)| *name == upper)
        .map_or(&[][..], |(_, below)| below);
    direct
        .iter()
        .any(|name| *name == lower || is_below(lower, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        let dependency = |name: &&str| Dependency {
            name: (*name).into(),
            kind: None,
        };
        Package {
            name: name.into(),
            manifest_path: format!("/crates/{name}/Cargo.toml").into(),
            dependencies: dependencies.iter().map(dependency).collect(),
        }
    }

    #[test]
    fn what_lies_below_may_be_named() {
        let packages = [
            package("lb-schedule", &["libm"]),
            package("lb-blend", &["lb-schedule"]),
            package("lb-models", &["lb-schedule", "lb-blend", "ort"]),
        ];
        assert_eq!(check(&packages), Vec::<String>::new());
    }

    #[test]
    fn what_lies_above_or_beside_may_not() {
        let upwards = [
            package("lb-schedule", &["lb-blend"]),
            package("lb-blend", &[]),
        ];
        assert!(check(&upwards)[0].contains("lb-schedule: must not depend on lb-blend"));
        let sideways = [
            package("lb-video", &["lb-schedule"]),
            package("lb-schedule", &[]),
        ];
        assert!(check(&sideways)[0].contains("lb-video: must not depend on lb-schedule"));
    }

    #[test]
    fn only_one_package_names_the_runtime() {
        assert!(check(&[package("lb-render", &["ort"])])[0].contains("only lb-models"));
    }

    #[test]
    fn a_package_without_a_place_is_found() {
        assert!(check(&[package("lb-new", &[])])[0].contains("no place in the layers"));
    }
}
