//! The same film with each sampler, and models whose configuration names another sampler.

use std::fs;

use image::RgbImage;
use lb_models::testing::write_tiny_model;
use serde_json::json;

use crate::broken_models::copy_of_pocket;
use crate::lb::{Folder, SMALL_FILM};
use crate::pictures::{distance, sequence};

fn render(sampler: &str) -> (u64, Vec<RgbImage>) {
    let folder = Folder::new();
    let arguments = [
        "--spacing=fixed",
        "--sampler",
        sampler,
        "--frames-dir=frames",
    ];
    let facts = folder.facts(&[SMALL_FILM, &arguments].concat());
    let evaluations = facts["model_evaluations"].as_u64().unwrap();
    (evaluations, sequence(&folder.join("frames")))
}

#[test]
fn all_samplers_draw_the_same_pictures_at_the_same_cost() {
    let (cost, ddim) = render("ddim");
    let whole = distance(&ddim[0], &ddim[4]);
    for sampler in ["dpmpp-2m", "euler", "tcd"] {
        let (other_cost, others) = render(sampler);
        assert_eq!(cost, other_cost);
        assert_eq!(ddim.len(), others.len());
        for (index, (ddim, other)) in ddim.iter().zip(&others).enumerate() {
            let apart = distance(ddim, other);
            assert!(
                apart > 0.0 && apart < 0.3 * whole,
                "{sampler}, frame {index}: {apart:.1} apart, {whole:.1} from end to end"
            );
        }
    }
}

/// A scheduler's configuration as the directories of Stable Diffusion 2 have it, of a class and with more
/// settings.
fn scheduler(class: &str, more: serde_json::Value) -> String {
    let mut config = json!({
        "_class_name": class,
        "_diffusers_version": "0.10.0.dev0",
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "clip_sample": false,
        "num_train_timesteps": 1000,
        "prediction_type": "v_prediction",
        "set_alpha_to_one": false,
        "steps_offset": 1,
        "trained_betas": null,
    });
    let settings = config.as_object_mut().unwrap();
    settings.extend(more.as_object().unwrap().clone());
    config.to_string()
}

const KEYFRAMES: &[&str] = &[
    "render",
    "a red apple",
    "a green pear",
    "--steps=4",
    "--frames=2",
    "--force",
    "--frames-dir=frames",
];

/// Configurations that Stable Diffusion 2's directories contain. Each is sampled as its class does, and
/// a class that no sampler equals by DDIM.
#[test]
fn models_are_sampled_as_their_schedulers_say() {
    let folder = Folder::new();
    let model = copy_of_pocket(&folder);
    let drawn = |class: &str, more, flags: &[&str]| {
        let path = model.join("scheduler/scheduler_config.json");
        fs::write(path, scheduler(class, more)).unwrap();
        let run = folder.run(&[KEYFRAMES, &["--model=./model", "-v"], flags].concat());
        assert_eq!(run.code, Some(0), "{class}: {}", run.error);
        (sequence(&folder.join("frames")), run.error)
    };
    let trailing = || json!({"timestep_spacing": "trailing"});
    let ddim = drawn("DDIMScheduler", json!({}), &[]).0;
    let (other, said) = drawn("PNDMScheduler", json!({"skip_prk_steps": true}), &[]);
    assert!(other == ddim);
    assert!(said.contains("PNDMScheduler: only its noise schedule is used"));

    let (euler, _) = drawn("EulerDiscreteScheduler", trailing(), &[]);
    assert!(euler != ddim);
    let flags = ["--sampler=euler", "--timestep-spacing=trailing"];
    assert!(drawn("DDIMScheduler", json!({}), &flags).0 == euler);
    let (solver, _) = drawn("DPMSolverMultistepScheduler", trailing(), &[]);
    let flags = ["--sampler=dpmpp-2m", "--timestep-spacing=trailing"];
    assert!(drawn("DDIMScheduler", json!({}), &flags).0 == solver);
    // Its class says that the model was distilled, for which no guidance is the default.
    let guided = ["--guidance-scale=4"];
    let (consistent, said) = drawn("LCMScheduler", json!({}), &guided);
    assert!(said.contains("LCMScheduler: it is sampled by tcd, which adds no noise"));
    let flags = ["--guidance-scale=4", "--sampler=tcd"];
    assert!(drawn("DDIMScheduler", json!({}), &flags).0 == consistent);
    assert!(euler != solver && solver != consistent);
}

#[test]
fn a_scheduler_that_no_sampler_equals_needs_the_name_of_a_sampler() {
    let folder = Folder::new();
    let model = copy_of_pocket(&folder);
    let karras = scheduler(
        "DPMSolverMultistepScheduler",
        json!({"algorithm_type": "dpmsolver++", "use_karras_sigmas": true}),
    );
    fs::write(model.join("scheduler/scheduler_config.json"), karras).unwrap();
    let film = [KEYFRAMES, &["--model=./model"]].concat();
    let refused = folder.run(&film);
    let words = ["scheduler_config.json", "use_karras_sigmas", "--sampler"];
    refused.assert_refused(2, &words);
    let shown = folder.run(&["models", "./model"]);
    assert!(
        shown.output.contains("use_karras_sigmas"),
        "{}",
        shown.output
    );
    let run = folder.run(&[&film[..], &["--sampler=ddim"]].concat());
    assert_eq!(run.code, Some(0), "{}", run.error);
}

/// A sampler that lacks the steps says so before a model is loaded, and `lb plan` says it too.
#[test]
fn steps_that_a_sampler_lacks_are_refused_at_once_in_both_stages() {
    let folder = Folder::new();
    write_tiny_model("upscale", &folder.join("upscale")).unwrap();
    let first = ["a", "b", "--sampler=tcd", "--steps=60", "--frames=4"];
    let second = [
        "a",
        "b",
        "--sampler=tcd",
        "--steps=20",
        "--frames=4",
        "--size=64x64",
        "--upscale=./upscale",
        "--upscale-steps=60",
    ];
    let most = "60 steps asked for, must be at most 50";
    for command in ["plan", "render"] {
        let run = |film: &[&str]| {
            let output = ["-o", "film.mp4"];
            let output: &[&str] = if command == "render" { &output } else { &[] };
            folder.run(&[&[command], film, output].concat())
        };
        run(&first).assert_refused(2, &[most]);
        run(&second).assert_refused(2, &["in the second stage", most]);
    }
    assert!(!folder.join("film.mp4").exists());
}
