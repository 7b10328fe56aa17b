//! A time instead of numbers: `--within`.

use std::fs;

use serde_json::Value;

use crate::lb::{Folder, Said};
use crate::pictures::sequence;

/// A small film whose numbers are open.
const FILM: &[&str] = &["a red apple", "a green pear", "--size=64x64"];

/// A run on a machine whose speed only the earlier runs in this folder have measured.
fn run(folder: &Folder, arguments: &[&[&str]]) -> Said {
    let mut command = folder.command(&arguments.concat());
    command.env("XDG_CACHE_HOME", folder.cache());
    Said::from(command.output().unwrap())
}

fn plan(folder: &Folder, more: &[&str]) -> Value {
    run(folder, &[&["plan"], FILM, more, &["--json"]]).facts()
}

fn steps_and_pictures(plan: &Value) -> [u64; 3] {
    let tree = &plan["transitions"][0];
    let frames = tree["branch_counts"].as_array().unwrap().last().unwrap();
    let frames = frames.as_u64().unwrap();
    let in_betweens = tree["in_betweens"].as_u64().unwrap();
    [
        tree["steps"].as_u64().unwrap(),
        frames,
        frames + in_betweens,
    ]
}

#[test]
fn a_time_becomes_numbers_that_the_film_carries() {
    let folder = Folder::new();
    let render = |name: &str, more: &[&str]| {
        let outputs = ["-o", name, "--json", "--no-cache"];
        let said = run(&folder, &[&["render"], FILM, &outputs, more]);
        assert_eq!(said.code, Some(0), "{}", said.error);
        said
    };
    // The first film measures the machine, with the lowest numbers.
    let first = render("first", &["--within=600"]);
    assert!(first.error.contains("not known yet"), "{}", first.error);
    assert_eq!(first.facts()["computed_frames"], 8);
    // Later ones have the finest numbers that there is time for: here, for all of them.
    let planned = plan(&folder, &["--within=600"]);
    assert_eq!(steps_and_pictures(&planned), [20, 90, 90]);
    assert_eq!(planned["fits"], true);
    assert!(planned["estimated_seconds"].as_f64().unwrap() < 600.0);
    let shown = run(&folder, &[&["plan"], FILM, &["--within=600"]]).output;
    let chosen = "chosen for 10 min: 20 steps, 90 computed frames and 90 pictures for a transition";
    assert!(shown.contains(chosen), "{shown}");
    // A time between those of the lowest and the highest quality is used and kept.
    let seconds = ["--quality=lowest", "--quality=ultra"].map(|quality| {
        let plan = plan(&folder, &[quality]);
        plan["estimated_seconds"].as_f64().unwrap()
    });
    let within = format!("--within={}", seconds[0] + (seconds[1] - seconds[0]) / 3.0);
    let planned = plan(&folder, &[&within]);
    let [steps, frames, pictures] = steps_and_pictures(&planned);
    assert!(
        8 < frames && frames < 90 && planned["fits"] == true,
        "{planned}"
    );
    let film = render("film", &[&within]);
    assert!(!film.error.contains("warning"), "{}", film.error);
    // The job has these numbers, and makes the same film where nothing is known about the machine.
    let carried = run(&folder, &[&["show", "film"]]).output;
    for line in [
        format!("steps = {steps}"),
        format!("frames = {frames}"),
        format!("pictures = {pictures}"),
    ] {
        assert!(carried.contains(&line), "{line}: {carried}");
    }
    assert!(!carried.contains("within"), "{carried}");
    let elsewhere = Folder::new();
    fs::write(elsewhere.join("film.toml"), carried).unwrap();
    let again = run(&elsewhere, &[&["render", "film.toml", "-o", "film"]]);
    assert_eq!(again.code, Some(0), "{}", again.error);
    assert!(sequence(&folder.join("film")) == sequence(&elsewhere.join("film")));
}

#[test]
fn numbers_that_are_given_stay_and_those_of_a_job_file_do_not() {
    let folder = Folder::new();
    let measured = plan(&folder, &["--within=600", "--measure"]);
    assert_eq!(steps_and_pictures(&measured), [20, 90, 90]);
    let given = ["--steps=3", "--frames=5", "--pictures=7", "--within=600"];
    assert_eq!(steps_and_pictures(&plan(&folder, &given)), [3, 5, 7]);
    assert_eq!(steps_and_pictures(&plan(&folder, &given[..1])), [3, 24, 52]);
    let steps = plan(&folder, &["--steps=3", "--within=600"]);
    assert_eq!(steps_and_pictures(&steps), [3, 90, 90]);

    let saved = ["--steps=4", "--frames=6", "--save-job=film.toml"];
    run(&folder, &[&["render"], FILM, &saved]);
    let file = run(&folder, &[&["plan", "film.toml", "--within=600", "--json"]]);
    assert_eq!(steps_and_pictures(&file.facts()), [20, 90, 90]);
}

#[test]
fn a_time_that_is_too_short_is_a_warning_and_one_that_is_none_is_refused() {
    let folder = Folder::new();
    plan(&folder, &["--measure"]);
    let said = run(&folder, &[&["plan"], FILM, &["--within=0.001", "--json"]]);
    assert!(said.error.contains("more than 0.001 s"), "{}", said.error);
    assert_eq!(steps_and_pictures(&said.facts()), [8, 8, 18]);
    assert_eq!(said.facts()["fits"], false);
    for (arguments, words) in [
        (&["--within=0"][..], &["above 0", "got 0"][..]),
        (&["--within=-3"], &["above 0", "got -3"]),
        (&["--within=soon"], &["--within", "soon"]),
        (&["--within=5", "--quality=low"], &["--within", "--quality"]),
        (
            &["--within=5", "--branches=2,5", "--injection-steps=0,3"],
            &["--within", "--branches"],
        ),
    ] {
        let said = run(&folder, &[&["render"], FILM, arguments, &["-o", "film"]]);
        said.assert_refused(2, words);
    }
    let still = ["render", "an owl", "-o", "owl.png", "--within=5"];
    run(&folder, &[&still]).assert_refused(2, &["--within", "--steps"]);
    assert!(!folder.join("film").exists());
}
