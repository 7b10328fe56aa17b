//! The settings of a VAE decoder of either class that Stable Diffusion models use.

use super::file::ConfigFile;
use super::tiny_vae::{TinyHalf, TinyVaeConfig};
use super::vae::VaeConfig;
use crate::error::CheckpointError;

/// The shape of a VAE decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecoderConfig {
    /// The decoder of an `AutoencoderKL`.
    Kl(VaeConfig),
    /// The decoder of an `AutoencoderTiny`.
    Tiny(TinyHalf),
}

impl DecoderConfig {
    /// Reads and validates the settings of an autoencoder of the class that the configuration names. An
    /// autoencoder without a class is an `AutoencoderKL`.
    ///
    /// # Errors
    /// [`CheckpointError::Setting`] for the first setting that is wrong or not supported.
    pub fn read(config: &ConfigFile) -> Result<Self, CheckpointError> {
        match TinyVaeConfig::describes(config) {
            true => Ok(Self::Tiny(TinyVaeConfig::read(config)?.decoder)),
            false => Ok(Self::Kl(VaeConfig::read(config)?)),
        }
    }

    /// Channels of the latents that it takes.
    #[must_use]
    pub fn latent_channels(&self) -> usize {
        match self {
            Self::Kl(config) => config.latent_channels,
            Self::Tiny(config) => config.in_channels,
        }
    }

    /// Channels of the pictures that it makes.
    #[must_use]
    pub fn out_channels(&self) -> usize {
        match self {
            Self::Kl(config) => config.out_channels,
            Self::Tiny(config) => config.out_channels,
        }
    }

    /// How many pixels of a picture's side one pixel of the latents' side has.
    #[must_use]
    pub fn pixels_per_latent(&self) -> usize {
        match self {
            Self::Kl(config) => 1 << (config.block_channels.len() - 1),
            Self::Tiny(config) => config.pixels_per_latent(),
        }
    }
}
