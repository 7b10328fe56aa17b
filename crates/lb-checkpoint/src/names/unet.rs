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

/// Inside a transformer, both use the same names.
const TRANSFORMER: [(&str, &str); 4] = [
    ("norm", "norm"),
    ("proj_in", "proj_in"),
    ("transformer_blocks", "transformer_blocks"),
    ("proj_out", "proj_out"),
];

/// Returns diffusers' names for keys. Each key is given whole and without the UNet's prefix.
pub(super) fn rename<'k>(
    keys: &[(&'k str, &'k str)],
) -> Result<Vec<(&'k str, Vec<Renamed>)>, UnknownKey> {
    let steps = Steps::of(keys);
    keys.iter()
        .map(|(key, rest)| match steps.rename(rest) {
            Some(name) => Ok((*key, vec![Renamed::whole(name)])),
            None => Err(UnknownKey((*key).to_owned())),
        })
        .collect()
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
        let block_path = format!("down_blocks.{block}");
        let inside = match split_number(path)? {
            (0, rest) => match exchange_start(rest, &[("op", "downsamplers.0.conv")]) {
                Some(downsampler) => downsampler,
                None => format!("resnets.{layer}.{}", exchange_start(rest, &RESNET)?),
            },
            (1, rest) => format!("attentions.{layer}.{}", exchange_start(rest, &TRANSFORMER)?),
            _ => return None,
        };
        Some(format!("{block_path}.{inside}"))
    }

    fn rename_up(&self, path: &str) -> Option<String> {
        let (step, path) = split_number(path)?;
        let block = self.up.range(..step).count();
        let first = self.up.range(..step).next_back().map_or(0, |step| step + 1);
        let layer = step - first;
        let inside = match split_number(path)? {
            (0, rest) => format!("resnets.{layer}.{}", exchange_start(rest, &RESNET)?),
            (1 | 2, rest) => match exchange_start(rest, &[("conv", "upsamplers.0.conv")]) {
                Some(upsampler) => upsampler,
                None => format!("attentions.{layer}.{}", exchange_start(rest, &TRANSFORMER)?),
            },
            _ => return None,
        };
        Some(format!("up_blocks.{block}.{inside}"))
    }
}

fn rename_middle(path: &str) -> Option<String> {
    let inside = match split_number(path)? {
        (0, rest) => format!("resnets.0.{}", exchange_start(rest, &RESNET)?),
        (1, rest) => format!("attentions.0.{}", exchange_start(rest, &TRANSFORMER)?),
        (2, rest) => format!("resnets.1.{}", exchange_start(rest, &RESNET)?),
        _ => return None,
    };
    Some(format!("mid_block.{inside}"))
}
