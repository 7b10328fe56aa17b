//! Batches, seeds and negative prompts: what must not change a film, and what must.

use crate::lb::{Folder, SMALL_FILM};
use crate::pictures::{distance, largest_difference, sequence};

/// Splitting a batch changes the order of some sums, and therefore some roundings.
const TOLERANCE: u8 = 2;

#[test]
fn the_same_job_gives_the_same_bytes() {
    let render = || {
        let folder = Folder::new();
        let outputs = [
            "--seconds=1",
            "--fps=10",
            "-o=film.mp4",
            "--frames-dir=frames",
        ];
        folder.facts(&[SMALL_FILM, &outputs].concat());
        let read = |name: String| (name.clone(), std::fs::read(folder.join(&name)).ok());
        folder.contents().into_iter().map(read).collect::<Vec<_>>()
    };
    let first = render();
    assert_eq!(first.len(), 7, "a film, a folder, five frames");
    assert!(first == render(), "some bytes differ");
}

#[test]
fn the_batch_limit_changes_nothing_that_can_be_seen() {
    let render = |batch: &str| {
        let folder = Folder::new();
        let facts =
            folder.facts(&[SMALL_FILM, &["--batch", batch, "--frames-dir=frames"]].concat());
        (
            facts["predict_calls"].as_u64().unwrap(),
            sequence(&folder.join("frames")),
        )
    };
    let (calls_of_one, ones) = render("1");
    let (calls_of_eight, eights) = render("8");
    assert!(
        calls_of_eight < calls_of_one,
        "{calls_of_eight} calls, {calls_of_one} one at a time"
    );
    assert_eq!((ones.len(), eights.len()), (5, 5));
    for (one, eight) in ones.iter().zip(&eights) {
        let difference = largest_difference(one, eight);
        assert!(difference <= TOLERANCE, "{difference} grey levels");
    }
}

#[test]
fn seeds_and_negative_prompts_change_the_pictures() {
    let render = |extra: &[&str]| {
        let folder = Folder::new();
        let mut arguments = vec!["render", "a red apple", "a green pear"];
        arguments.extend(["--steps=6", "--frames=2", "--frames-dir=frames"]);
        arguments.extend(extra);
        folder.facts(&arguments);
        sequence(&folder.join("frames"))
    };
    let plain = render(&[]);
    assert!(plain == render(&["--seed=0,1"]), "seeds count from 0");
    let seeded = render(&["--seed=0,9"]);
    assert!(plain[0] == seeded[0] && distance(&plain[1], &seeded[1]) > 5.0);
    let negative = render(&["--negative-prompt=a red apple"]);
    assert!(distance(&plain[0], &negative[0]) > 5.0);
}
