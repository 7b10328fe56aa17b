//! A single prompt makes a picture.

use std::fs;

use crate::lb::{Folder, SMALL_FILM};
use crate::pictures;

#[test]
fn a_single_prompt_makes_the_keyframe_of_a_film() {
    let folder = Folder::new();
    folder.facts(
        &[
            SMALL_FILM,
            &["--seed=3,4", "--frames-dir=frames", "--no-cache"],
        ]
        .concat(),
    );
    let still = ["render", "a red apple", "--seed=3", "--steps=10"];
    let facts = folder.facts(&[&still[..], &["-o", "apple.png"]].concat());
    assert_eq!(facts["files"].as_array().unwrap().len(), 1);
    assert_eq!(facts["model_evaluations"].as_u64(), Some(10));
    assert_eq!(facts["film_frames"].as_u64(), Some(0));
    assert_eq!(facts["decodes"].as_u64(), Some(1));
    let picture = pictures::read(&folder.join("apple.png"));
    assert!(picture == pictures::sequence(&folder.join("frames"))[0]);

    // It carries its job, from which it can be made again.
    let shown = folder.run(&["show", "apple.png"]);
    assert_eq!(shown.code, Some(0), "{}", shown.error);
    for line in [
        "stills = true",
        "steps = 10",
        "seed = 3",
        "prompt = \"a red apple\"",
    ] {
        assert!(shown.output.contains(line), "{line}: {}", shown.output);
    }
    let again = folder.facts(&["render", "apple.png", "-o", "again.png"]);
    assert_eq!(
        again["model_evaluations"].as_u64(),
        Some(0),
        "it is in the cache"
    );
    let bytes = |name| fs::read(folder.join(name)).unwrap();
    assert!(bytes("apple.png") == bytes("again.png"));

    let sheets = ["--frames-dir=alone", "--contact-sheet=sheet.png", "--force"];
    folder.facts(&[&still[..], &sheets].concat());
    assert!(pictures::sequence(&folder.join("alone")) == [picture]);
    let said = folder.run(&[&still[..], &["-o=apple.png", "--force"]].concat());
    assert!(
        said.output.contains("1 picture of 128x128;"),
        "{}",
        said.output
    );
}

#[test]
fn a_picture_has_the_steps_of_its_quality() {
    let folder = Folder::new();
    let evaluations = |flags: &[&str]| {
        let facts = folder.facts(&[&["plan", "an owl"], flags].concat());
        facts["model_evaluations"].as_u64().unwrap()
    };
    let film = folder.facts(&["plan", "an owl", "a fox", "--quality=high"]);
    let steps = film["transitions"][0]["steps"].as_u64().unwrap();
    assert_eq!(evaluations(&["--quality=high"]), steps);
    assert_eq!(evaluations(&["--steps=7"]), 7);
    let said = folder.run(&["plan", "an owl", "--steps=7"]);
    assert!(
        said.output.contains("stills: 1, of 7 steps"),
        "{}",
        said.output
    );
    assert!(!said.output.contains("film"), "{}", said.output);
    let drawn = folder.run(&["plan", "an owl", "--svg=tree.svg"]);
    drawn.assert_refused(2, &["--svg", "a single picture has none"]);
}

#[test]
fn a_single_prompt_makes_no_film() {
    let folder = Folder::new();
    for output in ["owl.mp4", "owl.gif", "owl.webp", "owl.jpg", "owl", "owls/"] {
        let refused = folder.run(&["render", "an owl", "-o", output]);
        refused.assert_refused(
            2,
            &[
                output,
                "a single prompt makes a picture",
                "another prompt",
                "-o picture.png",
            ],
        );
    }
    folder
        .run(&["render", "an owl", "--loop", "-o=owl.png"])
        .assert_refused(2, &["2 to 1000 keyframes", "1 given"]);
    folder
        .run(&["render", "an owl", "--upscale=x4", "-o=owl.png"])
        .assert_refused(2, &["cannot be upscaled"]);
    folder
        .run(&["render", "an owl"])
        .assert_refused(2, &["no output", "-o picture.png"]);
    // A film is not written as a picture either.
    folder
        .run(&["render", "an owl", "a fox", "-o=owl.png"])
        .assert_refused(2, &["owl.png", ".mp4"]);
    assert_eq!(folder.contents(), [""; 0]);
}

#[test]
fn a_job_file_of_stills_makes_all_of_them() {
    let folder = Folder::new();
    let job = "stills = true\n[defaults]\nsteps = 4\n[[keyframe]]\nprompt = \"an owl\"\n\
               [[keyframe]]\nprompt = \"a fox\"\nseed = 9\n";
    fs::write(folder.join("two.toml"), job).unwrap();
    let facts = folder.facts(&["render", "two.toml", "--frames-dir=two"]);
    assert_eq!(facts["model_evaluations"].as_u64(), Some(8));
    folder.facts(&["render", "a fox", "--seed=9", "--steps=4", "-o=fox.png"]);
    let two = pictures::sequence(&folder.join("two"));
    assert_eq!(two.len(), 2);
    assert!(two[1] == pictures::read(&folder.join("fox.png")));
    folder
        .run(&["render", "two.toml", "-o=two.png"])
        .assert_refused(2, &["2 single pictures", "--frames-dir"]);
}
