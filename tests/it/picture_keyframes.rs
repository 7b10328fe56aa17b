//! Films that begin and end with pictures: they show the pictures exactly, and do not jump there.

use std::path::Path;

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::decode::psnr;
use crate::lb::Folder;
use crate::pictures::{read, sequence};

/// Twelve computed frames a transition, three frames of the film from one to the next.
const FILM: &[&str] = &["--steps=12", "--frames=12", "--seconds=1.14"];

/// A drawing with edges and a pattern finer than any latent: a disc, or a square, on white.
fn draw(path: &Path, (width, height): (u32, u32), round: bool) {
    let (middle, radius) = ((width / 2, height / 2), width.min(height) / 3);
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let apart = (x.abs_diff(middle.0), y.abs_diff(middle.1));
        let inside = match round {
            true => apart.0.pow(2) + apart.1.pow(2) < radius.pow(2),
            false => apart.0.max(apart.1) < radius,
        };
        let light = if (x / 2 + y / 2) % 2 == 0 { 30 } else { 0 };
        match (inside, round) {
            (false, _) => Rgb([255, 255, 255]),
            (true, true) => Rgb([225, 40 + light, 50]),
            (true, false) => Rgb([60, 190 + light, 70]),
        }
    });
    picture.save(path).unwrap();
}

fn pictures(folder: &Folder) -> (RgbImage, RgbImage) {
    let paths = [folder.join("disc.png"), folder.join("square.png")];
    draw(&paths[0], (128, 128), true);
    draw(&paths[1], (128, 128), false);
    (read(&paths[0]), read(&paths[1]))
}

/// How far the light squares of the drawings' pattern stand out from the dark ones in the middle of a
/// picture, in grey levels.
fn pattern(picture: &RgbImage) -> f64 {
    let middle = (56..72).flat_map(|y| (56..72).map(move |x| (x, y)));
    let green = middle.map(|(x, y)| {
        let green = f64::from(picture.get_pixel(x, y)[1]);
        if (x / 2 + y / 2) % 2 == 0 {
            green
        } else {
            -green
        }
    });
    green.sum::<f64>() / 128.0
}

fn render(folder: &Folder, arguments: &[&str]) -> Value {
    folder.facts(&[&["render"], arguments, FILM].concat())
}

/// More pictures than are kept in memory.
#[test]
fn every_picture_of_many_is_shown() {
    let folder = Folder::new();
    let colour = |index: u8| Rgb([250 - 12 * index, 12 * index, 128]);
    let mut job = String::from("size = \"64x64\"\nfps = 4\n");
    for index in 0..20 {
        let name = format!("{index}.png");
        let picture = RgbImage::from_pixel(64, 64, colour(index));
        picture.save(folder.join(&name)).unwrap();
        job += &format!("[[keyframe]]\nimage = \"{name}\"\nseconds = 0.5\n");
    }
    std::fs::write(folder.join("film.toml"), job).unwrap();
    let film = ["render", "film.toml", "--steps=2", "--frames=2"];
    let facts = folder.facts(&[&film[..], &["-o=film", "--frames-dir=frames"]].concat());
    let reconstructions = facts["reconstructions"].as_array().unwrap();
    assert_eq!(reconstructions.len(), 20);
    let keyframes = sequence(&folder.join("frames"));
    assert_eq!(keyframes.len(), 20);
    for (index, keyframe) in (0..).zip(&keyframes) {
        assert_eq!(keyframe.get_pixel(9, 50), &colour(index), "{index}");
    }
    // From the cache, the film is the same.
    let again = ["-o=again", "--frames-dir=same"];
    let facts = folder.facts(&[&film[..], &again].concat());
    assert_eq!(facts["model_evaluations"], 0);
    assert!(sequence(&folder.join("film")) == sequence(&folder.join("again")));
}

