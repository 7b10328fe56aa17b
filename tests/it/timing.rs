//! Film timing: when a film shows which frame.

use image::RgbImage;
use serde_json::Value;

use crate::lb::{Folder, SMALL_FILM};
use crate::pictures::{distance, sequence};

fn numbers(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|number| number.as_f64().unwrap()).collect()
}

fn coefficient_of_variation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (squares.sum::<f64>() / count).sqrt() / mean
}

/// Distance over time between neighbouring computed frames of every transition.
fn speeds(facts: &Value) -> Vec<Vec<f64>> {
    let of_transition = |transition: &Value| {
        let seconds = numbers(&transition["frame_seconds"]);
        let distances = numbers(&transition["frame_distances"]);
        assert_eq!(seconds.len(), distances.len() + 1);
        let times = seconds.windows(2).map(|pair| pair[1] - pair[0]);
        times
            .zip(distances)
            .map(|(time, distance)| distance / time)
            .collect()
    };
    let transitions = facts["transitions"].as_array().unwrap();
    transitions.iter().map(of_transition).collect()
}

const FRAMES_PER_SECOND: f64 = 25.0;

/// Checks that the film frame nearest to a computed frame's time differs from it by no more than
/// what moves between their times.
fn assert_shown_in_time(folder: &Folder, times: &[f64], fastest: f64) {
    let (shown, computed) = (
        sequence(&folder.join("film")),
        sequence(&folder.join("frames")),
    );
    assert_eq!(computed.len(), times.len());
    for (frame, time) in computed.iter().zip(times) {
        let nearest = (time * FRAMES_PER_SECOND).round();
        let off = (nearest / FRAMES_PER_SECOND - time).abs();
        let difference = distance(&shown[nearest as usize], frame);
        let moved = fastest * off;
        assert!(
            difference <= moved + 0.6,
            "{difference} at {time} s, {moved} moved"
        );
    }
}

#[test]
fn perceptual_timing_moves_at_one_apparent_speed() {
    let folder = Folder::new();
    let fps = format!("--fps={FRAMES_PER_SECOND}");
    let outputs = [
        "--seconds=4",
        &fps,
        "-o=film",
        "--frames-dir=frames",
        "--force",
    ];
    // The computed frames of this tree are far from evenly spaced.
    let tree = ["--spacing=fixed", "--branching=classic"];
    let rendered = |timing, between| {
        let facts = folder.facts(&[SMALL_FILM, &outputs, &tree, &[timing, between]].concat());
        let measured = folder.facts(&["measure", "film"]);
        let variation = measured["overall"]["coefficient_of_variation"].as_f64();
        let speeds = &speeds(&facts)[0];
        let times = numbers(&facts["transitions"][0]["frame_seconds"]);
        assert_shown_in_time(&folder, &times, speeds.iter().copied().fold(0.0, f64::max));
        let speed = coefficient_of_variation(speeds);
        (speed, variation.unwrap(), facts["film_frames"].as_u64())
    };
    for between in ["--between=latents", "--between=pictures"] {
        let (even, even_film, frames) = rendered("--timing=even", between);
        assert!(even > 0.15, "there is something to even out: {even}");
        let (speed, film, frames_too) = rendered("--timing=perceptual", between);
        assert!(speed <= 0.05, "speed of computed frames varies by {speed}");
        // The frames that are shown, cross-fades and rounded to whole grey levels.
        assert!(
            film <= 0.1 && film < even_film,
            "{film}, evenly {even_film}"
        );
        assert_eq!((frames, frames_too), (Some(100), Some(100)));
    }
}

#[test]
fn holds_easing_and_length_of_the_whole_film() {
    let folder = Folder::new();
    let time = [
        "--hold=0.5",
        "--easing=smooth",
        "--film-seconds=3",
        "--fps=10",
    ];
    let outputs = ["-o=film", "--frames-dir=frames", "--force"];
    for timing in ["--timing=even", "--timing=perceptual"] {
        let facts = folder.facts(&[SMALL_FILM, &time, &outputs, &[timing]].concat());
        let (shown, computed) = (
            sequence(&folder.join("film")),
            sequence(&folder.join("frames")),
        );
        assert_eq!((shown.len(), computed.len()), (30, 5));
        assert_eq!(facts["film_frames"], 30);
        let still = |frames: &[RgbImage]| frames.iter().all(|frame| *frame == frames[0]);
        // Half a second of each keyframe; the transition arrives one frame before the last hold.
        assert!(still(&shown[..5]) && shown[0] == computed[0] && shown[5] != shown[4]);
        assert!(still(&shown[24..]) && shown[29] == computed[4] && shown[23] != shown[24]);
        let seconds = numbers(&facts["transitions"][0]["frame_seconds"]);
        assert!((seconds[0] - 0.4).abs() < 1e-9 && (seconds[4] - 2.4).abs() < 1e-9);
        // 3t² − 2t³ is slow at both ends.
        if timing == "--timing=even" {
            let [first, second] = [0, 1].map(|at| seconds[at + 1] - seconds[at]);
            assert!(first > 1.2 * second);
        }
        let [beginning, middle] = [5, 14].map(|at| distance(&shown[at], &shown[at + 1]));
        assert!(middle > 1.2 * beginning, "{beginning}, {middle}");
    }
}

#[test]
fn a_loop_comes_back_without_showing_its_first_keyframe_twice() {
    let folder = Folder::new();
    for timing in ["--timing=even", "--timing=perceptual"] {
        let arguments = [
            timing,
            "--loop",
            "--seconds=1",
            "--fps=8",
            "-o=film",
            "--force",
        ];
        let facts = folder.facts(&[SMALL_FILM, &arguments, &["--frames-dir=frames"]].concat());
        let (shown, computed) = (
            sequence(&folder.join("film")),
            sequence(&folder.join("frames")),
        );
        // Two transitions of five frames that share both keyframes.
        assert_eq!((shown.len(), computed.len()), (16, 8));
        assert_eq!(facts["computed_frames"], 8);
        assert!(shown[0] == computed[0] && shown[8] == computed[4]);
        assert!(shown[1..].iter().all(|frame| *frame != shown[0]));
        let seconds = numbers(&facts["transitions"][1]["frame_seconds"]);
        assert_eq!((seconds[0], seconds[4]), (1.0, 2.0));
    }
}

#[test]
fn timing_that_cannot_be_is_refused_before_any_work() {
    let folder = Folder::new();
    let refused = |arguments: &[&str], words: &[&str]| {
        let said = folder.run(&[SMALL_FILM, arguments, &["-o=film"]].concat());
        said.assert_refused(2, words);
        assert!(folder.contents().is_empty());
    };
    refused(
        &["--hold=2", "--film-seconds=4"],
        &["4 s", "no time for its transitions"],
    );
    refused(&["--film-seconds=0"], &["seconds", "above 0"]);
    refused(&["--hold=-1"], &["hold", "0 to 86400"]);
    refused(
        &["--seconds=86400", "--fps=1000"],
        &["1000000 frames at most"],
    );
}
