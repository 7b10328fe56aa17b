//! LoRAs of films and of single keyframes: `--lora`, and `lora` in job files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::lb::Folder;
use crate::pictures::{distance, sequence};

const FILM: &[&str] = &[
    "render",
    "a red apple",
    "a green pear",
    "--steps=6",
    "--frames=5",
    "--depth-strength=0.2",
    "--force",
];

/// The bundled LoRA, which draws neon signs at night.
fn neon() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.join("models/pocket-loras/neon.safetensors")
}

fn folder() -> Folder {
    let folder = Folder::new();
    fs::copy(neon(), folder.join("neon.safetensors")).unwrap();
    folder
}

fn frames(folder: &Folder, arguments: &[&str]) -> Vec<image::RgbImage> {
    folder.facts(&[arguments, &["--frames-dir=frames", "--no-cache"]].concat());
    sequence(&folder.join("frames"))
}

/// The mean of a picture's values.
fn brightness(picture: &image::RgbImage) -> f64 {
    let values = picture.as_raw();
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64
}

#[test]
fn a_strength_of_0_is_none_to_the_last_byte() {
    let folder = folder();
    let pixels = |more: &[&str]| frames(&folder, &[FILM, more].concat());
    let plain = pixels(&[]);
    assert_eq!(pixels(&["--lora=neon.safetensors:0"]), plain);
    assert_ne!(pixels(&["--lora=neon.safetensors:0.2"]), plain);
}

#[test]
fn a_style_leads_from_keyframe_to_keyframe() {
    let folder = folder();
    let text = "[defaults]\nsteps = 8\nframes = 5\nlora = [\"neon.safetensors\"]\n\
                [[keyframe]]\nprompt = \"a red apple\"\nseed = 3\nlora = []\n\
                [[keyframe]]\nprompt = \"a red apple\"\nseed = 3\n";
    fs::write(folder.join("film.toml"), text).unwrap();
    let film = frames(&folder, &["render", "film.toml"]);
    let light: Vec<f64> = film.iter().map(brightness).collect();
    assert!(light.is_sorted_by(|left, right| left > right), "{light:?}");
    assert!(light[0] > 150.0 && light[4] < 80.0, "{light:?}");
    // Its ends are what films of one style alone have.
    let alone = |lora: &str, name: &str| {
        let saved = [
            "render",
            "a red apple",
            "--seed=3",
            "--steps=8",
            lora,
            "-o",
            name,
        ];
        folder.facts(&saved);
        image::open(folder.join(name)).unwrap().to_rgb8()
    };
    let bright = alone("--lora=neon.safetensors:0", "bright.png");
    let dark = alone("--lora=neon.safetensors", "dark.png");
    assert!(distance(&bright, &film[0]) < 0.5);
    assert!(distance(&dark, &film[4]) < 0.5);
}

#[test]
fn a_change_of_strength_is_computed_again_and_the_rest_is_found() {
    let folder = folder();
    let evaluations = |lora: &str| {
        let facts = folder.facts(&[FILM, &["-o=film.mp4", lora]].concat());
        facts["model_evaluations"].as_u64().unwrap()
    };
    let all = evaluations("--lora=neon.safetensors:0.5");
    assert!(all > 0);
    assert_eq!(evaluations("--lora=neon.safetensors:0.5"), 0);
    assert_eq!(evaluations("--lora=neon.safetensors:0.6"), all);
    // Another file under the same name is another LoRA.
    let mut bytes = fs::read(neon()).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(folder.join("neon.safetensors"), bytes).unwrap();
    assert_eq!(evaluations("--lora=neon.safetensors:0.5"), all);
}

