//! Which package may depend on which.

use crate::workspace::Package;

/// Every package of the workspace, lowest first, with the packages on which it may depend directly.
/// It may also depend on those below them. `docs/architecture.md` draws the same picture.
#[rustfmt::skip]
const LAYERS: &[(&str, &[&str])] = &[
    // Leaves, which know nothing else of this workspace.
    ("lb-schedule",   &[]),
    ("lb-files",      &[]),
    // What is built on one of them.
    ("lb-drawing",    &["lb-schedule"]),
    ("lb-blend",      &["lb-schedule"]),
    ("lb-prompt",     &["lb-schedule"]),
    ("lb-hub",        &["lb-files"]),
    ("lb-checkpoint", &["lb-hub"]),
    ("lb-export",     &["lb-checkpoint"]),
    ("lb-audio",      &["lb-files"]),
    ("lb-video",      &["lb-files", "lb-schedule"]),
    ("lb-cache",      &["lb-files"]),
    ("lb-measure",    &["lb-video"]),
    // Models, and what is known about a film without them.
    ("lb-models",     &["lb-blend", "lb-export", "lb-prompt"]),
    ("lb-job",        &["lb-blend", "lb-hub", "lb-video", "lb-prompt"]),
    // A job and models make a film.
    ("lb-render",     &["lb-job", "lb-models", "lb-cache"]),
    // The page on which films are made.
    ("lb-studio",     &["lb-render", "lb-measure"]),
    // Programs.
    ("lb-cli",        &["lb-studio", "lb-drawing", "lb-audio"]),
    ("xtask",         &["lb-export", "lb-video"]),
    ("lb-tests",      &["lb-cli"]),
    ("lb-benches",    &["lb-cli"]),
    ("lb-fuzz",       &["lb-render"]),
];

/// What the tests of a package may use besides: a package beside it, and that package.
const IN_TESTS: &[(&str, &str)] = &[("lb-models", "lb-video")];

/// The runtime that runs the models, and the only package that may depend on it.
const RUNTIME: (&str, &str) = ("ort", "lb-models");

pub(super) fn check(packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages {
        let name = package.name.as_str();
        if !LAYERS.iter().any(|(known, _)| *known == name) {
            findings.push(format!(
                "{name}: is not in the table of layers (xtask/src/tidy/layering.rs)"
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
    let layer = LAYERS.iter().find(|(name, _)| *name == upper);
    let mut direct = layer.into_iter().flat_map(|(_, below)| *below);
    direct.any(|name| *name == lower || is_below(lower, name))
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
            dependencies: dependencies.iter().map(dependency).collect(),
            ..Package::default()
        }
    }

    #[test]
    fn dependencies_on_lower_layers_are_allowed() {
        let packages = [
            package("lb-schedule", &["libm"]),
            package("lb-blend", &["lb-schedule"]),
            package("lb-models", &["lb-schedule", "lb-blend", "ort"]),
        ];
        assert_eq!(check(&packages), Vec::<String>::new());
    }

    #[test]
    fn dependencies_upwards_and_sideways_are_found() {
        let upwards = [
            package("lb-schedule", &["lb-blend"]),
            package("lb-blend", &[]),
        ];
        assert!(check(&upwards)[0].contains("lb-schedule: must not depend on lb-blend"));
        let sideways = [package("lb-video", &["lb-blend"]), package("lb-blend", &[])];
        assert!(check(&sideways)[0].contains("lb-video: must not depend on lb-blend"));
    }

    #[test]
    fn only_one_package_may_depend_on_the_runtime() {
        assert!(check(&[package("lb-render", &["ort"])])[0].contains("only lb-models"));
    }

    #[test]
    fn a_package_outside_of_the_table_is_found() {
        assert!(check(&[package("lb-new", &[])])[0].contains("not in the table of layers"));
    }
}
