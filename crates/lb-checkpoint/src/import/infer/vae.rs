//! The autoencoder's configuration.

use serde_json::{Value, json};

use super::shapes::Shapes;
use super::{Model, NORM_GROUPS};
use crate::error::CheckpointError;
use crate::kind::ModelKind;
use crate::weights::Weights;

/// Tells the configuration of `AutoencoderKL`.
pub(in crate::import) fn vae(weights: &Weights, model: Model) -> Result<Value, CheckpointError> {
    let shapes = Shapes(weights);
    let blocks = shapes.count("encoder.down_blocks");
    let channels = (0..blocks).map(|block| {
        let convolution = format!("encoder.down_blocks.{block}.resnets.0.conv1.weight");
        shapes.size(&convolution, 0)
    });
    let channels = channels.collect::<Result<Vec<_>, _>>()?;
    shapes.check_groups(&channels)?;
    let (scaling_factor, side) = match model.kind {
        ModelKind::Upscale => (0.08333, 256),
        _ => (0.18215, model.side()),
    };
    let mut config = json!({
        "_class_name": "AutoencoderKL",
        "act_fn": "silu",
        "block_out_channels": channels,
        "down_block_types": vec!["DownEncoderBlock2D"; blocks],
        "in_channels": shapes.size("encoder.conv_in.weight", 1)?,
        "latent_channels": shapes.size("decoder.conv_in.weight", 1)?,
        "layers_per_block": shapes.count("encoder.down_blocks.0.resnets"),
        "norm_num_groups": NORM_GROUPS,
        "out_channels": shapes.size("decoder.conv_out.weight", 0)?,
        "sample_size": side,
        "scaling_factor": scaling_factor,
        "up_block_types": vec!["UpDecoderBlock2D"; blocks],
    });
    let optional = [
        ("mid_block_add_attention", "decoder.mid_block.attentions"),
        ("use_quant_conv", "quant_conv"),
        ("use_post_quant_conv", "post_quant_conv"),
    ];
    for (key, path) in optional {
        if !shapes.has(path) {
            config[key] = json!(false);
        }
    }
    Ok(config)
}
