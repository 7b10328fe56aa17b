//! Every input of every command in place of which there is something that never ends or never begins: a
//! pipe that nobody writes to, a socket, or a link to `/dev/zero`.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lb_models::testing::write_tiny_model;
use serde_json::json;

use super::{assert_no_panic, chance, isolated, report, runs, within};
use crate::imports::golden;
use crate::lb::{Folder, Said};
use crate::linked::link_folder;

/// The longest that the program may take on a busy machine. What waits for an input waits for ever.
const LONGEST: Duration = Duration::from_secs(120);

/// Something that must not be read, in the place of an input.
#[derive(Clone, Copy, Debug)]
enum Endless {
    Pipe,
    Socket,
    Zeros,
}

impl Endless {
    fn put(self, path: &Path) {
        let _ = fs::remove_file(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match self {
            Self::Pipe => {
                let made = Command::new("mkfifo").arg(path).status();
                assert!(made.unwrap().success());
            }
            // The path of a socket may have about a hundred bytes; it stays when the listener is dropped.
            Self::Socket => {
                let short = tempfile::Builder::new().tempdir_in("/tmp").unwrap();
                let made = short.path().join("s");
                drop(UnixListener::bind(&made).unwrap());
                if fs::rename(&made, path).is_err() {
                    drop(UnixListener::bind(path).unwrap());
                }
            }
            Self::Zeros => symlink("/dev/zero", path).unwrap(),
        }
    }
}

/// An input: where it is below the folder, and the arguments of a command that reads it.
type Input = (&'static str, &'static [&'static str]);

const PLAN: &[&str] = &[
    "plan",
    "--measure",
    "a",
    "b",
    "--model=./model",
    "--size=64x64",
];
const RENDER: &[&str] = &[
    "render",
    "a",
    "b",
    "--model=./model",
    "--size=64x64",
    "--steps=2",
    "--frames=2",
    "-o=film.gif",
];
const MODEL: &[&str] = &["models", "./model"];
const DOCTOR: &[&str] = &["doctor"];

const INPUTS: &[Input] = &[
    ("job.toml", &["render", "job.toml", "-o=film.gif"]),
    ("job.toml", &["plan", "job.toml"]),
    ("job.toml", &["seeds", "job.toml", "-o=sheet.png"]),
    ("included.toml", &["plan", "including.toml"]),
    ("prompts.txt", &["plan", "prompts.txt"]),
    (
        "style.safetensors",
        &[
            "plan",
            "a",
            "b",
            "--model=./model",
            "--lora=style.safetensors",
        ],
    ),
    (
        "toy.pt",
        &["plan", "a", "b", "--model=./model", "--embedding=toy.pt"],
    ),
    ("film.mp4", &["render", "film.mp4", "-o=other.gif"]),
    ("film.mp4", &["show", "film.mp4"]),
    ("film.gif", &["show", "film.gif"]),
    ("film.webp", &["show", "film.webp"]),
    ("film.png", &["show", "film.png"]),
    ("frames/frame_0000.png", &["show", "frames"]),
    ("film.mp4", &["measure", "film.mp4"]),
    ("film.gif", &["measure", "film.gif", "film.gif"]),
    ("frames/frame_0001.png", &["measure", "frames"]),
    (
        "frames/frame_0000.png",
        &["upscale", "frames", "--model=./model", "-o=big.mp4"],
    ),
    (
        "facts.json",
        &[
            "upscale",
            "frames",
            "--model=./model",
            "--facts=facts.json",
            "-o=big.mp4",
        ],
    ),
    (
        "picture.png",
        &[
            "render",
            "--from=picture.png",
            "a",
            "-o=film.gif",
            "--model=./model",
        ],
    ),
    (
        "picture.png",
        &[
            "render",
            "a",
            "--to=picture.png",
            "-o=film.gif",
            "--model=./model",
        ],
    ),
    (
        "picture.png",
        &[
            "render",
            "a",
            "b",
            "--image=picture.png",
            "--mask=other.png",
            "-o=film.gif",
            "--model=./model",
        ],
    ),
    (
        "mask.png",
        &[
            "render",
            "a",
            "b",
            "--image=other.png",
            "--mask=mask.png",
            "-o=film.gif",
            "--model=./model",
        ],
    ),
    (
        "depth.png",
        &[
            "render",
            "a",
            "b",
            "--depth=depth.png",
            "-o=film.gif",
            "--model=./model",
        ],
    ),
    (
        "sound.wav",
        &[
            "render",
            "a",
            "b",
            "--audio=sound.wav",
            "-o=film.mp4",
            "--model=./model",
        ],
    ),
    (
        "sound.wav",
        &[
            "plan",
            "a",
            "b",
            "--audio=sound.wav",
            "--film-seconds=track",
        ],
    ),
    (
        "decoder.safetensors",
        &[
            "render",
            "a",
            "b",
            "--vae=decoder.safetensors",
            "-o=film.gif",
            "--model=./model",
        ],
    ),
    (
        "decoder/config.json",
        &[
            "render",
            "a",
            "b",
            "--vae=decoder",
            "-o=film.gif",
            "--model=./model",
        ],
    ),
    ("weights", &["import", "weights"]),
    ("vae", &["import", "diffusers", "--vae=vae"]),
    ("vae/config.json", &["import", "diffusers", "--vae=vae"]),
    ("model.ckpt", &["import", "model.ckpt"]),
    ("diffusers/model_index.json", &["import", "diffusers"]),
    (
        "diffusers/unet/diffusion_pytorch_model.safetensors",
        &["import", "diffusers"],
    ),
    ("file", &["models", "file"]),
    (
        "file",
        &["render", "a", "b", "-o=film.gif", "--model=./file"],
    ),
    ("model/model_index.json", MODEL),
    ("model/lb.toml", MODEL),
    ("model/README.md", MODEL),
    ("model/words.txt", MODEL),
    ("model/LICENSE", MODEL),
    ("model/unet/config.json", MODEL),
    ("model/vae/config.json", MODEL),
    ("model/tokenizer/vocab.json", MODEL),
    ("model/model_index.json", PLAN),
    ("model/lb.toml", PLAN),
    ("model/text_encoder/config.json", RENDER),
    ("model/scheduler/scheduler_config.json", RENDER),
    ("model/tokenizer/vocab.json", RENDER),
    ("model/tokenizer/merges.txt", RENDER),
    ("model/tokenizer/tokenizer_config.json", RENDER),
    ("model/tokenizer/special_tokens_map.json", RENDER),
    ("model/unet/diffusion_pytorch_model.safetensors", RENDER),
    ("model/unet/model.onnx", RENDER),
    ("model/vae/diffusion_pytorch_model.safetensors", RENDER),
    ("model/text_encoder/model.safetensors", RENDER),
    ("models/other/model_index.json", DOCTOR),
    ("models/other/README.md", DOCTOR),
    (
        "film.gif",
        &[
            "render",
            "a",
            "b",
            "--model=./model",
            "--size=64x64",
            "--force",
            "-o=film.gif",
        ],
    ),
    (
        "sheet.png",
        &[
            "seeds",
            "a",
            "--model=./model",
            "--size=64x64",
            "--force",
            "-o=sheet.png",
        ],
    ),
];

/// Files that the user's folders may contain, and that no argument names.
const SURROUNDINGS: &[(&str, &[&str])] =
    &[("user/lb/rates.json", PLAN), ("user/lb/rates.json", RENDER)];

fn prepare(folder: &Folder) {
    write_tiny_model("sd21", &folder.join("model")).unwrap();
    link_folder(
        Path::new(&golden("sd2/diffusers")),
        &folder.join("diffusers"),
    );
    link_folder(&folder.join("model"), &folder.join("models/other"));
    fs::write(
        folder.join("including.toml"),
        "include = \"included.toml\"\n",
    )
    .unwrap();
    fs::create_dir(folder.join("frames")).unwrap();
    let picture = image::RgbImage::from_pixel(64, 64, [9, 9, 9].into());
    for name in [
        "frames/frame_0000.png",
        "frames/frame_0001.png",
        "other.png",
    ] {
        picture.save(folder.join(name)).unwrap();
    }
    fs::create_dir_all(folder.cache().join("user/lb")).unwrap();
}

#[test]
fn nothing_waits_for_an_input_that_never_ends() {
    let mut chance = chance();
    let kinds = [Endless::Pipe, Endless::Socket, Endless::Zeros];
    let mut all = Vec::new();
    for kind in kinds {
        all.extend(
            INPUTS
                .iter()
                .map(|&(path, command)| (kind, path, command, false)),
        );
        all.extend(
            SURROUNDINGS
                .iter()
                .map(|&(path, command)| (kind, path, command, true)),
        );
    }
    let wanted = runs("LB_ATTACK_PIPES", 24).min(all.len());
    while all.len() > wanted {
        all.swap_remove(chance.below(all.len()));
    }
    let (mut hung, mut slowest) = (Vec::new(), Duration::ZERO);
    let pipes = all
        .iter()
        .filter(|(kind, ..)| matches!(kind, Endless::Pipe))
        .count();
    for (kind, path, command, is_users) in &all {
        let folder = Folder::new();
        prepare(&folder);
        let place = match is_users {
            true => folder.cache().join(path),
            false => folder.join(path),
        };
        kind.put(&place);
        let mut child = folder.command(command);
        let begun = std::time::Instant::now();
        let child = isolated(&mut child, &folder).spawn().unwrap();
        let what = format!("{kind:?} as {path}: lb {}", command.join(" "));
        match within(child, LONGEST) {
            None => hung.push(what),
            Some(output) => {
                slowest = slowest.max(begun.elapsed());
                assert_no_panic(&Said::from(output), &what);
            }
        }
    }
    report(
        "pipes",
        &json!({
            "runs": all.len(), "pipes": pipes, "hung": hung.len(),
            "slowest_seconds": slowest.as_secs_f64(),
        }),
    );
    assert!(
        hung.is_empty(),
        "{} wait for ever:\n{}",
        hung.len(),
        hung.join("\n")
    );
}
