//! What a file is that is not a LoRA of Stable Diffusion 1 or 2.

use std::collections::BTreeMap;

use crate::safetensors::TensorEntry;

/// Parts of names, and what a file is whose names have them.
const KINDS: [(&str, &str); 18] = [
    (
        "model.diffusion_model.",
        "a whole model, which `lb import` takes",
    ),
    (
        "first_stage_model.",
        "a whole model, which `lb import` takes",
    ),
    (
        "cond_stage_model.",
        "a whole model, which `lb import` takes",
    ),
    (".hada_w", "a LoHa (LyCORIS)"),
    (".lokr_w", "a LoKr (LyCORIS)"),
    (".dora_scale", "a DoRA"),
    (".lora_magnitude_vector", "a DoRA"),
    (
        ".lora_mid.",
        "a LoRA of three matrices a layer (Tucker decomposition)",
    ),
    (".oft_", "an OFT adapter"),
    (".boft_", "a BOFT adapter"),
    (".on_input", "an (IA)³ adapter"),
    (".vera_lambda", "a VeRA"),
    (
        ".lora_embedding_",
        "a LoRA that changes the token embeddings",
    ),
    (".lora_B.bias", "a LoRA with biases"),
    (".lora_up.bias", "a LoRA with biases"),
    (".diff_b", "a file of whole differences between weights"),
    (".diff", "a file of whole differences between weights"),
    (".w_norm", "a file of whole differences between weights"),
];

/// Parts of names, and the family of models whose LoRAs have them.
const FAMILIES: [(&str, &str); 16] = [
    ("lora_te1_", XL),
    ("lora_te2_", XL),
    ("text_encoder_2.", XL),
    ("add_embedding", XL),
    ("lora_unet_input_blocks_", XL),
    ("lora_unet_middle_block_", XL),
    ("lora_unet_output_blocks_", XL),
    ("joint_blocks", "Stable Diffusion 3"),
    ("add_q_proj", "Stable Diffusion 3 or Flux"),
    ("context_embedder", "Stable Diffusion 3 or Flux"),
    ("lora_unet_double_blocks_", "Flux"),
    ("lora_unet_single_blocks_", "Flux"),
    ("double_blocks.", "Flux"),
    ("single_transformer_blocks", "Flux"),
    (
        "transformer.",
        "a model with a transformer instead of a UNet, such as Stable Diffusion 3 or Flux",
    ),
    (
        "diffusion_model.",
        "a model with a transformer instead of a UNet, such as Flux",
    ),
];

const XL: &str = "Stable Diffusion XL";

/// The names of a textual inversion's tensors.
const EMBEDDINGS: [&str; 3] = ["emb_params", "clip_l", "clip_g"];

/// What the tensors of a file show it to be, if that is something else than a LoRA of Stable Diffusion 1
/// or 2.
pub(super) fn found_in(tensors: &BTreeMap<String, TensorEntry>) -> Option<String> {
    if let Some(kind) = kind_of(tensors) {
        return Some(kind);
    }
    let is_embedding = match tensors.len() {
        0 => return Some("a file without tensors".into()),
        1 => tensors.values().all(|tensor| tensor.shape.len() <= 2),
        _ => EMBEDDINGS.iter().any(|name| tensors.contains_key(*name)),
    };
    if is_embedding {
        return Some("an embedding (textual inversion), which --embedding takes".into());
    }
    match are_of_lora(tensors) {
        true => None,
        false => Some("a file whose tensors are not those of a LoRA".into()),
    }
}

/// What the tensors of a file show it to be, if that is anything else than an embedding.
pub(crate) fn known_kind(tensors: &BTreeMap<String, TensorEntry>) -> Option<String> {
    let lora = || are_of_lora(tensors).then(|| "a LoRA, which --lora takes".to_owned());
    kind_of(tensors).or_else(lora)
}

/// Whether any tensor belongs to a LoRA of Stable Diffusion 1 or 2.
fn are_of_lora(tensors: &BTreeMap<String, TensorEntry>) -> bool {
    let mut names = tensors.keys();
    names.any(|name| super::Key::parse(name).is_some())
}

/// What kind of change of a model the names of tensors show, or which other family it is for.
fn kind_of(tensors: &BTreeMap<String, TensorEntry>) -> Option<String> {
    let has = |part: &str| tensors.keys().any(|name| name.contains(part));
    if let Some((_, kind)) = KINDS.iter().find(|(part, _)| has(part)) {
        return Some((*kind).into());
    }
    let begins = |part: &str| {
        tensors.keys().any(|name| {
            let name = name.strip_prefix("base_model.model.").unwrap_or(name);
            name.starts_with(part)
        })
    };
    let is_of = |part: &str| match part.ends_with('.') || part.starts_with("lora_") {
        true => begins(part),
        false => has(part),
    };
    let family = FAMILIES.iter().find(|(part, _)| is_of(part));
    family.map(|(_, family)| format!("a LoRA for {family}"))
}

/// The family of models whose cross-attention reads text embeddings of this width.
pub(crate) fn family_of_text_width(width: Option<usize>) -> Option<&'static str> {
    match width? {
        768 => Some("Stable Diffusion 1"),
        1024 => Some("Stable Diffusion 2"),
        2048 => Some(XL),
        _ => None,
    }
}
