//! What a model is made for, which shows in what its UNet takes beside the latents.

use std::fmt;

use crate::config::Config;
use crate::error::ModelError;

/// The kinds of Stable Diffusion model: text to image, and three that see more than latents.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ModelKind {
    /// Pictures from text; the UNet takes nothing but latents.
    TextToImage,
    /// Repaints a part of a picture; the UNet also takes the mask and the masked picture's latents.
    Inpaint,
    /// Pictures of a given depth; the UNet also takes the depth map.
    Depth,
    /// Larger pictures from small ones; the UNet also takes the small picture, noised, and the
    /// level of that noise as a class label.
    Upscale,
}

impl ModelKind {
    const ALL: [Self; 4] = [Self::TextToImage, Self::Inpaint, Self::Depth, Self::Upscale];

    /// Input channels of the UNet beside those of the latents.
    #[must_use]
    pub fn concatenated_channels(self, latent_channels: usize) -> usize {
        match self {
            Self::TextToImage => 0,
            Self::Inpaint => 1 + latent_channels,
            Self::Depth => 1,
            Self::Upscale => 3,
        }
    }

    /// What the UNet's configuration describes, and `model_index.json` must not contradict.
    pub(crate) fn read(
        index: &Config,
        unet: &Config,
        latent_channels: usize,
    ) -> Result<Self, ModelError> {
        let channels = unet.positive("in_channels")?;
        let takes_classes = unet.get("num_class_embeds").is_some();
        let channels_of =
            |kind: Self| latent_channels + kind.concatenated_channels(latent_channels);
        let described = |kind: &Self| {
            channels_of(*kind) == channels && (*kind == Self::Upscale) == takes_classes
        };
        let Some(kind) = Self::ALL.into_iter().find(described) else {
            let classes = if takes_classes { "with" } else { "without" };
            let [text, inpaint, depth, upscale] = Self::ALL.map(channels_of);
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
        match class.and_then(|name| Some((name, Self::of_pipeline(name)?))) {
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
    fn of_pipeline(class: &str) -> Option<Self> {
        let name = class.find("StableDiffusion").map(|start| &class[start..])?;
        match name {
            "StableDiffusionPipeline" | "StableDiffusionImg2ImgPipeline" => Some(Self::TextToImage),
            "StableDiffusionInpaintPipeline" => Some(Self::Inpaint),
            "StableDiffusionDepth2ImgPipeline" => Some(Self::Depth),
            "StableDiffusionUpscalePipeline" => Some(Self::Upscale),
            _ => None,
        }
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TextToImage => "text to image",
            Self::Inpaint => "inpainting",
            Self::Depth => "depth",
            Self::Upscale => "x4 upscaling",
        })
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
            assert_eq!(ModelKind::of_pipeline(class), kind, "{class}");
        }
    }

    #[test]
    fn channels_add_up_to_the_published_models() {
        let channels = ModelKind::ALL.map(|kind| 4 + kind.concatenated_channels(4));
        assert_eq!(channels, [4, 9, 5, 7]);
    }
}
