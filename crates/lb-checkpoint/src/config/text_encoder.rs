//! The settings of `CLIPTextModel`.

use serde_json::json;

use super::ConfigFile;
use crate::error::CheckpointError;

/// The nonlinearity of a text encoder's feed-forward layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextActivation {
    /// `gelu`: x·Φ(x), exact.
    Gelu,
    /// `quick_gelu`: x·σ(1.702·x).
    QuickGelu,
}

/// The shape of a text encoder. Names, defaults and meanings of the settings are those of
/// transformers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TextEncoderConfig {
    /// Rows of the token embedding.
    pub vocabulary: usize,
    /// Rows of the position embedding: the most tokens that a prompt can have.
    pub positions: usize,
    /// Width of the embeddings.
    pub width: usize,
    /// Width inside the feed-forward layers.
    pub inner_width: usize,
    /// Number of layers.
    pub layers: usize,
    /// Attention heads; they divide the width.
    pub heads: usize,
    /// The nonlinearity of the feed-forward layers.
    pub activation: TextActivation,
    /// Added to variances by the layer norms.
    pub epsilon: f64,
    /// The id of the end token. 2 stands for the highest id of a prompt: configurations written
    /// before transformers corrected this give 2, whatever the end token is.
    pub end_token: usize,
}

impl TextEncoderConfig {
    /// Reads and validates the settings.
    ///
    /// # Errors
    /// [`CheckpointError::Setting`] for the first setting that is wrong or not supported.
    pub fn read(config: &ConfigFile) -> Result<Self, CheckpointError> {
        config.only("model_type", json!("clip_text_model"))?;
        let width = config.size("hidden_size", Some(512))?;
        let heads = config.size("num_attention_heads", Some(8))?;
        config.require("num_attention_heads", width % heads == 0, || {
            format!("a divisor of \"hidden_size\" ({width})")
        })?;
        let activations = [
            ("gelu", TextActivation::Gelu),
            ("quick_gelu", TextActivation::QuickGelu),
        ];
        Ok(Self {
            vocabulary: config.size("vocab_size", Some(49408))?,
            positions: config.size("max_position_embeddings", Some(77))?,
            width,
            inner_width: config.size("intermediate_size", Some(2048))?,
            layers: config.size("num_hidden_layers", Some(12))?,
            heads,
            activation: config.choice("hidden_act", "quick_gelu", &activations)?,
            epsilon: config.positive("layer_norm_eps", 1e-5)?,
            end_token: config.size_or_zero("eos_token_id", 49407)?,
        })
    }
}
