//! Films of two stages, compared with diffusers; their costs, and jobs that are refused.

use std::ops::ControlFlow;
use std::path::Path;

use lb_render::{
    Branching, EmbeddingFile, Injections, Job, ModelDirectory, Outputs, Plan, RenderEvent,
    RenderObserver, Renderer, Stage, Upscale,
};
use serde_json::{Value, json};

use crate::tiny_models::{Pixels, Rendered, TinyModel, frames, golden, golden_job, psnr, render};

/// The smallest allowed peak signal-to-noise ratio between frames, in dB.
const LEAST_PSNR: f64 = 45.0;

fn upscaled(job: Job) -> Job {
    Job {
        upscale: Some(Upscale {
            steps: 6,
            frames: 3,
            depth_strength: 0.5,
            ..Upscale::with_model("x4")
        }),
        ..job
    }
}

/// A film with a cheap second stage, whose first stage has `frames` computed frames in each transition.
pub(crate) fn long_job(keyframes: usize, frames: usize, looped: bool) -> Job {
    let mut job = upscaled(golden_job((64, 64)));
    job.keyframes.truncate(keyframes);
    job.transitions.resize(
        Job::transition_count(keyframes, looped),
        job.transitions[0].clone(),
    );
    for transition in &mut job.transitions {
        transition.branching = Branching::manual(2, vec![2, frames], Injections::Steps(vec![0, 1]));
    }
    job.looped = looped;
    if let Some(upscale) = &mut job.upscale {
        (upscale.steps, upscale.frames) = (2, 2);
    }
    job
}

pub(crate) fn renderer(first: &TinyModel, upscaler: &TinyModel) -> Renderer {
    let upscaler = ModelDirectory::open(upscaler.path()).unwrap();
    first.renderer().with_upscaler(Some(upscaler))
}

fn render_upscaled(job: &Job) -> Rendered {
    let (first, upscaler) = (TinyModel::new("sd21"), TinyModel::new("upscale"));
    render(&renderer(&first, &upscaler), job)
}

/// Every third pixel of every third row.
fn thinned((size, pixels): &Pixels) -> Vec<u8> {
    let rows = pixels.chunks_exact(3 * size.0).step_by(3);
    let thinned = rows.flat_map(|row| row.chunks_exact(3).step_by(3));
    thinned.flatten().copied().collect()
}

#[test]
fn a_film_of_two_stages_equals_that_of_diffusers() {
    let job = upscaled(golden_job((64, 64)));
    let rendered = render_upscaled(&job);
    let expected = frames(&golden().join("upscale"));
    assert_eq!((rendered.computed.len(), expected.len()), (13, 13));
    for (frame, (found, expected)) in rendered.computed.iter().zip(&expected).enumerate() {
        assert_eq!(found.0, (256, 256));
        let psnr = psnr(&thinned(found), &expected.1);
        assert!(psnr >= LEAST_PSNR, "frame {frame}: {psnr} dB");
    }
    let plan = Plan::new(&job).unwrap();
    // 3 keyframes and two times 2 inner branches; 7 keyframes and 6 times 1 inner branch.
    let evaluations = (3 * 6 + 2 * 2 * 3) + (7 * 6 + 6 * 3);
    assert_eq!(plan.cost.model_evaluations, evaluations);
    let summary = &rendered.summary;
    assert_eq!(summary.statistics.model_evaluations, evaluations);
    let rows = plan.stages.iter().map(|stage| stage.rows);
    assert_eq!(summary.statistics.predicted_rows, rows.sum::<usize>());
    assert_eq!((summary.decodes, plan.cost.decodes), (7 + 13, 7 + 13));
    assert_eq!((summary.width, summary.computed_frames), (256, 13));
    assert_eq!(rendered.film.len(), plan.film_frames());
    assert!(rendered.film.iter().all(|frame| frame.0 == (256, 256)));
    // The summary has the trees of the first stage, and the motion of the final frames.
    assert_eq!(summary.transitions[1].branch_counts, [2, 4]);
    assert_eq!(summary.transitions[1].frame_distances.len(), 6);
}

/// Counts events, and checks that progress only grows.
#[derive(Default)]
struct Progress {
    stages: Vec<Stage>,
    done: usize,
    total: usize,
    keyframes: usize,
}

