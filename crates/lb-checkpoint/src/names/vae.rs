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
            Some(("encoder", path)) => rename_half(path, resolutions).map(below("encoder")),
            Some(("decoder", path)) => rename_half(path, resolutions).map(below("decoder")),
            _ => continue,
        };
        let renamed = renamed.ok_or_else(|| UnknownKey((*key).to_owned()))?;
        names.push((*key, vec![renamed]));
    }
    Ok(names)
}

fn below(half: &'static str) -> impl FnOnce(Renamed) -> Renamed {
    move |renamed| Renamed {
        name: format!("{half}.{}", renamed.name),
        ..renamed
    }
}

fn rename_half(path: &str, resolutions: usize) -> Option<Renamed> {
    if let Some(path) = path.strip_prefix("mid.attn_1.") {
        let name = format!(
            "mid_block.attentions.0.{}",
            exchange_start(path, &ATTENTION)?
        );
        let is_projection = name.ends_with(".weight") && !path.starts_with("norm.");
        let part = if is_projection {
            Part::Matrix
        } else {
            Part::Whole
        };
        return Some(Renamed { name, part });
    }
    if let Some(path) = path.strip_prefix("mid.block_") {
        let (block, rest) = split_number(path)?;
        let layer = block.checked_sub(1).filter(|layer| *layer < 2)?;
        let inside = exchange_start(rest, &RESNET)?;
        return Some(Renamed::whole(format!(
            "mid_block.resnets.{layer}.{inside}"
        )));
    }
    if let Some(path) = path.strip_prefix("down.") {
        let (level, rest) = split_number(path)?;
        let inside = match rest.strip_prefix("block.") {
            Some(rest) => rename_layer(rest)?,
            None => exchange_start(rest, &[("downsample.conv", "downsamplers.0.conv")])?,
        };
        return Some(Renamed::whole(format!("down_blocks.{level}.{inside}")));
    }
    if let Some(path) = path.strip_prefix("up.") {
        let (level, rest) = split_number(path)?;
        let block = resolutions.checked_sub(level.checked_add(1)?)?;
        let inside = match rest.strip_prefix("block.") {
            Some(rest) => rename_layer(rest)?,
            None => exchange_start(rest, &[("upsample.conv", "upsamplers.0.conv")])?,
        };
        return Some(Renamed::whole(format!("up_blocks.{block}.{inside}")));
    }
    exchange_start(path, &HALF).map(Renamed::whole)
}

fn rename_layer(path: &str) -> Option<String> {
    let (layer, rest) = split_number(path)?;
    Some(format!(
        "resnets.{layer}.{}",
        exchange_start(rest, &RESNET)?
    ))
}
