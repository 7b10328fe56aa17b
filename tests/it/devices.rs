//! Which ONNX Runtime library is loaded, and what is reported about a GPU that cannot be used.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::Value;

use crate::lb::{Folder, Said, program};

#[test]
fn a_gpu_that_cannot_be_used_is_refused_with_the_reason_and_the_next_step() {
    let folder = Folder::new();
    let doctor = folder.facts(&["doctor"]);
    let devices = doctor["devices"].as_array().unwrap();
    for device in devices.iter().filter(|device| device["found"] == false) {
        let text = |key: &str| device[key].as_str().unwrap().to_lowercase();
        let asked = format!("--device={}", text("name"));
        let said = folder.run(&["render", "a", "b", "-o=a.mp4", &asked]);
        said.assert_refused(1, &[&text("detail"), &format!("hint: {}", text("advice"))]);
        assert_eq!(folder.contents(), [""; 0]);
    }
    let cpu = devices.iter().find(|device| device["name"] == "cpu");
    assert_eq!(cpu.unwrap()["found"], true, "{doctor}");
}

/// Makes a checkout after both setups, and then removes the one for GPUs again.
#[test]
fn the_library_for_gpus_is_preferred() {
    let Some(library) = std::env::var_os("ORT_DYLIB_PATH") else {
        return;
    };
    let library = fs::canonicalize(library).unwrap();
    let checkout = Folder::new();
    let lb = checkout.join("target/debug/lb");
    fs::create_dir_all(lb.parent().unwrap()).unwrap();
    fs::copy(program(), &lb).unwrap();
    let name = library.file_name().unwrap();
    for setup in ["onnxruntime", "onnxruntime-gpu"] {
        let folder = checkout.join("target").join(setup);
        fs::create_dir(&folder).unwrap();
        symlink(&library, folder.join(name)).unwrap();
    }
    let taken = || {
        let mut doctor = Command::new(&lb);
        doctor.args(["doctor", "--json"]);
        doctor.env_remove("ORT_DYLIB_PATH");
        let said = Said::from(doctor.output().unwrap());
        assert_eq!(said.code, Some(0), "{}", said.error);
        let facts: Value = serde_json::from_str(&said.output).unwrap();
        facts["runtime"]["detail"].as_str().unwrap().to_owned()
    };
    assert!(taken().contains("/target/onnxruntime-gpu/"), "{}", taken());
    fs::remove_dir_all(checkout.join("target/onnxruntime-gpu")).unwrap();
    assert!(taken().contains("/target/onnxruntime/"), "{}", taken());
}
