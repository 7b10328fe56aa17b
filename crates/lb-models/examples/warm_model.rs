//! Two prompts to two pictures with a model that stays loaded, step by step and without the engine:
//!
//! ```sh
//! cargo run -p lb-models --example warm_model -- models/pocket LIBONNXRUNTIME FOLDER
//! ```
//!
//! `LIBONNXRUNTIME` is the library's file, such as `target/onnxruntime/libonnxruntime.so.1.31.1` after
//! `cargo xtask setup`. Without it the example says so and does nothing.
#![allow(clippy::print_stdout, reason = "an example shows what it made")]

use std::error::Error;
use std::path::Path;

use image::RgbImage;
use lb_blend::noise::initial_latents;
use lb_blend::{Backend as _, DdimSampler, Latents, PredictRequest, Sampler as _};
use lb_models::{ModelDirectory, ModelPool, Pipeline, PipelineOptions, Runtime};

/// Steps from noise to a picture.
const STEPS: usize = 12;
/// How much stronger a prompt is made against an empty one: classifier-free guidance.
const GUIDANCE_SCALE: f32 = 4.0;
/// Memory for idle components, in bytes.
const BUDGET: u64 = 4 << 30;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, library, folder] = arguments.as_slice() else {
        println!("skipped: give a model directory, an ONNX Runtime library and a folder");
        return Ok(());
    };
    let pool = ModelPool::new(Runtime::load(Path::new(library))?, BUDGET);
    let model = ModelDirectory::open(Path::new(model))?;
    std::fs::create_dir_all(folder)?;
    for prompt in ["a red apple", "a green pear"] {
        let path = Path::new(folder).join(format!("{prompt}.png"));
        draw(&pool, &model, prompt)?.save(&path)?;
        println!(
            "{}; {} components loaded so far",
            path.display(),
            pool.loads()
        );
    }
    Ok(())
}

/// The picture of a prompt, from the noise of seed 0.
pub(crate) fn draw(
    pool: &ModelPool,
    model: &ModelDirectory,
    prompt: &str,
) -> Result<RgbImage, Box<dyn Error>> {
    let (width, height) = model.default_size;
    let options = PipelineOptions::default();
    let mut pipeline = Pipeline::open(pool, model.clone(), width, height, options)?;

    let tokens = [pipeline.tokenize(prompt)?, pipeline.tokenize("")?];
    let encoded = pipeline.encode(&tokens)?;
    let conditioning = [&encoded[0].values[..], &encoded[1].values].concat();

    let shape = pipeline.latent_shape();
    let sampler = DdimSampler::new(&model.schedule, STEPS)?;
    let mut latents = initial_latents(0, shape)?.into_values();
    let mut predicted_clean = vec![0.0; shape.len()];
    for (step, &timestep) in sampler.timesteps().iter().enumerate() {
        // Both rows have the same latents; they differ in their conditioning.
        let mut predicted = vec![0.0; 2 * shape.len()];
        let request = PredictRequest {
            rows: 2,
            shape,
            latents: &latents.repeat(2),
            concatenated_channels: 0,
            concatenated: &[],
            timestep,
            tokens: encoded[0].tokens,
            width: encoded[0].width,
            conditioning: &conditioning,
            loras: 0,
            lora_strengths: &[],
        };
        pipeline.predict(&request, &mut predicted)?;
        let (prompted, empty) = predicted.split_at(shape.len());
        let rows = prompted.iter().zip(empty);
        let guided: Vec<f32> = rows
            .map(|(prompted, empty)| empty + GUIDANCE_SCALE * (prompted - empty))
            .collect();
        sampler.step(step, &mut latents, &guided, &mut predicted_clean)?;
    }

    let latents = Latents::from_values(shape, latents)?;
    let mut pictures = pipeline.decoder().decode(&[&latents])?;
    Ok(pictures.remove(0))
}
