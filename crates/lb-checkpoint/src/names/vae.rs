//! Translates the names of the autoencoder's tensors.
//!
//! CompVis' code numbers the resolutions of both halves from the highest to the lowest. diffusers
//! numbers them in the order in which they are computed, so the decoder's begin with the lowest.

use super::{Part, Renamed, UnknownKey, exchange_start, split_number};

const HALF: [(&str, &str); 3] = [
    ("conv_in", "conv_in"),
    ("norm_out", "conv_norm_out"),
    ("conv_out", "conv_out"),
];

const ATTENTION: [(&str, &str); 5] = [
    ("norm", "group_norm"),
    ("q", "to_q"),
    ("k", "to_k"),
    ("v", "to_v"),
    ("proj_out", "to_out.0"),
];

const RESNET: [(&str, &str); 5] = [
    ("norm1", "norm1"),
    ("conv1", "conv1"),
    ("norm2", "norm2"),
    ("conv2", "conv2"),
    ("nin_shortcut", "conv_shortcut"),
];

/// Returns diffusers' names for keys. Each key is given whole and without the autoencoder's prefix. Keys
/// outside the two halves are left out, because only training uses them.
pub(super) fn rename<'k>(
    keys: &[(&'k str, &'k str)],
) -> Result<Vec<(&'k str, Vec<Renamed>)>, UnknownKey> {
    let resolutions = keys.iter().filter_map(|(_, rest)| {
        let (level, _) = split_number(rest.strip_prefix("decoder.up.")?)?;
        level.checked_add(1)
    });
    let resolutions = resolutions.max().unwrap_or(0);
    let mut names = Vec::new();
    for (key, rest) in keys {
        let renamed = match rest.split_once('.') {
            Some(("quant_conv" | "post_quant_conv", _)) => Some(Renamed::whole(*rest)),
            Some((half @ ("encoder" | "decoder"), path)) => rename_half(half, path, resolutions),
            _ => continue,
        };
        let renamed = renamed.ok_or_else(|| UnknownKey((*key).to_owned()))?;
        names.push((*key, vec![renamed]));
    }
    Ok(names)
}

fn rename_half(half: &str, path: &str, resolutions: usize) -> Option<Renamed> {
    if let Some(path) = path.strip_prefix("mid.attn_1.") {
        let inside = exchange_start(path, &ATTENTION)?;
        let name = format!("{half}.mid_block.attentions.0.{inside}");
        let is_projection = name.ends_with(".weight") && !path.starts_with("norm.");
        let part = if is_projection {
            Part::Matrix
        } else {
            Part::Whole
        };
        return Some(Renamed { name, part });
    }
    let name = if let Some(path) = path.strip_prefix("mid.block_") {
        let (block, rest) = split_number(path)?;
        let layer = block.checked_sub(1).filter(|layer| *layer < 2)?;
        let inside = exchange_start(rest, &RESNET)?;
        format!("mid_block.resnets.{layer}.{inside}")
    } else if let Some(path) = path.strip_prefix("down.") {
        let (level, rest) = split_number(path)?;
        let change = ("downsample.conv", "downsamplers.0.conv");
        format!("down_blocks.{level}.{}", rename_layer(rest, change)?)
    } else if let Some(path) = path.strip_prefix("up.") {
        let (level, rest) = split_number(path)?;
        let block = resolutions.checked_sub(level.checked_add(1)?)?;
        let change = ("upsample.conv", "upsamplers.0.conv");
        format!("up_blocks.{block}.{}", rename_layer(rest, change)?)
    } else {
        exchange_start(path, &HALF)?
    };
    Some(Renamed::whole(format!("{half}.{name}")))
}

/// Translates the path of a residual block, or of the layer that changes the resolution.
fn rename_layer(path: &str, change: (&str, &str)) -> Option<String> {
    let Some(path) = path.strip_prefix("block.") else {
        return exchange_start(path, &[change]);
    };
    let (layer, rest) = split_number(path)?;
    let inside = exchange_start(rest, &RESNET)?;
    Some(format!("resnets.{layer}.{inside}"))
}
