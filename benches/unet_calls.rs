//! Runs a UNet once for each line of standard input, so that several devices can be measured in turns, and prints
//! the milliseconds of each call.
//!
//! ```sh
//! cargo run --release -p lb-benches --example unet_calls -- MODEL LIBONNXRUNTIME DEVICE PRECISION ROWS [FOLDER]
//! ```
//!
//! PRECISION is `auto`, `fp32` or `fp16`. The first line says how long loading and the first call took. What the
//! device compiles is kept in FOLDER. `reference/bench_cpu.py` runs it beside PyTorch.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::error::Error;
use std::io::BufRead as _;
use std::path::Path;
use std::time::Instant;

use lb_blend::noise::initial_latents;
use lb_blend::{Backend as _, BatchSteps, PredictRequest};
use lb_models::{Pipeline, Precision};
use lb_render::{ModelDirectory, ModelPool, PipelineOptions, Runtime, SessionOptions};

/// Steps of the batch for which the UNet is compiled.
const STEPS: usize = 30;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, library, device, precision, rows, folder @ ..] = arguments.as_slice() else {
        println!(
            "skipped: give a model directory, an ONNX Runtime library, a device, a precision and rows"
        );
        return Ok(());
    };
    let model = ModelDirectory::open(Path::new(model))?;
    let mut session = SessionOptions::new(device.parse()?);
    session.precision = match precision.as_str() {
        "fp32" => Some(Precision::Float32),
        "fp16" => Some(Precision::Float16),
        _ => None,
    };
    session.engine_cache = folder.first().map(Into::into);
    let rows: usize = rows.parse()?;
    let mut options = PipelineOptions::from(session);
    options.batch_limit = Some(rows);
    let pool = ModelPool::new(Runtime::load(Path::new(library))?, 0);
    let (width, height) = model.default_size;
    let mut pipeline = Pipeline::open(&pool, model, width, height, options)?;
    pipeline.expect_batches(vec![BatchSteps { rows, steps: STEPS }]);
    let shape = pipeline.latent_shape();
    let tokens = pipeline.tokenize("a red apple")?;
    let conditioning = pipeline.encode(&[tokens])?.remove(0);
    let latents = initial_latents(0, shape)?.into_values().repeat(rows);
    let mut predicted = vec![0.0; latents.len()];
    let request = PredictRequest {
        rows,
        shape,
        latents: &latents,
        concatenated_channels: 0,
        concatenated: &[],
        timestep: 501,
        tokens: conditioning.tokens,
        width: conditioning.width,
        conditioning: &conditioning.values.repeat(rows),
        loras: 0,
        lora_strengths: &[],
    };
    let mut call = || {
        let begun = Instant::now();
        pipeline.predict(&request, &mut predicted)?;
        println!("{:.3}", begun.elapsed().as_secs_f64() * 1e3);
        Ok::<(), Box<dyn Error>>(())
    };
    call()?;
    for line in std::io::stdin().lock().lines() {
        line?;
        call()?;
    }
    Ok(())
}
