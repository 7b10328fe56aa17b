//! Translates the names of the UNet's tensors.
//!
//! CompVis' code numbers all blocks on the way down (`input_blocks`) and on the way up
//! (`output_blocks`) consecutively, across all resolutions. diffusers numbers the resolutions, and the
//! layers within each. The blocks that change the resolution can be recognised by their names, and from
//! their numbers the others can be computed.

use std::collections::BTreeSet;

use super::{Renamed, UnknownKey, exchange_start, split_number};

const OUTSIDE: [(&str, &str); 4] = [
    ("time_embed.0", "time_embedding.linear_1"),
    ("time_embed.2", "time_embedding.linear_2"),
    ("out.0", "conv_norm_out"),
    ("out.2", "conv_out"),
];

const RESNET: [(&str, &str); 6] = [
    ("in_layers.0", "norm1"),
    ("in_layers.2", "conv1"),
    ("emb_layers.1", "time_emb_proj"),
    ("out_layers.0", "norm2"),
    ("out_layers.3", "conv2"),
    ("skip_connection", "conv_shortcut"),
];

const TRANSFORMER: [&str; 4] = ["norm", "proj_in", "transformer_blocks", "proj_out"];

/// Returns diffusers' names for keys. Each key is given whole and without the UNet's prefix.
pub(super) fn rename<'k>(
    keys: &[(&'k str, &'k str)],
) -> Result<Vec<(&'k str, Vec<Renamed>)>, UnknownKey> {
    let steps = Steps::of(keys);
    let rename = |&(key, rest): &(&'k str, &str)| match steps.rename(rest) {
        Some(name) => Ok((key, vec![Renamed::whole(name)])),
        None => Err(UnknownKey(key.to_owned())),
    };
    keys.iter().map(rename).collect()
}

/// The numbers of the blocks at which the resolution changes, on the way down and up.
struct Steps {
    down: BTreeSet<usize>,
    up: BTreeSet<usize>,
}

impl Steps {
    fn of(keys: &[(&str, &str)]) -> Self {
        let steps = |way: &'static str, is_change: fn(&str) -> bool| {
            let steps = keys.iter().filter_map(move |(_, rest)| {
                let (step, layer) = split_number(rest.strip_prefix(way)?)?;
                is_change(layer).then_some(step)
            });
            steps.collect()
        };
        Self {
            down: steps("input_blocks.", |layer| layer == "0.op.weight"),
            up: steps("output_blocks.", |layer| {
                layer == "1.conv.weight" || layer == "2.conv.weight"
            }),
        }
    }

    fn rename(&self, path: &str) -> Option<String> {
        if path == "label_emb.weight" {
            return Some("class_embedding.weight".to_owned());
        }
        let (way, rest) = path.split_once('.')?;
        match way {
            "input_blocks" => self.rename_down(rest),
            "middle_block" => rename_middle(rest),
            "output_blocks" => self.rename_up(rest),
            _ => exchange_start(path, &OUTSIDE),
        }
    }

    fn rename_down(&self, path: &str) -> Option<String> {
        let (step, path) = split_number(path)?;
        if step == 0 {
            return exchange_start(path, &[("0", "conv_in")]);
        }
        let block = self.down.range(..step).count();
        // The step before the first layer of a resolution changes the resolution, or is `conv_in`.
        let before = self.down.range(..step).next_back().copied().unwrap_or(0);
        let layer = step - before - 1;
        let inside = match split_number(path)? {
            (0, rest) => match exchange_start(rest, &[("op", "downsamplers.0.conv")]) {
                Some(downsampler) => downsampler,
                None => rename_resnet(layer, rest)?,
            },
            (1, rest) => rename_transformer(layer, rest)?,
            _ => return None,
        };
        Some(format!("down_blocks.{block}.{inside}"))
    }

    fn rename_up(&self, path: &str) -> Option<String> {
        let (step, path) = split_number(path)?;
        let block = self.up.range(..step).count();
        let first = self.up.range(..step).next_back().map_or(0, |step| step + 1);
        let layer = step - first;
        let inside = match split_number(path)? {
            (0, rest) => rename_resnet(layer, rest)?,
            (1 | 2, rest) => match exchange_start(rest, &[("conv", "upsamplers.0.conv")]) {
                Some(upsampler) => upsampler,
                None => rename_transformer(layer, rest)?,
            },
            _ => return None,
        };
        Some(format!("up_blocks.{block}.{inside}"))
    }
}

fn rename_middle(path: &str) -> Option<String> {
    let inside = match split_number(path)? {
        (0, rest) => rename_resnet(0, rest)?,
        (1, rest) => rename_transformer(0, rest)?,
        (2, rest) => rename_resnet(1, rest)?,
        _ => return None,
    };
    Some(format!("mid_block.{inside}"))
}

fn rename_resnet(layer: usize, path: &str) -> Option<String> {
    Some(format!(
        "resnets.{layer}.{}",
        exchange_start(path, &RESNET)?
    ))
}

/// Inside a transformer, both use the same names.
fn rename_transformer(layer: usize, path: &str) -> Option<String> {
    let (start, _) = path.split_once('.')?;
    TRANSFORMER
        .contains(&start)
        .then(|| format!("attentions.{layer}.{path}"))
}