impl RenderObserver for Progress {
    fn event(&mut self, event: &RenderEvent<'_>) -> std::ops::ControlFlow<()> {
        match event {
            RenderEvent::Stage(stage) => {
                self.stages.push(*stage);
                if *stage == Stage::Blending {
                    self.done = 0;
                }
            }
            RenderEvent::Step(step) => {
                assert!(step.model_evaluations > self.done);
                assert!(step.model_evaluations <= step.total_model_evaluations);
                (self.done, self.total) = (step.model_evaluations, step.total_model_evaluations);
            }
            RenderEvent::Keyframe { .. } => self.keyframes += 1,
            _ => {}
        }
        std::ops::ControlFlow::Continue(())
    }
}

#[test]
fn long_films_compute_every_shared_keyframe_once() {
    let (first, upscaler) = (TinyModel::new("sd21"), TinyModel::new("upscale"));
    let renderer = renderer(&first, &upscaler);
    for (keyframes, frames, looped) in [(2, 18, false), (2, 10, true), (3, 3, true)] {
        let job = long_job(keyframes, frames, looped);
        let folder = tempfile::tempdir().unwrap();
        let outputs = Outputs {
            frames_dir: Some(folder.path().join("frames")),
            film: Some(folder.path().join("film")),
            ..Default::default()
        };
        let mut progress = Progress::default();
        let summary = renderer.render(&job, &outputs, &mut progress).unwrap();
        let plan = Plan::new(&job).unwrap();
        let context = format!("{keyframes} keyframes, {frames} frames, looped: {looped}");
        let statistics = summary.statistics;
        assert_eq!(
            statistics.model_evaluations, plan.cost.model_evaluations,
            "{context}"
        );
        assert_eq!(statistics.reused_evaluations, 0, "{context}");
        let pairs = job.transitions.len() * (frames - 1);
        let computed = pairs + usize::from(!looped);
        assert_eq!(plan.computed_frames(), computed, "{context}");
        let written = std::fs::read_dir(folder.path().join("frames")).unwrap();
        assert_eq!(written.count(), computed, "{context}");
        let film = std::fs::read_dir(folder.path().join("film")).unwrap();
        assert_eq!(film.count(), plan.film_frames(), "{context}");
        assert_eq!(summary.transitions.len(), job.transitions.len());
        assert_eq!(progress.keyframes, keyframes, "{context}");
        assert_eq!(progress.done, progress.total, "{context}");
        assert!(
            progress
                .stages
                .contains(&Stage::Upscaling { transitions: pairs })
        );
    }
}

