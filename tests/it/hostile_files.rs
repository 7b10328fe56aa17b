//! Pictures and films that were made to do harm: a message and an exit code, and never a panic.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::lb::Folder;

/// The files that the crates are tested with.
fn hostile() -> Vec<PathBuf> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let folders = ["lb-video", "lb-measure"].map(|name| crates.join(name).join("tests/hostile"));
    let files = folders.iter().flat_map(|folder| folder.read_dir().unwrap());
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|ending| ending != "md"))
        .collect()
}

#[test]
fn no_file_ends_a_command_by_a_panic_or_takes_long() {
    let folder = Folder::new();
    let files = hostile();
    assert!(files.len() >= 7);
    for path in files {
        let path = path.to_str().unwrap();
        for arguments in [
            &["measure", path][..],
            &["measure", path, path, path],
            &["show", path],
            &["plan", "--from", path, "a pear"],
            &["plan", "--model=none", "--depth", path, "a pear", "a lemon"],
        ] {
            let began = Instant::now();
            let said = folder.run(arguments);
            assert!(
                matches!(said.code, Some(0 | 2)),
                "{arguments:?}: {:?} {}",
                said.code,
                said.error
            );
            assert!(!said.error.contains("panicked"), "{}", said.error);
            assert!(began.elapsed().as_secs() < 60, "{arguments:?}");
        }
    }
}

#[test]
fn a_picture_that_its_decoder_cannot_stand_is_named() {
    let folder = Folder::new();
    let palette = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates/lb-video/tests/hostile/odd_palette.png");
    std::fs::copy(palette, folder.join("evil.png")).unwrap();
    let film = ["a pear", "--steps=1", "--frames=2", "-o=film.mp4"];
    let said = folder.run(&[&["render", "--from=evil.png"], &film[..]].concat());
    said.assert_refused(2, &["evil.png is damaged", "its decoder failed"]);
    assert!(!said.error.contains("backtrace"), "{}", said.error);
}
