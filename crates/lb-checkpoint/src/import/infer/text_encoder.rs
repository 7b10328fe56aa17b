//! The text encoder's configuration.

use serde_json::{Value, json};

use super::Model;
use super::shapes::Shapes;
use crate::error::CheckpointError;
use crate::weights::Weights;

/// Channels of one attention head in CLIP's text encoders.
const HEAD_WIDTH: usize = 64;

/// Layers of OpenCLIP's text encoder in Stable Diffusion 2 that are used: of 24, all but the last.
const OPEN_CLIP_LAYERS: usize = 23;

/// Tells the configuration of `CLIPTextModel`.
pub(in crate::import) fn text_encoder(
    weights: &Weights,
    model: Model,
) -> Result<Value, CheckpointError> {
    let shapes = Shapes(weights);
    let table = "embeddings.token_embedding.weight";
    let (vocabulary, width) = (shapes.size(table, 0)?, shapes.size(table, 1)?);
    let mut layers = shapes.count("encoder.layers");
    if model.open_clip {
        // Checkpoints that were converted back from diffusers have no unused layer.
        if !(OPEN_CLIP_LAYERS..=OPEN_CLIP_LAYERS + 1).contains(&layers) {
            let reason = format!("it has {layers}; {OPEN_CLIP_LAYERS} of 24 are usual");
            return Err(shapes.untold("how many of the text encoder's layers are used", reason));
        }
        layers = OPEN_CLIP_LAYERS;
    }
    let end = vocabulary.saturating_sub(1);
    Ok(json!({
        "architectures": ["CLIPTextModel"],
        "bos_token_id": vocabulary.saturating_sub(2),
        "eos_token_id": end,
        "hidden_act": if model.open_clip { "gelu" } else { "quick_gelu" },
        "hidden_size": width,
        "intermediate_size": shapes.size("encoder.layers.0.mlp.fc1.weight", 0)?,
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": shapes.size("embeddings.position_embedding.weight", 0)?,
        "model_type": "clip_text_model",
        "num_attention_heads": shapes.heads(width, HEAD_WIDTH)?,
        "num_hidden_layers": layers,
        "pad_token_id": if model.open_clip { 0 } else { end },
        "projection_dim": if model.open_clip { 512 } else { 768 },
        "vocab_size": vocabulary,
    }))
}
