//! Films whose computed frames are received in memory, with models that stay loaded.

use std::ops::ControlFlow;

use lb_render::{Cache, FramePosition, ModelPool, Outputs, RenderEvent, RenderObserver, Renderer};

use crate::tiny_models::{Pixels, TinyModel, golden_job, render, runtime};
use crate::upscale::{long_job, renderer};

#[allow(dead_code)]
#[path = "../../examples/twenty_films.rs"]
mod twenty_films;

use twenty_films::{KeptFrames, film, twenty_films};

fn pixels(frames: &KeptFrames) -> Vec<Pixels> {
    let frames = frames.0.iter().map(|(_, picture)| {
        let size = (picture.width() as usize, picture.height() as usize);
        (size, picture.as_raw().clone())
    });
    frames.collect()
}

#[test]
fn the_frames_in_memory_equal_those_of_the_files() {
    let (first, upscaler) = (TinyModel::new("sd21"), TinyModel::new("upscale"));
    let two_stages = renderer(&first, &upscaler);
    let jobs = [
        (first.renderer(), golden_job((64, 64))),
        (two_stages.clone(), long_job(2, 3, false)),
        (two_stages, long_job(2, 3, true)),
    ];
    for (renderer, job) in jobs {
        let mut frames = KeptFrames::default();
        let nothing = Outputs::default();
        let summary = renderer.render(&job, &nothing, &mut frames).unwrap();
        assert!(summary.files.is_empty());
        assert_eq!(summary.computed_frames, frames.0.len());
        assert!(pixels(&frames) == render(&renderer, &job).computed);

        let positions = frames.0.iter().map(|(position, _)| *position);
        let positions: Vec<FramePosition> = positions.collect();
        assert!(positions.is_sorted_by(|left, right| left < right));
        assert_eq!(positions[0].fraction, 0.0);
        let last = positions[positions.len() - 1];
        assert_eq!(last.transition, job.transitions.len() - 1);
        assert_eq!(last.fraction == 1.0, !job.looped);
    }
}

#[test]
fn twenty_films_load_their_model_once() {
    let model = TinyModel::new("sd21");
    let pool = ModelPool::new(runtime(), 1 << 30);
    let warm = model.renderer().with_pool(pool.clone());
    let on_a_thread = warm.clone();
    let films = std::thread::spawn(move || twenty_films(&on_a_thread)).join();
    let films = films.unwrap().unwrap();
    assert_eq!(pool.loads(), 3, "text encoder, UNet and VAE decoder");
    for (seed, frames) in (0..).zip(&films).step_by(7) {
        let cold = render(&model.renderer(), &film(seed));
        assert!(pixels(frames) == cold.computed, "film {seed}");
    }
    pool.release_all();
    assert!(warm.pool().loaded().is_empty());
}

#[test]
fn the_text_encoder_is_loaded_once_for_prompts_of_all_lengths() {
    let model = TinyModel::new("sd21");
    let mut job = film(1);
    for (keyframe, words) in job.keyframes.iter_mut().zip([1, 12, 30]) {
        keyframe.prompt = "red ".repeat(words);
    }
    job.keyframes[0].negative_prompt = "blue ".repeat(20);
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path(), Cache::DEFAULT_LIMIT).unwrap();
    for cache in [None, Some(cache)] {
        // This pool keeps nothing, so that every use of a component loads it.
        let pool = ModelPool::new(runtime(), 0);
        let renderer = model.renderer().with_pool(pool.clone()).with_cache(cache);
        let nothing = Outputs::default();
        renderer.render(&job, &nothing, &mut ()).unwrap();
        assert_eq!(pool.loads(), 3, "text encoder, UNet and VAE decoder");
    }
}

/// Counts problems with a cache.
#[derive(Default)]
struct Problems(usize);

impl RenderObserver for Problems {
    fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
        self.0 += usize::from(matches!(event, RenderEvent::Cache { .. }));
        ControlFlow::Continue(())
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_reported_once_and_the_film_completed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"in the way").unwrap();
    let cache = Cache::at(&file.join("cache"), Cache::DEFAULT_LIMIT).unwrap();
    let model = TinyModel::new("sd21");
    let renderer: Renderer = model.renderer().with_cache(Some(cache));
    let mut problems = Problems::default();
    let nothing = Outputs::default();
    renderer.render(&film(1), &nothing, &mut problems).unwrap();
    assert_eq!(problems.0, 1);
}
