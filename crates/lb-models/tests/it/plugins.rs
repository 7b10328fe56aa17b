//! Devices whose execution provider is a plugin of ONNX Runtime. A test does nothing, and says so, where the
//! plugin is missing: `cargo xtask setup --device openvino` fetches OpenVINO's.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lb_blend::{
    Backend as _, BatchSteps, FilmOutline, LatentShape, PredictRequest, Transition, noise,
};
use lb_models::{
    Device, DeviceProblem, Pipeline, PipelineOptions, Precision, RgbImage, SessionOptions,
    providers,
};
use lb_schedule::BranchingProfile;
use lb_video::picture::psnr;

use crate::surroundings::{pocket, pool, runtime};
use crate::transition::pictures;

/// Least PSNR of a film in 16-bit floats, and in 32-bit floats, against the CPU's.
const LEAST_NARROW: f64 = 35.0;
const LEAST_EXACT: f64 = 60.0;

fn profile() -> BranchingProfile {
    BranchingProfile::manual(12, &[2, 4], &[0, 4]).unwrap()
}

fn openvino(precision: Option<Precision>) -> SessionOptions {
    let mut options = SessionOptions::new(Device::OpenVino);
    options.precision = precision;
    options
}

/// A film's pictures. The UNet is compiled for its batches.
fn film(session: SessionOptions) -> Vec<RgbImage> {
    let options = PipelineOptions::from(session);
    let mut pipeline = Pipeline::open(&pool(), pocket(), 128, 128, options).unwrap();
    let transitions = [Transition::new(profile(), 0.5)];
    let outline = FilmOutline::new(&transitions, vec![4.0, 4.0]).with_steps(12);
    pipeline.expect_batches(outline.batches(64, &lb_blend::BlendOptions::default()));
    pictures(&mut pipeline, ["a red apple", "a green pear"], profile())
}

fn problem(device: Device) -> Option<DeviceProblem> {
    let mut reports = providers(runtime()).into_iter();
    reports.find(|report| report.device == device)?.missing
}

/// Whether OpenVINO can be used; if not, the reason is printed.
#[allow(clippy::print_stderr, reason = "a test says why it was skipped")]
fn has_openvino() -> bool {
    match problem(Device::OpenVino) {
        None => true,
        Some(problem) => {
            eprintln!("skipped: {problem}");
            false
        }
    }
}

fn least_psnr(left: &[RgbImage], right: &[RgbImage]) -> f64 {
    assert_eq!(left.len(), right.len());
    let pairs = left.iter().zip(right);
    pairs
        .map(|(left, right)| psnr(left, right).unwrap())
        .fold(f64::INFINITY, f64::min)
}

#[test]
fn a_film_on_openvino_looks_like_that_of_the_cpu() {
    if !has_openvino() {
        return;
    }
    let cpu = film(SessionOptions::new(Device::Cpu));
    let exact = least_psnr(&cpu, &film(openvino(Some(Precision::Float32))));
    let narrow = least_psnr(&cpu, &film(openvino(None)));
    eprintln!("the worst frame: {exact:.1} dB in 32 bits, {narrow:.1} dB in OpenVINO's choice");
    assert!(exact >= LEAST_EXACT, "{exact} dB");
    assert!(narrow >= LEAST_NARROW, "{narrow} dB");
}

/// Relative error of a prediction.
fn error_of(found: &[f32], expected: &[f32]) -> f32 {
    let square =
        |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>();
    let difference = found
        .iter()
        .zip(expected)
        .map(|(found, expected)| found - expected);
    (square(&mut difference.into_iter()) / square(&mut expected.iter().copied())).sqrt()
}

/// Calls with other latents, timesteps and conditionings each, of which the second has the first one's conditioning.
#[test]
fn each_call_on_openvino_sees_its_own_inputs() {
    if !has_openvino() {
        return;
    }
    let shape = LatentShape {
        channels: 4,
        height: 16,
        width: 16,
    };
    let mut pipelines = [
        SessionOptions::new(Device::Cpu),
        openvino(Some(Precision::Float32)),
    ]
    .map(|session| {
        let options = PipelineOptions::from(session);
        Pipeline::open(&pool(), pocket(), 128, 128, options).unwrap()
    });
    let width = pocket().text_width;
    for pipeline in &mut pipelines {
        pipeline.expect_batches(vec![BatchSteps { rows: 4, steps: 3 }]);
    }
    let noise = |seed, count: usize| {
        let shape = LatentShape {
            channels: count,
            height: 1,
            width: 1,
        };
        let noise = noise::initial_latents(seed, shape).unwrap();
        noise.values().to_vec()
    };
    for (call, rows) in [4, 4, 3, 6].into_iter().enumerate() {
        let latents = noise(call as u64, rows * shape.len());
        let conditioning = noise(100 + call.max(1) as u64, rows * 77 * width);
        let request = PredictRequest {
            rows,
            shape,
            latents: &latents,
            concatenated_channels: 0,
            concatenated: &[],
            timestep: 900 - 200 * call as u32,
            tokens: 77,
            width,
            conditioning: &conditioning,
            loras: 0,
            lora_strengths: &[],
        };
        let [expected, found] = pipelines.each_mut().map(|pipeline| {
            let mut predicted = vec![0.0; rows * shape.len()];
            pipeline.predict(&request, &mut predicted).unwrap();
            predicted
        });
        let error = error_of(&found, &expected);
        assert!(error < 1e-4, "call {call}: {error}");
    }
}

/// The files in a folder and all folders below it, each with its last change.
fn files_below(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.insert(path, entry.metadata().unwrap().modified().unwrap());
        }
    }
    found
}

#[test]
fn what_openvino_compiled_is_used_again() {
    if !has_openvino() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut options = openvino(None);
    options.engine_cache = Some(folder.path().join("compiled"));
    let first = film(options.clone());
    let compiled = files_below(folder.path());
    // The UNet and the decoder.
    assert_eq!(compiled.len(), 2, "{compiled:?}");
    let second = film(options);
    assert_eq!(files_below(folder.path()), compiled);
    assert_eq!(first, second);
}

#[test]
fn a_machine_for_which_openvino_lists_no_device_is_described() {
    match problem(Device::OpenVino) {
        Some(problem @ DeviceProblem::NotListed { .. }) => {
            let message = problem.to_string();
            assert!(
                message.contains("Intel") && message.contains("CPU ("),
                "{message}"
            );
        }
        other => eprintln!("skipped: {other:?}"),
    }
}

#[test]
fn a_plugin_that_is_missing_says_where_it_was_looked_for() {
    for device in [Device::WebGpu, Device::Mlx, Device::TensorRtRtx] {
        match problem(device) {
            Some(problem @ DeviceProblem::NoPlugin { .. }) => {
                let message = problem.to_string();
                let folder = format!("onnxruntime-{device}");
                assert!(message.contains(&folder), "{message}");
                assert!(message.contains("onnxruntime-ep-"), "{message}");
            }
            other => eprintln!("{device} is installed: {other:?}"),
        }
    }
}
