//! Infers configurations from the shapes of the tensors.
//!
//! The shapes show the widths, numbers and kinds of layers. They do not show how many heads an attention
//! has, or how many groups a norm has. Here the rules of Stable Diffusion 1 and 2 are applied. If a model
//! does not follow them, its user has to provide a configuration.

use serde_json::{Value, json};

use super::tokenizer;
use crate::error::CheckpointError;
use crate::kind::ModelKind;
use crate::weights::Weights;

/// Number of groups in every group norm of Stable Diffusion.
const NORM_GROUPS: usize = 32;

/// Number of channels of an attention head in CLIP's text encoders and in the UNets of Stable
/// Diffusion 2.
const HEAD_WIDTH: usize = 64;

/// Number of attention heads in every block of the UNets of Stable Diffusion 1 and the upscaler.
const FIXED_HEADS: usize = 8;

/// Number of layers of OpenCLIP's text encoder that Stable Diffusion 2 uses: the last of 24 is unused.
const OPEN_CLIP_LAYERS: usize = 23;

/// What is known about a model from other sources than the shapes of its layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Model {
    /// The kind of model.
    pub(super) kind: ModelKind,
    /// Whether the text encoder is OpenCLIP's (Stable Diffusion 2) rather than CLIP's (version 1).
    pub(super) open_clip: bool,
    /// Whether the UNet predicts the noise rather than the velocity.
    pub(super) predicts_noise: bool,
}

/// A function that infers the configuration of a component.
pub(super) type Infer = fn(&Weights, Model) -> Result<Value, CheckpointError>;

impl Model {
    /// Returns the width and height of the pictures that the model was trained with, in pixels.
    fn side(self) -> usize {
        match self.kind {
            ModelKind::TextToImage if self.open_clip && !self.predicts_noise => 768,
            _ => 512,
        }
    }
}

/// Infers the kind of a model from the number of channels that its UNet takes.
pub(super) fn kind(unet: &Weights, vae: &Weights) -> Result<ModelKind, CheckpointError> {
    let shapes = Shapes(unet);
    let taken = shapes.size("conv_in.weight", 1)?;
    let latents = Shapes(vae).size("decoder.conv_in.weight", 1)?;
    let has_classes = unet.contains("class_embedding.weight");
    ModelKind::of_channels(taken, latents, has_classes).ok_or_else(|| {
        let with = if has_classes { "with" } else { "without" };
        let reason = format!(
            "the UNet takes {taken} channels {with} class embeddings, and the latents have {latents}"
        );
        shapes.not_inferable("the kind of model", reason)
    })
}

/// Makes the `model_index.json` for a kind of model with a scheduler of this class.
pub(super) fn model_index(kind: ModelKind, scheduler: &str) -> Value {
    let class = match kind {
        ModelKind::TextToImage => "StableDiffusionPipeline",
        ModelKind::Inpaint => "StableDiffusionInpaintPipeline",
        ModelKind::Depth => "StableDiffusionDepth2ImgPipeline",
        ModelKind::Upscale => "StableDiffusionUpscalePipeline",
    };
    let mut index = json!({
        "_class_name": class,
        "scheduler": ["diffusers", scheduler],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    });
    match kind {
        ModelKind::TextToImage | ModelKind::Inpaint => {
            index["feature_extractor"] = json!([null, null]);
            index["safety_checker"] = json!([null, null]);
            index["requires_safety_checker"] = json!(false);
        }
        ModelKind::Upscale => {
            index["low_res_scheduler"] = json!(["diffusers", "DDPMScheduler"]);
            index["max_noise_level"] = json!(350);
        }
        ModelKind::Depth => {}
    }
    index
}

/// Returns an error unless the model has CLIP's vocabulary: a tokenizer can be written only for this one. It may
/// have more tokens if their names are given.
pub(super) fn validate_vocabulary(
    text_encoder: &Weights,
    are_added_named: bool,
) -> Result<(), CheckpointError> {
    let shapes = Shapes(text_encoder);
    let prefixed = "text_model.embeddings.token_embedding.weight";
    let name = if text_encoder.contains(prefixed) {
        prefixed
    } else {
        "embeddings.token_embedding.weight"
    };
    let (found, known) = (shapes.size(name, 0)?, tokenizer::VOCABULARY);
    if found == known || found > known && are_added_named {
        return Ok(());
    }
    let mut reason = format!("the vocabulary has {found} tokens, but CLIP's has {known}");
    if found > known {
        reason.push_str(
            "; the names of added tokens are not in a single file, but in tokenizer/added_tokens.json of \
             the model that was fine-tuned",
        );
    }
    Err(shapes.not_inferable("the tokenizer", reason))
}

