//! `docs/job-file.md` compared with the code.

use std::path::Path;

use lb_job::{FrameRate, Job, JobSettings, Plan};

fn manual() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/job-file.md");
    std::fs::read_to_string(path).unwrap()
}

fn example() -> String {
    let manual = manual();
    let (_, after) = manual
        .split_once("```toml,film.toml\n")
        .expect("an example");
    after.split_once("```").expect("its end").0.to_owned()
}

#[test]
fn the_example_is_read_and_planned() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("house.toml"),
        "fps = 12\ntiming = \"perceptual\"\n",
    )
    .unwrap();
    let path = folder.path().join("film.toml");
    std::fs::write(&path, example()).unwrap();
    let job = JobSettings::read(&path).unwrap().resolve().unwrap();
    let plan = Plan::new(&job).unwrap();
    assert_eq!(plan.seeds, [7, 8, 9]);
    assert!(plan.is_looped());
    assert_eq!(plan.steps(), 16);
    // 4 + 6 + 4 seconds, and one of rest.
    assert_eq!(plan.seconds(), 15.0);
    assert_eq!(job.frame_rate, FrameRate::default());
}

/// Every key that is written to job files is described.
#[test]
fn every_key_is_described() {
    let mut job = Job::of_prompts(["a", "b"]);
    job.crossfeed.parents.power = 0.5;
    job.upscale = Some(lb_job::Upscale::with_model("x4"));
    job.fit = Some(lb_job::Fit::Pad);
    job.keyframes[0].image = Some("picture.png".into());
    job.film_seconds = Some(3.0);
    job.camera.zoom = lb_job::FromTo { from: 1.0, to: 2.0 };
    job.keyframes[0].camera.pan = Some(lb_job::Pan { x: 0.5, y: 0.0 });
    job.keyframes[0].camera.rotation = Some(5.0);
    let (text, manual) = (job.to_toml().unwrap(), manual());
    let keys = text.lines().filter_map(|line| line.split_once(" = "));
    for (key, _) in keys {
        let named = [format!("`{key}`"), format!("upscale.{key}`")];
        assert!(named.iter().any(|name| manual.contains(name)), "{key}");
    }
}

#[test]
fn the_defaults_in_the_manual_are_those_of_a_job() {
    let read = |text: &str| {
        let two = "[[keyframe]]\nprompt = \"a\"\n[[keyframe]]\nprompt = \"b\"\n";
        let settings = JobSettings::parse(&format!("{text}\n{two}"), Path::new("film.toml"));
        settings.unwrap().resolve().unwrap()
    };
    let mut documented = Vec::new();
    let manual = manual();
    for line in manual.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let (key, default) = (cells[0].trim_matches('`'), cells[cells.len() - 1]);
        let value = default.trim_matches('`');
        let is_value = value.parse::<f64>().is_ok()
            || value.starts_with('"')
            || matches!(value, "true" | "false");
        if is_value && !key.contains(['.', ',', ' ']) {
            documented.push((key, value));
        }
    }
    assert!(documented.len() > 12, "{documented:?}");
    for (key, value) in documented {
        let text = match key {
            "mid_compression" => format!("spacing = \"fixed\"\n{key} = {value}"),
            "timing"
            | "between"
            | "loop"
            | "scale"
            | "prompt_syntax"
            | "sampler"
            | "guidance_every"
            | "spacing"
            | "spacing_distance"
            | "fps"
            | "inversion_iterations" => {
                format!("{key} = {value}")
            }
            "zoom" | "pan" | "rotation" => format!("[camera]\n{key} = {value}"),
            _ => format!("[defaults]\n{key} = {value}"),
        };
        let expected = if key == "mid_compression" {
            read("spacing = \"fixed\"")
        } else {
            read("")
        };
        assert_eq!(read(&text), expected, "{key} = {value}");
    }
}
