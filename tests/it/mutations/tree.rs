//! Damage to the directory itself: missing and special files, and wrong lists of shards.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::chance::Chance;

const READ: [&str; 9] = [
    "model_index.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/vocab.json",
    "scheduler/scheduler_config.json",
];

pub(super) fn special_file(model: &Path, chance: &mut Chance) -> String {
    let name = *chance.choose(&READ);
    let path = model.join(name);
    fs::remove_file(&path).unwrap();
    let what = match chance.below(6) {
        0 => "missing",
        1 => {
            fs::create_dir(&path).unwrap();
            "a folder"
        }
        2 => {
            symlink("nowhere", &path).unwrap();
            "a link to nowhere"
        }
        3 => {
            symlink(path.file_name().unwrap(), &path).unwrap();
            "a link to itself"
        }
        4 => {
            symlink("/dev/zero", &path).unwrap();
            "a link to endless zeros"
        }
        _ => {
            let made = Command::new("mkfifo").arg(&path).status().unwrap();
            assert!(made.success());
            "a pipe that nobody writes to"
        }
    };
    format!("{name} is {what}")
}

/// Splits the UNet's weights into shards, with an index that is wrong about them.
pub(super) fn shards(model: &Path, chance: &mut Chance) -> String {
    let unet = model.join("unet");
    let whole = "diffusion_pytorch_model.safetensors";
    let shard = "diffusion_pytorch_model-00001-of-00001.safetensors";
    fs::rename(unet.join(whole), unet.join(shard)).unwrap();
    let outside = unet.join(shard).display().to_string();
    let (what, map) = match chance.below(9) {
        0 => (
            "a shard above the folder",
            json!({"conv_in.weight": format!("../unet/{shard}")}),
        ),
        1 => ("an absolute shard", json!({"conv_in.weight": outside})),
        2 => (
            "a missing shard",
            json!({"conv_in.weight": "other.safetensors"}),
        ),
        3 => ("a shard without a name", json!({"conv_in.weight": ""})),
        4 => (
            "a tensor that its shard lacks",
            json!({"conv_in.weights": shard}),
        ),
        5 => ("too few tensors", json!({"conv_in.weight": shard})),
        6 => {
            symlink("/dev/zero", unet.join("link.safetensors")).unwrap();
            (
                "a shard that is a link to endless zeros",
                json!({"conv_in.weight": "link.safetensors"}),
            )
        }
        7 => {
            symlink("link.safetensors", unet.join("link.safetensors")).unwrap();
            (
                "a shard that is a link to itself",
                json!({"conv_in.weight": "link.safetensors"}),
            )
        }
        _ => ("no list of shards", json!(17)),
    };
    let index = json!({"metadata": {}, "weight_map": map});
    fs::write(unet.join(format!("{whole}.index.json")), index.to_string()).unwrap();
    format!("the UNet's index names {what}")
}
