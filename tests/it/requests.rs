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
        &["100x128", "multiples of 8", "try --size 104x128"],
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

/// Flags that belong to outputs, which a plan does not have.
const OF_OUTPUTS: &[&str] = &[
    "-o",
    "--quantizer",
    "--encoder",
    "--audio",
    "--crf",
    "--play-once",
    "--frames-dir",
    "--contact-sheet",
];

/// More wrong requests: what depends on models, pictures and prompts.
const WRONG_FOR_A_MODEL: &[&[&str]] = &[
    &["one", "two", "--size=1284x720"],
    &["one", "--from=missing.png"],
    &["one", "--to=text.png"],
    &["one", "two", "--image=missing.png", "--mask=missing.png"],
    &["one", "two", "--image=picture.png"],
    &["one", "two", "--depth=missing.png"],
    &["one", "two", "--depth=picture.png"],
    &["one", "two", "--vae=missing.safetensors"],
    &["one", "two", "--upscale=no-such-model"],
    &["one", "two", "--upscale=pocket"],
    &["one", "two", "--model=./empty"],
    &["[one:two:0.5]", "two"],
    &["one", "two", "--negative-prompt=<lora:one:1>"],
    &["(one:1000)", "two"],
    &["one", "two", "--from=picture.png", "--sampler=dpmpp-2m"],
    &["film.toml"],
    &["missing.toml"],
];

/// `lb plan` refuses what `lb render` refuses, for the same reason.
#[test]
fn a_plan_refuses_what_a_render_refuses() {
    let folder = Folder::new();
    std::fs::create_dir(folder.join("empty")).unwrap();
    std::fs::write(folder.join("text.png"), "no picture").unwrap();
    image::RgbImage::new(64, 64)
        .save(folder.join("picture.png"))
        .unwrap();
    let film = "[[keyframe]]\nprompt = \"one\"\n[[keyframe]]\nimage = \"gone.png\"\n";
    std::fs::write(folder.join("film.toml"), film).unwrap();
    let is_of_outputs = |argument: &&&str| {
        let flag = argument.split('=').next().unwrap_or_default();
        OF_OUTPUTS.contains(&flag)
    };
    let mut compared = 0;
    let listed = WRONG.iter().map(|(arguments, _)| *arguments);
    for arguments in listed.chain(WRONG_FOR_A_MODEL.iter().copied()) {
        // Only a film that could be written is refused for another reason than its output.
        let outputs: Vec<&str> = arguments.iter().filter(is_of_outputs).copied().collect();
        let film: Vec<&str> = arguments
            .iter()
            .filter(|at| !is_of_outputs(at))
            .copied()
            .collect();
        if film.len() < 2 && !film.concat().ends_with(".toml")
            || outputs.iter().any(|at| *at != "-o=a.mp4")
        {
            continue;
        }
        if film == ["one", "two"] {
            continue;
        }
        let render = folder.run(&[&["render", "-o=a.mp4"], &film[..]].concat());
        let plan = folder.run(&[&["plan"], &film[..]].concat());
        assert_ne!(render.code, Some(0), "{film:?}: {}", render.error);
        assert_eq!(
            plan.code, render.code,
            "{film:?}: {} {}",
            plan.output, plan.error
        );
        assert_eq!(plan.output, "");
        let reason = |error: &str| {
            let mut lines = error.lines();
            let reason = lines.find(|line| line.starts_with("error: "));
            // A render has made paths absolute.
            let here = format!("{}/", folder.path().display());
            reason.map(|reason| reason.replace(&here, ""))
        };
        assert_eq!(reason(&plan.error), reason(&render.error), "{film:?}");
        compared += 1;
    }
    assert!(compared > 40, "{compared}");
}
