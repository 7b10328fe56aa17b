//! `lb measure` on films and frames that `lb render` made.

use serde_json::Value;

use crate::lb::{Folder, SMALL_FILM};
use crate::pictures::{distance, sequence};

fn rendered() -> Folder {
    let folder = Folder::new();
    let outputs = ["--frames-dir=frames", "-o=film", "--seconds=1", "--fps=20"];
    folder.facts(&[SMALL_FILM, &outputs].concat());
    folder
}

#[test]
fn a_film_and_its_computed_frames_are_measured() {
    let folder = rendered();
    let measured = folder.facts(&["measure", "frames"]);
    assert_eq!(measured["frames"], 5);
    let transition = &measured["transitions"][0];
    let pictures = sequence(&folder.join("frames"));
    let distances = pictures.windows(2).map(|pair| distance(&pair[0], &pair[1]));
    let found = transition["distances"].as_array().unwrap();
    assert_eq!(found.len(), 4);
    for (found, expected) in found.iter().zip(distances) {
        assert!((found.as_f64().unwrap() - expected).abs() < 1e-9);
    }
    let residual = measured["overall"]["residual"]["most"].as_f64().unwrap();
    assert!(
        residual > 0.1,
        "an apple that becomes a pear is no cross-fade: {residual}"
    );

    // The same frames by name, in the same order.
    let names: Vec<String> = (0..5)
        .map(|frame| format!("frames/frame_{frame:04}.png"))
        .collect();
    let mut arguments = vec!["measure"];
    arguments.extend(names.iter().map(String::as_str));
    assert_eq!(folder.facts(&arguments), measured);

    let film = folder.facts(&["measure", "film"]);
    assert_eq!(film["frames"], 20);
    let mean = |measured: &Value| measured["overall"]["mean_distance"].as_f64().unwrap();
    assert!(mean(&film) < mean(&measured), "a film has smaller steps");
}

#[test]
fn films_of_every_format_are_measured() {
    let folder = Folder::new();
    for (film, lost) in [("film.mp4", 0.3), ("film.gif", 0.6), ("film.webp", 0.3)] {
        let time = ["--hold=0.4", "--seconds=1.2", "--fps=10"];
        folder.facts(
            &[
                SMALL_FILM,
                &time,
                &["-o", film, "--frames-dir=frames", "--force"],
            ]
            .concat(),
        );
        let measured = folder.facts(&["measure", film]);
        assert_eq!(measured["frames"], 20, "{film}");
        assert_eq!(measured["frames_per_second"], 10.0, "{film}");
        // The job in the film says where it is held.
        let transition = &measured["transitions"][0];
        let ends = [&transition["first"], &transition["last"]].map(Value::as_u64);
        assert_eq!(ends, [Some(3), Some(15)], "{film}");
        let computed = folder.facts(&["measure", "frames"]);
        let way = |measured: &Value| {
            let overall = &measured["overall"];
            overall["directness"].as_f64().unwrap()
        };
        let ratio = way(&measured) / way(&computed);
        assert!((1.0 - lost..1.1).contains(&ratio), "{film}: {ratio}");
    }
}

#[test]
fn every_transition_of_a_loop_is_measured() {
    let folder = Folder::new();
    let arguments = [
        "--loop",
        "--seconds=1",
        "--fps=8",
        "-o=film",
        "--frames-dir=frames",
    ];
    folder.facts(&[SMALL_FILM, &arguments].concat());
    for (frames, count, ends) in [
        ("film", 16, [[0, 8], [8, 16]]),
        ("frames", 8, [[0, 4], [4, 8]]),
    ] {
        let measured = folder.facts(&["measure", frames]);
        assert_eq!(measured["frames"], count);
        let transitions = measured["transitions"].as_array().unwrap().iter();
        let found =
            transitions.map(|at| [&at["first"], &at["last"]].map(|end| end.as_u64().unwrap()));
        assert_eq!(found.collect::<Vec<_>>(), ends);
    }
    // Without its last frame, it is not the film that the job describes.
    std::fs::remove_file(folder.join("film/frame_0015.png")).unwrap();
    let measured = folder.facts(&["measure", "film"]);
    assert_eq!(measured["transitions"].as_array().unwrap().len(), 1);
}

#[test]
fn a_cross_fade_of_two_keyframes_is_found_out() {
    let folder = Folder::new();
    let film = ["render", "a red apple", "a green pear", "--seconds=1"];
    let keyframes = ["--steps=6", "--frames=2", "--fps=12", "--force"];
    let overall = |between| {
        folder.facts(&[&film[..], &keyframes, &["-o=film", between]].concat());
        folder.facts(&["measure", "film"])["overall"].clone()
    };
    let number = |of: &Value, name: &str| of.pointer(name).and_then(Value::as_f64).unwrap();
    let faded = overall("--between=pictures");
    assert!(number(&faded, "/residual/most") < 0.02, "{faded}");
    assert!(number(&faded, "/directness") > 0.99, "{faded}");
    assert!(number(&faded, "/retention/least") < 0.7, "{faded}");
    // Pictures that are decoded from the latents between them are none.
    let decoded = overall("--between=latents");
    assert!(number(&decoded, "/residual/most") > 0.1, "{decoded}");
    assert!(number(&decoded, "/directness") < 0.95, "{decoded}");
}

#[test]
fn a_table_and_a_plot() {
    let folder = rendered();
    let said = folder.run(&["measure", "frames", "--svg=plot.svg"]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    for words in ["5 frames of 128x128", "directness", "plotted in plot.svg"] {
        assert!(said.output.contains(words), "{}", said.output);
    }
    let plot = std::fs::read_to_string(folder.join("plot.svg")).unwrap();
    assert!(plot.starts_with("<svg") && plot.ends_with("</svg>\n"));
    folder
        .run(&["measure", "frames", "--svg=plot.svg"])
        .assert_refused(2, &["plot.svg exists", "--force"]);
    folder.facts(&["measure", "frames", "--svg=plot.svg", "--force"]);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let folder = rendered();
    let refused = |arguments: &[&str], words: &[&str]| {
        folder
            .run(&[&["measure"], arguments].concat())
            .assert_refused(2, words);
    };
    let first = "frames/frame_0000.png";
    refused(&[first, first], &["at least 3 frames", "found 2"]);
    refused(&[first, "film/frame_0003.png", "none.png"], &["none.png"]);
    refused(&["nowhere"], &["nowhere"]);
    std::fs::create_dir(folder.join("empty")).unwrap();
    refused(&["empty"], &["empty holds no PNG pictures"]);
    std::fs::write(folder.join("broken.png"), b"\x89PNG\r\n\x1a\nno").unwrap();
    refused(&[first, first, "broken.png"], &["broken.png"]);
    let sheet = ["--contact-sheet=sheet.png", "--force"];
    folder.facts(&[SMALL_FILM, &sheet].concat());
    refused(&[first, first, "sheet.png"], &["one size", "frame 2"]);
}
