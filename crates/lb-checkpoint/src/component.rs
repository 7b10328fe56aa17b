//! The components of a model: the networks that it consists of.

/// A network of a model. One ONNX graph is written for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Component {
    /// `CLIPTextModel` turns the tokens of a prompt into conditioning.
    TextEncoder,
    /// `UNet2DConditionModel` predicts the noise (or the velocity) in noised latents.
    Unet,
    /// The half of the autoencoder that turns latents into pictures.
    VaeDecoder,
    /// The half of the autoencoder that turns pictures into latents.
    VaeEncoder,
}

impl Component {
    /// All components. The first three are in the order in which they run when a picture is made; the
    /// VAE encoder, which only some models need, is last.
    pub const ALL: [Self; 4] = [
        Self::TextEncoder,
        Self::Unet,
        Self::VaeDecoder,
        Self::VaeEncoder,
    ];

    /// Returns the name of the folder that holds the component's graph in a model directory. Optimum
    /// uses the same name.
    #[must_use]
    pub fn directory_name(self) -> &'static str {
        self.into()
    }

    /// Returns the name of the folder that holds the component's configuration and weights. diffusers
    /// uses the same name. Both halves of the autoencoder share one folder.
    #[must_use]
    pub fn source_name(self) -> &'static str {
        match self {
            Self::VaeDecoder | Self::VaeEncoder => "vae",
            other => other.directory_name(),
        }
    }
}
