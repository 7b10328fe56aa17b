//! What a file is that is no checkpoint of Stable Diffusion 1 or 2, by the names of its tensors.

use std::collections::BTreeMap;

use crate::safetensors::TensorEntry;

/// What the pipelines of a model directory can be, for error messages.
pub const OF_OUR_FAMILIES: &str =
    "a pipeline of Stable Diffusion 1 or 2, which are all that lb runs";

/// Whether a diffusers pipeline of this class runs models of a family other than Stable Diffusion 1 and 2.
#[must_use]
pub fn is_of_other_family(class: &str) -> bool {
    const FAMILIES: [&str; 14] = [
        "XL",
        "StableDiffusion3",
        "Flux",
        "Kandinsky",
        "PixArt",
        "Sana",
        "AuraFlow",
        "Cascade",
        "Wuerstchen",
        "Hunyuan",
        "Lumina",
        "CogVideo",
        "QwenImage",
        "DeepFloyd",
    ];
    FAMILIES.iter().any(|family| class.contains(family))
}

/// Recognises a file that is not a whole checkpoint of Stable Diffusion 1 or 2. The text follows "this is".
pub(super) fn recognise(tensors: &BTreeMap<String, TensorEntry>) -> Option<String> {
    let starts = |start: &str| tensors.keys().any(|key| key.starts_with(start));
    let has = |part: &str| tensors.keys().any(|key| key.contains(part));
    let others = [
        ("Stable Diffusion XL", starts("conditioner.embedders.")),
        ("Stable Diffusion 3", has("joint_blocks.")),
        ("Flux", has("double_blocks.")),
    ];
    if let Some((family, _)) = others.iter().find(|(_, is_it)| *is_it) {
        return Some(format!("a model of {family}, which lb does not run"));
    }
    if [
        "lora_down",
        "lora_up",
        "lora_A",
        "lora_B",
        "hada_w1",
        "lokr_w1",
        "lora.down",
    ]
    .iter()
    .any(|part| has(part))
    {
        return Some(format!(
            "a LoRA{} and not a whole model",
            family_of_lora(tensors)
        ));
    }
    if starts("control_model.") || has("controlnet_cond_embedding") {
        return Some("a ControlNet, which lb does not run".into());
    }
    // The only tensor of an embedding may have the token as its name.
    let is_vector = |(key, entry): (&String, &TensorEntry)| {
        !key.contains('.') && (1..=2).contains(&entry.shape.len())
    };
    let is_named = has("emb_params") || has("string_to_param") || starts("clip_l");
    if is_named || !tensors.is_empty() && tensors.iter().all(is_vector) {
        return Some("a textual inversion embedding and not a whole model".into());
    }
    let [unet, text, autoencoder] = [
        "model.diffusion_model.",
        "cond_stage_model.",
        "first_stage_model.",
    ]
    .map(starts);
    let alone = [
        (
            "an autoencoder",
            starts("decoder.") || starts("encoder.conv_in") || autoencoder,
        ),
        ("a UNet", starts("down_blocks.") || unet),
        ("a text encoder", starts("text_model.") || text),
    ];
    match (unet, text, autoencoder) {
        // One without an autoencoder can be given one.
        (true, true, _) => None,
        (true, false, true) => Some("a checkpoint without a text encoder".into()),
        _ => {
            let mut parts = alone.iter().filter(|(_, is_there)| *is_there);
            let (part, _) = parts.next()?;
            parts
                .next()
                .is_none()
                .then(|| format!("{part} alone and not a whole model"))
        }
    }
}

/// The family that a LoRA is for, as " for Stable Diffusion 1", if its attention to the text shows it.
fn family_of_lora(tensors: &BTreeMap<String, TensorEntry>) -> &'static str {
    let is_down = |key: &str| {
        key.contains("attn2")
            && key.contains("to_k")
            && (key.contains("down") || key.contains("lora_A"))
    };
    let width = tensors
        .iter()
        .find(|(key, _)| is_down(key))
        .and_then(|(_, entry)| entry.shape.get(1));
    match width {
        Some(768) => " for Stable Diffusion 1",
        Some(1024) => " for Stable Diffusion 2",
        Some(2048) => " for Stable Diffusion XL",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_what_they_are() {
        let entry = |shape: &[usize]| TensorEntry {
            dtype: "F16".into(),
            shape: shape.to_vec(),
            offset: 0,
            length: 0,
        };
        let of = |keys: &[(&str, &[usize])]| {
            let tensors = keys
                .iter()
                .map(|&(key, shape)| (key.to_owned(), entry(shape)));
            recognise(&tensors.collect())
        };
        let whole = [
            ("model.diffusion_model.out.2.bias", &[4][..]),
            ("cond_stage_model.model.ln_final.bias", &[8]),
            ("first_stage_model.post_quant_conv.weight", &[4, 4, 1, 1]),
        ];
        assert_eq!(of(&whole), None);
        let words = |keys: &[(&str, &[usize])]| of(keys).unwrap();
        assert_eq!(of(&whole[..2]), None);
        assert!(words(&whole[..1]).contains("a UNet alone"));
        assert!(words(&whole[2..]).contains("an autoencoder alone"));
        let lora =
            "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight";
        assert!(words(&[(lora, &[4, 768])]).contains("a LoRA for Stable Diffusion 1"));
        assert!(words(&[(lora, &[4, 2048])]).contains("Stable Diffusion XL"));
        assert!(words(&[("emb_params", &[2, 768])]).contains("embedding"));
        assert!(words(&[("<toy>", &[768])]).contains("embedding"));
        let xl = ("conditioner.embedders.0.x", &[8][..]);
        assert!(words(&[xl, whole[0], whole[2]]).contains("Stable Diffusion XL"));
        assert!(words(&[("model.diffusion_model.joint_blocks.0.x", &[8])]).contains("Diffusion 3"));
        assert!(words(&[("double_blocks.0.x", &[8])]).contains("Flux"));
        assert!(is_of_other_family("StableDiffusionXLPipeline"));
        assert!(is_of_other_family("StableDiffusion3Pipeline"));
        assert!(!is_of_other_family("OnnxStableDiffusionUpscalePipeline"));
    }
}
