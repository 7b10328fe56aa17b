//! Films that follow their sound: their keyframes are shown on its beats.

use serde_json::Value;

use crate::lb::Folder;
use crate::pictures::sequence;
use crate::synthetic::{Track, pulse};

const PROMPTS: [&str; 5] = [
    "a red apple",
    "a green pear",
    "a lemon",
    "a sunflower",
    "a red rose",
];

/// A folder with a track of clicks at 100 a minute, and the moments of the clicks.
fn with_track() -> (Folder, Vec<f64>) {
    let folder = Folder::new();
    let beats = pulse(100.0, 0.43, 11.9);
    let track = Track::of_clicks(44_100, 12.0, &beats);
    track.write_wav(&folder.join("track.wav"), 2);
    (folder, beats)
}

fn numbers(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|number| number.as_f64().unwrap()).collect()
}

/// The distance of a moment from the nearest beat, in seconds.
fn off(moment: f64, beats: &[f64]) -> f64 {
    let apart = beats.iter().map(|beat| (beat - moment).abs());
    apart.fold(f64::INFINITY, f64::min)
}

#[test]
fn the_plan_lists_the_beats_and_puts_keyframes_on_them() {
    let (folder, beats) = with_track();
    let film = [&["plan"][..], &PROMPTS, &["--audio=track.wav", "--fps=25"]].concat();
    let plan = |more: &[&str]| folder.facts(&[&film, more].concat());
    let facts = plan(&["--sync=beats", "--seconds=2"]);
    let found = numbers(&facts["beats"]);
    assert_eq!(found.len(), beats.len());
    assert!(
        found.iter().all(|&beat| off(beat, &beats) < 0.030),
        "{found:?}"
    );
    assert!((facts["tempo"].as_f64().unwrap() - 100.0).abs() < 1.0);
    // The first keyframe opens the film. Three beats are nearest to two seconds.
    let keyframes = numbers(&facts["keyframe_seconds"]);
    assert_eq!(keyframes[0], 0.0);
    assert_eq!(keyframes.len(), PROMPTS.len());
    for (index, &at) in keyframes.iter().enumerate().skip(1) {
        assert!(off(at, &beats) < 0.04, "keyframe {index} at {at}");
        assert!(
            (at - keyframes[index - 1] - 1.8).abs() < 0.5,
            "{keyframes:?}"
        );
    }
    // Every beat, one after the other.
    let every = numbers(&plan(&["--sync=beats", "--seconds=0.1"])["keyframe_seconds"]);
    for (at, beat) in every[1..].iter().zip(&beats) {
        assert!((at - beat).abs() < 0.04, "{every:?}");
    }
    // As long as the sound.
    let whole = plan(&["--sync=onsets", "--film-seconds=track"]);
    assert!((whole["seconds"].as_f64().unwrap() - 12.0).abs() < 0.03);
    let spread = numbers(&whole["keyframe_seconds"]);
    assert!(
        spread[1..].iter().all(|&at| off(at, &beats) < 0.04),
        "{spread:?}"
    );

    // Without the setting, nothing follows the sound, but its beats are listed all the same.
    let alone = plan(&["--seconds=2"]);
    assert_eq!(numbers(&alone["beats"]), found);
    assert_eq!(numbers(&alone["keyframe_seconds"])[1], 1.96);
    let said = folder.run(&film);
    assert!(
        said.output.contains("20 beats, about 100 a minute"),
        "{}",
        said.output
    );
}

#[test]
fn the_film_shows_its_keyframes_on_the_beats() {
    let (folder, beats) = with_track();
    let listening = ["--audio=track.wav", "--sync=beats", "--save-job=film.toml"];
    let film = [
        "--seconds=1",
        "--fps=20",
        "--steps=4",
        "--frames=3",
        "--size=64x64",
    ];
    let said = folder.run(&[&["render"], &PROMPTS[..], &listening, &film].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    let job = std::fs::read_to_string(folder.join("film.toml")).unwrap();
    assert!(job.contains("pace = ["), "{job}");
    assert!(!job.contains("sync"), "{job}");
    // The job makes the same film without the sound.
    std::fs::remove_file(folder.join("track.wav")).unwrap();
    folder.facts(&["render", "film.toml", "-o=film", "--frames-dir=frames"]);
    let shown = sequence(&folder.join("film"));
    let computed = sequence(&folder.join("frames"));
    assert_eq!(computed.len(), 9);
    for index in 1..PROMPTS.len() {
        let keyframe = &computed[2 * index];
        let first = shown.iter().position(|frame| frame == keyframe).unwrap();
        let at = first as f64 / 20.0;
        assert!(
            off(at, &beats) <= 0.05,
            "keyframe {index} at {at}: {beats:?}"
        );
    }
}

#[test]
fn a_film_cannot_follow_what_is_not_there() {
    let (folder, _) = with_track();
    let refused = |arguments: &[&str], words: &[&str]| {
        let film = ["plan", "an apple", "a pear"];
        folder
            .run(&[&film, arguments].concat())
            .assert_refused(2, words);
    };
    refused(&["--sync=beats"], &["the beats of its sound", "--audio"]);
    refused(&["--sync=bars"], &["beats", "onsets"]);
    Track::silent(8000, 3.0).write_wav(&folder.join("silent.wav"), 1);
    let silent = ["--audio=silent.wav", "--sync=beats"];
    refused(&silent, &["no beats are heard"]);
    std::fs::write(
        folder.join("film.toml"),
        "[[keyframe]]\nprompt = \"a\"\npace = [0.5, 0.2, 1.0]\n[[keyframe]]\nprompt = \"b\"\n",
    )
    .unwrap();
    let said = folder.run(&["plan", "film.toml"]);
    said.assert_refused(2, &["pace", "never fall"]);
}
