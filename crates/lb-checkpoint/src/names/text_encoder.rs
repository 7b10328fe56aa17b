//! Translates the names of the text encoder's tensors.

use super::{Part, Renamed, exchange_start, split_number};

const LAYER: [(&str, &str); 5] = [
    ("ln_1", "layer_norm1"),
    ("ln_2", "layer_norm2"),
    ("mlp.c_fc", "mlp.fc1"),
    ("mlp.c_proj", "mlp.fc2"),
    ("attn.out_proj", "self_attn.out_proj"),
];

const PROJECTIONS: [&str; 3] = ["q_proj", "k_proj", "v_proj"];

/// Returns diffusers' names for a key of OpenCLIP's text encoder in Stable Diffusion 2, given without
/// its prefix.
///
/// The projection and the temperature are left out, because CLIP needs them only to compare texts with
/// pictures. The last of the 24 layers is renamed too, although Stable Diffusion uses the output of the
/// layer before it: the configuration says how many layers are used.
pub(super) fn rename_open_clip(path: &str) -> Vec<Renamed> {
    let layer = path.strip_prefix("transformer.resblocks.");
    match layer.and_then(split_number) {
        Some((layer, rest)) => rename_layer(layer, rest),
        None => rename_outside(path).into_iter().collect(),
    }
}

/// Returns the name for a key of transformers' `CLIPTextModel` in Stable Diffusion 1, given without its
/// prefix. Only `text_model.` is removed, which transformers no longer writes since version 5.
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
