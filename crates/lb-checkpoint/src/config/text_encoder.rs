//! The settings of `CLIPTextModel`.

use serde::Deserialize;
use serde_json::json;

use super::file::ConfigFile;
use super::values::{Count, PositiveNumber, Size};
use crate::error::CheckpointError;

/// The activation function of a text encoder's feed-forward layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextActivation {
    /// `gelu`: exactly x·Φ(x), not an approximation by tanh.
    Gelu,
    /// `quick_gelu`: x·σ(1.702·x).
    QuickGelu,
}

/// The shape of a text encoder, and the constants that it computes with.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TextEncoderConfig {
    /// Number of rows of the token embedding.
    pub vocabulary: usize,
    /// Number of rows of the position embedding. A prompt can have at most this many tokens.
    pub positions: usize,
    /// Width of the embeddings.
    pub width: usize,
    /// Width inside the feed-forward layers.
    pub inner_width: usize,
    /// Number of transformer layers.
    pub layers: usize,
    /// Number of attention heads. It divides the width.
    pub heads: usize,
    /// The activation function of the feed-forward layers.
    pub activation: TextActivation,
    /// The number that layer norms add to variances.
    pub epsilon: f64,
    /// The id of the end token. A value of 2 means the highest id in the prompt instead: older
    /// configurations, which transformers has since corrected, contain 2 for every tokenizer.
    pub end_token: usize,
}

/// The settings, with the names that transformers uses.
#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    eos_token_id: Count,
    hidden_act: TextActivation,
    hidden_size: Size,
    intermediate_size: Size,
    layer_norm_eps: PositiveNumber,
    max_position_embeddings: Size,
    num_attention_heads: Size,
    num_hidden_layers: Size,
    vocab_size: Size,
}

/// These are transformers' defaults.
impl Default for Settings {
    fn default() -> Self {
        Self {
            eos_token_id: Count(49407),
            hidden_act: TextActivation::QuickGelu,
            hidden_size: Size(512),
            intermediate_size: Size(2048),
            layer_norm_eps: PositiveNumber(1e-5),
            max_position_embeddings: Size(77),
            num_attention_heads: Size(8),
            num_hidden_layers: Size(12),
            vocab_size: Size(49408),
        }
    }
}

impl TextEncoderConfig {
    /// Reads and validates the settings.
    ///
    /// # Errors
    /// [`CheckpointError::Setting`] for the first setting that is wrong or not supported.
    pub fn read(config: &ConfigFile) -> Result<Self, CheckpointError> {
        config.require_off("model_type", &json!("clip_text_model"))?;
        let settings: Settings = config.parse()?;
        let (Size(width), Size(heads)) = (settings.hidden_size, settings.num_attention_heads);
        config.require("num_attention_heads", width % heads == 0, || {
            format!("a divisor of \"hidden_size\" ({width})")
        })?;
        Ok(Self {
            vocabulary: settings.vocab_size.0,
            positions: settings.max_position_embeddings.0,
            width,
            inner_width: settings.intermediate_size.0,
            layers: settings.num_hidden_layers.0,
            heads,
            activation: settings.hidden_act,
            epsilon: settings.layer_norm_eps.0,
            end_token: settings.eos_token_id.0,
        })
    }
}
