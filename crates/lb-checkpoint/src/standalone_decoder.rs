//! VAE decoders that are published by themselves, to be used instead of a model's own.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::{ConfigFile, DecoderConfig, PositiveNumber, TinyHalf, TinyVaeConfig};
use crate::error::CheckpointError;
use crate::import::separate_vae;
use crate::kind::ModelKind;
use crate::safetensors::read_header;
use crate::separate_vae::SeparateVae;
use crate::weights::Weights;

/// A VAE decoder outside of a model directory. Only the names and shapes of its weights have been read.
#[derive(Clone, Debug)]
pub struct StandaloneDecoder {
    folder_or_file: PathBuf,
    config: DecoderConfig,
    weights: Weights,
    scaling_factor: f64,
}

/// The only setting that is not about the shape.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    scaling_factor: Option<PositiveNumber>,
}

impl StandaloneDecoder {
    /// Opens a decoder.
    ///
    /// `path` may be a folder with the `config.json` and the weights of an `AutoencoderTiny` or
    /// `AutoencoderKL`, a folder with a folder `vae` of this kind, or a safetensors file. The tensors of the file of
    /// an `AutoencoderTiny` have diffusers' names (`decoder.layers.0.weight`), or those of TAESD's own
    /// `taesd_decoder.safetensors` (`1.weight`). The file of an `AutoencoderKL` has its encoder as well, with the
    /// names of diffusers or of CompVis' code; its configuration is inferred by the rules of Stable Diffusion 1
    /// and 2.
    ///
    /// # Errors
    /// [`CheckpointError`] if there is no such folder or file, and if its configuration or weights are
    /// missing, damaged, or not those of a decoder.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        // A pipe or a device is refused by name where files are opened.
        if path.exists() && !path.is_dir() {
            if is_whole_vae(path)? {
                return Self::of_whole_vae(path);
            }
            let weights = Weights::of_tiny_decoder(path)?;
            return Ok(Self {
                folder_or_file: path.to_owned(),
                config: DecoderConfig::Tiny(TinyHalf::of_decoder(&weights)?),
                weights,
                scaling_factor: 1.0,
            });
        }
        let is_inside = !path.join(CONFIG_FILE).is_file() && path.join("vae").is_dir();
        let folder = match is_inside {
            true => path.join("vae"),
            false => path.to_owned(),
        };
        let file = ConfigFile::open(&folder.join(CONFIG_FILE))?;
        let config = DecoderConfig::read(&file)?;
        let scaling_factor = match config {
            DecoderConfig::Tiny(_) => TinyVaeConfig::scaling_factor(&file)?,
            // Early configurations do not have it.
            DecoderConfig::Kl(_) => match file.parse::<Settings>()?.scaling_factor {
                Some(factor) => factor.0,
                None => ModelKind::TextToImage.scaling_factor(),
            },
        };
        Ok(Self {
            config,
            weights: Weights::in_folder(&folder)?,
            scaling_factor,
            folder_or_file: folder,
        })
    }

    /// Takes the decoder of a file that has the encoder, too.
    fn of_whole_vae(path: &Path) -> Result<Self, CheckpointError> {
        let weights = SeparateVae::open(path)?.weights;
        let settings = separate_vae(&weights)?.as_object().cloned();
        // Nothing is wrong with inferred settings that could be looked up under this name.
        let file = ConfigFile::new(path.to_owned(), settings.unwrap_or_default());
        Ok(Self {
            folder_or_file: path.to_owned(),
            config: DecoderConfig::read(&file)?,
            weights,
            scaling_factor: ModelKind::TextToImage.scaling_factor(),
        })
    }

    /// The file that was opened, or the folder with the configuration and the weights.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder_or_file
    }

    /// The shape of the decoder.
    #[must_use]
    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// Where the weights are.
    #[must_use]
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The factor that latents are divided by before they are decoded.
    #[must_use]
    pub fn scaling_factor(&self) -> f64 {
        self.scaling_factor
    }
}

/// Whether the safetensors file at `path` has more than the layers of a tiny decoder.
fn is_whole_vae(path: &Path) -> Result<bool, CheckpointError> {
    let tensors = read_header(path)?;
    let mut keys = tensors.keys();
    Ok(keys.any(|key| key.contains("encoder.conv_in.")))
}

const CONFIG_FILE: &str = "config.json";