/// Infers the configuration of `CLIPTextModel`.
pub(super) fn text_encoder(weights: &Weights, model: Model) -> Result<Value, CheckpointError> {
    let shapes = Shapes(weights);
    let table = "embeddings.token_embedding.weight";
    let (vocabulary, width) = (shapes.size(table, 0)?, shapes.size(table, 1)?);
    let mut layers = shapes.count("encoder.layers");
    if model.open_clip {
        // Checkpoints that were converted from a diffusers directory lack the unused layer.
        if !(OPEN_CLIP_LAYERS..=OPEN_CLIP_LAYERS + 1).contains(&layers) {
            let what = "how many of the text encoder's layers are used";
            let uses = format!("Stable Diffusion 2 uses {OPEN_CLIP_LAYERS} of 24");
            return Err(shapes.not_inferable(what, format!("it has {layers}; {uses}")));
        }
        layers = OPEN_CLIP_LAYERS;
    }
    // Added tokens come behind the special ones.
    let end = vocabulary.min(tokenizer::VOCABULARY).saturating_sub(1);
    Ok(json!({
        "architectures": ["CLIPTextModel"],
        "bos_token_id": end.saturating_sub(1),
        "eos_token_id": end,
        "hidden_act": if model.open_clip { "gelu" } else { "quick_gelu" },
        "hidden_size": width,
        "intermediate_size": shapes.size("encoder.layers.0.mlp.fc1.weight", 0)?,
        "layer_norm_eps": 1e-5,
        "max_position_embeddings": shapes.size("embeddings.position_embedding.weight", 0)?,
        "model_type": "clip_text_model",
        "num_attention_heads": shapes.heads(width, HEAD_WIDTH)?,
        "num_hidden_layers": layers,
        "pad_token_id": if model.open_clip { 0 } else { end },
        "projection_dim": if model.open_clip { 512 } else { 768 },
        "vocab_size": vocabulary,
    }))
}

/// Infers the configuration of `UNet2DConditionModel`.
pub(super) fn unet(weights: &Weights, model: Model) -> Result<Value, CheckpointError> {
    let shapes = Shapes(weights);
    let blocks = shapes.count("down_blocks");
    let channels = shapes.block_channels("down_blocks", blocks)?;
    let layers = (0..blocks).map(|block| shapes.count(&format!("down_blocks.{block}.resnets")));
    let layers = layers.collect();
    let types = |way: &str, with: &'static str, without: &'static str| -> Vec<&str> {
        let attends = |block| shapes.has(&format!("{way}.{block}.attentions"));
        let name = |block| if attends(block) { with } else { without };
        (0..blocks).map(name).collect()
    };
    let heads = if model.open_clip && model.kind != ModelKind::Upscale {
        let heads = channels
            .iter()
            .map(|&width| shapes.heads(width, HEAD_WIDTH));
        heads.collect::<Result<Vec<_>, _>>()?
    } else {
        vec![FIXED_HEADS; blocks]
    };
    let middle = "mid_block.attentions.0";
    let depth = shapes.count(&format!("{middle}.transformer_blocks"));
    let text = format!("{middle}.transformer_blocks.0.attn2.to_k.weight");

    let mut config = json!({
        "_class_name": "UNet2DConditionModel",
        "act_fn": "silu",
        "attention_head_dim": heads,
        "block_out_channels": channels,
        "center_input_sample": false,
        "cross_attention_dim": shapes.size(&text, 1)?,
        "down_block_types": types("down_blocks", "CrossAttnDownBlock2D", "DownBlock2D"),
        "downsample_padding": 1,
        "flip_sin_to_cos": true,
        "freq_shift": 0,
        "in_channels": shapes.size("conv_in.weight", 1)?,
        "layers_per_block": one_or_all(layers),
        "mid_block_scale_factor": 1,
        "norm_eps": 1e-5,
        "norm_num_groups": NORM_GROUPS,
        "out_channels": shapes.size("conv_out.weight", 0)?,
        "sample_size": if model.kind == ModelKind::Upscale { 128 } else { model.side() / 8 },
        "up_block_types": types("up_blocks", "CrossAttnUpBlock2D", "UpBlock2D"),
        "use_linear_projection": shapes.rank(&format!("{middle}.proj_in.weight")) == 2,
    });
    if depth > 1 {
        config["transformer_layers_per_block"] = json!(depth);
    }
    let only_text = only_cross_attention(&shapes, &channels)?;
    if only_text.contains(&true) {
        config["only_cross_attention"] = json!(only_text);
    }
    if weights.contains("class_embedding.weight") {
        config["num_class_embeds"] = json!(shapes.size("class_embedding.weight", 0)?);
    }
    if model.kind == ModelKind::TextToImage && model.open_clip && !model.predicts_noise {
        // The published configuration of 2.1 has this, because its attention overflows 16-bit floats.
        config["upcast_attention"] = json!(true);
    }
    Ok(config)
}

