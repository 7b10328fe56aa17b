//! The networks that a model consists of.

/// A network of a model. Each becomes one graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// `CLIPTextModel`: makes the conditioning of a prompt's tokens.
    TextEncoder,
    /// `UNet2DConditionModel`: predicts the noise (or the velocity) in noised latents.
    Unet,
    /// The half of `AutoencoderKL` that turns latents into pictures.
    VaeDecoder,
    /// The half of `AutoencoderKL` that turns pictures into latents.
    VaeEncoder,
}

impl Component {
    /// All components, in the order in which a picture passes them (the encoder last).
    pub const ALL: [Self; 4] = [
        Self::TextEncoder,
        Self::Unet,
        Self::VaeDecoder,
        Self::VaeEncoder,
    ];

    /// The folder of the component's graph in a model directory: the name that Optimum uses.
    #[must_use]
    pub fn directory_name(self) -> &'static str {
        match self {
            Self::TextEncoder => "text_encoder",
            Self::Unet => "unet",
            Self::VaeDecoder => "vae_decoder",
            Self::VaeEncoder => "vae_encoder",
        }
    }

    /// The folder of the component's configuration and weights: the name that diffusers uses. Both
    /// halves of the autoencoder have the same one.
    #[must_use]
    pub fn source_name(self) -> &'static str {
        match self {
            Self::TextEncoder => "text_encoder",
            Self::Unet => "unet",
            Self::VaeDecoder | Self::VaeEncoder => "vae",
        }
    }
}
