//! Devices whose execution provider is a plugin, on a stand-in for one: how it is found and tried out, and what is
//! said about one that cannot be used.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use lb_video::picture::psnr;
use serde_json::Value;
use tempfile::TempDir;

use crate::lb::{Folder, SMALL_FILM, Said};

const PLUGIN: &str = "libonnxruntime_providers_openvino_plugin.so";

/// The stand-in, which is compiled once.
fn plugin() -> &'static Path {
    static PLUGIN_FOLDER: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = PLUGIN_FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join(PLUGIN);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugin-stand-in/plugin.c");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let mut compile = Command::new(compiler);
        compile.args(["-std=c11", "-Wall", "-Wextra", "-Werror"]);
        compile.args(["-shared", "-fPIC", "-o"]).arg(&library);
        let compiled = compile.arg(source).output().unwrap();
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{said}");
        (folder, library)
    });
    path
}

/// A folder with ONNX Runtime's library and the stand-in at these paths; `None` if no library is named.
fn installed(runtime: &str, plugin_folder: &str) -> Option<(Folder, PathBuf)> {
    let library = fs::canonicalize(std::env::var_os("ORT_DYLIB_PATH")?).unwrap();
    let folder = Folder::new();
    let linked = folder.join(runtime).join(library.file_name().unwrap());
    let plugin_link = folder.join(plugin_folder).join(PLUGIN);
    for (link, to) in [(&linked, library.as_path()), (&plugin_link, plugin())] {
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(to, link).unwrap();
    }
    Some((folder, linked))
}

/// A checkout after `cargo xtask setup --device openvino`.
fn checkout() -> Option<(Folder, PathBuf)> {
    installed("target/onnxruntime", "target/onnxruntime-openvino")
}

fn run(folder: &Folder, library: &Path, behaviour: &str, arguments: &[&str]) -> Said {
    let mut command = folder.command(arguments);
    command.env("ORT_DYLIB_PATH", library);
    command.env("LB_STAND_IN", behaviour);
    Said::from(command.output().unwrap())
}

fn openvino(folder: &Folder, library: &Path, behaviour: &str) -> Value {
    let said = run(folder, library, behaviour, &["doctor", "--json"]);
    let facts: Value = serde_json::from_str(&said.output).unwrap();
    let devices = facts["devices"].as_array().unwrap();
    let found = devices.iter().find(|device| device["name"] == "openvino");
    found.unwrap().clone()
}

#[test]
fn a_plugin_is_tried_out_and_one_that_cannot_be_used_says_why() {
    let Some((folder, library)) = checkout() else {
        return;
    };
    assert_eq!(openvino(&folder, &library, "right")["found"], true);
    for (behaviour, reason) in [
        ("nothing", "openvino runs on CPUs and GPUs made by Intel"),
        ("declines", "fallback to CPU"),
        ("wrong", "a convolution on openvino gave"),
    ] {
        let finding = openvino(&folder, &library, behaviour);
        assert_eq!(finding["found"], false, "{finding}");
        let detail = finding["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{behaviour}: {detail}");
        let advice = finding["advice"].as_str().unwrap();
        let film = ["render", "a", "b", "-o=a.mp4", "--device=openvino"];
        let said = run(&folder, &library, behaviour, &film);
        assert_eq!(said.code, Some(1), "{}", said.error);
        assert!(said.error.contains(detail), "{}", said.error);
        assert!(said.error.contains(advice), "{}", said.error);
    }
}

#[test]
fn a_plugin_beside_the_runtime_in_a_python_environment_is_found() {
    let packages = "lib/python3.13/site-packages";
    let Some((folder, library)) = installed(
        &format!("{packages}/onnxruntime/capi"),
        &format!("{packages}/onnxruntime_ep_openvino"),
    ) else {
        return;
    };
    assert_eq!(openvino(&folder, &library, "right")["found"], true);
}

#[test]
fn a_library_that_is_no_plugin_is_named() {
    let Some((folder, library)) = checkout() else {
        return;
    };
    let plugin = folder.join("target/onnxruntime-openvino").join(PLUGIN);
    fs::remove_file(&plugin).unwrap();
    fs::write(&plugin, "not a library").unwrap();
    let finding = openvino(&folder, &library, "right");
    let detail = finding["detail"].as_str().unwrap();
    assert!(
        detail.contains(PLUGIN) && detail.contains("cannot be loaded"),
        "{detail}"
    );
    fs::remove_file(&plugin).unwrap();
    let finding = openvino(&folder, &library, "right");
    let advice = finding["advice"].as_str().unwrap();
    assert!(
        advice.contains("cargo xtask setup --device openvino"),
        "{advice}"
    );
    assert!(
        advice.contains("pip install onnxruntime-ep-openvino"),
        "{advice}"
    );
}

/// The stand-in leaves the models to the CPU, so the film shows what `lb` makes of calls of one size.
#[test]
fn a_film_on_a_plugin_is_that_of_the_cpu_and_what_falls_back_is_said() {
    let Some((folder, library)) = checkout() else {
        return;
    };
    let film = |device: &str| {
        let flags = [device, "--no-cache", "--threads=1", "--precision=fp32"];
        let frames = format!("--frames-dir={}", device.trim_start_matches("--device="));
        let arguments = [SMALL_FILM, &flags, &[&frames]].concat();
        let said = run(&folder, &library, "right", &arguments);
        assert_eq!(said.code, Some(0), "{}", said.error);
        said.error
    };
    film("--device=cpu");
    let said = film("--device=openvino");
    for component in ["UNet", "VAE decoder"] {
        let warning = format!("the {component} runs partly on the CPU");
        assert!(said.contains(&warning), "{said}");
    }
    assert!(!said.contains("text encoder"), "{said}");
    let frames = |device: &str| {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder.join(device))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
            .collect();
        paths.sort();
        let open = |path: PathBuf| image::open(path).unwrap().into_rgb8();
        paths.into_iter().map(open).collect::<Vec<_>>()
    };
    let (cpu, plugin) = (frames("cpu"), frames("openvino"));
    assert_eq!((cpu.len(), plugin.len()), (5, 5));
    for (cpu, plugin) in cpu.iter().zip(&plugin) {
        let psnr = psnr(cpu, plugin).unwrap();
        assert!(psnr > 60.0, "{psnr} dB");
    }
}
