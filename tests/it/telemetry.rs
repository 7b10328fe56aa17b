//! Nothing about a run is recorded or sent for others.
#![cfg(target_os = "linux")]

use std::fs;

use crate::lb::{Folder, SMALL_FILM};

/// The official builds of ONNX Runtime write an identifier of the machine and a database of what they are
/// going to send into the cache folder.
#[test]
fn nothing_is_written_below_the_home_folder_but_the_cache_of_lb() {
    let folder = Folder::new();
    let home = folder.join("home");
    fs::create_dir(&home).unwrap();
    let mut command = folder.command(&[SMALL_FILM, &["--frames-dir=frames"]].concat());
    command.env_remove("LB_CACHE_DIR").env("HOME", &home);
    command.env("XDG_CACHE_HOME", home.join("cache"));
    // Under these, the runtime reports nothing anyway.
    for variable in ["ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "CI"] {
        command.env_remove(variable);
    }
    for (variable, _) in std::env::vars().filter(|(name, _)| name.starts_with("GITHUB_")) {
        command.env_remove(variable);
    }
    let run = command.output().unwrap();
    assert!(run.status.success());
    let names = |path| -> Vec<_> {
        let entries = fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    assert_eq!(names(home.clone()), ["cache"]);
    assert_eq!(names(home.join("cache")), ["lb"]);
}
