//! Configurations told from the tensors' shapes.
//!
//! Shapes tell widths, depths and kinds of layers. They do not tell how attention is divided into
//! heads, nor norms into groups: there the rules of Stable Diffusion 1 and 2 are taken, where they
//! can be, and a configuration asked for where they cannot.

mod shapes;
mod text_encoder;
mod unet;
mod vae;

use serde_json::{Value, json};

use super::tokenizer;
use crate::error::CheckpointError;
use crate::kind::ModelKind;
use crate::weights::Weights;
use shapes::Shapes;
pub(super) use text_encoder::text_encoder;
pub(super) use unet::unet;
pub(super) use vae::vae;

/// Groups of all group norms of Stable Diffusion.
const NORM_GROUPS: usize = 32;

/// What is known of a model beside its shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) kind: ModelKind,
    /// OpenCLIP's text encoder: Stable Diffusion 2. Otherwise CLIP's: Stable Diffusion 1.
    pub(super) open_clip: bool,
    pub(super) predicts_noise: bool,
}

impl Model {
    /// Width and height of the pictures that the model was trained with, in pixels.
    fn side(self) -> usize {
        match self.kind {
            ModelKind::TextToImage if self.open_clip && !self.predicts_noise => 768,
            _ => 512,
        }
    }
}

/// What the UNet takes beside latents.
pub(super) fn kind(unet: &Weights, vae: &Weights) -> Result<ModelKind, CheckpointError> {
    let unet_shapes = Shapes(unet);
    let taken = unet_shapes.size("conv_in.weight", 1)?;
    let latents = Shapes(vae).size("decoder.conv_in.weight", 1)?;
    let has_classes = unet.contains("class_embedding.weight");
    ModelKind::of_channels(taken, latents, has_classes).ok_or_else(|| {
        unet_shapes.untold(
            "the kind of model",
            format!(
                "the UNet takes {taken} channels {} class embeddings, the latents have {latents}",
                if has_classes { "and" } else { "without" }
            ),
        )
    })
}

/// `model_index.json` of a kind of model.
pub(super) fn model_index(kind: ModelKind) -> Value {
    let class = match kind {
        ModelKind::TextToImage => "StableDiffusionPipeline",
        ModelKind::Inpaint => "StableDiffusionInpaintPipeline",
        ModelKind::Depth => "StableDiffusionDepth2ImgPipeline",
        ModelKind::Upscale => "StableDiffusionUpscalePipeline",
    };
    let mut index = json!({
        "_class_name": class,
        "scheduler": ["diffusers", "DDIMScheduler"],
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

/// Refuses vocabularies for which no tokenizer can be written.
pub(super) fn refuse_other_vocabulary(text_encoder: &Weights) -> Result<(), CheckpointError> {
    let shapes = Shapes(text_encoder);
    let prefixed = "text_model.embeddings.token_embedding.weight";
    let name = if text_encoder.contains(prefixed) {
        prefixed
    } else {
        "embeddings.token_embedding.weight"
    };
    let found = shapes.size(name, 0)?;
    if found == tokenizer::VOCABULARY {
        return Ok(());
    }
    let known = tokenizer::VOCABULARY;
    Err(shapes.untold(
        "the tokenizer",
        format!("the vocabulary has {found} tokens, CLIP's has {known}"),
    ))
}

#[cfg(test)]
mod tests;
