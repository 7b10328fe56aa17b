//! The UNet's configuration.

use serde_json::{Value, json};

use super::shapes::Shapes;
use super::{Model, NORM_GROUPS};
use crate::error::CheckpointError;
use crate::kind::ModelKind;
use crate::weights::Weights;

/// Channels of one attention head in Stable Diffusion 2.
const HEAD_WIDTH: usize = 64;

/// Heads in every block of Stable Diffusion 1 and of the upscaler.
const FIXED_HEADS: usize = 8;

/// Tells the configuration of `UNet2DConditionModel`.
pub(in crate::import) fn unet(weights: &Weights, model: Model) -> Result<Value, CheckpointError> {
    let shapes = Shapes(weights);
    let blocks = shapes.count("down_blocks");
    let channels = (0..blocks)
        .map(|block| shapes.size(&format!("down_blocks.{block}.resnets.0.conv1.weight"), 0));
    let channels = channels.collect::<Result<Vec<_>, _>>()?;
    shapes.check_groups(&channels)?;
    let layers: Vec<_> = (0..blocks)
        .map(|block| shapes.count(&format!("down_blocks.{block}.resnets")))
        .collect();
    let down: Vec<_> = (0..blocks)
        .map(|block| shapes.has(&format!("down_blocks.{block}.attentions")))
        .collect();
    let up: Vec<_> = (0..blocks)
        .map(|block| shapes.has(&format!("up_blocks.{block}.attentions")))
        .collect();
    let types = |attends: &[bool], with: &str, without: &str| -> Vec<String> {
        let name = |&attends: &bool| if attends { with } else { without }.to_owned();
        attends.iter().map(name).collect()
    };
    let heads = if model.open_clip && model.kind != ModelKind::Upscale {
        let heads = channels
            .iter()
            .map(|&width| shapes.heads(width, HEAD_WIDTH));
        heads.collect::<Result<Vec<_>, _>>()?
    } else {
        vec![FIXED_HEADS; blocks]
    };
    let middle = "mid_block.attentions.0";
    let depth = shapes.count(&format!("{middle}.transformer_blocks"));
    let text = format!("{middle}.transformer_blocks.0.attn2.to_k.weight");

    let mut config = json!({
        "_class_name": "UNet2DConditionModel",
        "act_fn": "silu",
        "attention_head_dim": heads,
        "block_out_channels": channels,
        "center_input_sample": false,
        "cross_attention_dim": shapes.size(&text, 1)?,
        "down_block_types": types(&down, "CrossAttnDownBlock2D", "DownBlock2D"),
        "downsample_padding": 1,
        "flip_sin_to_cos": true,
        "freq_shift": 0,
        "in_channels": shapes.size("conv_in.weight", 1)?,
        "layers_per_block": one_or_all(layers),
        "mid_block_scale_factor": 1,
        "norm_eps": 1e-5,
        "norm_num_groups": NORM_GROUPS,
        "out_channels": shapes.size("conv_out.weight", 0)?,
        "sample_size": if model.kind == ModelKind::Upscale { 128 } else { model.side() / 8 },
        "up_block_types": types(&up, "CrossAttnUpBlock2D", "UpBlock2D"),
        "use_linear_projection": shapes.rank(&format!("{middle}.proj_in.weight")) == 2,
    });
    if depth > 1 {
        config["transformer_layers_per_block"] = json!(depth);
    }
    let only_text = only_cross_attention(&shapes, &channels)?;
    if only_text.contains(&true) {
        config["only_cross_attention"] = json!(only_text);
    }
    if weights.contains("class_embedding.weight") {
        config["num_class_embeds"] = json!(shapes.size("class_embedding.weight", 0)?);
    }
    if model.kind == ModelKind::TextToImage && model.open_clip && !model.predicts_noise {
        // As published for 2.1: in half precision its attention overflows.
        config["upcast_attention"] = json!(true);
    }
    Ok(config)
}

/// Whether what is self-attention elsewhere sees the text, for each block on the way down. Where
/// the text is as wide as the block, both have one shape: then it sees the picture, as in the
/// lowest block of the upscaler.
fn only_cross_attention(
    shapes: &Shapes<'_>,
    channels: &[usize],
) -> Result<Vec<bool>, CheckpointError> {
    let sees_text = |(block, &width): (usize, &usize)| {
        let attention = format!("down_blocks.{block}.attentions");
        if !shapes.has(&attention) {
            return Ok(false);
        }
        let key = format!("{attention}.0.transformer_blocks.0.attn1.to_k.weight");
        Ok(shapes.size(&key, 1)? != width)
    };
    channels.iter().enumerate().map(sees_text).collect()
}

fn one_or_all(layers: Vec<usize>) -> Value {
    match layers[..] {
        [first, ref others @ ..] if others.iter().all(|&other| other == first) => json!(first),
        _ => json!(layers),
    }
}
