//! Ctrl-C ends the program with exit code 130 and leaves nothing behind. What a killed program leaves
//! behind is removed by the next one.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lb_models::testing::write_tiny_model;

use crate::lb::{Folder, SMALL_FILM, Said};

/// A film so long that no machine finishes it before it is interrupted.
const LONG: &[&str] = &[
    "render",
    "a red apple",
    "a green pear",
    "--steps=1000",
    "--frames=100",
    "--output=film.mp4",
    "--frames-dir=frames",
];

/// So many pictures that no machine finishes them before it is interrupted.
const MANY: &[&str] = &[
    "seeds",
    "a red apple",
    "--steps=1000",
    "--seeds=0..999",
    "--output=sheet.png",
];

#[test]
fn ctrl_c_ends_with_130_and_leaves_nothing() {
    interrupted(LONG, 2);
    interrupted(MANY, 1);
}

fn interrupted(arguments: &[&str], files: usize) {
    let folder = Folder::new();
    let child = begin(&folder, folder.command(arguments), files);
    interrupt(&child);
    let said = Said::from(child.wait_with_output().unwrap());
    said.assert_refused(130, &["interrupted"]);
    assert_eq!(folder.contents(), [""; 0]);
}

/// Begins long work in a folder, and waits until it has opened its outputs. The folder then has this many
/// files.
fn begin(folder: &Folder, mut command: Command, files: usize) -> Child {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while folder.contents().len() < files {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "the render does not begin"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

#[test]
fn what_a_killed_render_leaves_is_removed_by_the_next_and_a_running_one_keeps_its_files() {
    let folder = Folder::new();
    let mut killed = begin(&folder, folder.command(LONG), 2);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let left = folder.contents();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(
        left.iter().all(|name| name.ends_with(".partial")),
        "{left:?}"
    );

    let mut running = begin(&folder, folder.command(LONG), 2);
    let written = || -> Vec<String> {
        let names = folder.contents().into_iter();
        names.filter(|name| name.ends_with(".partial")).collect()
    };
    while written().iter().any(|name| left.contains(name)) || written().len() < 2 {
        assert!(running.try_wait().unwrap().is_none(), "it still runs");
        std::thread::sleep(Duration::from_millis(20));
    }
    let its_own = written();
    folder.facts(&[SMALL_FILM, &["--output=small.gif"]].concat());
    assert_eq!(written(), its_own);
    assert!(folder.join("small.gif").is_file());
    interrupt(&running);
    Said::from(running.wait_with_output().unwrap()).assert_refused(130, &["interrupted"]);
    assert_eq!(folder.contents(), ["small.gif"]);
}

#[test]
fn what_a_killed_measurement_leaves_is_removed_by_the_next() {
    let folder = Folder::new();
    let plan = || {
        let mut command = folder.command(&["plan", "a", "b", "--measure", "--quiet"]);
        command.env("TMPDIR", folder.path());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut killed = plan().spawn().unwrap();
    let begun = Instant::now();
    while folder.contents().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(1));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(!folder.contents().is_empty(), "it was not killed in time");
    assert!(plan().status().unwrap().success());
    assert_eq!(folder.contents(), [""; 0]);
}

fn interrupt(child: &Child) {
    send("INT", child);
}

fn send(signal: &str, child: &Child) {
    let arguments = [&format!("-{signal}"), &child.id().to_string()];
    let sent = Command::new("kill").args(arguments).status();
    assert!(sent.unwrap().success());
}

/// `nohup` ignores the signal of a closed terminal, and shells ignore Ctrl-C for what runs in the
/// background.
#[test]
fn signals_that_the_caller_ignores_stay_ignored() {
    for (ignored, signals, end) in [
        ("HUP", &["HUP"][..], "INT"),
        ("HUP", &["HUP"], "TERM"),
        ("INT", &["INT"], "HUP"),
        ("HUP INT", &["HUP", "INT"], "TERM"),
    ] {
        let folder = Folder::new();
        let command = folder.command_after(&format!("trap '' {ignored}"), LONG);
        let mut child = begin(&folder, command, 2);
        for signal in signals {
            send(signal, &child);
            std::thread::sleep(Duration::from_millis(500));
            assert!(child.try_wait().unwrap().is_none(), "{ignored}: {signal}");
        }
        send(end, &child);
        let said = Said::from(child.wait_with_output().unwrap());
        said.assert_refused(130, &["interrupted"]);
        assert_eq!(said.error.matches("stopping after").count(), 1, "{ignored}");
        assert_eq!(folder.contents(), [""; 0]);
    }
}

/// Adds a tensor of a terabyte of zeros to a safetensors file, which takes no space on the disk.
fn grow(weights: &Path) {
    const BYTES: u64 = 1 << 40;
    let mut content = fs::read(weights).unwrap();
    let length = u64::from_le_bytes(content[..8].try_into().unwrap()) as usize;
    let tensors = content.split_off(8 + length);
    let mut header: serde_json::Value = serde_json::from_slice(&content[8..]).unwrap();
    let begin = tensors.len() as u64;
    header["zeros"] = serde_json::json!({
        "dtype": "U8", "shape": [BYTES], "data_offsets": [begin, begin + BYTES],
    });
    let header = header.to_string().into_bytes();
    let start = (header.len() as u64).to_le_bytes();
    fs::write(weights, [&start[..], &header, &tensors].concat()).unwrap();
    let file = File::options().write(true).open(weights).unwrap();
    let whole = 8 + header.len() as u64 + begin + BYTES;
    file.set_len(whole).unwrap();
}

#[test]
fn ctrl_c_ends_the_first_reading_of_large_weights() {
    let folder = Folder::new();
    write_tiny_model("sd21", &folder.join("model")).unwrap();
    grow(&folder.join("model/unet/diffusion_pytorch_model.safetensors"));
    let arguments = ["-v", "render", "red leaf", "blue sea", "--model=./model"];
    let mut command = folder.command(&arguments);
    command.args(["--size=64x64", "-o=film.gif"]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    let reading = |line: &String| line.contains("unet") && line.contains("once to hash it");
    assert!(told.by_ref().map(Result::unwrap).any(|line| reading(&line)));
    interrupt(&child);
    let rest: Vec<String> = told.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line == "error: interrupted"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
