//! Wrong requests: each gets a message that explains it, ends with exit code 2, and leaves nothing
//! behind.

use std::collections::BTreeSet;

use crate::lb::Folder;

/// Arguments after `render`, and words that the message must contain.
const WRONG: &[(&[&str], &[&str])] = &[
    (&["-o=a.mp4"], &["prompt"]),
    (&["one", "-o=a.mp4"], &["single prompt", "another prompt"]),
    (&["one", "two"], &["output"]),
    (&["one", "two", "-o=a.avi"], &["a.avi"]),
    (
        &["one", "two", "-o=a.mp4", "--size=100x128"],
        &["100x128", "64", "try --size 128x128"],
    ),
    (&["one", "two", "-o=a.mp4", "--size=0x0"], &["0x0"]),
    (
        &["one", "two", "-o=a.mp4", "--size=1000000000000x64"],
        &["1000000000000x64"],
    ),
    (&["one", "two", "-o=a.mp4", "--size=big"], &["--size"]),
    (
        &["one", "two", "-o=a.mp4", "--steps=0", "--frames=4"],
        &["steps", "0"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--steps=1001", "--frames=4"],
        &["steps", "1001"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--steps=10", "--frames=1"],
        &["frames", "1"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--frames=0.5"],
        &["--frames", "as in 1/2"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--frames=film", "--branches=2,4"],
        &["--frames", "--branches"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--quality=best"],
        &["quality", "best"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--depth-strength=1.5"],
        &["depth strength", "1.5"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--depth-strength=NaN"],
        &["depth strength", "nan"],
    ),
    (
        &[
            "one",
            "two",
            "-o=a.mp4",
            "--steps=10",
            "--branches=2,8,4",
            "--injection-steps=0,3,6",
        ],
        &["increase", "4 after 8"],
    ),
    (
        &[
            "one",
            "two",
            "-o=a.mp4",
            "--steps=10",
            "--branches=2,4,8",
            "--injection-steps=0,3,10",
        ],
        &["injection", "10"],
    ),
    (
        &[
            "one",
            "two",
            "-o=a.mp4",
            "--steps=10",
            "--branches=2,4,8",
            "--injection-steps=0,6,3",
        ],
        &["increase", "3 after"],
    ),
    (
        &[
            "one",
            "two",
            "-o=a.mp4",
            "--steps=10",
            "--branches=2,4",
            "--injection-steps=0,3,6",
        ],
        &["equally many", "2", "3"],
    ),
    (
        &[
            "one",
            "two",
            "-o=a.mp4",
            "--steps=10",
            "--branches=2,4",
            "--injection-steps=0,3",
            "--injection-strengths=0,0.3",
        ],
        &["--injection-steps", "--injection-strengths"],
    ),
    (
        &[
            "one",
            "two",
            "-o=a.mp4",
            "--spacing=fixed",
            "--mid-compression=99",
        ],
        &["99"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--mid-compression=2"],
        &["--spacing fixed"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--guidance-scale=-1"],
        &["guidance scale", "-1"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--guidance-damper=2"],
        &["guidance damper", "2"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--seed=1,2,3"],
        &["3 seeds", "2 prompts"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--fps=0"],
        &["frames per second", "0"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--seconds=inf"],
        &["seconds", "inf"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--film-seconds=track"],
        &["there is no sound", "--audio"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--film-seconds=12s"],
        &["--film-seconds", "as in 12.5"],
    ),
    // Options of other formats.
    (
        &["one", "two", "-o=a.gif", "--quantizer=20"],
        &["--quantizer belongs to a .mp4 film"],
    ),
    (
        &["one", "two", "-o=a.webp", "--encoder=ffmpeg"],
        &["--encoder belongs to a .mp4 film"],
    ),
    (
        &["one", "two", "--contact-sheet=a.png", "--audio=a.ogg"],
        &["--audio belongs to a .mp4 film"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--crf=20"],
        &["--crf belongs to --encoder ffmpeg"],
    ),
    (
        &["one", "two", "-o=a", "--play-once"],
        &["--play-once belongs to a .gif or .webp film"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--threads=0"],
        &["threads", "0"],
    ),
    (&["one", "two", "-o=a.mp4", "--batch=0"], &["batch", "0"]),
    (
        &["one", "two", "-o=a.mp4", "--device=abacus"],
        &["abacus", "cpu"],
    ),
    (
        &["one", "two", "-o=a.mp4", "--model=no-such-model"],
        &["no-such-model"],
    ),
    (
        &["one", "two", "-o=a", "--frames-dir=./a"],
        &["two different outputs"],
    ),
];

#[test]
fn each_wrong_request_gets_a_message_that_explains_it() {
    let mut messages = BTreeSet::new();
    for (arguments, words) in WRONG {
        let folder = Folder::new();
        let said = folder.run(&[&["render"], *arguments].concat());
        said.assert_refused(2, words);
        assert_eq!(
            folder.contents(),
            [""; 0],
            "{arguments:?} left something behind"
        );
        assert!(
            messages.insert(said.error.clone()),
            "said twice: {}",
            said.error
        );
    }
}

#[test]
fn files_are_not_taken_for_prompts() {
    let folder = Folder::new();
    for name in ["photo.jpg", "photo.png"] {
        std::fs::write(folder.join(name), "pixels").unwrap();
        let said = folder.run(&["render", name, "a heart", "-o=a.mp4"]);
        let advice = format!("--from {name}");
        said.assert_refused(2, &[&advice]);
    }
    let said = folder.run(&["render", "photo.jpg", "-o=a.mp4"]);
    said.assert_refused(2, &["--from photo.jpg"]);
    let said = folder.run(&["render", "missing.toml", "a heart", "-o=a.mp4"]);
    said.assert_refused(2, &["missing.toml is a file among prompts"]);
    assert_eq!(folder.contents(), ["photo.jpg", "photo.png"]);
}

#[test]
fn what_is_not_a_number_or_not_a_flag_is_a_wrong_request() {
    let folder = Folder::new();
    for arguments in [
        &["render", "one", "two", "-o=a.mp4", "--steps=many"][..],
        &["render", "one", "two", "-o=a.mp4", "--steps=-3"],
        &["render", "one", "two", "-o=a.mp4", "--colour"],
        &["redner"],
        &[],
    ] {
        let said = folder.run(arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.error);
        assert!(!said.error.is_empty());
    }
}
