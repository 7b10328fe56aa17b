//! Films whose keyframes are pictures, in every mode that allows them: what they show and cost, and what
//! is found in the cache.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lb_render::{
    Branching, Cache, DepthMap, Injections, Job, Keyframe, ModelDirectory, Outputs, Phase,
    PipelineOptions, Plan, RenderError, RenderEvent, RenderObserver, Renderer, SessionOptions,
    Stage, Upscale,
};

use crate::cached_films::assert_found_again;
use crate::tiny_models::{Pixels, TinyModel, golden, golden_job, read, render, runtime};

/// A picture of 64 × 64 pixels, cut out of a golden one.
fn picture(folder: &Path, name: &str, left: u32) -> PathBuf {
    let source = image::open(golden().join("inpaint/source.png")).unwrap();
    let path = folder.join(name);
    source.crop_imm(left, 0, 64, 64).save(&path).unwrap();
    path
}

/// A film of a picture, a prompt and another picture.
struct Film {
    folder: tempfile::TempDir,
    job: Job,
}

impl Film {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut job = golden_job((64, 64));
        job.inversion_iterations = 2;
        for (keyframe, left) in [(0, 0), (2, 64)] {
            let name = format!("{keyframe}.png");
            let image = picture(folder.path(), &name, left);
            job.keyframes[keyframe] = Keyframe {
                image: Some(image),
                guidance_scale: 1.0,
                ..job.keyframes[keyframe].clone()
            };
        }
        Self { folder, job }
    }

    fn looped(mut self) -> Self {
        self.job.looped = true;
        self.job.transitions.push(self.job.transitions[0].clone());
        self
    }

    fn shown(&self) -> [Pixels; 2] {
        ["0.png", "2.png"].map(|name| read(&self.folder.path().join(name)))
    }
}

fn cache(folder: &Path) -> Option<Cache> {
    Some(Cache::open(folder, Cache::DEFAULT_LIMIT).unwrap())
}

#[test]
fn a_film_of_pictures_and_prompts_is_found_in_the_cache() {
    assert_found_again(&TinyModel::new("sd21").renderer(), &Film::new().job);
}

#[test]
fn a_loop_of_pictures_begins_with_the_exact_picture() {
    let film = Film::new().looped();
    let model = TinyModel::new("sd21");
    let renderer = model.renderer();
    let [first, third] = film.shown();
    let rendered = assert_found_again(&renderer, &film.job);
    // Each transition has two inner frames, and the first keyframe is not repeated at the end.
    assert_eq!(rendered.computed.len(), 9);
    assert!(rendered.computed[0] == first && rendered.computed[6] == third);
    assert!(rendered.film[0] == first);
    assert_eq!(rendered.summary.reconstructions.len(), 2);
}

#[test]
fn pictures_follow_a_depth_map() {
    let film = Film::new();
    let image = golden().join("depth/map.png");
    let model = TinyModel::new("depth");
    let renderer = model.renderer();
    let folder = tempfile::tempdir().unwrap();
    let renderer = renderer.with_cache(cache(folder.path()));
    let [first, third] = film.shown();
    let render_along = |depth: PathBuf| {
        let depth = Some(DepthMap { image: depth });
        let job = Job {
            depth,
            ..film.job.clone()
        };
        let rendered = render(&renderer, &job);
        assert!(rendered.computed[0] == first && rendered.computed[6] == third);
        assert_eq!(rendered.summary.reconstructions.len(), 2);
        let statistics = rendered.summary.statistics;
        [statistics.model_evaluations, statistics.reused_evaluations]
    };
    let all = Plan::new(&film.job).unwrap().cost.model_evaluations;
    assert_eq!(render_along(image.clone()), [all, 0]);
    assert_eq!(render_along(image.clone()), [0, all]);
    // The noise to which a picture is inverted depends on the depth map.
    let mirrored = film.folder.path().join("mirrored.png");
    image::open(&image)
        .unwrap()
        .fliph()
        .save(&mirrored)
        .unwrap();
    assert_eq!(render_along(mirrored), [all, 0]);
}

#[test]
fn an_upscaler_redraws_pictures_like_every_frame() {
    let film = Film::new();
    let job = Job {
        upscale: Some(Upscale {
            steps: 4,
            frames: 3,
            depth_strength: 0.5,
            ..Upscale::with_model("x4")
        }),
        ..film.job.clone()
    };
    let (first, upscaler) = (TinyModel::new("sd21"), TinyModel::new("upscale"));
    let upscaler = ModelDirectory::open(upscaler.path()).unwrap();
    let renderer = first.renderer().with_upscaler(Some(upscaler));
    let rendered = assert_found_again(&renderer, &job);
    assert_eq!(rendered.summary.reconstructions.len(), 2);
    assert_eq!(rendered.computed.len(), 13);
    assert_eq!(rendered.computed[0].0, (256, 256));
}

