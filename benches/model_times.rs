//! Measures how long a model takes: its UNet for a row, its decoder for a picture, and films, of which the second
//! finds everything loaded and planned. Prints one line of JSON for each measurement.
//!
//! ```sh
//! cargo run --release -p lb-benches --example model_times -- MODEL LIBONNXRUNTIME FOLDER [DEVICE [SIDE]]
//! ```
//!
//! The films are written into FOLDER. DEVICE is `auto` if it is not given, and SIDE, in pixels, the
//! model's own. `reference/bench_gpu.py` runs it beside PyTorch.
#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::error::Error;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lb_blend::noise::initial_latents;
use lb_blend::{Backend as _, Latents, PredictRequest};
use lb_models::Pipeline;
use lb_render::{
    Between, Branching, Device, Injections, Job, ModelDirectory, ModelPool, Outputs,
    PipelineOptions, RenderEvent, RenderObserver, Renderer, Runtime, SessionOptions,
};
use serde_json::json;

/// Runs of each call that are not counted: in these, kernels are planned and recorded.
const WARMING: usize = 3;
/// Runs of which the median is taken.
const RUNS: usize = 10;
/// Memory for loaded models, in bytes.
const BUDGET: u64 = 64 << 30;

type Outcome = Result<(), Box<dyn Error>>;

struct Bench {
    pool: ModelPool,
    model: ModelDirectory,
    session: SessionOptions,
    side: usize,
    folder: PathBuf,
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, library, folder, rest @ ..] = arguments.as_slice() else {
        println!("skipped: give a model directory, an ONNX Runtime library and a folder");
        return Ok(());
    };
    let model = ModelDirectory::open(Path::new(model))?;
    std::fs::create_dir_all(folder)?;
    let device = rest.first().map_or(Ok(Device::Auto), |name| name.parse())?;
    let bench = Bench {
        pool: ModelPool::new(Runtime::load(Path::new(library))?, BUDGET),
        session: SessionOptions::new(device),
        side: rest
            .get(1)
            .map_or(Ok(model.default_size.0), |side| side.parse())?,
        folder: folder.into(),
        model,
    };
    for (name, job) in [
        ("classic frames", bench.classic()),
        ("default film", bench.default_film()),
    ] {
        for time in ["first", "second"] {
            bench.film(&format!("{name}, {time} time"), &job)?;
        }
    }
    for rows in [4, 20] {
        bench.unet(rows)?;
    }
    for pictures in [1, 4] {
        bench.decoder(pictures)?;
    }
    Ok(())
}

/// Keeps no frames and stops nothing.
struct Silent;

impl RenderObserver for Silent {
    fn event(&mut self, _: &RenderEvent<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl Bench {
    /// The work of latent blending's first publication at its default: 30 steps, 12 computed frames,
    /// 141 model evaluations. Only the computed frames are written.
    fn classic(&self) -> Job {
        let mut job = self.default_film();
        let counts = vec![2, 3, 4, 6, 8, 12];
        let steps = Injections::Steps(vec![0, 12, 15, 19, 23, 27]);
        job.transitions[0].branching = Branching::manual(30, counts, steps);
        job.between = Between::Pictures;
        job
    }

    fn default_film(&self) -> Job {
        let mut job = Job::of_prompts(["a red apple", "a green pear"]);
        job.size = Some((self.side, self.side));
        job
    }

    fn film(&self, name: &str, job: &Job) -> Outcome {
        let options = PipelineOptions::from(self.session.clone());
        let runtime = self.pool.runtime();
        let renderer = Renderer::new(runtime, self.model.clone(), options)?;
        let renderer = renderer.with_pool(self.pool.clone());
        let mut outputs = Outputs {
            overwrite: true,
            ..Outputs::default()
        };
        if job.between == Between::Pictures {
            outputs.frames_dir = Some(self.folder.join("frames"));
        } else {
            outputs.film = Some(self.folder.join("film.mp4"));
        }
        let summary = renderer.render(job, &outputs, &mut Silent)?;
        println!(
            "{}",
            json!({
                "measured": name,
                "seconds": summary.seconds.total,
                "loading": summary.seconds.loading,
                "sessions": summary.seconds.sessions,
                "outside": summary.seconds.outside(),
                "model_evaluations": summary.statistics.model_evaluations,
                "decodes": summary.decodes,
            })
        );
        Ok(())
    }

    /// A pipeline whose calls have at most this many rows.
    fn pipeline(&self, batch_limit: usize) -> Result<Pipeline, Box<dyn Error>> {
        let mut options = PipelineOptions::from(self.session.clone());
        options.batch_limit = Some(batch_limit);
        let (pool, model) = (&self.pool, self.model.clone());
        Ok(Pipeline::open(pool, model, self.side, self.side, options)?)
    }

    fn unet(&self, rows: usize) -> Outcome {
        let mut pipeline = self.pipeline(rows)?;
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
        pipeline.load_unet()?;
        let milliseconds = times(|| Ok(pipeline.predict(&request, &mut predicted)?))?;
        report(&format!("UNet, {rows} rows"), rows, &milliseconds);
        Ok(())
    }

    fn decoder(&self, pictures: usize) -> Outcome {
        let pipeline = self.pipeline(pictures)?;
        let latents = initial_latents(0, pipeline.latent_shape())?;
        let latents: Vec<&Latents> = vec![&latents; pictures];
        let decoder = pipeline.decoder();
        decoder.load()?;
        let milliseconds = times(|| Ok(decoder.decode(&latents).map(drop)?))?;
        report(
            &format!("decoder, {pictures} pictures"),
            pictures,
            &milliseconds,
        );
        Ok(())
    }
}

/// The milliseconds of each run.
fn times(mut run: impl FnMut() -> Outcome) -> Result<Vec<f64>, Box<dyn Error>> {
    let mut milliseconds = Vec::with_capacity(WARMING + RUNS);
    for _ in 0..WARMING + RUNS {
        let begun = Instant::now();
        run()?;
        milliseconds.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(milliseconds)
}

/// Prints the first run's milliseconds, and the median of those that count, whole and for each of `rows`.
fn report(measured: &str, rows: usize, milliseconds: &[f64]) {
    let mut counted = milliseconds[WARMING..].to_vec();
    counted.sort_by(f64::total_cmp);
    let median = counted[RUNS / 2];
    println!(
        "{}",
        json!({
            "measured": measured,
            "first": milliseconds[0],
            "milliseconds": median,
            "each": median / rows as f64,
        })
    );
}
