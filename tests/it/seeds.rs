//! `lb seeds`: sheets of what prompts become with different seeds.

use std::fs;
use std::path::Path;

use image::RgbImage;
use image::imageops::crop_imm;
use lb_models::testing::write_tiny_model;

use crate::lb::Folder;
use crate::modes::golden;
use crate::pictures;

/// The places on a sheet that show exactly this picture.
fn places(sheet: &RgbImage, picture: &RgbImage) -> Vec<(u32, u32)> {
    let (width, height) = picture.dimensions();
    let right = sheet.width().saturating_sub(width);
    let bottom = sheet.height().saturating_sub(height);
    let all = (0..=bottom).flat_map(|y| (0..=right).map(move |x| (x, y)));
    all.filter(|&(x, y)| {
        // Comparing whole areas everywhere would take long.
        let is_here = |dx, dy| sheet.get_pixel(x + dx, y + dy) == picture.get_pixel(dx, dy);
        let corners = is_here(0, 0) && is_here(width - 1, height - 1);
        corners && is_here(width / 2, height / 2) && {
            let area = crop_imm(sheet, x, y, width, height).to_image();
            area == *picture
        }
    })
    .collect()
}

#[test]
fn the_pictures_are_the_keyframes_of_films() {
    let folder = Folder::new();
    let prompts = ["a red apple", "a green pear"];
    let shape = [
        "--negative-prompt=red",
        "--guidance-scale=3",
        "--sampler=dpmpp-2m",
        "--steps=6",
        "--no-cache",
    ];
    let seeds = ["--seeds=3..5,9", "-o=sheet.png", "--frames-dir=pictures"];
    let facts = folder.facts(&[&["seeds"], &prompts[..], &shape, &seeds].concat());
    assert_eq!(facts["model_evaluations"].as_u64(), Some(8 * 6));
    assert_eq!(facts["computed_frames"].as_u64(), Some(8));
    let film = [
        "--seed=5,9",
        "--frames=3",
        "--depth-strength=0.2",
        "--frames-dir=frames",
    ];
    folder.facts(&[&["render"], &prompts[..], &shape, &film].concat());
    let alone = pictures::sequence(&folder.join("pictures"));
    let frames = pictures::sequence(&folder.join("frames"));
    assert_eq!((alone.len(), frames.len()), (8, 3));
    assert!(alone[2] == frames[0], "the apple of seed 5");
    assert!(alone[7] == frames[2], "the pear of seed 9");

    // A row for each prompt and a column for each seed.
    let sheet = pictures::read(&folder.join("sheet.png"));
    let places: Vec<_> = alone
        .iter()
        .map(|picture| places(&sheet, picture))
        .collect();
    let (top, bottom) = (places[0][0].1, places[4][0].1);
    for (index, found) in places.iter().enumerate() {
        let left = 8 + (index as u32 % 4) * (128 + 8);
        let row = if index < 4 { top } else { bottom };
        assert_eq!(found, &[(left, row)], "picture {index}");
    }
    assert!(bottom >= top + 128 + 16);
}

