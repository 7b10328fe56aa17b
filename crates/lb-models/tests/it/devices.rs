//! What matters on GPUs and can be tested without one: precision, bound tensors, node placement.

use lb_blend::{Backend, LatentShape, PredictRequest, noise};
use lb_export::{Component, ExportOptions, Graph, build_graph};
use lb_models::testing::{GraphSession, NamedTensor, TensorValues, placement};
use lb_models::{
    Device, DeviceProblem, Pipeline, PipelineOptions, Precision, RgbImage, SessionOptions,
    providers,
};
use lb_schedule::BranchingProfile;
use lb_video::picture::psnr;

use crate::surroundings::{pocket, pool, runtime};
use crate::transition::pictures;

const SHAPE: LatentShape = LatentShape {
    channels: 4,
    height: 16,
    width: 16,
};

/// Least PSNR of a film in 16-bit floats against the same film in 32-bit floats. The worst frame was
/// measured at 65 dB.
const LEAST_PSNR: f64 = 50.0;

fn session(precision: Precision) -> SessionOptions {
    let mut options = SessionOptions::new(Device::Cpu).with_threads(1);
    options.precision = Some(precision);
    options
}

fn frames(precision: Precision) -> Vec<RgbImage> {
    let options = PipelineOptions::from(session(precision));
    let mut pipeline = Pipeline::open(&pool(), pocket(), 128, 128, options).unwrap();
    let profile = BranchingProfile::manual(12, &[2, 4], &[0, 4]).unwrap();
    pictures(&mut pipeline, ["a red apple", "a green pear"], profile)
}

#[test]
fn a_film_in_half_precision_looks_the_same() {
    let (whole, half) = (frames(Precision::Float32), frames(Precision::Float16));
    assert_ne!(whole, half, "nothing was computed in 16 bits");
    for (frame, (whole, half)) in whole.iter().zip(&half).enumerate() {
        let psnr = psnr(whole, half).unwrap();
        assert!(psnr >= LEAST_PSNR, "frame {frame}: {psnr} dB");
    }
}

fn unet() -> Graph {
    let options = ExportOptions::default();
    build_graph(&pocket().path, Component::Unet, &options).unwrap()
}

#[test]
fn bound_tensors_change_no_bit() {
    let mut unbound = GraphSession::load(runtime(), unet(), &session(Precision::Float32)).unwrap();
    let options = PipelineOptions::from(session(Precision::Float32));
    let mut bound = Pipeline::open(&pool(), pocket(), 128, 128, options).unwrap();
    let width = pocket().text_width;
    // The same size twice, another one, a third one, and the first one again.
    for (call, rows) in [2, 2, 3, 1, 2].into_iter().enumerate() {
        let values = |seed, height, width| {
            let shape = LatentShape {
                channels: rows,
                height,
                width,
            };
            noise::initial_latents(seed, shape)
                .unwrap()
                .values()
                .to_vec()
        };
        let latents = values(call as u64, 4 * 16, 16);
        // The second call has the first one's conditioning, and all others have their own.
        let conditioning = values(100 + call.max(1) as u64, 77, width);
        let timestep = 900 - 100 * call as u32;
        let request = PredictRequest {
            rows,
            shape: SHAPE,
            latents: &latents,
            concatenated_channels: 0,
            concatenated: &[],
            timestep,
            tokens: 77,
            width,
            conditioning: &conditioning,
            loras: 0,
            lora_strengths: &[],
        };
        let mut found = vec![0.0; rows * SHAPE.len()];
        bound.predict(&request, &mut found).unwrap();

        let tensor = |name: &str, shape: &[usize], values| NamedTensor {
            name: name.into(),
            shape: shape.to_vec(),
            values,
        };
        let (sample, text) = (
            TensorValues::Float32(latents),
            TensorValues::Float32(conditioning),
        );
        let expected = unbound.run(&[
            tensor("sample", &[rows, 4, 16, 16], sample),
            tensor("timestep", &[1], TensorValues::Int64(vec![timestep.into()])),
            tensor("encoder_hidden_states", &[rows, 77, width], text),
        ]);
        assert_eq!(
            expected.unwrap()[0].values,
            TensorValues::Float32(found),
            "call {call}"
        );
    }
}

#[test]
fn the_runtime_logs_where_it_places_nodes() {
    let placed = placement(runtime(), &unet()).unwrap();
    let providers: Vec<_> = placed.keys().collect();
    assert_eq!(providers, ["CPUExecutionProvider"]);
    assert!(placed["CPUExecutionProvider"] > 100, "{placed:?}");
}

#[test]
fn the_cpu_is_always_there_and_a_device_that_is_not_says_why() {
    for report in providers(runtime()) {
        match (report.device, report.missing) {
            (Device::Cpu, missing) => assert_eq!(missing, None),
            (asked, Some(DeviceProblem::NotBuiltIn { library, device })) => {
                assert_eq!((library.as_path(), device), (runtime().library(), asked));
            }
            (_, missing) => assert!(!missing.is_some_and(|why| why.to_string().is_empty())),
        }
    }
}
