//! The help, and the messages about arguments that are not understood.

use crate::lb::Folder;

/// Arguments, and words in the message that help.
const ADVICE: &[(&[&str], &str)] = &[
    // What other programs call it.
    (&["render", "a", "b", "--duration", "5"], "'--seconds'"),
    (&["render", "a", "b", "--width", "64"], "'--size'"),
    (&["render", "a", "b", "--cfg=7"], "'--guidance-scale'"),
    (&["render", "a", "b", "--gif"], "'--output'"),
    (&["plan", "a", "b", "--length=5"], "'--seconds'"),
    // A slip of the finger.
    (&["render", "a", "b", "--seeds=1"], "'--seed'"),
    // Numbers.
    (&["render", "a", "b", "--seed", "-1"], "whole number"),
    (&["render", "a", "b", "--seed", "1,x"], "whole number"),
    (
        &["render", "a", "b", "--seed", "18446744073709551616"],
        "at most 18446744073709551615",
    ),
    (&["render", "a", "b", "--seconds", "3s"], "plain number"),
    (
        &["render", "a", "b", "--depth-strength", "0,2"],
        "write 0.2",
    ),
    (&["render", "a", "b", "--seconds", "-3"], "got -3"),
    // Where `render` was left out.
    (
        &["a red apple", "a green pear"],
        "lb render \"a red apple\" \"a green pear\"",
    ),
    (&["a", "b", "-o", "f.mp4"], "lb render \"a\" \"b\" -o f.mp4"),
    (&["film.toml", "-o", "film.mp4"], "lb render \"film.toml\""),
    // A slip of the finger in a command.
    (&["redner", "a", "b"], "'render'"),
    // Another flag than the one that was meant.
    (
        &["render", "a", "b", "--depth", "0.2"],
        "--depth-strength 0.2",
    ),
    (
        &["render", "a", "b", "--strength", "0.2"],
        "'--depth-strength'",
    ),
    (
        &["render", "a", "b", "-o=a.mp4", "--preset", "high"],
        "--quality high",
    ),
    (&["render", "a", "b", "--film-seconds", "2,5"], "write 2.5"),
];

#[test]
fn what_is_not_understood_is_answered_with_advice() {
    let folder = Folder::new();
    for (arguments, words) in ADVICE {
        let said = folder.run(arguments);
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.error);
        assert!(said.error.contains(words), "{arguments:?}: {}", said.error);
        let tips = said.error.matches("tip:").count();
        assert!(tips <= 1, "{arguments:?}: {}", said.error);
    }
}

#[test]
fn lists_of_numbers_may_have_spaces() {
    let folder = Folder::new();
    let said = folder.run(&["plan", "a", "b", "--seed", "4, 17"]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(said.output.contains("seeds: 4, 17"), "{}", said.output);
}

#[test]
fn the_short_help_fits_on_a_screen_and_the_long_one_has_everything() {
    let folder = Folder::new();
    let help = |arguments: &[&str]| {
        let said = folder.run(arguments);
        assert_eq!(said.code, Some(0));
        said.output
    };
    let (short, long) = (help(&["render", "-h"]), help(&["render", "--help"]));
    assert!(short.lines().count() < 64, "{short}");
    assert!(short.contains("`lb render --help`"), "{short}");
    for flag in ["--output", "--seed", "--quality", "--loop", "--model"] {
        assert!(short.contains(flag), "{flag}: {short}");
    }
    for rare in ["--crossfeed-decay", "--injection-steps", "--cache-size"] {
        assert!(!short.contains(rare), "{rare}: {short}");
        assert!(long.contains(rare), "{rare}: {long}");
    }
    assert_eq!(help(&["help", "render"]), long);
    let columns = long.lines().map(|line| line.chars().count()).max();
    assert!(columns <= Some(100), "{columns:?}: {long}");
}

#[test]
fn the_help_of_every_command_has_an_example() {
    let folder = Folder::new();
    for command in [
        "",
        "render",
        "seeds",
        "plan",
        "upscale",
        "measure",
        "show",
        "import",
        "models",
        "doctor",
        "completions",
    ] {
        let arguments: Vec<&str> = command.split_whitespace().chain(["-h"]).collect();
        let said = folder.run(&arguments);
        assert_eq!(said.code, Some(0), "{command}: {}", said.error);
        let example = format!("lb {command}");
        let (_, examples) = said.output.split_once("Examples:").expect(command);
        assert!(examples.contains(&example), "{command}: {examples}");
    }
}

#[test]
fn messages_are_coloured_where_the_variables_say_so() {
    let folder = Folder::new();
    let said = |variables: &[(&str, &str)]| {
        let mut command = folder.command(&["plan", "a", "b", "--hold=-1"]);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        let output = command.envs(variables.iter().copied()).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said(&[]).starts_with("error: "), "a pipe has no colours");
    assert!(said(&[("CLICOLOR_FORCE", "1")]).starts_with("\u{1b}["));
    let forbidden = said(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]);
    assert!(forbidden.starts_with("error: "), "{forbidden:?}");
}