#[test]
fn a_job_that_cannot_be_upscaled_is_refused_before_rendering() {
    let folder = tempfile::tempdir().unwrap();
    let outputs = Outputs {
        frames_dir: Some(folder.path().join("frames")),
        ..Default::default()
    };
    let refusal = |renderer: &Renderer, job: &Job| {
        let error = renderer.render(job, &outputs, &mut ()).unwrap_err();
        assert!(error.is_request(), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        error.to_string()
    };
    let (first, upscaler) = (TinyModel::new("sd21"), TinyModel::new("upscale"));
    let job = upscaled(golden_job((64, 64)));
    assert_eq!(
        refusal(&first.renderer(), &job),
        "the job is upscaled with `x4`, but the renderer has no upscaling model"
    );
    let message = refusal(&renderer(&first, &first), &job);
    assert!(
        message.contains("upscaling needs one for x4 upscaling"),
        "{message}"
    );
    let message = refusal(
        &renderer(&upscaler, &upscaler),
        &Job {
            size: Some((256, 256)),
            ..job.clone()
        },
    );
    assert!(
        message.contains("a film of prompts alone needs one for text to image"),
        "{message}"
    );
    let large = Job {
        size: Some((4096, 64)),
        ..job.clone()
    };
    assert_eq!(
        refusal(&renderer(&first, &upscaler), &large),
        "an upscaler takes frames whose width and height are at most 2048 pixels; these have 4096x64"
    );
    let mut noisy = job;
    if let Some(upscale) = &mut noisy.upscale {
        upscale.noise_level = 40;
    }
    assert_eq!(
        refusal(&renderer(&first, &upscaler), &noisy),
        "the noise level is 40; this upscaler takes 0 to 39"
    );
}

#[test]
fn all_frames_start_from_the_same_noise() {
    // Frames of one picture differ by nothing but their prompts: a still stays a still.
    let mut job = long_job(2, 3, false);
    job.keyframes[1] = job.keyframes[0].clone();
    job.transitions[0].guidance_damper = 1.0;
    let rendered = render_upscaled(&job);
    let first = &rendered.computed[0];
    for frame in &rendered.computed {
        assert!(psnr(&frame.1, &first.1) > LEAST_PSNR);
    }
}

/// Writes an embedding of one vector, which is given as 16-bit floats.
fn write_embedding(path: &Path, vector: &[u8]) {
    let header = json!({ "emb_params": {
        "dtype": "F16",
        "shape": [1, vector.len() / 2],
        "data_offsets": [0, vector.len()],
    }});
    let header = header.to_string().into_bytes();
    let length = (header.len() as u64).to_le_bytes();
    std::fs::write(path, [&length[..], &header, vector].concat()).unwrap();
}

/// The vector that a model has for the token with this id, as 16-bit floats.
fn vector(model: &TinyModel, id: usize) -> Vec<u8> {
    let file = std::fs::read(model.path().join("text_encoder/model.safetensors")).unwrap();
    let begin = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&file[8..begin]).unwrap();
    let table = &header["embeddings.token_embedding.weight"];
    assert_eq!(table["dtype"], "F16");
    let width = table["shape"][1].as_u64().unwrap() as usize;
    let begin = begin + table["data_offsets"][0].as_u64().unwrap() as usize;
    file[begin + 2 * width * id..][..2 * width].to_vec()
}

/// Counts what is noted about embeddings.
#[derive(Default)]
struct EmbeddingNotes(usize);

impl RenderObserver for EmbeddingNotes {
    fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
        self.0 += usize::from(matches!(event, RenderEvent::Embedding(_)));
        ControlFlow::Continue(())
    }
}

#[test]
fn the_second_stage_reads_the_embeddings_that_fit_its_text_encoder() {
    let (first, upscaler) = (TinyModel::new("sd21"), TinyModel::new("upscale"));
    let folder = tempfile::tempdir().unwrap();
    let film = |renderer: &Renderer, prompt: &str, embedding: Option<&[u8]>| {
        let mut job = long_job(2, 3, false);
        job.keyframes[0].prompt = prompt.into();
        if let Some(vector) = embedding {
            let path = folder.path().join("gem.safetensors");
            write_embedding(&path, vector);
            let name = "<gem>".into();
            job.embeddings = vec![EmbeddingFile { path, name }];
        }
        let frames_dir = folder.path().join("frames");
        let outputs = Outputs {
            frames_dir: Some(frames_dir.clone()),
            overwrite: true,
            ..Default::default()
        };
        let mut notes = EmbeddingNotes::default();
        renderer.render(&job, &outputs, &mut notes).unwrap();
        (frames(&frames_dir), notes.0)
    };
    // Both text encoders have the same vectors, and the 27th is that of the word "b".
    let known = vector(&upscaler, 27);
    assert_eq!(known, vector(&first, 27));
    let whole = renderer(&first, &upscaler);
    let (word, _) = film(&whole, "a b", None);
    assert!(
        film(&whole, "a <gem>", Some(&known)) == (word, 0),
        "one of the stages does not read the embedding"
    );
    let (_, notes) = film(&whole, "a <gem>", None);
    assert_eq!(notes, 1, "the word without an embedding is noted once");

    // Embeddings of pocket have another width than the upscaler's.
    let pocket = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pocket");
    let pocket = ModelDirectory::open(&pocket).unwrap();
    let options = first.renderer().options().clone();
    let upscaler = ModelDirectory::open(upscaler.path()).unwrap();
    let pocket = Renderer::new(crate::tiny_models::runtime(), pocket, options)
        .unwrap()
        .with_upscaler(Some(upscaler));
    let (_, notes) = film(&pocket, "a <gem>", Some(&[0; 256]));
    assert_eq!(notes, 0);
}
