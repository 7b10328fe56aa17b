//! Prompts with weights and long prompts, from the command line to the pixels.

use std::fs;

use crate::lb::{Folder, warnings};
use crate::pictures::{largest_difference, read, sequence};

const FEW: &[&str] = &[
    "--steps=4",
    "--frames=3",
    "--pictures=3",
    "--depth-strength=0.3",
    "--timestep-spacing=trailing",
];

/// The computed frames of a film of these prompts.
fn frames(folder: &Folder, prompts: &[&str], more: &[&str]) -> Vec<image::RgbImage> {
    let outputs = ["--frames-dir=frames", "--force"];
    let said = folder.run(&[&["render"], prompts, FEW, &outputs, more].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    sequence(&folder.join("frames"))
}

#[test]
fn a_weight_of_one_changes_nothing_and_others_do() {
    let folder = Folder::new();
    let films = [
        "a red apple",
        "a (red:1.0) apple",
        "a (red:3) apple",
        r"a red apple \(ripe\)",
    ];
    let [bare, same, stressed, escaped] =
        films.map(|apple| frames(&folder, &[apple, "a pear"], &[]));
    assert_eq!(bare, same);
    assert!(largest_difference(&bare[0], &stressed[0]) > 8);
    assert_eq!(bare[2], stressed[2], "the other keyframe stays as it is");
    let plain = frames(
        &folder,
        &["a red apple (ripe)", "a pear"],
        &["--prompt-syntax=plain"],
    );
    assert_eq!(escaped, plain);
    // The cache does not take one for the other.
    let plain = frames(
        &folder,
        &["a (red:3) apple", "a pear"],
        &["--prompt-syntax=plain"],
    );
    assert_ne!(plain[0], stressed[0]);
    assert_eq!(
        frames(&folder, &["a (red:3) apple", "a pear"], &[]),
        stressed
    );
}

#[test]
fn prompts_of_different_lengths_share_a_film() {
    let folder = Folder::new();
    let long = ["a red apple"; 30].join(", ");
    let longer = ["a green pear"; 60].join(", ");
    let film = frames(
        &folder,
        &["an owl", &long, &longer],
        &["--loop", "--negative-prompt=blue"],
    );
    // A keyframe is the same picture, up to rounding, as beside prompts that are as short as its own.
    let short = frames(
        &folder,
        &["an owl", "a red apple"],
        &["--negative-prompt=blue"],
    );
    assert!(
        largest_difference(&film[0], &short[0]) <= 1,
        "the owl changed"
    );
    // Nothing is cut, so what comes late counts.
    let late = format!("{long}, on a blue background");
    let other = frames(&folder, &["an owl", &late], &[]);
    let first = frames(&folder, &["an owl", &long], &[]);
    assert_ne!(first[2], other[2]);
    // A plain prompt is cut, and that is said.
    let plain = ["--prompt-syntax=plain", "--frames-dir=plain"];
    let said = folder.run(&[&["render", "an owl", &long], FEW, &plain].concat());
    assert!(
        said.error.contains("is too long; the model does not see"),
        "{}",
        said.error
    );
}

#[test]
fn words_inside_of_marks_are_words() {
    let folder = Folder::new();
    let said = folder.run(&["plan", "a (red:1.3) [apple]", r"((a)) ferrari \(fast\)"]);
    let warnings = warnings(&said.error);
    assert_eq!(warnings.len(), 1, "{}", said.error);
    assert!(warnings[0].contains("\"ferrari\"") && !warnings[0].contains("red"));
}

/// Marks of other programs, and words of the message.
const REFUSED: [(&str, &[&str]); 7] = [
    (
        "a [red:green:0.5] apple",
        &["[red:green:0.5]", "keyframe of its own"],
    ),
    ("a [red:0.5] apple", &["[red:0.5]", "round brackets"]),
    (
        "a [red|green] apple",
        &["[red|green]", "keyframe of its own"],
    ),
    (
        "an apple <lora:style:0.8>",
        &["<lora:style:0.8>", "--lora FILE:STRENGTH"],
    ),
    (
        "an apple <hypernet:style>",
        &["<hypernet:style>", "--prompt-syntax plain"],
    ),
    (
        "an apple < LoRA:style:1 >",
        &["< LoRA:style:1 >", "--lora FILE:STRENGTH"],
    ),
    ("((((apple:9):9):9):9)", &["6561", "-100 to 100"]),
];

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let folder = Folder::new();
    for (prompt, words) in REFUSED {
        for command in [
            &["render", "-o=a.mp4"][..],
            &["plan"],
            &["seeds", "-o=a.png"],
        ] {
            let said = folder.run(&[command, &[prompt, "a pear"]].concat());
            said.assert_refused(2, words);
            let said =
                folder.run(&[command, &["a pear", "an owl", "--negative-prompt", prompt]].concat());
            said.assert_refused(2, words);
        }
        let plain = folder.run(&["plan", prompt, "a pear", "--prompt-syntax=plain"]);
        assert_eq!(plain.code, Some(0), "{}", plain.error);
    }
    assert_eq!(folder.contents(), [""; 0]);
    for (prompt, word) in [
        ("an apple AND a pear", "AND"),
        ("embedding:bad_hands", "embedding"),
        ("a (red:1,3) apple", "a number"),
        ("a red:1.3 apple", "a number"),
        ("a {red|green} apple", "braces"),
        ("a __colour__ apple", "wildcards"),
        ("a red++ apple", "++"),
    ] {
        let said = folder.run(&["plan", prompt, "a pear"]);
        assert_eq!(said.code, Some(0), "{}", said.error);
        assert!(warnings(&said.error)[0].contains(word), "{}", said.error);
    }
}

#[test]
fn the_syntax_is_part_of_a_job() {
    let folder = Folder::new();
    let saved = |arguments: &[&str]| {
        let save = ["--save-job=job.toml", "--force"];
        let said = folder.run(&[&["render"], arguments, &save].concat());
        assert_eq!(said.code, Some(0), "{}", said.error);
        fs::read_to_string(folder.join("job.toml")).unwrap()
    };
    assert!(!saved(&["an apple", "a pear"]).contains("prompt_syntax"));
    assert!(saved(&["an (apple)", "a pear"]).contains("prompt_syntax = \"weighted\""));
    let plain = saved(&["an (apple)", "a pear", "--prompt-syntax=plain"]);
    assert!(plain.contains("prompt_syntax = \"plain\""));
    assert_eq!(saved(&["job.toml"]), plain);
    let still = |name: &str, syntax: &str| {
        let said = folder.run(&["render", "a (red:3) apple", "--steps=4", "-o", name, syntax]);
        assert_eq!(said.code, Some(0), "{}", said.error);
        read(&folder.join(name))
    };
    let [weighted, plain] = ["weighted", "plain"]
        .map(|name| still(&format!("{name}.png"), &format!("--prompt-syntax={name}")));
    assert_ne!(weighted, plain);
}