#[test]
fn the_seeds_of_one_prompt_fill_rows_and_are_found_again() {
    let folder = Folder::new();
    let seeds = |seeds: &str, more: &[&str]| {
        let arguments = [
            "seeds",
            "an owl",
            "--steps=3",
            "-o=owls.png",
            "--force",
            seeds,
        ];
        folder.facts(&[&arguments[..], more].concat())
    };
    let reused = |facts: &serde_json::Value| {
        let count = |name: &str| facts[name].as_u64().unwrap();
        (
            count("model_evaluations"),
            count("reused_evaluations"),
            count("reused_decodes"),
        )
    };
    assert_eq!(reused(&seeds("--seeds=0..9", &[])), (30, 0, 0));
    let sheet = pictures::read(&folder.join("owls.png"));
    assert_eq!(sheet.width(), 8 + 5 * (128 + 8), "two rows of five");
    assert_eq!(reused(&seeds("--seeds=0..11", &[])), (6, 30, 10));
    // A picture of the sheet is in the cache for `lb render`.
    let still = ["render", "an owl", "--seed=11", "--steps=3", "-o=owl.png"];
    assert_eq!(reused(&folder.facts(&still)), (0, 3, 1));
    let said = folder.run(&[
        "seeds",
        "an owl",
        "--steps=3",
        "--seeds=0..3",
        "-o=four.png",
    ]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(
        said.output.starts_with("four.png\n4 pictures of 128x128;"),
        "{}",
        said.output
    );
}

#[test]
fn the_sheet_carries_its_job() {
    let folder = Folder::new();
    let seeds = [
        "seeds",
        "an owl",
        "a fox",
        "--seeds=2,7",
        "--steps=2",
        "--size=64x64",
    ];
    let outputs = ["-o=sheet.png", "--frames-dir=first"];
    folder.facts(&[&seeds[..], &outputs].concat());
    let shown = folder.run(&["show", "sheet.png"]).output;
    for line in [
        "stills = true",
        "steps = 2",
        "size = \"64x64\"",
        "seed = 7",
        "prompt = \"a fox\"",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    folder.facts(&["render", "sheet.png", "--frames-dir=second"]);
    let (first, second) = (folder.join("first"), folder.join("second"));
    assert!(pictures::sequence(&first) == pictures::sequence(&second));
}

#[test]
fn the_prompts_of_a_job_file_are_shown() {
    let folder = Folder::new();
    let job = "loop = true\nfilm_seconds = 9\n[crossfeed]\npower = 0.5\n[defaults]\nquality = \"high\"\n\
               guidance_scale = 2\n[[keyframe]]\nprompt = \"an owl\"\nhold = 1\n\
               [[keyframe]]\nprompt = \"a fox\"\nnegative_prompt = \"red\"\nseconds = 5\n\
               [[keyframe]]\nimage = \"missing.png\"\n[[keyframe]]\nprompt = \"an owl\"\nseed = 9\n";
    fs::write(folder.join("film.toml"), job).unwrap();
    let seeds = ["--seeds=1..2", "--steps=2", "--size=64x64"];
    let of_file = ["seeds", "film.toml", "-o=sheet.png", "--frames-dir=of-file"];
    let facts = folder.facts(&[&of_file[..], &seeds].concat());
    assert_eq!(
        facts["computed_frames"].as_u64(),
        Some(4),
        "each prompt once"
    );
    let of_prompt = [
        "seeds",
        "a fox",
        "--negative-prompt=red",
        "--guidance-scale=2",
    ];
    folder.facts(&[&of_prompt[..], &["--frames-dir=of-prompt"], &seeds].concat());
    let of_file = pictures::sequence(&folder.join("of-file"));
    assert!(of_file[2..] == pictures::sequence(&folder.join("of-prompt")));
}

#[test]
fn other_kinds_of_models_take_their_inputs() {
    let folder = Folder::new();
    write_tiny_model("inpaint", &folder.join("inpaint")).unwrap();
    let (image, mask) = (golden("inpaint/source.png"), golden("inpaint/mask.png"));
    let shape = [
        "--model=./inpaint",
        "--image",
        &image,
        "--mask",
        &mask,
        "--size=128x64",
    ];
    let seeds = [
        "seeds",
        "red leaf",
        "--seeds=4..5",
        "--steps=4",
        "--frames-dir=seeds",
    ];
    folder.facts(&[&seeds[..], &shape].concat());
    let film = [
        "render",
        "red leaf",
        "blue sea",
        "--seed=4",
        "--steps=4",
        "--frames=2",
    ];
    folder.facts(&[&film[..], &shape, &["--frames-dir=frames"]].concat());
    let first = |name: &str| pictures::sequence(&folder.join(name)).remove(0);
    assert!(first("seeds") == first("frames"));
    assert!(first("seeds") != pictures::read(Path::new(&image)));
}

#[test]
fn what_cannot_be_shown_is_refused_before_any_work() {
    let folder = Folder::new();
    let refused = |arguments: &[&str], words: &[&str]| {
        let said = folder.run(&[&["seeds", "an owl"], arguments].concat());
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.error);
        for word in words {
            assert!(
                said.error.contains(word),
                "{arguments:?}: {word}: {}",
                said.error
            );
        }
    };
    refused(&["--seeds=16", "-o=owl.png"], &["16..16", "0..15"]);
    refused(&["--seeds=15..0", "-o=owl.png"], &["0..15"]);
    refused(&["--seeds=0-15", "-o=owl.png"], &["0..15"]);
    refused(&["--seeds", "-1", "-o=owl.png"], &["is no seed"]);
    refused(&["--seed=1,2", "-o=owl.png"], &["'--seeds'"]);
    refused(&[], &["no output", "-o sheet.png"]);
    refused(&["-o=owl.jpg"], &["owl.jpg", ".png"]);
    refused(&["-o=owl.png", "--steps=0"], &["steps"]);
    refused(&["-o=owl.png", "--fps=3"], &["--fps"]);
    refused(
        &["-o=owl.png", "--size=100x100"],
        &["100x100", "--size 104x104"],
    );
    refused(&["-o=owl.png", "--model=nobody"], &["nobody", "lb models"]);
    refused(
        &["a fox", "--seeds=0..500", "-o=owl.png"],
        &["1002 pictures", "at most 1000"],
    );
    assert_eq!(folder.contents(), [""; 0]);
    fs::write(folder.join("owl.png"), "older").unwrap();
    refused(&["-o=owl.png"], &["exists", "--force"]);
    assert_eq!(fs::read(folder.join("owl.png")).unwrap(), b"older");
    let none = folder.run(&["seeds", "-o=owl.png"]);
    assert_eq!(none.code, Some(2));
    // So many rows do not fit into a picture.
    let prompts: Vec<String> = (0..200).map(|index| format!("an owl {index}")).collect();
    let mut many = vec!["seeds", "--seeds=1..1", "-o=many.png", "--steps=1"];
    many.extend(prompts.iter().map(String::as_str));
    let said = folder.run(&many);
    assert_eq!(said.code, Some(2), "{}", said.error);
    assert!(said.error.contains("fewer prompts"), "{}", said.error);
}
