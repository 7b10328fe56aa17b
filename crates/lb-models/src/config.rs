//! The settings that a pipeline needs of a model directory's configurations.
//!
//! The networks' own shapes are read where their graphs are made
//! ([`UnetConfig`](lb_checkpoint::UnetConfig) and its like). A pipeline needs to know less, and knows
//! it of directories with ONNX graphs of other programs too.

use std::path::Path;

use lb_checkpoint::{ConfigFile, EachBlock, ModelKind, PositiveNumber, SampleSize, Size};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::ModelError;

/// What a configuration says, with the file that says it, which errors name.
pub(crate) struct Config<T> {
    pub(crate) file: ConfigFile,
    pub(crate) settings: T,
}

impl<T: DeserializeOwned> Config<T> {
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let file = ConfigFile::open(path)?;
        let settings = file.parse()?;
        Ok(Self { file, settings })
    }

    /// The value of a setting that must be there.
    pub(crate) fn required(&self, key: &str, value: Option<Size>) -> Result<usize, ModelError> {
        match value {
            Some(Size(size)) => Ok(size),
            None => Err(self.file.refuse(key, Size::EXPECTED).into()),
        }
    }

    /// The number of a network's blocks.
    pub(crate) fn blocks(&self, blocks: &EachBlock<Size>) -> Result<usize, ModelError> {
        match blocks.0.len() {
            count @ 1..=8 => Ok(count),
            _ => {
                let expected = "a list of 1 to 8 whole numbers of at least 1";
                Err(self.file.refuse("block_out_channels", expected).into())
            }
        }
    }
}

/// `model_index.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct IndexSettings {
    #[serde(rename = "_class_name")]
    pub(crate) class_name: Option<String>,
    pub(crate) max_noise_level: Option<Size>,
}

/// `unet/config.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct UnetSettings {
    pub(crate) block_out_channels: EachBlock<Size>,
    pub(crate) cross_attention_dim: Option<Size>,
    pub(crate) in_channels: Option<Size>,
    pub(crate) num_class_embeds: Option<Size>,
    pub(crate) sample_size: Option<SampleSize>,
}

/// `vae/config.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct VaeSettings {
    pub(crate) block_out_channels: EachBlock<Size>,
    pub(crate) latent_channels: Option<Size>,
    pub(crate) scaling_factor: Option<PositiveNumber>,
}

/// `text_encoder/config.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct TextEncoderSettings {
    pub(crate) hidden_size: Option<Size>,
    pub(crate) max_position_embeddings: Option<Size>,
    pub(crate) vocab_size: Option<Size>,
    pub(crate) num_hidden_layers: Option<Size>,
}

/// The kind that the UNet's configuration describes. `model_index.json` must not contradict it.
pub(crate) fn kind(
    index: &Config<IndexSettings>,
    unet: &Config<UnetSettings>,
    latent_channels: usize,
) -> Result<ModelKind, ModelError> {
    let channels = unet.required("in_channels", unet.settings.in_channels)?;
    let takes_classes = unet.settings.num_class_embeds.is_some();
    let Some(kind) = ModelKind::of_channels(channels, latent_channels, takes_classes) else {
        let classes = if takes_classes { "with" } else { "without" };
        let [text, inpaint, depth, upscale] = ModelKind::ALL
            .map(|kind| latent_channels + kind.concatenated_channels(latent_channels));
        let found = format!("{channels} {classes} num_class_embeds");
        let expected = format!(
            "{text} (text to image), {inpaint} (inpainting) or {depth} (depth) without, \
             {upscale} (x4 upscaling) with num_class_embeds"
        );
        let refused = unet.file.refuse_value("in_channels", &found, expected);
        return Err(refused.into());
    };
    match index.settings.class_name.as_deref().and_then(of_pipeline) {
        Some(named) if named != kind => {
            let described = "which is what unet/config.json describes";
            let expected = format!("a pipeline for {kind}, {described}");
            Err(index.file.refuse("_class_name", expected).into())
        }
        _ => Ok(kind),
    }
}

/// The kind that a diffusers pipeline is for, even with the prefix of an exporter; `None` for classes
/// that run models of several kinds or of other families.
fn of_pipeline(class: &str) -> Option<ModelKind> {
    let name = class.find("StableDiffusion").map(|start| &class[start..])?;
    match name {
        "StableDiffusionPipeline" | "StableDiffusionImg2ImgPipeline" => {
            Some(ModelKind::TextToImage)
        }
        "StableDiffusionInpaintPipeline" => Some(ModelKind::Inpaint),
        "StableDiffusionDepth2ImgPipeline" => Some(ModelKind::Depth),
        "StableDiffusionUpscalePipeline" => Some(ModelKind::Upscale),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipelines_name_their_kind_with_any_exporters_prefix() {
        for (class, kind) in [
            ("StableDiffusionPipeline", Some(ModelKind::TextToImage)),
            (
                "ORTStableDiffusionInpaintPipeline",
                Some(ModelKind::Inpaint),
            ),
            ("StableDiffusionDepth2ImgPipeline", Some(ModelKind::Depth)),
            (
                "OnnxStableDiffusionUpscalePipeline",
                Some(ModelKind::Upscale),
            ),
            ("StableDiffusionLatentUpscalePipeline", None),
            ("SomebodysPipeline", None),
        ] {
            assert_eq!(of_pipeline(class), kind, "{class}");
        }
    }
}
