//! One small film, and every property that it must have.

use std::sync::OnceLock;

use image::RgbImage;
use serde_json::Value;

use crate::decode::{Decoded, decode, psnr};
use crate::lb::{Folder, SMALL_FILM};
use crate::pictures::{distance, read, sequence};

struct Film {
    facts: Value,
    mp4: Decoded,
    mp4_bytes: Vec<u8>,
    computed: Vec<RgbImage>,
    sheet: RgbImage,
    contents: Vec<String>,
}

const OUTPUTS: &[&str] = &[
    "--seconds=1.5",
    "--fps=20",
    "--output=film.mp4",
    "--frames-dir=frames",
    "--contact-sheet=sheet.png",
];

/// The film, which is rendered once for all tests of this file.
fn film() -> &'static Film {
    static FILM: OnceLock<Film> = OnceLock::new();
    FILM.get_or_init(|| {
        let folder = Folder::new();
        let facts = folder.facts(&[SMALL_FILM, OUTPUTS].concat());
        Film {
            facts,
            mp4: decode(&folder.join("film.mp4")),
            mp4_bytes: std::fs::read(folder.join("film.mp4")).unwrap(),
            computed: sequence(&folder.join("frames")),
            sheet: read(&folder.join("sheet.png")),
            contents: folder.contents(),
        }
    })
}

#[test]
fn the_film_decodes_with_its_size_and_length() {
    let film = film();
    let (side, _) = film.computed[0].dimensions();
    let decoded = (film.mp4.width as u32, film.mp4.height as u32);
    assert_eq!(decoded, film.computed[0].dimensions());
    assert_eq!(film.mp4.frames.len(), 30, "1.5 s at 20 frames a second");
    assert!(
        (film.mp4.seconds - 1.5).abs() < 0.01,
        "{} s",
        film.mp4.seconds
    );
    for (index, (start, duration)) in film.mp4.times.iter().enumerate() {
        assert!((start - index as f64 * 0.05).abs() < 1e-3 && (duration - 0.05).abs() < 1e-3);
    }
    assert_eq!(
        film.mp4.keyframes[0], 1,
        "a player can start at the first frame"
    );
    assert!(
        film.sheet.dimensions().0 > 2 * side,
        "the sheet shows pictures side by side"
    );
}

#[test]
fn nothing_but_the_outputs_is_left() {
    let frames = (0..5).map(|index| format!("frames/frame_{index:04}.png"));
    let mut expected: Vec<String> = frames.collect();
    expected.extend(["film.mp4", "frames", "sheet.png"].map(String::from));
    expected.sort();
    assert_eq!(film().contents, expected);
}

#[test]
fn the_index_comes_before_the_pictures() {
    let position = |name: &[u8]| film().mp4_bytes.windows(4).position(|word| word == name);
    assert!(position(b"moov").unwrap() < position(b"mdat").unwrap());
}

/// A picture with saturated edges reaches 38 to 41 dB after 4:2:0, and the quantiser costs some more.
const FAITHFUL: f64 = 35.0;

#[test]
fn it_begins_and_ends_with_the_keyframes() {
    let film = film();
    let (first, last) = (&film.computed[0], &film.computed[4]);
    assert!(psnr(&film.mp4.frames[0], first) > FAITHFUL);
    assert!(psnr(&film.mp4.frames[29], last) > FAITHFUL);
    assert!(distance(first, last) > 20.0, "an apple is not a pear");
}

#[test]
fn no_step_is_a_jump() {
    let frames = &film().mp4.frames;
    let whole = distance(&frames[0], &frames[29]);
    let steps = frames.windows(2).map(|pair| distance(&pair[0], &pair[1]));
    let greatest = steps.fold(0.0, f64::max);
    assert!(
        greatest < 0.2 * whole,
        "a step of {greatest:.1}, from end to end {whole:.1}"
    );
}

#[test]
fn every_computed_frame_is_shown() {
    let film = film();
    for (index, computed) in film.computed.iter().enumerate() {
        let best = film.mp4.frames.iter().map(|shown| psnr(shown, computed));
        let best = best.fold(0.0, f64::max);
        assert!(
            best > FAITHFUL,
            "computed frame {index} comes no nearer than {best:.1} dB"
        );
    }
}

#[test]
fn the_facts_are_those_of_the_plan() {
    let facts = &film().facts;
    let folder = Folder::new();
    let arguments = [&["plan"], &SMALL_FILM[1..], &["--seconds=1.5", "--fps=20"]].concat();
    let plan = folder.facts(&arguments);
    for name in [
        "model_evaluations",
        "decodes",
        "computed_frames",
        "in_betweens",
        "film_frames",
    ] {
        assert!(facts[name].as_u64().unwrap() > 0);
        assert_eq!(facts[name], plan[name], "{name}");
    }
    // There is a picture for each film frame, which is fewer than the quality has.
    let number = |name: &str| facts[name].as_u64().unwrap();
    let pictures = number("computed_frames") + number("in_betweens");
    assert_eq!((pictures, number("decodes")), (30, 30));
    assert_eq!(plan["transitions"][0]["in_betweens"], facts["in_betweens"]);
    let tree = &facts["transitions"][0];
    for name in ["steps", "injection_steps", "branch_counts"] {
        assert_eq!(tree[name], plan["transitions"][0][name], "{name}");
    }
    let levels = tree["fractions"].as_array().unwrap();
    let counts = levels
        .iter()
        .map(|level| level.as_array().unwrap().len() as u64);
    assert!(
        counts.eq(tree["branch_counts"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_u64))
    );
    let seconds = |name: &str| facts["seconds"][name].as_f64().unwrap();
    assert!(seconds("in_model_sessions") > 0.0);
    assert!(seconds("in_model_sessions") + seconds("outside") <= seconds("total") + 1e-6);
}

#[test]
fn without_a_terminal_progress_is_told_in_lines() {
    let folder = Folder::new();
    let said = folder.run(&[SMALL_FILM, &["--seconds=0.3", "-o=film.gif"]].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    let lines: Vec<&str> = said.error.lines().collect();
    for words in [
        "rendering 1 transition",
        "loading the model",
        "evaluations",
        "writing files",
    ] {
        let told = lines.iter().any(|line| line.contains(words));
        assert!(told, "{words}: {}", said.error);
    }
    let last = lines.last().unwrap();
    assert!(
        last.starts_with("finished after") && last.ends_with("film.gif"),
        "{last}"
    );
    assert!(lines.len() < 30, "{}", said.error);
    assert!(said.output.contains("9 film frames"), "{}", said.output);

    let quiet = ["--seconds=0.3", "--contact-sheet=sheet.png", "--quiet"];
    let said = folder.run(&[SMALL_FILM, &quiet].concat());
    assert_eq!(
        (said.code, said.error.as_str(), said.output.as_str()),
        (Some(0), "", "")
    );
}

#[test]
fn film_frames_are_counted_only_if_there_is_a_film() {
    let folder = Folder::new();
    let sheet = ["--contact-sheet=sheet.png"];
    let said = folder.run(&[SMALL_FILM, &sheet].concat());
    assert!(!said.output.contains("film frames"), "{}", said.output);
    assert!(
        said.output.contains("5 computed frames of 128x128"),
        "{}",
        said.output
    );
    let frames = folder.facts(&[SMALL_FILM, &["--frames-dir=frames"]].concat());
    assert_eq!(frames["film_frames"], 0);
}
