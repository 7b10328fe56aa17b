//! Compares the configurations that are inferred for full-size checkpoints with the published ones. Only
//! the names and shapes of the tensors are needed (`tests/golden/checkpoint_shapes.json.gz`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use super::{Model, kind, text_encoder, unet, vae};
use crate::component::Component;
use crate::kind::ModelKind;
use crate::names;
use crate::safetensors::TensorEntry;
use crate::weights::Weights;

const SHAPES: &[u8] = include_bytes!("../../../tests/golden/checkpoint_shapes.json.gz");

type Tensors = BTreeMap<String, TensorEntry>;

fn checkpoint(model: &str) -> Tensors {
    let unpacked = flate2::read::GzDecoder::new(SHAPES);
    let mut models: BTreeMap<String, BTreeMap<String, Vec<usize>>> =
        serde_json::from_reader(unpacked).unwrap();
    let mut offset = 0;
    let tensors = models.remove(model).unwrap().into_iter();
    let tensors = tensors.map(|(name, shape)| {
        let length = 2 * shape.iter().product::<usize>() as u64;
        offset += length;
        let dtype = "F16".to_owned();
        (
            name,
            TensorEntry {
                dtype,
                shape,
                offset: offset - length,
                length,
            },
        )
    });
    tensors.collect()
}

fn with_channels(mut tensors: Tensors, channels: usize) -> Tensors {
    let key = "model.diffusion_model.input_blocks.0.0.weight";
    let first = tensors.get_mut(key).unwrap();
    first.length = first.length / first.shape[1] as u64 * channels as u64;
    first.shape[1] = channels;
    tensors
}

fn weights(tensors: &Tensors, component: Component) -> Weights {
    Weights::from_single_file(Path::new("checkpoint"), tensors, component).unwrap()
}

/// Infers the kind of model, and the configurations of the UNet, the autoencoder and the text encoder.
fn infer(tensors: &Tensors, open_clip: bool, predicts_noise: bool) -> (ModelKind, [Value; 3]) {
    let of = |component| weights(tensors, component);
    let (unet_weights, vae_weights) = (of(Component::Unet), of(Component::VaeDecoder));
    let kind = kind(&unet_weights, &vae_weights).unwrap();
    let model = Model {
        kind,
        open_clip,
        predicts_noise,
    };
    let configs = [
        unet(&unet_weights, model).unwrap(),
        vae(&vae_weights, model).unwrap(),
        text_encoder(&of(Component::TextEncoder), model).unwrap(),
    ];
    (kind, configs)
}

fn assert_settings(config: &Value, expected: &Value) {
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(config.get(key), Some(value), "{key}");
    }
}

#[test]
fn configurations_of_stable_diffusion_2_are_inferred() {
    let tensors = checkpoint("sd2");
    let (kind, configs) = infer(&tensors, true, false);
    assert_eq!(kind, ModelKind::TextToImage);
    let [unet, vae, text] = &configs;
    let expected = json!({
        "attention_head_dim": [5, 10, 20, 20],
        "block_out_channels": [320, 640, 1280, 1280],
        "cross_attention_dim": 1024,
        "down_block_types":
            ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
        "in_channels": 4,
        "layers_per_block": 2,
        "norm_num_groups": 32,
        "out_channels": 4,
        "sample_size": 96,
        "up_block_types":
            ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
        "upcast_attention": true,
        "use_linear_projection": true,
    });
    assert_settings(unet, &expected);
    assert_eq!(unet.get("only_cross_attention"), None);
    let expected = json!({
        "block_out_channels": [128, 256, 512, 512],
        "latent_channels": 4,
        "layers_per_block": 2,
        "sample_size": 768,
        "scaling_factor": 0.18215,
    });
    assert_settings(vae, &expected);
    let expected = json!({
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "hidden_act": "gelu",
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "max_position_embeddings": 77,
        "num_attention_heads": 16,
        "num_hidden_layers": 23,
        "pad_token_id": 0,
        "vocab_size": 49408,
    });
    assert_settings(text, &expected);

    let (_, [unet, ..]) = infer(&tensors, true, true);
    assert_eq!(
        (&unet["sample_size"], unet.get("upcast_attention")),
        (&json!(64), None)
    );
}

