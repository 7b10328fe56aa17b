//! Ctrl-C.
#![cfg(unix)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::lb::{Folder, Said};

/// Long enough that no machine finishes before it is interrupted.
const LONG: &[&str] = &[
    "render",
    "a red apple",
    "a green pear",
    "--steps=1000",
    "--frames=100",
];

#[test]
fn ctrl_c_ends_with_130_and_leaves_nothing() {
    let folder = Folder::new();
    let mut command = folder.command(LONG);
    command.args(["--output=film.mp4", "--frames-dir=frames"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The outputs have been opened: the work has begun.
    let begun = Instant::now();
    while folder.contents().is_empty() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "the render does not begin"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let interrupt = ["-INT", &child.id().to_string()];
    assert!(
        Command::new("kill")
            .args(interrupt)
            .status()
            .unwrap()
            .success()
    );
    let said = Said::from(child.wait_with_output().unwrap());
    said.assert_refused(130, &["interrupted"]);
    assert_eq!(folder.contents(), [""; 0]);
}
