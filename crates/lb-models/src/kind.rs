//! The kind of a model directory: what its UNet takes, which its pipeline must not contradict.

pub use lb_checkpoint::ModelKind;

use crate::config::Config;
use crate::error::ModelError;

/// What the UNet's configuration describes, and `model_index.json` must not contradict.
pub(crate) fn read(
    index: &Config,
    unet: &Config,
    latent_channels: usize,
) -> Result<ModelKind, ModelError> {
    let channels = unet.positive("in_channels")?;
    let takes_classes = unet.get("num_class_embeds").is_some();
    let Some(kind) = ModelKind::of_channels(channels, latent_channels, takes_classes) else {
        let classes = if takes_classes { "with" } else { "without" };
        let [text, inpaint, depth, upscale] = ModelKind::ALL
            .map(|kind| latent_channels + kind.concatenated_channels(latent_channels));
        return Err(unet.wrong(
            "in_channels",
            &format!("{channels} {classes} num_class_embeds"),
            format!(
                "{text} (text to image), {inpaint} (inpainting) or {depth} (depth) without, \
                 {upscale} (x4 upscaling) with num_class_embeds"
            ),
        ));
    };
    let class = index.get("_class_name").and_then(|name| name.as_str());
    match class.and_then(|name| Some((name, of_pipeline(name)?))) {
        Some((name, named)) if named != kind => Err(index.wrong(
            "_class_name",
            &name,
            format!("a pipeline for {kind}, which is what unet/config.json describes"),
        )),
        _ => Ok(kind),
    }
}

/// The kind that a diffusers pipeline is for, also under the prefix of an exporter; none for
/// the classes that run models of several kinds or of other families.
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
    fn pipelines_name_their_kind_whoever_exported_them() {
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
