//! The program alone, as `cargo install` leaves it: without ONNX Runtime, models or a home with anything in it. It says
//! what is missing, and names a command that gets it.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::lb::{Folder, Said, program};

/// A home with nothing but the program in it.
struct Bare {
    folder: Folder,
    program: PathBuf,
}

impl Bare {
    fn new() -> Self {
        let folder = Folder::new();
        let bin = folder.join(".cargo/bin");
        fs::create_dir_all(&bin).unwrap();
        let alone = bin.join("lb");
        if fs::hard_link(program(), &alone).is_err() {
            fs::copy(program(), &alone).unwrap();
        }
        Self {
            folder,
            program: alone,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.folder.path());
        command.env_clear().env("HOME", self.folder.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        Said::from(self.command(arguments).output().unwrap())
    }

    /// The same with the bundled models.
    fn run_with_models(&self, arguments: &[&str]) -> Said {
        let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../models");
        let mut command = self.command(arguments);
        Said::from(command.env("LB_MODELS", models).output().unwrap())
    }
}

/// Whether the system has an ONNX Runtime for all programs.
fn system_has_runtime(bare: &Bare) -> bool {
    bare.run(&["doctor", "--json"])
        .output
        .contains(r#""name":"ONNX Runtime","found":true"#)
}

#[test]
fn what_is_missing_is_named_with_the_command_that_gets_it() {
    let bare = Bare::new();
    if system_has_runtime(&bare) {
        eprintln!("skipped: this system has an ONNX Runtime");
        return;
    }
    let packages = bare.folder.join(".local/share/lb/packages");
    let runtime = format!(
        "`python3 -m pip install --no-deps --target {} onnxruntime` gets it",
        packages.display()
    );

    let said = bare.run(&["render", "an owl", "a fox", "-o", "film.mp4"]);
    assert_eq!(said.code, Some(2), "{}", said.error);
    assert!(
        said.error.contains("no model named `pocket` found"),
        "{}",
        said.error
    );
    assert!(
        said.error.contains("`lb pull sd-turbo` downloads"),
        "{}",
        said.error
    );

    let said = bare.run_with_models(&["render", "an owl", "a fox", "-o", "film.mp4"]);
    assert_eq!(said.code, Some(1), "{}", said.error);
    assert!(
        said.error.contains("no ONNX Runtime library found"),
        "{}",
        said.error
    );
    assert!(said.error.contains(&runtime), "{}", said.error);

    let said = bare.run(&["doctor"]);
    assert_eq!(said.code, Some(1), "{}", said.error);
    assert!(said.output.contains(&runtime), "{}", said.output);
    assert!(
        said.output.contains("`lb pull sd-turbo` downloads one"),
        "{}",
        said.output
    );

    let said = bare.run(&["models"]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(
        said.output.contains("`lb pull sd-turbo` downloads one"),
        "{}",
        said.output
    );

    let said = bare.run(&["studio", "--no-browser", "--port", "0"]);
    assert_eq!(said.code, Some(1), "{}", said.error);
    assert!(said.error.contains(&runtime), "{}", said.error);

    // None of these has left anything.
    let left = |name| bare.folder.join(name).exists();
    assert!(!left(".local") && !left(".cache"), "something was made");
}

#[test]
fn the_library_that_the_command_gets_is_found() {
    let Some(library) = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from) else {
        eprintln!("skipped: ORT_DYLIB_PATH is not set");
        return;
    };
    let bare = Bare::new();
    // As `pip install --target` puts it there.
    let capi = bare
        .folder
        .join(".local/share/lb/packages/onnxruntime/capi");
    fs::create_dir_all(&capi).unwrap();
    std::os::unix::fs::symlink(&library, capi.join(library.file_name().unwrap())).unwrap();
    let said = bare.run_with_models(&["doctor"]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(
        said.output.contains(&*capi.to_string_lossy()),
        "{}",
        said.output
    );
}
