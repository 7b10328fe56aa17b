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
    (&["a red apple", "a green pear"], "`lb render`"),
    (&["film.toml", "-o", "film.mp4"], "`lb render`"),
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
    assert!(short.lines().count() < 60, "{short}");
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