#[test]
fn the_film_begins_and_ends_with_the_pictures_and_does_not_jump() {
    let folder = Folder::new();
    let (disc, square) = pictures(&folder);
    let ends = ["--from=disc.png", "--to=square.png"];
    let outputs = ["--output=film", "--frames-dir=frames"];
    let facts = render(&folder, &[ends, outputs].concat());
    for shown in ["film", "frames"] {
        let shown = sequence(&folder.join(shown));
        assert!(shown[0] == disc && shown[shown.len() - 1] == square);
    }
    let film = sequence(&folder.join("film"));
    assert_eq!(film.len(), 34);
    let near = [&film[..2], &film[32..]].map(|pair| psnr(&pair[0], &pair[1]));
    assert!(near.iter().all(|&near| near >= 30.0), "{near:?}");

    // The computed frame beside a picture still has of the pattern that the autoencoder loses.
    let computed = sequence(&folder.join("frames"));
    let patterns = [0, 1, 5, 10, 11].map(|at| pattern(&computed[at]));
    assert_eq!([patterns[0], patterns[4]], [30.0, 30.0]);
    assert!(patterns[1] > 10.0 && patterns[3] > 10.0, "{patterns:?}");
    assert!(patterns[2] < 5.0, "{patterns:?}");
    let reconstructions = facts["reconstructions"].as_array().unwrap();
    assert_eq!(reconstructions.len(), 2);
    for at in reconstructions {
        assert!(at["latent_error"].as_f64().unwrap() < 0.02, "{at}");
    }

    let plan = folder.facts(&[&["plan"], &ends[..], FILM].concat());
    assert_eq!(facts["model_evaluations"], plan["model_evaluations"]);
}

#[test]
fn a_loop_comes_back_to_its_picture_without_a_jump() {
    let folder = Folder::new();
    let (disc, _) = pictures(&folder);
    let film = [
        "render",
        "--from=disc.png",
        "a green pear",
        "--loop",
        "--steps=8",
        "--frames=6",
        "--seconds=0.5",
        "--output=film",
    ];
    folder.facts(&film);
    let film = sequence(&folder.join("film"));
    assert!(film[0] == disc);
    let near = [1, film.len() - 1].map(|at| psnr(&film[at], &disc));
    assert!(near.iter().all(|&near| near >= 25.0), "{near:?}");
}

#[test]
fn refining_the_inversion_brings_the_keyframe_closer() {
    let folder = Folder::new();
    pictures(&folder);
    let film = [
        "render",
        "--from=disc.png",
        "a green pear",
        "--steps=6",
        "--frames=2",
        "--seconds=0.2",
    ];
    let error = |iterations: &str| {
        let more = ["--contact-sheet=sheet.png", "--force", iterations];
        let facts = folder.facts(&[&film[..], &more].concat());
        facts["reconstructions"][0]["latent_error"]
            .as_f64()
            .unwrap()
    };
    let [plain, refined] = ["0", "3"].map(|n| error(&format!("--inversion-iterations={n}")));
    assert!(refined < 0.1 * plain, "{plain} {refined}");
    // The default suffices even for so few steps.
    let facts = folder.facts(&[&film[..], &["--contact-sheet=default.png"]].concat());
    let usual = facts["reconstructions"][0]["latent_error"].as_f64();
    assert!(usual < Some(0.03), "{usual:?}");

    let worst = ["--inversion-iterations=0", "--output=a"];
    let said = folder.run(&[&film[..], &worst].concat());
    assert!(said.error.contains("warning: keyframe 1"), "{}", said.error);
    assert!(
        said.output.contains("keyframe 1: its picture"),
        "{}",
        said.output
    );
}

