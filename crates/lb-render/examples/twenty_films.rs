//! Renders twenty films with a model that stays loaded. No file is written: the computed frames are
//! received in memory.
//!
//! `cargo run --release -p lb-render --example twenty_films -- MODEL_DIRECTORY LIBONNXRUNTIME`

use std::ops::ControlFlow;
use std::path::Path;

use lb_render::{
    Branching, FramePosition, Injections, Job, ModelDirectory, ModelPool, Outputs, PipelineOptions,
    RenderError, RenderEvent, RenderObserver, Renderer, RgbImage, Runtime,
};

/// Keeps the computed frames of a film.
#[derive(Default)]
pub(crate) struct KeptFrames(pub(crate) Vec<(FramePosition, RgbImage)>);

impl RenderObserver for KeptFrames {
    fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
        if let RenderEvent::Frame { position, picture } = event {
            self.0.push((*position, RgbImage::clone(picture)));
        }
        ControlFlow::Continue(())
    }
}

/// A small film, which differs for each seed.
pub(crate) fn film(seed: u64) -> Job {
    let mut job = Job::of_prompts(["a red apple", "a green leaf"]);
    for (index, keyframe) in (0..).zip(&mut job.keyframes) {
        keyframe.seed = seed + index;
    }
    job.transitions[0].branching = Branching::manual(4, vec![2, 3], Injections::Steps(vec![0, 2]));
    job
}

/// Renders twenty films, and returns the frames of each.
pub(crate) fn twenty_films(renderer: &Renderer) -> Result<Vec<KeptFrames>, RenderError> {
    let films = (0..20).map(|seed| {
        let mut frames = KeptFrames::default();
        renderer.render(&film(seed), &Outputs::default(), &mut frames)?;
        Ok(frames)
    });
    films.collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [model, library] = std::env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "give a model directory and an ONNX Runtime library")?;

    let runtime = Runtime::load(Path::new(&library))?;
    let model = ModelDirectory::open(Path::new(&model))?;
    // What is loaded may take four gigabytes, and stays there from one film to the next.
    let pool = ModelPool::new(runtime, 4 << 30);
    let renderer = Renderer::new(runtime, model, PipelineOptions::default())?;
    let renderer = renderer.with_pool(pool.clone());

    // A renderer can work on a thread of its own.
    let films = std::thread::spawn(move || twenty_films(&renderer)).join();
    let films = films.map_err(|_| "the renderer panicked")??;

    assert!(films.iter().all(|frames| frames.0.len() == 3));
    // The text encoder, the UNet and the VAE decoder were loaded once.
    assert_eq!(pool.loads(), 3);
    Ok(())
}
