//! Damage to JSON files and the tokenizer.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::chance::Chance;
use crate::linked::replace;

fn change(model: &Path, name: &str, key: &str, value: &Value) -> String {
    let path = model.join(name);
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config[key] = value.clone();
    replace(&path, config.to_string());
    let mut shown = value.to_string();
    shown.truncate(60);
    format!("{name}: {key} is {shown}")
}

/// Settings that contradict the tensors or another component.
pub(super) fn contradiction(model: &Path, chance: &mut Chance) -> String {
    let contradictions = [
        (
            "unet/config.json",
            "block_out_channels",
            json!([64, 96, 128, 160]),
        ),
        ("unet/config.json", "block_out_channels", json!([64, 96])),
        ("unet/config.json", "layers_per_block", json!(2)),
        (
            "unet/config.json",
            "attention_head_dim",
            json!([2, 3, 5, 4]),
        ),
        ("unet/config.json", "cross_attention_dim", json!(129)),
        ("unet/config.json", "in_channels", json!(5)),
        ("unet/config.json", "norm_num_groups", json!(33)),
        ("unet/config.json", "use_linear_projection", json!(false)),
        ("vae/config.json", "block_out_channels", json!([16, 32, 64])),
        ("vae/config.json", "latent_channels", json!(8)),
        ("vae/config.json", "layers_per_block", json!(3)),
        ("vae/config.json", "norm_num_groups", json!(3)),
        ("text_encoder/config.json", "hidden_size", json!(64)),
        ("text_encoder/config.json", "num_hidden_layers", json!(4)),
        ("text_encoder/config.json", "num_attention_heads", json!(3)),
        ("text_encoder/config.json", "vocab_size", json!(1000)),
        ("text_encoder/config.json", "intermediate_size", json!(1)),
        (
            "text_encoder/config.json",
            "max_position_embeddings",
            json!(78),
        ),
    ];
    let (name, key, value) = chance.choose(&contradictions);
    change(model, name, key, value)
}

/// Values that none of these settings can have.
pub(super) fn nonsense(model: &Path, chance: &mut Chance) -> String {
    let (name, key) = *chance.choose(&[
        ("unet/config.json", "block_out_channels"),
        ("unet/config.json", "cross_attention_dim"),
        ("unet/config.json", "in_channels"),
        ("unet/config.json", "sample_size"),
        ("vae/config.json", "block_out_channels"),
        ("text_encoder/config.json", "hidden_size"),
        ("text_encoder/config.json", "num_hidden_layers"),
        ("text_encoder/config.json", "max_position_embeddings"),
    ]);
    let values = [
        json!(0),
        json!(-1),
        json!(1_u64 << 60),
        json!(1.5e300),
        json!("many"),
        json!({"a": 1}),
        json!([0, 0, 0, 0]),
        json!([]),
        json!(vec![1; 100_000]),
        json!("a".repeat(10_000_000)),
    ];
    let value = chance.choose(&values);
    change(model, name, key, value)
}

pub(super) fn not_json(model: &Path, chance: &mut Chance) -> String {
    let name = *chance.choose(&[
        "model_index.json",
        "unet/config.json",
        "vae/config.json",
        "text_encoder/config.json",
        "scheduler/scheduler_config.json",
        "tokenizer/vocab.json",
    ]);
    let text = fs::read(model.join(name)).unwrap();
    let (what, bytes) = match chance.below(6) {
        0 => ("empty", Vec::new()),
        1 => ("cut", text[..text.len() / 2].to_vec()),
        2 => ("a list", b"[1, 2, 3]".to_vec()),
        3 => ("not text", vec![0xFF; 100]),
        4 => (
            "nested",
            [b"[".repeat(200_000), b"]".repeat(200_000)].concat(),
        ),
        _ => ("nothing but zeros", vec![0; text.len()]),
    };
    replace(&model.join(name), bytes);
    format!("{name} is {what}")
}

pub(super) fn unusable_schedule(model: &Path, chance: &mut Chance) -> String {
    let settings = [
        ("num_train_timesteps", json!(0)),
        ("num_train_timesteps", json!(-5)),
        ("num_train_timesteps", json!(1_u64 << 60)),
        ("num_train_timesteps", json!("1000")),
        ("beta_start", json!(-0.1)),
        ("beta_start", json!("a")),
        ("beta_end", json!(2.0)),
        ("beta_end", json!(1e300)),
        ("beta_schedule", json!("random")),
        ("prediction_type", json!("picture")),
        ("timestep_spacing", json!("golden")),
        ("steps_offset", json!(1_000_000)),
    ];
    let (key, value) = chance.choose(&settings);
    change(model, "scheduler/scheduler_config.json", key, value)
}

pub(super) fn broken_tokenizer(model: &Path, chance: &mut Chance) -> String {
    let (vocabulary, merges) = ("tokenizer/vocab.json", "tokenizer/merges.txt");
    match chance.below(5) {
        0 => {
            replace(&model.join(vocabulary), r#"{"a": 0}"#);
            "a vocabulary of one letter".into()
        }
        1 => {
            replace(&model.join(vocabulary), r#"{"a": -1, "b": "c"}"#);
            "a vocabulary of no numbers".into()
        }
        2 => {
            let text = fs::read_to_string(model.join(vocabulary)).unwrap();
            replace(
                &model.join(vocabulary),
                text.replace(": 736", ": 4000000000"),
            );
            "an id beyond the text encoder's".into()
        }
        3 => {
            replace(&model.join(merges), "#version: 0.2\nthree words here\nq\n");
            "merges that are no pairs".into()
        }
        _ => {
            fs::remove_file(model.join(merges)).unwrap();
            "no merges".into()
        }
    }
}
