//! The results of exported graphs, compared with those of diffusers and transformers.
//!
//! The golden models are written by `crates/lb-export/tests/golden/make.py`.

use std::fs;
use std::path::{Path, PathBuf};

use lb_export::{Component, ExportOptions, GraphForm, Precision, build_graph};
use lb_models::testing::{GraphSession, NamedTensor, TensorValues};
use lb_models::{Device, SessionOptions};

use crate::standard_operators::with_standard_operators;
use crate::surroundings::{runtime, workspace};
use crate::{safetensors, wide_unet};

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

#[test]
fn float32_graphs_for_cuda_compute_the_same() {
    compare_all(Precision::Float32, GraphForm::Cuda);
}

#[test]
fn float16_graphs_for_cuda_compute_the_same() {
    compare_all(Precision::Float16, GraphForm::Cuda);
}

/// The golden models are too narrow for some of CUDA's kernels.
#[test]
fn graphs_for_cuda_of_wide_models_compute_what_those_for_cpus_compute() {
    let model = tempfile::tempdir().unwrap();
    wide_unet::write(model.path());
    let run = |precision, form, latent_size| {
        let mut export = ExportOptions::new(precision, form);
        export.latent_size = latent_size;
        let mut outputs = load(model.path(), Component::Unet, &export).run(&wide_unet::inputs());
        outputs.as_mut().unwrap().remove(0)
    };
    let expected = run(Precision::Float32, GraphForm::OnnxRuntime, None);
    for (precision, tolerance) in [
        (Precision::Float32, FLOAT32_TOLERANCE),
        (Precision::Float16, FLOAT16_TOLERANCE),
    ] {
        for size in [None, Some(wide_unet::SIZE)] {
            let error = relative_error(&run(precision, GraphForm::Cuda, size), &expected);
            assert!(error <= tolerance, "{precision:?} {size:?}: {error}");
        }
    }
}

#[test]
fn a_graph_for_one_size_refuses_others() {
    let model = tempfile::tempdir().unwrap();
    wide_unet::write(model.path());
    let mut export = ExportOptions::new(Precision::Float32, GraphForm::Cuda);
    export.latent_size = Some([8, 6]);
    let mut session = load(model.path(), Component::Unet, &export);
    let refusal = session.run(&wide_unet::inputs()).unwrap_err().to_string();
    assert!(refusal.contains("sample"), "{refusal}");
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
            for (case, error) in errors(&model, component, options) {
                compared += 1;
                if error.is_nan() || error > tolerance {
                    failures.push((case, error));
                }
            }
        }
    }
    // This is the number of outputs in the golden files: none may be skipped.
    assert_eq!(compared, 55);
    assert!(failures.is_empty(), "beyond {tolerance}: {failures:#?}");
}

/// Runs a component on the inputs of each of its golden files and gives, for each output, its
/// largest difference from the file as a part of the file's largest value.
fn errors(model: &Path, component: Component, options: ExportOptions) -> Vec<(String, f64)> {
    // Golden files are called by their component and, where it has several, what sets them apart.
    let mut goldens = entries(&model.join("golden"));
    goldens.retain(|golden| stem(golden).starts_with(component.directory_name()));
    if goldens.is_empty() {
        return Vec::new();
    }
    let mut errors = Vec::new();
    for golden in goldens {
        let mut export = options;
        let (expected, inputs): (Vec<_>, Vec<_>) = safetensors::read(&golden)
            .into_iter()
            .partition(|tensor| outputs(component).contains(&tensor.name.as_str()));
        assert_eq!(expected.len(), outputs(component).len(), "{golden:?}");
        // A graph for any size takes only latents that its UNet can halve.
        if export.form == GraphForm::Cuda || stem(&golden).contains("uneven") {
            export.latent_size = latent_size(component, &inputs, &expected);
        }
        let found = load(model, component, &export).run(&inputs).unwrap();
        for expected in expected {
            let mut named = found.iter().filter(|found| found.name == expected.name);
            let case = format!("{} {} {}", stem(model), stem(&golden), expected.name);
            errors.push((case, relative_error(named.next().unwrap(), &expected)));
        }
    }
    errors
}

/// Loads a component's graph on the CPU.
fn load(model: &Path, component: Component, export: &ExportOptions) -> GraphSession {
    let options = SessionOptions::new(Device::Cpu).with_threads(1);
    let mut graph = build_graph(model, component, export).unwrap();
    if export.form == GraphForm::Cuda {
        graph.bytes = with_standard_operators(&graph.bytes);
    }
    GraphSession::load(runtime(), graph, &options).unwrap()
}

/// The height and width of the latents that a component takes or makes.
fn latent_size(
    component: Component,
    inputs: &[NamedTensor],
    outputs: &[NamedTensor],
) -> Option<[usize; 2]> {
    let (tensors, latents) = match component {
        Component::TextEncoder => return None,
        Component::Unet => (inputs, "sample"),
        Component::VaeDecoder => (inputs, "latent_sample"),
        Component::VaeEncoder => (outputs, "latent_parameters"),
    };
    let mut named = tensors.iter().filter(|tensor| tensor.name == latents);
    let shape = &named.next().unwrap().shape;
    Some([shape[2], shape[3]])
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
