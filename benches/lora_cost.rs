//! Measures what a LoRA costs: the processor time of the UNet's calls with it and without it, in turn. Prints one
//! line of JSON.
//!
//! ```sh
//! cargo run --release -p lb-benches --example lora_cost -- MODEL LIBONNXRUNTIME LORA [ROWS]
//! ```
//!
//! It runs on one thread of the CPU and reads Linux's `/proc`. Processor time is compared rather than time, because
//! other programs change the latter.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::error::Error;
use std::path::Path;

use lb_blend::noise::{initial_latents, standard_normal};
use lb_blend::{Backend as _, LatentShape, PredictRequest};
use lb_models::{
    Device, ModelDirectory, ModelPool, Pipeline, PipelineOptions, Runtime, SessionOptions,
};
use serde_json::json;

/// Calls of one measurement.
const CALLS: usize = 20;
/// Measurements of each.
const PAIRS: usize = 9;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, library, lora, rest @ ..] = arguments.as_slice() else {
        println!("skipped: give a model directory, an ONNX Runtime library and a LoRA");
        return Ok(());
    };
    let rows = rest.first().map_or(Ok(8), |rows| rows.parse())?;
    let pool = ModelPool::new(Runtime::load(Path::new(library))?, 0);
    let plain = ModelDirectory::open(Path::new(model))?;
    let changed = plain.clone().with_loras([Path::new(lora)])?;
    let mut without = Calls::new(&pool, plain, rows)?;
    let mut with = Calls::new(&pool, changed, rows)?;
    for calls in [&mut without, &mut with] {
        calls.run()?;
    }
    let mut ratios = Vec::with_capacity(PAIRS);
    let mut milliseconds = [0.0; 2];
    for _ in 0..PAIRS {
        let pair = [without.run()?, with.run()?];
        ratios.push(pair[1] / pair[0]);
        milliseconds = [0, 1].map(|at| milliseconds[at] + 1e3 * pair[at] / (PAIRS * CALLS) as f64);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "{}",
        json!({
            "rows": rows,
            "milliseconds_of_a_call": milliseconds,
            "ratio": ratios[PAIRS / 2],
            "lowest": ratios[0],
            "highest": ratios[PAIRS - 1],
        })
    );
    Ok(())
}

/// Calls of a UNet with the same inputs.
struct Calls {
    pipeline: Pipeline,
    rows: usize,
    latents: Vec<f32>,
    conditioning: Vec<f32>,
    strengths: Vec<f32>,
}

impl Calls {
    fn new(pool: &ModelPool, model: ModelDirectory, rows: usize) -> Result<Self, Box<dyn Error>> {
        let session = SessionOptions::new(Device::Cpu).with_threads(1);
        let (side, loras) = (model.default_size.0, model.loras().len());
        let text = model.text_length * model.text_width;
        let pipeline = Pipeline::open(pool, model, side, side, PipelineOptions::from(session))?;
        let latents = initial_latents(1, pipeline.latent_shape())?;
        Ok(Self {
            rows,
            latents: latents.values().repeat(rows),
            conditioning: standard_normal(2, text).repeat(rows),
            strengths: vec![0.8; rows * loras],
            pipeline,
        })
    }

    /// The processor time of all calls, in seconds.
    fn run(&mut self) -> Result<f64, Box<dyn Error>> {
        let directory = self.pipeline.directory();
        let shape: LatentShape = self.pipeline.latent_shape();
        let request = PredictRequest {
            rows: self.rows,
            shape,
            latents: &self.latents,
            concatenated_channels: 0,
            concatenated: &[],
            timestep: 500,
            tokens: directory.text_length,
            width: directory.text_width,
            conditioning: &self.conditioning,
            loras: directory.loras().len(),
            lora_strengths: &self.strengths,
        };
        let mut output = vec![0.0; self.latents.len()];
        let before = processor_seconds()?;
        for _ in 0..CALLS {
            self.pipeline.predict(&request, &mut output)?;
        }
        Ok(processor_seconds()? - before)
    }
}

/// The processor time of this thread so far, which makes all calls.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e9)
}
