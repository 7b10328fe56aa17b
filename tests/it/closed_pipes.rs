//! Pipes that nobody reads, as in `lb … | head -1`, are no reason to fail.

use std::io::pipe;
use std::process::{Command, ExitStatus};

use crate::lb::{Folder, SMALL_FILM};

/// Runs a command whose standard output and standard error nobody reads.
fn unread(command: &mut Command) -> ExitStatus {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let second = writer.try_clone().unwrap();
    command.stdout(second).stderr(writer).status().unwrap()
}

#[test]
fn texts_that_nobody_reads_end_quietly() {
    let folder = Folder::new();
    for arguments in [
        &["plan", "a", "b"][..],
        &["plan", "a", "b", "--json"],
        &["models"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let status = unread(&mut folder.command(arguments));
        assert_eq!(status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn an_error_that_nobody_reads_keeps_its_code() {
    let folder = Folder::new();
    let status = unread(&mut folder.command(&["render", "a", "b", "-o=film.avi"]));
    assert_eq!(status.code(), Some(2));
}

#[test]
fn a_film_whose_messages_nobody_reads_is_whole() {
    let folder = Folder::new();
    // A long prompt causes a warning, and -vv makes the program log.
    let prompt = "a red apple ".repeat(90);
    let mut command = folder.command(SMALL_FILM);
    let status = unread(command.args([&prompt, "-vv", "--output=film.gif"]));
    assert_eq!(status.code(), Some(0));
    assert_eq!(folder.contents(), ["film.gif"]);
}

#[test]
#[cfg(target_os = "linux")]
fn standard_output_on_a_full_disk_is_an_error() {
    let folder = Folder::new();
    for arguments in [
        &["plan", "a", "b"][..],
        &["plan", "a", "b", "--json"],
        &["models"],
        &["doctor"],
        &["completions", "bash"],
        &["--help"],
        &["-h"],
        &["--version"],
        &["render", "--help"],
        &["help", "render"],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let mut command = folder.command(arguments);
        let output = command.stdout(full.unwrap()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("cannot write standard output"), "{said}");
    }
}
