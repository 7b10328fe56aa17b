//! Films of one step and of few, and the settings that they call for.

use std::fs;
use std::path::Path;

use lb_models::testing::copy_folder;

use crate::imports::{golden, run};
use crate::lb::{Folder, warnings};
use crate::pictures::{distance, sequence};

const FILM: &[&str] = &[
    "render",
    "a red apple",
    "a green pear",
    "--frames-dir=frames",
    "--force",
];

#[test]
fn one_step_makes_as_many_frames_as_are_asked_for() {
    let folder = Folder::new();
    let tree = ["--steps=1", "--frames=6", "--timestep-spacing=trailing"];
    let facts = folder.facts(&[FILM, &tree].concat());
    assert_eq!(facts["computed_frames"], 6);
    assert_eq!(facts["model_evaluations"], 6);
    let frames = sequence(&folder.join("frames"));
    let apart = |pair: &[image::RgbImage]| distance(&pair[0], &pair[1]);
    assert!(frames.windows(2).all(|pair| apart(pair) > 0.5));
    // All of it is found again in the cache, and a job file keeps it.
    let again = folder.facts(&[FILM, &tree].concat());
    assert_eq!(again["model_evaluations"], 0);
    let given = ["--branches=2,6", "--injection-steps=0,0", "--steps=1"];
    let plan = ["plan", "a red apple", "a green pear", "--json"];
    let plan = folder.run(&[&plan[..], &given].concat()).facts();
    assert_eq!(plan["model_evaluations"], 6);
    let drawn = [
        "plan",
        "a",
        "b",
        "--steps=1",
        "--frames=6",
        "--svg=tree.svg",
    ];
    let drawn = folder.run(&drawn);
    assert_eq!(drawn.code, Some(0), "{}", drawn.error);
    assert!(
        drawn.output.contains("level 0:    2 branches, steps 0..1"),
        "{}",
        drawn.output
    );
}

#[test]
fn a_late_start_is_said_with_its_timestep() {
    let folder = Folder::new();
    for command in ["plan", "render"] {
        let film = [&[command], &FILM[1..3]].concat();
        let outputs: &[&str] = if command == "render" { &FILM[3..] } else { &[] };
        let said = |more: &[&str]| {
            let run = folder.run(&[&film, outputs, &["--frames=2"], more].concat());
            assert_eq!(run.code, Some(0), "{}", run.error);
            warnings(&run.error).join("\n")
        };
        let one = said(&["--steps=1"]);
        assert!(one.contains("starts at timestep 1 instead of 999"), "{one}");
        assert!(one.contains("--timestep-spacing trailing"), "{one}");
        assert!(said(&["--steps=4"]).contains("timestep 751"));
        assert_eq!(said(&["--steps=8"]), "");
        assert_eq!(said(&["--steps=2", "--timestep-spacing=trailing"]), "");
        assert_eq!(said(&["--steps=1", "--sampler=tcd"]), "");
    }
}

#[test]
fn a_negative_prompt_without_guidance_is_said_to_do_nothing() {
    let folder = Folder::new();
    let few = ["--steps=7", "--frames=2", "--negative-prompt=red"];
    for scale in ["--guidance-scale=1", "--guidance-scale=0"] {
        let run = folder.run(&[FILM, &few, &[scale]].concat());
        assert_eq!(run.code, Some(0), "{}", run.error);
        let said = warnings(&run.error);
        assert_eq!(said.len(), 1, "{}", run.error);
        assert!(
            said[0].contains("negative prompt has no effect"),
            "{}",
            run.error
        );
    }
    let guided = folder.run(&[FILM, &few].concat());
    assert_eq!(warnings(&guided.error), [""; 0]);
}

#[test]
fn a_turbo_file_is_imported_with_what_it_needs() {
    let folder = Folder::new();
    let source = Path::new(&golden("sd2/checkpoint.safetensors")).to_owned();
    fs::copy(source, folder.join("sd_turbo.safetensors")).unwrap();
    // The tiny model's configurations, of which the scheduler's is inferred.
    let config = folder.join("config");
    copy_folder(Path::new(&golden("sd2/diffusers")), &config).unwrap();
    fs::remove_dir_all(config.join("scheduler")).unwrap();
    fs::remove_file(config.join("model_index.json")).unwrap();
    let import = ["import", "sd_turbo.safetensors", "--config=config"];
    let said = run(&folder, &import);
    assert_eq!(said.code, Some(0), "{}", said.error);
    for words in [
        "predicts    epsilon (from the file's name)",
        "sampling    euler, trailing timesteps",
        "defaults    4 steps, no guidance",
    ] {
        assert!(said.output.contains(words), "{words}: {}", said.output);
    }
    let model = folder.join("models/sd_turbo");
    let index = fs::read_to_string(model.join("model_index.json")).unwrap();
    assert!(index.contains("EulerDiscreteScheduler"), "{index}");
    let plan = ["plan", "a b", "ab c", "--model=sd_turbo", "--json"];
    let plan = run(&folder, &plan);
    assert_eq!(plan.facts()["transitions"][0]["steps"], 4);
    assert_eq!(warnings(&plan.error), [""; 0]);

    // A name says nothing about other files, whose spacing can be given.
    fs::rename(
        folder.join("sd_turbo.safetensors"),
        folder.join("other.safetensors"),
    )
    .unwrap();
    let other = ["import", "other.safetensors", "--config=config", "--json"];
    let facts = run(&folder, &other).facts();
    assert_eq!(facts["timestep_spacing"], "leading");
    assert!(facts["defaults"]["steps"].is_null());
    let given = ["--timestep-spacing=trailing", "--force"];
    let facts = run(&folder, &[&other[..], &given].concat()).facts();
    assert_eq!(facts["timestep_spacing"], "trailing");
}
