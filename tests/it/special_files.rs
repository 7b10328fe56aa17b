//! Inputs that are no regular files, and inputs without end: each is refused at once, and the message names
//! it.
#![cfg(unix)]

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lb_models::testing::write_tiny_model;

use crate::lb::{Folder, Said};

/// A run that takes longer waits for something that does not come, or reads something that does not end.
const LONGEST: Duration = Duration::from_secs(60);

fn run(folder: &Folder, arguments: &[&str]) -> Said {
    let mut command = folder.command(arguments);
    command.env("XDG_CACHE_HOME", folder.join("user"));
    let given = std::env::var_os("LB_MODELS").unwrap_or_default();
    let given = std::env::split_paths(&given);
    let models = std::env::join_paths([folder.join("models")].into_iter().chain(given));
    command.env("LB_MODELS", models.unwrap());
    within_time(command, &format!("{arguments:?}"))
}

fn within_time(mut command: Command, what: &str) -> Said {
    let command = command.stdin(Stdio::null());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > LONGEST {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("it hangs: {what}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Said::from(child.wait_with_output().unwrap())
}

/// What takes the place of a file, with its name in messages.
const KINDS: [&str; 4] = ["a pipe", "a socket", "a device", "a folder"];

/// Puts something of this kind at a path.
fn put(kind: &str, path: &Path) {
    let _ = fs::remove_file(path);
    let _ = fs::remove_dir_all(path);
    match kind {
        "a pipe" => {
            let made = Command::new("mkfifo").arg(path).status();
            assert!(made.unwrap().success());
        }
        // The name of a socket must be short.
        "a socket" => {
            let socket = std::env::temp_dir().join(format!("lb-{}", std::process::id()));
            let _ = fs::remove_file(&socket);
            drop(UnixListener::bind(&socket).unwrap());
            fs::rename(&socket, path).unwrap();
        }
        "a device" => symlink("/dev/zero", path).unwrap(),
        _ => fs::create_dir(path).unwrap(),
    }
}

#[test]
fn arguments_that_are_no_files_are_refused() {
    let folder = Folder::new();
    for kind in ["inpaint", "depth"] {
        write_tiny_model(kind, &folder.join("models").join(kind)).unwrap();
    }
    let film = ["render", "a", "b", "--steps=1", "--frames=2", "-o=film.gif"];
    image::RgbImage::new(64, 64)
        .save(folder.join("picture.png"))
        .unwrap();
    let with = |more: &[&'static str]| [&film[..], more].concat();
    let include = "include = \"in.toml\"\n[[keyframe]]\nprompt = \"a\"\n";
    fs::write(folder.join("job.toml"), include).unwrap();
    let depth =
        "[[keyframe]]\nprompt = \"a\"\n[[keyframe]]\nprompt = \"b\"\n[depth]\nimage = \"in.png\"\n";
    fs::write(folder.join("depth.toml"), depth).unwrap();
    let cases: Vec<(&str, Vec<&str>)> = vec![
        ("in.mp4", vec!["show", "in.mp4"]),
        ("in.mp4", vec!["measure", "in.mp4"]),
        ("in.png", vec!["measure", "picture.png", "in.png"]),
        ("in.mp4", vec!["measure", "in.mp4", "in.mp4"]),
        ("in.mp4", vec!["render", "in.mp4", "-o=film.gif"]),
        ("in.mp4", vec!["plan", "in.mp4"]),
        ("in.mp4", vec!["seeds", "in.mp4", "-o=sheet.png"]),
        ("in.toml", vec!["render", "in.toml", "-o=film.gif"]),
        ("in.toml", vec!["plan", "job.toml"]),
        ("in.ckpt", vec!["import", "in.ckpt"]),
        ("in.safetensors", vec!["import", "in.safetensors"]),
        ("in.png", with(&["--from=in.png"])),
        ("in.jpg", with(&["--to=in.jpg"])),
        (
            "in.png",
            with(&["--model=inpaint", "--image=in.png", "--mask=picture.png"]),
        ),
        (
            "in.png",
            with(&["--model=inpaint", "--image=picture.png", "--mask=in.png"]),
        ),
        ("in.png", with(&["--model=depth", "--depth=in.png"])),
        (
            "in.png",
            vec!["render", "depth.toml", "--model=depth", "-o=film.gif"],
        ),
        ("in.safetensors", with(&["--vae=in.safetensors"])),
        ("in.model", with(&["--model=./in.model"])),
        ("in.model", vec!["models", "./in.model"]),
        ("in.ogg", vec!["plan", "a", "b", "--audio=in.ogg"]),
    ];
    for kind in KINDS {
        for (name, arguments) in &cases {
            let path = folder.join(name);
            put(kind, &path);
            let said = run(&folder, arguments);
            let what = format!("{}: {arguments:?}: {}", kind, said.error);
            assert!(matches!(said.code, Some(1 | 2)), "{what}");
            assert!(said.error.contains(name), "{what}");
            // A folder may contain frames, a model or a decoder, and is refused for what it lacks.
            if kind != "a folder" {
                let found = [
                    kind,
                    "not a regular file",
                    "not a folder",
                    "does not exist",
                    "no model named",
                    // The device is at the end of a link.
                    "outside of",
                ];
                assert!(
                    found.iter().any(|words| said.error.contains(words)),
                    "{what}"
                );
            }
            let _ = fs::remove_dir_all(&path);
            let _ = fs::remove_file(&path);
        }
    }
    let frames = folder.join("frames");
    fs::create_dir(&frames).unwrap();
    for index in 0..2 {
        fs::copy(
            folder.join("picture.png"),
            frames.join(format!("frame_000{index}.png")),
        )
        .unwrap();
    }
    for kind in ["a pipe", "a socket", "a device"] {
        put(kind, &folder.join("facts"));
        let upscale = [
            "upscale",
            "frames",
            "a",
            "b",
            "--model=x4",
            "--facts=facts",
            "-o=a.gif",
        ];
        let said = run(&folder, &upscale);
        said.assert_refused(2, &["facts", kind]);
    }
    assert!(!folder.join("film.gif").exists());
}

#[test]
fn standard_input_is_not_an_input() {
    let folder = Folder::new();
    for arguments in [
        &["show", "-"][..],
        &["measure", "-"],
        &["render", "a", "--from=-", "-o=film.gif"],
        &["render", "a", "b", "--vae=-", "-o=film.gif"],
    ] {
        let said = run(&folder, arguments);
        assert!(
            matches!(said.code, Some(1 | 2)),
            "{arguments:?}: {}",
            said.error
        );
        assert!(said.error.starts_with("error: "), "{}", said.error);
    }
    run(&folder, &["show", "-"]).assert_refused(2, &["standard input"]);
    let mut command = folder.command(&["show", "/dev/stdin"]);
    command.stdin(Stdio::piped());
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Nothing is ever written into the pipe.
    let pipe = child.stdin.take();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < LONGEST);
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(pipe);
    let said = Said::from(child.wait_with_output().unwrap());
    said.assert_refused(2, &["/dev/stdin is a pipe"]);
}

/// The text files of a model directory.
const TEXTS: [&str; 14] = [
    "model_index.json",
    "lb.toml",
    "words.txt",
    "README.md",
    "LICENSE",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "unet/config.json",
    "vae/config.json",
    "tokenizer/vocab.json",
    "tokenizer/merges.txt",
    "tokenizer/special_tokens_map.json",
    "tokenizer/tokenizer_config.json",
    "unet/diffusion_pytorch_model.safetensors.index.json",
];

/// A folder with a tiny model in a folder of models.
fn with_model() -> Folder {
    let folder = Folder::new();
    write_tiny_model("sd21", &folder.join("models/tiny")).unwrap();
    folder
}

/// Runs everything that reads a model in which `damage` has damaged this file.
fn with_damaged(name: &str, damage: impl Fn(&Path)) -> Vec<Said> {
    let folder = with_model();
    let model = folder.join("models/tiny");
    if name.ends_with(".index.json") {
        let weights = name.strip_suffix(".index.json").unwrap();
        fs::remove_file(model.join(weights)).unwrap();
    }
    let path = model.join(name);
    let _ = fs::remove_file(&path);
    damage(&path);
    let render = [
        "render",
        "red leaf",
        "blue sea",
        "--model=tiny",
        "-o=a.gif",
        "--size=64x64",
    ];
    let small = ["--steps=1", "--frames=2", "--seconds=0.1"];
    let runs: [&[&str]; 4] = [
        &["models"],
        &["models", "tiny"],
        &["import", "models/tiny", "--name=other"],
        &[&render[..], &small].concat(),
    ];
    runs.iter()
        .map(|arguments| run(&folder, arguments))
        .collect()
}

#[test]
fn files_of_a_model_that_are_no_files_are_refused() {
    for name in TEXTS {
        for kind in ["a pipe", "a device"] {
            let said = with_damaged(name, |path| put(kind, path));
            // An index that is no file is none.
            let named = match name.ends_with(".index.json") {
                true => ".index.json",
                false => name,
            };
            let named = said.iter().filter(|said| said.error.contains(named));
            let named = named.count();
            let is_optional = matches!(name, "README.md" | "LICENSE");
            assert!(
                named >= 1 || is_optional,
                "{name} is {}: {}",
                kind,
                said[3].error
            );
        }
    }
}

#[test]
fn texts_of_a_model_without_end_are_refused() {
    for name in TEXTS {
        let said = with_damaged(name, |path| {
            File::create(path).unwrap().set_len(20 << 30).unwrap();
        });
        let told = said.iter().filter(|said| {
            said.error.contains(name)
                && (said.error.contains("allowed") || said.error.contains("longer"))
        });
        let told = told.count();
        assert!(
            told >= 1,
            "{name}: {:?}",
            said.iter().map(|said| &said.error).collect::<Vec<_>>()
        );
    }
}

#[test]
fn other_texts_without_end_are_refused() {
    let folder = with_model();
    let endless = |name: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        File::create(path).unwrap().set_len(20 << 30).unwrap();
    };
    endless("job.toml");
    run(&folder, &["plan", "job.toml"]).assert_refused(2, &["job.toml", "too large"]);
    fs::write(folder.join("a.toml"), "include = \"job.toml\"").unwrap();
    run(&folder, &["plan", "a.toml"]).assert_refused(2, &["job.toml", "too large"]);
    endless("picture.png");
    let from = ["render", "a", "--from=picture.png", "-o=a.gif"];
    run(&folder, &from).assert_refused(2, &["picture.png"]);
    endless("a.safetensors");
    let said = run(&folder, &["import", "a.safetensors"]);
    assert!(said.error.contains("a.safetensors"), "{}", said.error);
    let said = run(
        &folder,
        &["render", "a", "b", "--vae=a.safetensors", "-o=a.gif"],
    );
    assert!(said.error.contains("a.safetensors"), "{}", said.error);
    // What this machine remembers of earlier renders is done without.
    for kind in ["a pipe", "a device"] {
        fs::create_dir_all(folder.join("user/lb")).unwrap();
        put(kind, &folder.join("user/lb/rates.json"));
        let plan = ["plan", "red leaf", "blue sea", "--model=tiny"];
        assert_eq!(run(&folder, &plan).code, Some(0));
    }
    fs::remove_file(folder.join("user/lb/rates.json")).unwrap();
    endless("user/lb/rates.json");
    let plan = ["plan", "red leaf", "blue sea", "--model=tiny"];
    assert_eq!(run(&folder, &plan).code, Some(0));
    // The name of a snapshot in Hugging Face's cache.
    fs::create_dir_all(folder.join("models--a--b/snapshots/1")).unwrap();
    endless("models--a--b/refs/main");
    let said = run(&folder, &["import", "models--a--b"]);
    assert!(matches!(said.code, Some(1 | 2)), "{}", said.error);
}