#[test]
fn a_style_on_one_keyframe_leaves_the_others_as_they_were_and_in_the_cache() {
    let folder = folder();
    let film = |lora: &str, flag: &str| {
        let text = format!(
            "[defaults]\nsteps = 6\nframes = 4\n\
             [[keyframe]]\nprompt = \"a red apple\"\n[[keyframe]]\nprompt = \"a green pear\"\n\
             [[keyframe]]\nprompt = \"a lemon\"\nlora = [{lora}]\n"
        );
        fs::write(folder.join("film.toml"), text).unwrap();
        let facts = folder.facts(&[
            "render",
            "film.toml",
            "--frames-dir=frames",
            "--force",
            flag,
        ]);
        let evaluations = facts["model_evaluations"].as_u64().unwrap();
        (evaluations, sequence(&folder.join("frames")))
    };
    let (all, plain) = film("", "--cache-dir=cache");
    let (_, styled) = film("\"neon.safetensors\"", "--no-cache");
    assert_eq!(styled[..4], plain[..4]);
    assert_ne!(styled[4..], plain[4..]);
    let (some, from_cache) = film("\"neon.safetensors\"", "--cache-dir=cache");
    assert!(0 < some && some < all, "{some} of {all}");
    assert!(from_cache == styled, "the cache changes the film");
}

#[test]
fn a_film_carries_its_loras_and_a_job_may_name_only_those_of_its_folder() {
    let folder = folder();
    folder.facts(&[FILM, &["-o=film.mp4", "--lora=neon.safetensors:0.5"]].concat());
    let shown = folder.run(&["show", "film.mp4"]);
    assert!(
        shown.output.contains("neon.safetensors:0.5"),
        "{}",
        shown.output
    );
    let again = ["render", "film.mp4", "-o=again.mp4", "--json"];
    assert_eq!(folder.run(&again).facts()["model_evaluations"], 0);
    fs::create_dir(folder.join("job")).unwrap();
    let text = "[[keyframe]]\nprompt = \"a\"\nlora = \"../neon.safetensors\"\n[[keyframe]]\nprompt = \"b\"\n";
    fs::write(folder.join("job/film.toml"), text).unwrap();
    let refused = folder.run(&["plan", "job/film.toml"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.error.contains("neon.safetensors"),
        "{}",
        refused.error
    );
    let allowed = folder.run(&["plan", "job/film.toml", "--allow-paths"]);
    assert_eq!(allowed.code, Some(0), "{}", allowed.error);
}

#[test]
fn what_is_no_lora_is_named_by_plans_and_renders() {
    let folder = folder();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/pocket");
    let vae = model.join("vae/diffusion_pytorch_model.safetensors");
    fs::copy(vae, folder.join("vae.safetensors")).unwrap();
    for (lora, expected) in [
        ("--lora=vae.safetensors", "not those of a LoRA"),
        ("--lora=missing.safetensors", "missing.safetensors"),
        ("--lora=neon.safetensors:11", "-10 to 10"),
        ("--lora=neon.safetensors:0,5", "must be a number"),
    ] {
        for command in [&["plan"][..], &["render", "-o=film.mp4"]] {
            let said = folder.run(&[command, &["a", "b", lora]].concat());
            assert_ne!(said.code, Some(0), "{command:?} {lora}");
            assert!(said.error.contains(expected), "{}", said.error);
        }
    }
}

#[test]
fn a_lora_that_shortens_brings_its_settings() {
    let folder = Folder::new();
    fs::copy(neon(), folder.join("lcm-lora.safetensors")).unwrap();
    let saved = |name: &str, more: &[&str]| {
        let arguments = ["plan", "a", "b", "--lora=lcm-lora.safetensors", "--json"];
        let facts = folder.run(&[&arguments[..], more].concat()).facts();
        let steps = facts["transitions"][0]["steps"].as_u64().unwrap();
        let job = format!("--save-job={name}");
        let arguments = ["render", "a", "b", "--lora=lcm-lora.safetensors", &job];
        let said = folder.run(&[&arguments[..], more].concat());
        assert_eq!(said.code, Some(0), "{}", said.error);
        (steps, fs::read_to_string(folder.join(name)).unwrap())
    };
    let (steps, job) = saved("few.toml", &[]);
    assert_eq!(steps, 4);
    assert!(job.contains("sampler = \"tcd\""), "{job}");
    assert!(job.contains("guidance_scale = 1.0"), "{job}");
    let (steps, job) = saved(
        "own.toml",
        &["--steps=6", "--sampler=ddim", "--guidance-scale=2"],
    );
    assert_eq!(steps, 6);
    assert!(job.contains("sampler = \"ddim\""), "{job}");
    assert!(job.contains("guidance_scale = 2.0"), "{job}");
}
