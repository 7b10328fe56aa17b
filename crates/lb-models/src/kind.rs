//! The kind of a model directory, from its UNet's configuration and the name of its pipeline.

pub use lb_checkpoint::ModelKind;

use crate::config::{Config, IndexSettings, UnetSettings};
use crate::error::ModelError;

/// The kind that the UNet's configuration describes. `model_index.json` must not contradict it.
pub(crate) fn read(
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
            let expected =
                format!("a pipeline for {kind}, which is what unet/config.json describes");
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
