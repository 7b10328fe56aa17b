//! The results of exported graphs, compared with those of diffusers and transformers.
//!
//! The golden models are written by `crates/lb-export/tests/golden/make.py`.

use std::fs;
use std::path::{Path, PathBuf};

use lb_export::{Component, ExportOptions, GraphForm, Precision, build_graph};
use lb_models::testing::{GraphSession, NamedTensor, TensorValues};
use lb_models::{Device, SessionOptions};

use crate::safetensors;
use crate::surroundings::{runtime, workspace};

/// Largest allowed difference, as a fraction of the largest expected value.
const FLOAT32_TOLERANCE: f64 = 1e-4;
const FLOAT16_TOLERANCE: f64 = 5e-3;

#[test]
fn float32_graphs_compute_what_diffusers_computes() {
    compare_all(Precision::Float32, GraphForm::OnnxRuntime);
}

#[test]
fn float16_graphs_compute_what_diffusers_computes() {
    compare_all(Precision::Float16, GraphForm::OnnxRuntime);
}

#[test]
fn float32_graphs_of_standard_operators_compute_the_same() {
    compare_all(Precision::Float32, GraphForm::Standard);
}

#[test]
fn float16_graphs_of_standard_operators_compute_the_same() {
    compare_all(Precision::Float16, GraphForm::Standard);
}

fn compare_all(precision: Precision, form: GraphForm) {
    let options = ExportOptions::new(precision, form);
    let tolerance = match precision {
        Precision::Float32 => FLOAT32_TOLERANCE,
        Precision::Float16 => FLOAT16_TOLERANCE,
    };
    let fixtures = workspace().join("crates/lb-export/tests/golden/fixtures");
    let mut failures = Vec::new();
    let mut compared = 0;
    let mut models = entries(&fixtures);
    models.retain(|model| model.join("golden").is_dir());
    for model in models {
        for component in Component::ALL {
            for (case, error) in errors(&model, component, &options) {
                compared += 1;
                if error.is_nan() || error > tolerance {
                    failures.push((case, error));
                }
            }
        }
    }
    // This is the number of outputs in the golden files: none may be skipped.
    assert_eq!(compared, 39);
    assert!(failures.is_empty(), "beyond {tolerance}: {failures:#?}");
}

/// Runs a component on the inputs of each of its golden files and gives, for each output, its
/// largest difference from the file as a part of the file's largest value.
fn errors(model: &Path, component: Component, export: &ExportOptions) -> Vec<(String, f64)> {
    // Golden files are called by their component and, where it has several, what sets them apart.
    let mut goldens = entries(&model.join("golden"));
    goldens.retain(|golden| stem(golden).starts_with(component.directory_name()));
    if goldens.is_empty() {
        return Vec::new();
    }
    let options = SessionOptions::new(Device::Cpu).with_threads(1);
    let graph = build_graph(model, component, export).unwrap();
    let mut session = GraphSession::load(runtime(), graph, &options).unwrap();
    let mut errors = Vec::new();
    for golden in goldens {
        let (expected, inputs): (Vec<_>, Vec<_>) = safetensors::read(&golden)
            .into_iter()
            .partition(|tensor| outputs(component).contains(&tensor.name.as_str()));
        assert_eq!(expected.len(), outputs(component).len(), "{golden:?}");
        let found = session.run(&inputs).unwrap();
        for expected in expected {
            let mut named = found.iter().filter(|found| found.name == expected.name);
            let case = format!("{} {} {}", stem(model), stem(&golden), expected.name);
            errors.push((case, relative_error(named.next().unwrap(), &expected)));
        }
    }
    errors
}

fn outputs(component: Component) -> &'static [&'static str] {
    match component {
        Component::TextEncoder => &["last_hidden_state", "pooler_output"],
        Component::Unet => &["out_sample"],
        Component::VaeDecoder => &["sample"],
        Component::VaeEncoder => &["latent_parameters"],
    }
}

fn relative_error(found: &NamedTensor, expected: &NamedTensor) -> f64 {
    assert_eq!(found.shape, expected.shape, "{}", expected.name);
    let (TensorValues::Float32(found), TensorValues::Float32(expected)) =
        (&found.values, &expected.values)
    else {
        panic!("outputs are floats")
    };
    let largest = expected.iter().map(|&value| f64::from(value).abs());
    let largest = largest.fold(0.0, f64::max);
    let pairs = found.iter().zip(expected);
    // A NaN is larger than any difference, and `max` would drop it.
    pairs
        .map(|(&found, &expected)| f64::from(found - expected).abs() / largest)
        .fold(0.0, |worst, error| {
            if error > worst || error.is_nan() {
                error
            } else {
                worst
            }
        })
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}
