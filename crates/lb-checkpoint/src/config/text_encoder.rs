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
#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    eos_token_id: Option<Count>,
    hidden_act: Option<TextActivation>,
    hidden_size: Option<Size>,
    intermediate_size: Option<Size>,
    layer_norm_eps: Option<PositiveNumber>,
    max_position_embeddings: Option<Size>,
    num_attention_heads: Option<Size>,
    num_hidden_layers: Option<Size>,
    vocab_size: Option<Size>,
}

impl TextEncoderConfig {
    /// Reads and validates the settings. Settings that are absent have transformers' defaults.
    ///
    /// # Errors
    /// [`CheckpointError::Setting`] for the first setting that is wrong or not supported.
    pub fn read(config: &ConfigFile) -> Result<Self, CheckpointError> {
        config.require_off("model_type", &json!("clip_text_model"))?;
        let settings: Settings = config.parse()?;
        let width = Size::or(settings.hidden_size, 512);
        let heads = Size::or(settings.num_attention_heads, 8);
        config.require("num_attention_heads", width.is_multiple_of(heads), || {
            format!("a divisor of \"hidden_size\" ({width})")
        })?;
        Ok(Self {
            vocabulary: Size::or(settings.vocab_size, 49408),
            positions: Size::or(settings.max_position_embeddings, 77),
            width,
            inner_width: Size::or(settings.intermediate_size, 2048),
            layers: Size::or(settings.num_hidden_layers, 12),
            heads,
            activation: settings.hidden_act.unwrap_or(TextActivation::QuickGelu),
            epsilon: settings.layer_norm_eps.map_or(1e-5, |epsilon| epsilon.0),
            end_token: settings.eos_token_id.map_or(49407, |token| token.0),
        })
    }
}
