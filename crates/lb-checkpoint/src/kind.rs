//! The kinds of models. They differ in what the UNet takes in addition to the latents.

/// The kinds of Stable Diffusion models: text to image, and three kinds whose UNets take more than
/// latents.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, strum::Display)]
pub enum ModelKind {
    /// Makes pictures from text; the UNet takes only latents.
    #[strum(serialize = "text to image")]
    TextToImage,
    /// Repaints part of a picture; the UNet also takes the mask and the masked picture's latents.
    #[strum(serialize = "inpainting")]
    Inpaint,
    /// Makes pictures that match a given depth map, which the UNet also takes.
    #[strum(serialize = "depth")]
    Depth,
    /// Enlarges pictures; the UNet also takes the small picture with noise added to it, and the level of
    /// that noise as a class label.
    #[strum(serialize = "x4 upscaling")]
    Upscale,
}

impl ModelKind {
    /// All kinds of models.
    pub const ALL: [Self; 4] = [Self::TextToImage, Self::Inpaint, Self::Depth, Self::Upscale];

    /// Returns the number of concatenated channels: the input channels of the UNet in addition to those
    /// of the latents.
    #[must_use]
    pub fn concatenated_channels(self, latent_channels: usize) -> usize {
        match self {
            Self::TextToImage => 0,
            Self::Inpaint => 1 + latent_channels,
            Self::Depth => 1,
            Self::Upscale => 3,
        }
    }

    /// Returns the number by which latents are divided before they are decoded, for models whose
    /// configuration does not contain it. diffusers' pipelines use the same numbers.
    #[must_use]
    pub fn scaling_factor(self) -> f64 {
        match self {
            Self::Upscale => 0.08333,
            Self::TextToImage | Self::Inpaint | Self::Depth => 0.18215,
        }
    }

    /// Returns the kind whose UNet takes this many channels, with or without a class label, or `None` if
    /// there is no such kind.
    #[must_use]
    pub fn of_channels(
        unet_channels: usize,
        latent_channels: usize,
        takes_classes: bool,
    ) -> Option<Self> {
        let extra = unet_channels.checked_sub(latent_channels)?;
        Self::ALL.into_iter().find(|kind| {
            kind.concatenated_channels(latent_channels) == extra
                && (*kind == Self::Upscale) == takes_classes
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_channels_identifies_the_published_models() {
        for (kind, channels) in ModelKind::ALL.into_iter().zip([4, 9, 5, 7]) {
            let classes = kind == ModelKind::Upscale;
            assert_eq!(4 + kind.concatenated_channels(4), channels);
            assert_eq!(ModelKind::of_channels(channels, 4, classes), Some(kind));
            assert_eq!(ModelKind::of_channels(channels, 4, !classes), None);
        }
        assert_eq!(ModelKind::of_channels(3, 4, false), None);
    }
}
