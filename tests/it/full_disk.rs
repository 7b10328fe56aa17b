//! A disk that becomes full while results are cached or while a film is encoded.
#![cfg(unix)]

use std::process::Command;

use lb_models::testing::write_tiny_model;

use crate::lb::{Folder, Said, program};

const FILM: &[&str] = &[
    "render",
    "a red apple",
    "a green pear",
    "--steps=2",
    "--branches=2,8",
    "--injection-steps=0,1",
    "--threads=1",
];

/// Runs `lb` with these arguments in a shell that has done `first`.
fn run(folder: &Folder, first: &str, arguments: &[&str]) -> Said {
    let mut command = folder.command_after(first, FILM);
    Said::from(command.args(arguments).output().unwrap())
}

/// No file may grow beyond 32 blocks of 512 bytes (in some shells, of 1024); the signal that would
/// end the program is ignored, so that it meets an error as on a full disk.
const SMALL_FILES: &str = "trap '' XFSZ; ulimit -f 32";

#[test]
fn results_that_cannot_be_kept_are_done_without_and_that_is_said_once() {
    let folder = Folder::new();
    let output = [
        "--output=film.mp4",
        "--seconds=0.4",
        "--fps=5",
        "--quantizer=51",
    ];
    let said = run(&folder, SMALL_FILES, &output);
    assert_eq!(said.code, Some(0), "{}", said.error);
    let warnings = said.error.matches("warning: the cache folder").count();
    assert_eq!(warnings, 1, "{}", said.error);
    assert!(said.error.contains("cannot be written"), "{}", said.error);
    assert_eq!(folder.contents(), ["film.mp4"]);
    let partial = std::fs::read_dir(folder.cache().join("entries")).unwrap();
    let partial = partial.flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap());
    let mut names = partial.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert!(names.all(|name| !name.ends_with(".partial")));
}

#[test]
fn a_film_for_which_there_is_no_room_is_not_there() {
    let folder = Folder::new();
    let output = [
        "--output=film.mp4",
        "--seconds=5",
        "--quantizer=12",
        "--no-cache",
    ];
    let said = run(&folder, SMALL_FILES, &output);
    said.assert_refused(1, &["film.mp4 could not be written", "file too large"]);
    assert_eq!(folder.contents(), [""; 0]);
}

const MOUNT: &str = "mount -t tmpfs -o size=48k none disk";

/// Whether a disk of its own can be given to a shell and what it runs.
pub(crate) fn can_mount(folder: &Folder) -> bool {
    std::fs::create_dir(folder.join("disk")).unwrap();
    let mut mounted = Command::new("unshare");
    mounted
        .current_dir(folder.path())
        .args(["--mount", "--map-root-user", "sh", "-c"]);
    let mounted = mounted.arg(MOUNT).output();
    mounted.is_ok_and(|output| output.status.success())
}

/// A call of `lb` where `disk` is small; what is left there is listed at the end.
pub(crate) fn on_disk(folder: &Folder, arguments: &[&str]) -> Command {
    let script = format!("{MOUNT}; \"$0\" \"$@\"; code=$?; ls -A disk; exit $code");
    let mut command = Command::new("unshare");
    command.current_dir(folder.path());
    command.args(["--mount", "--map-root-user", "sh", "-c", &script]);
    command.env("LB_CACHE_DIR", folder.cache());
    command.arg(program()).args(arguments);
    command
}

fn run_on_disk(folder: &Folder, arguments: &[&str]) -> Said {
    Said::from(on_disk(folder, arguments).output().unwrap())
}

#[test]
fn a_full_disk_is_reported_and_leaves_nothing() {
    let folder = Folder::new();
    if !can_mount(&folder) {
        eprintln!("skipped: a file system cannot be mounted here");
        return;
    }
    for output in [
        "--output=disk/film.mp4",
        "--frames-dir=disk/frames",
        "--output=disk/film",
    ] {
        let said = run_on_disk(&folder, &[FILM, &[output, "--seconds=5"]].concat());
        said.assert_refused(1, &[output.split_once('=').unwrap().1, "No space left"]);
    }
}

/// The frames of a first stage wait on the outputs' disk, not in memory.
#[test]
fn a_first_stage_without_room_is_reported_and_leaves_nothing() {
    let folder = Folder::new();
    if !can_mount(&folder) {
        eprintln!("skipped: a file system cannot be mounted here");
        return;
    }
    write_tiny_model("sd21", &folder.join("sd21")).unwrap();
    write_tiny_model("upscale", &folder.join("upscale")).unwrap();
    let film = ["render", "red leaf", "blue sea", "--model=./sd21"];
    let stages = ["--size=64x64", "--upscale=./upscale", "--upscale-frames=2"];
    // Five frames of 12 kB.
    let tree = ["--steps=2", "--branches=2,5", "--injection-steps=0,1"];
    let rest = ["--frames-dir=disk/frames", "--no-cache"];
    let said = run_on_disk(&folder, &[&film[..], &stages, &tree, &rest].concat());
    said.assert_refused(1, &["No space left", "disk", "49152 bytes were written"]);
}
