//! The text encoder's names.

use super::{Part, Renamed, exchange_start, split_number};

const LAYER: [(&str, &str); 5] = [
    ("ln_1", "layer_norm1"),
    ("ln_2", "layer_norm2"),
    ("mlp.c_fc", "mlp.fc1"),
    ("mlp.c_proj", "mlp.fc2"),
    ("attn.out_proj", "self_attn.out_proj"),
];

const PROJECTIONS: [&str; 3] = ["q_proj", "k_proj", "v_proj"];

/// Names for the keys of OpenCLIP's text encoder in Stable Diffusion 2 (each with its part after
/// the prefix).
///
/// The last layer has none: the model takes what the last but one gives, through the final norm.
/// Neither have the projection and temperature, with which CLIP compares texts and pictures.
pub(super) fn rename_open_clip<'k>(keys: &[(&'k str, &'k str)]) -> Vec<(&'k str, Vec<Renamed>)> {
    let layer_of = |rest: &'k str| split_number(rest.strip_prefix("transformer.resblocks.")?);
    let layers = keys.iter().filter_map(|(_, rest)| layer_of(rest));
    let unused = layers.map(|(layer, _)| layer).max();
    let mut names = Vec::new();
    for (key, rest) in keys {
        let renamed = match layer_of(rest) {
            Some((layer, _)) if Some(layer) == unused => continue,
            Some((layer, rest)) => rename_layer(layer, rest),
            None => rename_outside(rest).into_iter().collect(),
        };
        names.push((*key, renamed));
    }
    names
}

/// The name for a key of transformers' `CLIPTextModel` in Stable Diffusion 1 (after the prefix):
/// its own, without the part that transformers 5 has given up.
pub(super) fn rename_clip(path: &str) -> Renamed {
    Renamed::whole(path.strip_prefix("text_model.").unwrap_or(path))
}

fn rename_outside(path: &str) -> Option<Renamed> {
    match path {
        "token_embedding.weight" => Some(Renamed::whole("embeddings.token_embedding.weight")),
        "positional_embedding" => Some(Renamed::whole("embeddings.position_embedding.weight")),
        _ => exchange_start(path, &[("ln_final", "final_layer_norm")]).map(Renamed::whole),
    }
}

fn rename_layer(layer: usize, path: &str) -> Vec<Renamed> {
    let layer = format!("encoder.layers.{layer}");
    if let Some(kind) = path.strip_prefix("attn.in_proj_") {
        let third = |(index, projection): (usize, &str)| Renamed {
            name: format!("{layer}.self_attn.{projection}.{kind}"),
            part: Part::ThirdOfRows(index),
        };
        return PROJECTIONS.into_iter().enumerate().map(third).collect();
    }
    let inside = exchange_start(path, &LAYER);
    let name = inside.map(|inside| Renamed::whole(format!("{layer}.{inside}")));
    name.into_iter().collect()
}
