//! The same film by either sampler.

use std::fs;

use serde_json::json;

use crate::broken_models::copy_of_pocket;
use crate::lb::{Folder, SMALL_FILM};
use crate::pictures::{Picture, distance, sequence};

fn render(sampler: &str) -> (u64, Vec<Picture>) {
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
fn both_samplers_draw_the_same_pictures_at_the_same_cost() {
    let [(cost, ddim), (solver_cost, solver)] = ["ddim", "dpmpp-2m"].map(render);
    assert_eq!(cost, solver_cost);
    assert_eq!(ddim.len(), solver.len());
    let whole = distance(&ddim[0].pixels, &ddim[4].pixels);
    for (index, (ddim, solver)) in ddim.iter().zip(&solver).enumerate() {
        let apart = distance(&ddim.pixels, &solver.pixels);
        assert!(
            apart > 0.0 && apart < 0.3 * whole,
            "frame {index}: {apart:.1} apart, {whole:.1} from end to end"
        );
    }
}

/// The configurations that Stable Diffusion 2's directories ship beside DDIM's: all are of one
/// noise schedule, which is what is taken of them.
#[test]
fn models_of_other_samplers_draw_the_same_pictures_and_it_is_said() {
    let folder = Folder::new();
    let model = copy_of_pocket(&folder);
    let mut drawn = Vec::new();
    for (class, more, said) in [
        ("DDIMScheduler", json!({}), ""),
        (
            "PNDMScheduler",
            json!({"skip_prk_steps": true}),
            "PNDMScheduler: its noise schedule is used, its sampler is not",
        ),
        (
            "EulerDiscreteScheduler",
            json!({"skip_prk_steps": true, "interpolation_type": "linear"}),
            "EulerDiscreteScheduler: its noise schedule",
        ),
        (
            "DPMSolverMultistepScheduler",
            json!({"algorithm_type": "dpmsolver++", "use_karras_sigmas": true}),
            "DPMSolverMultistepScheduler with use_karras_sigmas: its noise schedule",
        ),
    ] {
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
        fs::write(
            model.join("scheduler/scheduler_config.json"),
            config.to_string(),
        )
        .unwrap();
        let tree = ["--steps=4", "--frames=2", "--model=./model", "-v"];
        let arguments = [
            "render",
            "a red apple",
            "a green pear",
            "--force",
            "--frames-dir=frames",
        ];
        let run = folder.run(&[&arguments[..], &tree].concat());
        assert_eq!(run.code, Some(0), "{class}: {}", run.error);
        assert!(run.error.contains(said), "{class}: {}", run.error);
        drawn.push(sequence(&folder.join("frames")));
    }
    assert!(drawn.iter().all(|frames| *frames == drawn[0]));
}
