//! The names that the tensors of LoRAs have in the different publications.

use crate::component::Component;

/// What the name of a tensor says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Key {
    pub(super) component: Component,
    /// The name of the layer in diffusers or transformers, with `_` for every dot: Kohya's names do not
    /// tell them apart.
    pub(super) layer: String,
    pub(super) role: Role,
}

/// What a tensor is to its layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Down,
    Up,
    Alpha,
}

/// The ends of names. The last ones follow the name of a layer without a dot, as diffusers' attention
/// processors had them.
const ENDS: [(&str, Role); 11] = [
    (".alpha", Role::Alpha),
    (".lora_down.weight", Role::Down),
    (".lora_up.weight", Role::Up),
    (".lora_A.weight", Role::Down),
    (".lora_B.weight", Role::Up),
    (".lora_linear_layer.down.weight", Role::Down),
    (".lora_linear_layer.up.weight", Role::Up),
    (".lora.down.weight", Role::Down),
    (".lora.up.weight", Role::Up),
    ("_lora.down.weight", Role::Down),
    ("_lora.up.weight", Role::Up),
];

/// What the name of a UNet's layer can begin with in diffusers.
const UNET: [&str; 6] = [
    "down_blocks.",
    "mid_block.",
    "up_blocks.",
    "conv_in",
    "conv_out",
    "time_embedding.",
];

/// Names of the text encoder's projections in diffusers' attention processors, and in transformers.
const TEXT_PROJECTIONS: [(&str, &str); 4] = [
    ("self_attn.to_q", "self_attn.q_proj"),
    ("self_attn.to_k", "self_attn.k_proj"),
    ("self_attn.to_v", "self_attn.v_proj"),
    ("self_attn.to_out", "self_attn.out_proj"),
];

impl Key {
    /// `None` for a tensor that no LoRA of Stable Diffusion 1 or 2 has.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let name = without_adapter(name);
        let (layer, role) = ENDS
            .iter()
            .find_map(|(end, role)| Some((name.strip_suffix(end)?, *role)))?;
        if let Some(layer) = layer.strip_prefix("lora_unet_") {
            return Some(Self::new(Component::Unet, layer, role));
        }
        if let Some(layer) = layer.strip_prefix("lora_te_") {
            return Some(Self::new(Component::TextEncoder, layer, role));
        }
        let layer = layer.strip_prefix("base_model.model.").unwrap_or(layer);
        let layer = layer.replace(".processor.", ".");
        if let Some(layer) = layer.strip_prefix("text_encoder.") {
            return Some(Self::of_text(layer, role));
        }
        if layer.starts_with("text_model.") {
            return Some(Self::of_text(&layer, role));
        }
        let layer = layer.strip_prefix("unet.").unwrap_or(&layer);
        if !UNET.iter().any(|start| layer.starts_with(start)) {
            return None;
        }
        // Attention processors call it by the name of the list that contains it.
        let layer = match layer.ends_with(".to_out") {
            true => format!("{layer}.0"),
            false => layer.to_owned(),
        };
        Some(Self::new(Component::Unet, &layer, role))
    }

    fn of_text(layer: &str, role: Role) -> Self {
        let known = TEXT_PROJECTIONS
            .iter()
            .find_map(|(old, new)| Some(format!("{}{new}", layer.strip_suffix(old)?)));
        Self::new(
            Component::TextEncoder,
            known.as_deref().unwrap_or(layer),
            role,
        )
    }

    fn new(component: Component, layer: &str, role: Role) -> Self {
        Self {
            component,
            layer: without_dots(component, layer),
            role,
        }
    }
}

/// The name of a layer with `_` for every dot, and of the text encoder without the class that holds it.
pub(super) fn without_dots(component: Component, layer: &str) -> String {
    let name = layer.replace('.', "_");
    match (component, name.strip_prefix("text_model_")) {
        (Component::TextEncoder, Some(inner)) => inner.to_owned(),
        _ => name,
    }
}

/// PEFT writes the name of the adapter, such as `default`, before `weight`.
fn without_adapter(name: &str) -> String {
    for matrix in [".lora_A.", ".lora_B."] {
        if let Some((layer, rest)) = name.rsplit_once(matrix)
            && let Some((_, "weight")) = rest.split_once('.')
        {
            return format!("{layer}{matrix}weight");
        }
    }
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_publications_of_a_name_are_read() {
        let unet = "down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_q";
        let out = "mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0";
        let text = "encoder_layers_3_self_attn_q_proj";
        let (u, t) = (Component::Unet, Component::TextEncoder);
        for (name, component, layer, role) in [
            (
                "lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_q.alpha",
                u,
                unet,
                Role::Alpha,
            ),
            (
                "lora_unet_down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_q.lora_down.weight",
                u,
                unet,
                Role::Down,
            ),
            (
                "unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q.lora_A.weight",
                u,
                unet,
                Role::Down,
            ),
            (
                "unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q.lora.up.weight",
                u,
                unet,
                Role::Up,
            ),
            (
                "base_model.model.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q.lora_B.default.weight",
                u,
                unet,
                Role::Up,
            ),
            (
                "down_blocks.0.attentions.1.transformer_blocks.0.attn1.processor.to_q_lora.up.weight",
                u,
                unet,
                Role::Up,
            ),
            (
                "unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.down.weight",
                u,
                out,
                Role::Down,
            ),
            (
                "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0.lora_up.weight",
                u,
                out,
                Role::Up,
            ),
            (
                "lora_te_text_model_encoder_layers_3_self_attn_q_proj.lora_up.weight",
                t,
                text,
                Role::Up,
            ),
            (
                "text_encoder.text_model.encoder.layers.3.self_attn.q_proj.lora_linear_layer.down.weight",
                t,
                text,
                Role::Down,
            ),
            (
                "text_encoder.text_model.encoder.layers.3.self_attn.to_q_lora.down.weight",
                t,
                text,
                Role::Down,
            ),
            (
                "text_encoder.encoder.layers.3.self_attn.q_proj.lora_A.weight",
                t,
                text,
                Role::Down,
            ),
        ] {
            let key = Key::parse(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(
                (key.component, key.layer.as_str(), key.role),
                (component, layer, role),
                "{name}"
            );
        }
    }

    #[test]
    fn other_names_are_not_those_of_a_lora() {
        for name in [
            "model.diffusion_model.out.2.weight",
            "lora_unet_conv_in.weight",
            "transformer.blocks.0.lora_A.weight",
            "emb_params",
            "",
        ] {
            assert_eq!(Key::parse(name), None, "{name}");
        }
    }
}
