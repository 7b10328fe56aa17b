//! Settings of how a model is used: guidance rescale, guidance at every Nth step, and clip skip.

use std::fs;
use std::path::{Path, PathBuf};

use lb_models::testing::write_tiny_model;

use crate::lb::Folder;
use crate::pictures::sequence;

const FILM: &[&str] = &[
    "a b",
    "ab c",
    "--model=./model",
    "--steps=4",
    "--frames=3",
    "--timestep-spacing=trailing",
];

fn folder(kind: &str) -> Folder {
    let folder = Folder::new();
    write_tiny_model(kind, &folder.join("model")).unwrap();
    folder
}

/// Renders a film, and returns its computed frames and the number of model evaluations.
fn render(folder: &Folder, more: &[&str]) -> (Vec<image::RgbImage>, u64) {
    let made = ["render", "--frames-dir=frames", "--force"];
    let facts = folder.facts(&[&made, FILM, more].concat());
    let evaluations = facts["model_evaluations"].as_u64().unwrap();
    (sequence(&folder.join("frames")), evaluations)
}

#[test]
fn guidance_rescale_changes_guided_films_and_finds_its_own_results() {
    let folder = folder("sd21");
    let (plain, cost) = render(&folder, &[]);
    assert!(cost > 0);
    let off = render(&folder, &["--guidance-rescale=0"]);
    assert_eq!(off, (plain.clone(), 0), "nothing is computed again");
    let (rescaled, again) = render(&folder, &["--guidance-rescale=0.7"]);
    assert_eq!(again, cost);
    assert!(
        plain
            .iter()
            .zip(&rescaled)
            .all(|(plain, rescaled)| plain != rescaled)
    );
    assert_eq!(
        render(&folder, &["--guidance-rescale=0.7"]),
        (rescaled.clone(), 0)
    );
    // A model can ask for it.
    fs::write(
        folder.join("model/lb.toml"),
        "[defaults]\nguidance_rescale = 0.7\n",
    )
    .unwrap();
    assert_eq!(render(&folder, &[]), (rescaled, 0));
    assert_eq!(render(&folder, &["--guidance-rescale=0"]), (plain, 0));

    let plan = [
        &["plan"],
        FILM,
        &["--guidance-scale=1", "--guidance-rescale=0.7"],
    ]
    .concat();
    let said = folder.run(&plan);
    assert!(
        said.error.contains("--guidance-rescale has no effect"),
        "{}",
        said.error
    );
    let said = folder.run(&[&["plan"], FILM, &["--guidance-rescale=1.5"]].concat());
    said.assert_refused(2, &["guidance rescale", "got 1.5"]);
}

#[test]
fn guidance_at_every_nth_step_saves_the_rows_that_the_plan_says() {
    let folder = folder("sd21");
    let rows = |more: &[&str]| {
        let facts = |made: &[&str]| folder.facts(&[made, FILM, more].concat());
        let planned = facts(&["plan"])["predicted_rows"].as_u64();
        let made = ["render", "--frames-dir=counted", "--force", "--no-cache"];
        let made = facts(&made)["predicted_rows"].as_u64();
        assert_eq!(planned, made, "{more:?}");
        (made.unwrap(), sequence(&folder.join("counted")))
    };
    let (all, plain) = rows(&[]);
    assert_eq!(rows(&["--guidance-every=1"]), (all, plain.clone()));
    let (half, reused) = rows(&["--guidance-every=2"]);
    let (fewest, once) = rows(&["--guidance-every=1000"]);
    assert!(fewest < half && half < all);
    assert!(plain != reused && reused != once);
    // The upscaler's guidance is reused as well.
    write_tiny_model("upscale", &folder.join("upscaler")).unwrap();
    let upscale = ["--upscale=./upscaler", "--upscale-steps=4"];
    let (all, _) = rows(&upscale);
    let (half, _) = rows(&[&upscale[..], &["--guidance-every=2"]].concat());
    assert!(half < all);

    // Whichever results are in the cache, the film is the same.
    let _ = render(&folder, &["--guidance-every=2", "--cache-dir=cache"]);
    for keep in 0..3 {
        let entries = files(&folder.join("cache"));
        let removed = entries.iter().enumerate();
        let removed = removed.filter(|(index, _)| index % 3 != keep);
        removed.for_each(|(_, path)| fs::remove_file(path).unwrap());
        let resumed = render(&folder, &["--guidance-every=2", "--cache-dir=cache"]);
        assert_eq!(resumed.0, reused);
    }

    let said = folder.run(
        &[
            &["plan"],
            FILM,
            &["--guidance-scale=1", "--guidance-every=2"],
        ]
        .concat(),
    );
    let words = "--guidance-every has no effect";
    assert!(said.error.contains(words), "{}", said.error);
    let said = folder.run(&[&["plan"], FILM, &["--guidance-every=0"]].concat());
    said.assert_refused(2, &["guidance", "got 0"]);
}

/// Every file in a folder and in those below it, by name.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

#[test]
fn clip_skip_takes_another_layer_and_knows_how_many_there_are() {
    for kind in ["sd21", "sd15"] {
        let folder = folder(kind);
        let (plain, _) = render(&folder, &[]);
        assert_eq!(render(&folder, &["--clip-skip=1"]), (plain.clone(), 0));
        let (skipped, cost) = render(&folder, &["--clip-skip=2"]);
        assert!(cost > 0);
        assert!(
            plain
                .iter()
                .zip(&skipped)
                .all(|(plain, skipped)| plain != skipped),
            "{kind}"
        );
        for command in [&["plan"][..], &["render", "--frames-dir=refused"]] {
            for (value, words) in [("0", "got 0"), ("4", "3 layers")] {
                let skip = format!("--clip-skip={value}");
                let said = folder.run(&[command, FILM, &[&skip]].concat());
                said.assert_refused(2, &["clip skip", words]);
            }
        }
        fs::write(folder.join("model/lb.toml"), "[defaults]\nclip_skip = 2\n").unwrap();
        assert_eq!(render(&folder, &[]), (skipped, 0));
    }
}

#[test]
fn a_lora_on_layers_that_are_left_out_changes_the_others() {
    let folder = folder("sd21");
    let lora = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/lb-models/tests/golden/loras/sd21/kohya.safetensors");
    fs::copy(lora, folder.join("kohya.safetensors")).unwrap();
    for skip in ["--clip-skip=2", "--clip-skip=3"] {
        let (plain, _) = render(&folder, &[skip]);
        let (changed, _) = render(&folder, &[skip, "--lora=kohya.safetensors:0.5"]);
        assert!(
            plain
                .iter()
                .zip(&changed)
                .all(|(plain, changed)| plain != changed),
            "{skip}"
        );
    }
}
