//! Tests of the workflows in `.github`, which nothing else runs before they are needed.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use yaml_rust2::{Yaml, YamlLoader};

use crate::Arguments;
use crate::workspace::entries_in;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The workflows by their paths.
fn workflows() -> Vec<(PathBuf, Yaml)> {
    let paths = entries_in(&root().join(".github/workflows"), "yml").unwrap();
    assert!(!paths.is_empty());
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let mut documents = YamlLoader::load_from_str(&text).unwrap();
        assert_eq!(documents.len(), 1, "{path:?}");
        (path, documents.remove(0))
    };
    paths.into_iter().map(read).collect()
}

/// The jobs of a workflow with their steps.
fn jobs(workflow: &Yaml) -> Vec<(&str, &Yaml, &Vec<Yaml>)> {
    let jobs = workflow["jobs"].as_hash().unwrap().iter();
    jobs.map(|(name, job)| (name.as_str().unwrap(), job, job["steps"].as_vec().unwrap()))
        .collect()
}

#[test]
fn every_task_that_a_workflow_runs_exists() {
    let mut tried = 0;
    for (path, workflow) in workflows() {
        for (_, _, steps) in jobs(&workflow) {
            let scripts = steps.iter().filter_map(|step| step["run"].as_str());
            for line in scripts.flat_map(str::lines) {
                let Some(task) = line.trim().strip_prefix("cargo xtask ") else {
                    continue;
                };
                let task = task.split('>').next().unwrap_or_default();
                let words = ["xtask"].into_iter().chain(task.split_whitespace());
                if let Err(error) = Arguments::try_parse_from(words) {
                    panic!("{path:?}: {line}: {error}");
                }
                tried += 1;
            }
        }
    }
    assert!(tried >= 5, "{tried} tasks");
}

#[test]
fn jobs_and_steps_have_what_they_need() {
    for (path, workflow) in workflows() {
        let jobs = jobs(&workflow);
        for (name, job, steps) in &jobs {
            assert!(job["runs-on"].as_str().is_some(), "{path:?}: {name}");
            assert!(
                job["timeout-minutes"].as_i64().is_some() || *name == "publish",
                "{path:?}: {name} could run for ever"
            );
            let needed = match &job["needs"] {
                Yaml::Array(names) => names.iter().filter_map(Yaml::as_str).collect(),
                Yaml::String(name) => vec![name.as_str()],
                _ => Vec::new(),
            };
            for needed in needed {
                assert!(
                    jobs.iter().any(|(known, ..)| *known == needed),
                    "{path:?}: {needed}"
                );
            }
            for step in *steps {
                let does = ["uses", "run"]
                    .iter()
                    .filter(|key| !step[**key].is_badvalue());
                assert_eq!(does.count(), 1, "{path:?}: {name}: {step:?}");
            }
        }
    }
}

#[test]
fn a_release_covers_every_platform() {
    let release = workflows()
        .into_iter()
        .find(|(path, _)| path.ends_with("release.yml"));
    let (_, release) = release.unwrap();
    let rows = release["jobs"]["build"]["strategy"]["matrix"]["include"]
        .as_vec()
        .unwrap();
    let names: Vec<_> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
    assert_eq!(
        names,
        [
            "linux-x86-64",
            "linux-arm64",
            "macos-arm64",
            "windows-x86-64"
        ]
    );
    // What is published was built by the jobs before.
    let steps = release["jobs"]["publish"]["steps"].as_vec().unwrap();
    let patterns = steps
        .iter()
        .filter_map(|step| step["with"]["pattern"].as_str());
    let built = release["jobs"]["build"]["steps"].as_vec().unwrap();
    for pattern in patterns {
        let prefix = pattern.trim_end_matches('*');
        let is_uploaded = |step: &Yaml| {
            let name = step["with"]["name"].as_str();
            name.is_some_and(|name| name.starts_with(prefix))
        };
        assert!(built.iter().any(is_uploaded), "{pattern}");
    }
}