/// diffusers' script that converts a directory into a checkpoint leaves out the unused layer.
#[test]
fn the_unused_text_layer_may_be_absent() {
    let mut tensors = checkpoint("sd2");
    let layer = |number: usize| format!("cond_stage_model.model.transformer.resblocks.{number}.");
    tensors.retain(|key, _| !key.starts_with(&layer(23)));
    let (_, configs) = infer(&tensors, true, false);
    assert_eq!(configs[2]["num_hidden_layers"], 23);
    tensors.retain(|key, _| !key.starts_with(&layer(22)));
    let weights = weights(&tensors, Component::TextEncoder);
    let model = Model {
        kind: ModelKind::TextToImage,
        open_clip: true,
        predicts_noise: false,
    };
    let refused = text_encoder(&weights, model).unwrap_err().to_string();
    assert!(
        refused.contains("it has 22; Stable Diffusion 2 uses 23 of 24"),
        "{refused}"
    );
}

#[test]
fn configurations_of_stable_diffusion_1_are_inferred() {
    let tensors = checkpoint("sd1");
    let (kind, configs) = infer(&tensors, false, true);
    assert_eq!(kind, ModelKind::TextToImage);
    let [unet, _, text] = &configs;
    let expected = json!({
        "attention_head_dim": [8, 8, 8, 8],
        "cross_attention_dim": 768,
        "sample_size": 64,
        "use_linear_projection": false,
    });
    assert_settings(unet, &expected);
    let expected = json!({
        "hidden_act": "quick_gelu",
        "num_attention_heads": 12,
        "num_hidden_layers": 12,
        "pad_token_id": 49407,
    });
    assert_settings(text, &expected);
}

#[test]
fn kinds_are_inferred_from_the_number_of_channels() {
    for (channels, expected) in [(9, ModelKind::Inpaint), (5, ModelKind::Depth)] {
        let tensors = with_channels(checkpoint("sd2"), channels);
        let (kind, configs) = infer(&tensors, true, true);
        assert_eq!(kind, expected);
        assert_eq!(configs[0]["in_channels"], channels);
    }
    let tensors = with_channels(checkpoint("sd2"), 6);
    let of = |component| weights(&tensors, component);
    let refused = kind(&of(Component::Unet), &of(Component::VaeDecoder)).unwrap_err();
    assert!(
        refused.to_string().contains("takes 6 channels"),
        "{refused}"
    );
}

#[test]
fn configurations_of_the_upscaler_are_inferred() {
    let tensors = checkpoint("x4");
    let (kind, configs) = infer(&tensors, true, false);
    assert_eq!(kind, ModelKind::Upscale);
    let expected = json!({
        "attention_head_dim": [8, 8, 8, 8],
        "block_out_channels": [256, 512, 512, 1024],
        "down_block_types":
            ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
        "in_channels": 7,
        "num_class_embeds": 1000,
        // The published list begins with true, which has no effect: the first block has no attention.
        "only_cross_attention": [false, true, true, false],
        "sample_size": 128,
        "use_linear_projection": true,
    });
    let [unet, vae, text] = &configs;
    assert_settings(unet, &expected);
    let expected = json!({"block_out_channels": [128, 256, 512], "scaling_factor": 0.08333});
    assert_settings(vae, &expected);
    assert_eq!(text["num_hidden_layers"], 23);
}

/// Only keys that are not used get no name.
#[test]
fn every_key_gets_a_name_of_its_own() {
    for model in ["sd1", "sd2", "x4"] {
        let tensors = checkpoint(model);
        for component in [
            Component::TextEncoder,
            Component::Unet,
            Component::VaeDecoder,
        ] {
            let renamed = names::rename(component, tensors.keys().map(String::as_str)).unwrap();
            let mut names = BTreeSet::new();
            for (key, parts) in renamed {
                let is_unused = key.ends_with("text_projection") || key.ends_with("logit_scale");
                let expected = if key.contains("in_proj") {
                    3
                } else {
                    usize::from(!is_unused)
                };
                assert_eq!(parts.len(), expected, "{key}");
                for part in parts {
                    assert!(names.insert(part.name.clone()), "{} twice", part.name);
                }
            }
        }
    }
}

#[test]
fn unknown_layers_are_refused() {
    for key in [
        "model.diffusion_model.label_emb.0.0.weight",
        "model.diffusion_model.input_blocks.1.3.weight",
        "first_stage_model.encoder.down.0.attn.0.q.weight",
    ] {
        let mut tensors = checkpoint("sd2");
        let entry = tensors["model.diffusion_model.out.0.weight"].clone();
        tensors.insert(key.to_owned(), entry);
        let component = if key.starts_with("first") {
            Component::VaeEncoder
        } else {
            Component::Unet
        };
        let refused = Weights::from_single_file(Path::new("checkpoint"), &tensors, component);
        let message = refused.unwrap_err().to_string();
        assert!(
            message.contains(key) && message.contains("does not belong"),
            "{message}"
        );
    }
}
