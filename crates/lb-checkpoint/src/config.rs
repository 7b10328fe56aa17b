//! Reads the JSON files that describe a model, by means of serde.
//!
//! diffusers and transformers write one `config.json` for each network. Such a file has many settings,
//! and a reader needs only a few; a setting that is absent or `null` has a default. Each reader therefore
//! declares a struct with the settings that it needs and their defaults, and
//! [`ConfigFile::parse`] fills it. An error names the file, the setting, the value that was found and
//! the values that are allowed.

mod decoder;
mod deserialize;
mod file;
mod text_encoder;
mod tiny_vae;
mod unet;
mod vae;
mod values;

pub use decoder::DecoderConfig;
pub use file::ConfigFile;
pub(crate) use file::pretty;
pub use text_encoder::{TextActivation, TextEncoderConfig};
pub use tiny_vae::{TinyHalf, TinyVaeConfig};
pub use unet::{TransformerConfig, UnetBlockConfig, UnetConfig};
pub use vae::VaeConfig;
pub use values::{Count, EachBlock, PerBlock, PositiveNumber, SampleSize, Size};
