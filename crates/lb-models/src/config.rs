//! The settings that a pipeline needs of a model directory's configurations.
//!
//! The networks' own shapes are read where their graphs are made
//! ([`UnetConfig`](lb_checkpoint::UnetConfig) and its like). A pipeline needs to know less, and knows
//! it of directories with ONNX graphs of other programs too.

use std::path::Path;

use lb_checkpoint::{ConfigFile, EachBlock, PositiveNumber, Size};
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
    pub(crate) sample_size: Option<Size>,
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
}