#[test]
fn crossfeed_from_parents_is_possible_with_pictures() {
    let mut film = Film::new();
    let model = TinyModel::new("sd21");
    let renderer = model.renderer();
    let plain = render(&renderer, &film.job);
    film.job.crossfeed.parents.power = 0.3;
    let fed = render(&renderer, &film.job);
    assert_eq!(
        fed.summary.reconstructions, plain.summary.reconstructions,
        "the keyframes are the same"
    );
    for (frame, (fed, plain)) in fed.computed.iter().zip(&plain.computed).enumerate() {
        assert_eq!(fed == plain, frame % 3 == 0, "{frame}");
    }
}

/// Stops at the first event for which `when` is true.
struct Stop<F>(F);

impl<F: FnMut(&RenderEvent<'_>) -> bool> RenderObserver for Stop<F> {
    fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
        match (self.0)(event) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// A renderer that inverts one picture at a time.
fn one_by_one(model: &TinyModel) -> Renderer {
    let session = SessionOptions::new(lb_render::Device::Cpu).with_threads(1);
    let mut options = PipelineOptions::from(session);
    options.batch_limit = Some(1);
    let directory = ModelDirectory::open(model.path()).unwrap();
    Renderer::new(runtime(), directory, options).unwrap()
}

#[test]
fn a_finished_inversion_is_not_repeated_after_an_interruption() {
    let film = Film::new();
    let model = TinyModel::new("sd21");
    let whole = render(&model.renderer(), &film.job);
    let plan = Plan::new(&film.job).unwrap();
    let all = plan.cost.model_evaluations;
    let rows = whole.summary.statistics.predicted_rows;
    assert_eq!(plan.stages[0].rows, rows);
    assert!(rows < 2 * all, "pictures are not guided");
    // Six steps, each predicted once and refined twice.
    let inversion = 6 * 3;
    let second = |event: &RenderEvent<'_>| match event {
        RenderEvent::Step(at) => {
            assert_eq!(at.total_model_evaluations, 2 * inversion);
            at.model_evaluations > inversion + 7
        }
        _ => false,
    };
    let blending = |event: &RenderEvent<'_>| match event {
        RenderEvent::Step(at) => at.phase != Phase::Inversion,
        _ => false,
    };
    let stages = |event: &RenderEvent<'_>| matches!(event, RenderEvent::Stage(Stage::Loading));
    for (when, kept) in [
        (&second as &dyn Fn(&RenderEvent<'_>) -> bool, inversion),
        (&stages, 2 * inversion),
        (&blending, 2 * inversion),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let renderer = one_by_one(&model).with_cache(cache(folder.path()));
        let outputs = Outputs {
            frames_dir: Some(folder.path().join("frames")),
            ..Default::default()
        };
        let stopped = renderer.render(&film.job, &outputs, &mut Stop(when));
        assert!(matches!(stopped, Err(RenderError::Interrupted)));
        let rendered = render(&renderer, &film.job);
        let statistics = rendered.summary.statistics;
        assert_eq!(statistics.reused_evaluations, kept);
        assert_eq!(statistics.model_evaluations, all - kept);
        assert!(rendered.film == whole.film && rendered.computed == whole.computed);
    }
}

#[test]
fn a_change_only_costs_the_inversions_that_depend_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let model = TinyModel::new("sd21");
    let film = Film::new();
    let renderer = model.renderer().with_cache(cache(folder.path()));
    render(&renderer, &film.job);
    let inner = 2 * 3;
    let cost = |change: &dyn Fn(&mut Job)| {
        let mut job = film.job.clone();
        change(&mut job);
        let statistics = render(&renderer, &job).summary.statistics;
        let done = statistics.model_evaluations;
        let plan = Plan::new(&job).unwrap().cost.model_evaluations;
        assert_eq!(done + statistics.reused_evaluations, plan);
        done
    };
    let inverted = 6 * 3 + 6;
    assert_eq!(cost(&|_| {}), 0);
    let other = picture(film.folder.path(), "other.png", 32);
    assert_eq!(
        cost(&|job| job.keyframes[2].image = Some(other.clone())),
        inverted + inner
    );
    assert_eq!(
        cost(&|job| job.keyframes[0].prompt = "an oak".into()),
        inverted + inner
    );
    assert_eq!(
        cost(&|job| job.keyframes[2].guidance_scale = 1.5),
        inverted + inner
    );
    assert_eq!(
        cost(&|job| job.inversion_iterations = 1),
        2 * (6 * 2 + 6) + 2 * inner
    );
    // The inversion of pictures does not depend on the prompt between them.
    assert_eq!(
        cost(&|job| job.keyframes[1].prompt = "an oak".into()),
        6 + 2 * inner
    );
    let more_steps = |job: &mut Job| {
        for transition in &mut job.transitions {
            transition.branching = Branching::manual(4, vec![2, 4], Injections::Steps(vec![0, 2]));
        }
    };
    assert_eq!(cost(&more_steps), 2 * (4 * 3) + 3 * 4 + 2 * 2 * 2);
}
