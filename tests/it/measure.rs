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
fn the_verdict_comes_first() {
    let folder = rendered();
    let facts = folder.run(&["measure", "film", "--json"]).output;
    let measured: Value = serde_json::from_str(&facts).unwrap();
    let verdict = measured["verdict"].as_str().unwrap();
    assert!(
        facts.starts_with(&format!("{{\"verdict\":\"{verdict}\"")),
        "{facts}"
    );
    assert!(
        verdict.contains("even") && verdict.contains("; a morph"),
        "{verdict}"
    );
    assert_eq!(measured["transitions"][0]["verdict"], verdict);
    let said = folder.run(&["measure", "film"]).output;
    assert_eq!(said.lines().next(), Some(verdict), "{said}");
    // The apple and the pear stand before the same wall.
    let curves = &measured["transitions"][0]["background"];
    let share = curves["share"].as_f64().unwrap();
    assert!((0.2..0.8).contains(&share), "{share}");
    let overall = &measured["overall"]["background"];
    for (name, frame) in [("drift", "drift_frame"), ("spread", "spread_frame")] {
        let of_frames = curves[name].as_array().unwrap();
        assert_eq!(of_frames.len(), 20);
        let frame = overall[frame].as_u64().unwrap() as usize;
        assert_eq!(of_frames[frame], overall[name]);
    }

    let several = [
        "a green pear",
        "a yellow lemon",
        "--seconds=1",
        "--fps=8",
        "-o=three",
    ];
    folder.facts(&[SMALL_FILM, &several].concat());
    let said = folder.run(&["measure", "three"]).output;
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].contains("; morphs; "), "{said}");
    for (index, line) in lines[1..4].iter().enumerate() {
        assert!(
            line.starts_with(&format!("transition {} (", index + 1)),
            "{said}"
        );
        assert!(line.contains("; a morph; "), "{said}");
    }
}

#[test]
fn what_a_script_requires_decides_the_exit_code() {
    let folder = rendered();
    let measure = |requirements: &[&str]| {
        folder.run(&[&["measure", "film", "--json"], requirements].concat())
    };
    let kept = measure(&["--require=morph", "--max-variation=9", "--min-retention=0"]);
    assert_eq!(
        kept.facts()["broken_requirements"],
        Value::Array(Vec::new())
    );
    let broken = measure(&["--require=morph", "--min-residual=7.5", "--max-drift=0"]);
    assert_eq!(broken.code, Some(3), "{}", broken.error);
    let facts: Value = serde_json::from_str(&broken.output).unwrap();
    let overall = &facts["overall"];
    let [residual, drift] = &facts["broken_requirements"].as_array().unwrap()[..] else {
        panic!("{facts}");
    };
    assert_eq!(residual["requirement"], "--min-residual");
    assert_eq!(residual["value"], overall["residual"]["mean"]);
    assert_eq!(
        (&residual["at_least"], &residual["at_most"]),
        (&7.5.into(), &Value::Null)
    );
    assert_eq!(drift["frame"], overall["background"]["drift_frame"]);
    assert_eq!(drift["at_most"], 0.0);
    for words in [
        "error: film is not as required",
        "mean residual is 0.",
        "--min-residual allows at least 7.5",
        "background drift is ",
        " s; --max-drift allows at most 0",
    ] {
        assert!(broken.error.contains(words), "{}", broken.error);
    }
    let refused = |requirement: &str, words: &[&str]| {
        let said = folder.run(&["measure", "film", requirement]);
        said.assert_refused(2, words);
    };
    refused("--max-drift=-1", &["--max-drift: -1", "0 or more"]);
    refused("--max-spread=nan", &["--max-spread: nan", "0 or more"]);
    refused(
        "--require=even,smooth",
        &["smooth", "background", "nearly-even"],
    );
}

#[test]
fn two_films_are_compared() {
    let folder = rendered();
    let faded = [
        "--frames=2",
        "--between=pictures",
        "--seconds=1",
        "--fps=20",
        "-o=faded.mp4",
    ];
    folder.facts(&[&SMALL_FILM[..4], &["--depth-strength=0.2"], &faded].concat());
    let facts = folder.facts(&["measure", "film", "faded.mp4"]);
    let films = facts["films"].as_array().unwrap();
    for (film, name) in films.iter().zip(["film", "faded.mp4"]) {
        let mut alone = folder.facts(&["measure", name]);
        alone["film"] = name.into();
        assert_eq!(film, &alone);
    }
    let said = folder
        .run(&["measure", "film", "faded.mp4", "--svg=both.svg"])
        .output;
    let line = |words: &str| said.lines().find(|line| line.contains(words)).unwrap();
    assert!(line("film: ").contains("; a morph; "), "{said}");
    assert!(line("faded.mp4: ").contains("; a cross-fade; "), "{said}");
    let marked: Vec<&str> = line("mean residual").split_whitespace().collect();
    assert_eq!(
        (marked.len(), marked[3]),
        (5, "*"),
        "a morph is better: {said}"
    );
    let variations = [0, 1].map(|film| {
        let overall = &films[film]["overall"];
        overall["coefficient_of_variation"].as_f64().unwrap()
    });
    let marked: Vec<&str> = line("variation").split_whitespace().collect();
    let star = if variations[0] < variations[1] { 2 } else { 3 };
    assert_eq!((marked.len(), marked[star]), (4, "*"), "{said}");
    assert!(!line("directness").contains('*'), "{said}");
    let plot = std::fs::read_to_string(folder.join("both.svg")).unwrap();
    assert!(plot.contains("Smoothness of film · 20 frames") && plot.contains("of faded.mp4"));

    let broken = folder.run(&["measure", "faded.mp4", "film", "--require=morph"]);
    assert_eq!(broken.code, Some(3));
    assert!(
        broken.error.contains("faded.mp4 is not as required"),
        "{}",
        broken.error
    );
    assert!(!broken.error.contains("film is not"), "{}", broken.error);
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
    refused(&["film", "nowhere"], &["no film or folder nowhere"]);
    refused(
        &["film", first],
        &["film is no picture", "two of them to compare"],
    );
    refused(&["film", "film", "film"], &["film is no picture"]);
    std::fs::create_dir(folder.join("empty")).unwrap();
    refused(&["empty"], &["empty holds no PNG pictures"]);
    std::fs::write(folder.join("broken.png"), b"\x89PNG\r\n\x1a\nno").unwrap();
    refused(&[first, first, "broken.png"], &["broken.png"]);
    let sheet = ["--contact-sheet=sheet.png", "--force"];
    folder.facts(&[SMALL_FILM, &sheet].concat());
    refused(&[first, first, "sheet.png"], &["one size", "frame 2"]);
}