/// Infers for each block on the way down whether the first attention of its layers attends to the text
/// instead of to the picture. The width of its keys shows this, unless the text is as wide as the block.
/// In that case it is assumed to attend to the picture, as in the lowest block of the upscaler.
fn only_cross_attention(
    shapes: &Shapes<'_>,
    channels: &[usize],
) -> Result<Vec<bool>, CheckpointError> {
    let sees_text = |(block, &width): (usize, &usize)| {
        let attention = format!("down_blocks.{block}.attentions");
        if !shapes.has(&attention) {
            return Ok(false);
        }
        let key = format!("{attention}.0.transformer_blocks.0.attn1.to_k.weight");
        Ok(shapes.size(&key, 1)? != width)
    };
    channels.iter().enumerate().map(sees_text).collect()
}

/// Returns one number if all are the same, otherwise the whole list.
fn one_or_all(layers: Vec<usize>) -> Value {
    match layers[..] {
        [first, ref others @ ..] if others.iter().all(|&other| other == first) => json!(first),
        _ => json!(layers),
    }
}

/// Infers the configuration of an autoencoder of Stable Diffusion 1 or 2 that belongs to no model.
pub(crate) fn separate_vae(weights: &Weights) -> Result<Value, CheckpointError> {
    let model = Model {
        kind: ModelKind::TextToImage,
        open_clip: false,
        predicts_noise: true,
    };
    vae(weights, model)
}

/// Infers the configuration of `AutoencoderKL`.
pub(super) fn vae(weights: &Weights, model: Model) -> Result<Value, CheckpointError> {
    let shapes = Shapes(weights);
    let blocks = shapes.count("encoder.down_blocks");
    let channels = shapes.block_channels("encoder.down_blocks", blocks)?;
    let side = match model.kind {
        ModelKind::Upscale => 256,
        _ => model.side(),
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
        "scaling_factor": model.kind.scaling_factor(),
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

/// Reads sizes and counts from the names and shapes of a component's tensors.
struct Shapes<'w>(&'w Weights);

impl Shapes<'_> {
    /// Returns the size of a tensor along an axis.
    fn size(&self, name: &str, axis: usize) -> Result<usize, CheckpointError> {
        let problem = match self.0.shape(name) {
            Some(shape) => match shape.get(axis) {
                Some(size) => return Ok(*size),
                None => format!("has shape {shape:?}"),
            },
            None => "is missing".to_owned(),
        };
        Err(self.not_inferable("a size", format!("tensor \"{name}\" {problem}")))
    }

    /// Returns the number of a tensor's axes, or 0 if there is no such tensor.
    fn rank(&self, name: &str) -> usize {
        self.0.shape(name).map_or(0, <[usize]>::len)
    }

    /// Whether the module at `path` has any tensor.
    fn has(&self, path: &str) -> bool {
        self.0.any_below(&format!("{path}."))
    }

    /// Counts the modules `path.0`, `path.1` and so on.
    fn count(&self, path: &str) -> usize {
        let exists = |number: &usize| self.has(&format!("{path}.{number}"));
        (0..).take_while(exists).count()
    }

    /// Returns the number of channels of each block, which can be divided into the usual number of groups.
    fn block_channels(&self, path: &str, blocks: usize) -> Result<Vec<usize>, CheckpointError> {
        let convolutions =
            (0..blocks).map(|block| format!("{path}.{block}.resnets.0.conv1.weight"));
        let channels = convolutions.map(|convolution| self.size(&convolution, 0));
        let channels = channels.collect::<Result<Vec<_>, _>>()?;
        if channels.iter().all(|channels| channels % NORM_GROUPS == 0) {
            return Ok(channels);
        }
        let reason = format!("widths {channels:?} are not multiples of the usual {NORM_GROUPS}");
        Err(self.not_inferable("the groups of the norms", reason))
    }

    /// Returns the number of heads if each has `size` channels.
    fn heads(&self, channels: usize, size: usize) -> Result<usize, CheckpointError> {
        if channels > 0 && channels.is_multiple_of(size) {
            return Ok(channels / size);
        }
        let reason = format!("a width of {channels} is not a multiple of the usual {size}");
        Err(self.not_inferable("the number of attention heads", reason))
    }

    /// Makes the error for something that the shapes do not show.
    fn not_inferable(&self, what: &'static str, reason: String) -> CheckpointError {
        CheckpointError::NotInferable {
            path: self.0.source().to_owned(),
            what,
            reason,
        }
    }
}

#[cfg(test)]
mod tests;