#[test]
fn pictures_and_prompts_are_keyframes_of_one_film() {
    let folder = Folder::new();
    let (disc, square) = pictures(&folder);
    std::fs::create_dir(folder.join("jobs")).unwrap();
    let job = "[defaults]\nsteps = 6\nframes = 3\nguidance_scale = 3\nseconds = 0.2\n\
               [[keyframe]]\nimage = \"../disc.png\"\nprompt = \"a red circle\"\n\
               [[keyframe]]\nprompt = \"a red apple\"\nseed = 3\n\
               [[keyframe]]\nimage = \"../square.png\"\n";
    std::fs::write(folder.join("jobs/film.toml"), job).unwrap();
    let arguments = [
        "--from=disc.png",
        "--from-prompt=a red circle",
        "a red apple",
        "--seed=3",
        "--to=square.png",
        "--steps=6",
        "--frames=3",
        "--guidance-scale=3",
        "--seconds=0.2",
    ];
    let outputs = ["--frames-dir=frames"];
    let facts = folder.facts(&[&["render"], &arguments[..], &outputs].concat());
    let frames = sequence(&folder.join("frames"));
    assert_eq!(frames.len(), 5);
    assert!(frames[0] == disc && frames[4] == square);
    let keyframes: Vec<u64> = facts["reconstructions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|at| at["keyframe"].as_u64().unwrap())
        .collect();
    assert_eq!(keyframes, [0, 2]);
    // The prompt's own keyframe is what it is without the pictures.
    let alone = [
        "render",
        "a red apple",
        "a green pear",
        "--seed=3",
        "--steps=6",
        "--frames=3",
        "--guidance-scale=3",
        "--frames-dir=alone",
    ];
    folder.facts(&alone);
    assert!(frames[2] == sequence(&folder.join("alone"))[0]);

    let planned = folder.facts(&[&["plan"], &arguments[..]].concat());
    let by_file = folder.facts(&["plan", "jobs/film.toml", "--allow-paths"]);
    for plan in [planned, by_file] {
        assert_eq!(plan["model_evaluations"], facts["model_evaluations"]);
        // Without a film, nothing is shown between the computed frames.
        let number = |value: &Value| value.as_u64().unwrap();
        let in_betweens = number(&plan["in_betweens"]);
        assert!(in_betweens > 0);
        assert_eq!(
            number(&plan["decodes"]),
            number(&facts["decodes"]) + in_betweens
        );
    }
    let again = folder.facts(&[
        "render",
        "jobs/film.toml",
        "--frames-dir=again",
        "--allow-paths",
    ]);
    assert_eq!(again["model_evaluations"], 0, "all of it is kept");
    assert_eq!(again["reused_evaluations"], facts["model_evaluations"]);
    assert_eq!(again["decodes"], 0);
    assert!(frames == sequence(&folder.join("again")));
}

#[test]
fn a_film_takes_its_first_pictures_proportions() {
    let folder = Folder::new();
    pictures(&folder);
    draw(&folder.join("wide.jpg"), (300, 150), true);
    let few = [
        "--steps=4",
        "--frames=3",
        "--seconds=0.2",
        "--frames-dir=frames",
        "--force",
    ];
    let size = |arguments: &[&str]| {
        let facts = folder.facts(&[&["render"], arguments, &few].concat());
        (
            facts["width"].as_u64().unwrap(),
            facts["height"].as_u64().unwrap(),
        )
    };
    let ends = ["--from=wide.jpg", "--to=disc.png"];
    assert_eq!(size(&ends), (192, 64));
    let frames = sequence(&folder.join("frames"));
    // Cropped to the middle: the disc reaches both edges.
    assert_eq!(frames[2].dimensions(), (192, 64));
    assert_ne!(frames[2].get_pixel(96, 0).0, [255; 3]);
    assert_eq!(size(&[&ends[..], &["--fit=pad"]].concat()), (192, 64));
    let frames = sequence(&folder.join("frames"));
    assert_eq!(frames[2].get_pixel(96, 0).0, [255; 3]);
    assert_eq!(size(&[&ends[..], &["--size=128x128"]].concat()), (128, 128));
    let reversed = ["--from=disc.png", "--to=wide.jpg"];
    assert_eq!(size(&reversed), (128, 128));
}

#[test]
fn bad_pictures_are_refused() {
    let folder = Folder::new();
    pictures(&folder);
    let png = std::fs::read(folder.join("disc.png")).unwrap();
    std::fs::write(folder.join("cut.png"), &png[..png.len() / 2]).unwrap();
    std::fs::write(folder.join("words.png"), "a red apple").unwrap();
    std::fs::write(folder.join("huge.png"), HUGE).unwrap();
    std::fs::create_dir(folder.join("folder.png")).unwrap();
    for (picture, words) in [
        ("none.png", vec!["there is no picture", "none.png"]),
        ("folder.png", vec!["folder.png is a folder"]),
        ("words.png", vec!["words.png is no picture", "hint"]),
        ("cut.png", vec!["the PNG picture", "cut.png is cut short"]),
        (
            "huge.png",
            vec!["huge.png declares 50000x50000 pixels", "16384"],
        ),
    ] {
        let from = format!("--from={picture}");
        let said = folder.run(&["render", &from, "a pear", "--output=a.mp4"]);
        said.assert_refused(2, &words);
    }
    for (arguments, words) in [
        (vec!["--sampler=dpmpp-2m"], vec!["ddim", "dpmpp-2m"]),
        (vec!["--inversion-iterations=101"], vec!["0 to 100", "101"]),
        (
            vec!["--to=square.png", "--crossfeed-power=0.2"],
            vec!["keyframe 3 is a picture", "crossfeed", "hint"],
        ),
        (
            vec!["a lemon", "--seed=1,2,3"],
            vec!["3 seeds", "2 prompts"],
        ),
        (vec!["--to-prompt=a"], vec!["--to"]),
    ] {
        let request = ["render", "--from=disc.png", "a pear", "--output=a.mp4"];
        let said = folder.run(&[&request[..], &arguments].concat());
        said.assert_refused(2, &words);
    }
    assert!(!folder.join("a.mp4").exists());
}

/// The head of a PNG of 50,000 by 50,000 pixels.
const HUGE: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xc3\x50\0\0\xc3\x50\x08\x02\0\0\0\xc4\xcd\xaa\x9d\
    \0\0\0\0IDAT\x35\xaf\x06\x1e";
