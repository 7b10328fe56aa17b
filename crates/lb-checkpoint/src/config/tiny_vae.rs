//! The settings of `AutoencoderTiny`, with which TAESD is published.

use serde::Deserialize;
use serde_json::json;

use super::file::ConfigFile;
use super::values::{Count, EachBlock, PositiveNumber, Size};
use crate::error::CheckpointError;
use crate::weights::{TINY_DECODER, Weights};

/// The shape of a tiny autoencoder: a chain of 3×3 convolutions in each half.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TinyVaeConfig {
    /// The half that makes latents of pictures.
    pub encoder: TinyHalf,
    /// The half that makes pictures of latents.
    pub decoder: TinyHalf,
}

/// The shape of one half of a tiny autoencoder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TinyHalf {
    /// Channels of what it takes.
    pub in_channels: usize,
    /// Channels of what it makes.
    pub out_channels: usize,
    /// Channels of the features, which are the same at all resolutions.
    pub channels: usize,
    /// Number of residual blocks at each resolution, in the order in which they are computed. There is at
    /// least one resolution, and at most [`TinyHalf::MOST_RESOLUTIONS`].
    pub blocks: Vec<usize>,
}

/// The settings, with the names that diffusers uses.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    decoder_block_out_channels: Option<EachBlock<Size>>,
    encoder_block_out_channels: Option<EachBlock<Size>>,
    in_channels: Option<Size>,
    latent_channels: Option<Size>,
    num_decoder_blocks: Option<EachBlock<Count>>,
    num_encoder_blocks: Option<EachBlock<Count>>,
    out_channels: Option<Size>,
    scaling_factor: Option<PositiveNumber>,
}

impl TinyVaeConfig {
    /// Whether the configuration is one of `AutoencoderTiny`.
    #[must_use]
    pub fn describes(config: &ConfigFile) -> bool {
        config.settings().get("_class_name") == Some(&json!("AutoencoderTiny"))
    }

    /// Reads and validates the settings. Settings that are absent have diffusers' defaults.
    ///
    /// # Errors
    /// [`CheckpointError::Setting`] for the first setting that is wrong or not supported.
    pub fn read(config: &ConfigFile) -> Result<Self, CheckpointError> {
        config.require_off("act_fn", &json!("relu"))?;
        config.require_off("upsample_fn", &json!("nearest"))?;
        config.require_off("upsampling_scaling_factor", &json!(2))?;
        // diffusers defines it, but none of its pipelines for Stable Diffusion adds it.
        config.require_off("shift_factor", &json!(0))?;
        let settings: Settings = config.parse()?;
        let latent_channels = Size::or(settings.latent_channels, 4);
        let half = |names: [&str; 2], channels, blocks, default: [usize; 4]| {
            let blocks: Vec<usize> = match blocks {
                Some(EachBlock::<Count>(blocks)) => blocks.iter().map(|count| count.0).collect(),
                None => default.to_vec(),
            };
            config.require(
                names[1],
                (1..=TinyHalf::MOST_RESOLUTIONS).contains(&blocks.len()),
                || {
                    format!(
                        "a list of 1 to {} whole numbers",
                        TinyHalf::MOST_RESOLUTIONS
                    )
                },
            )?;
            let channels: Vec<usize> = match channels {
                Some(EachBlock::<Size>(sizes)) => sizes.iter().map(|size| size.0).collect(),
                None => vec![64; 4],
            };
            // diffusers accepts other lists, but the networks that it builds from them cannot run.
            let is_uniform = channels.iter().all(|other| *other == channels[0]);
            config.require(
                names[0],
                is_uniform && channels.len() == blocks.len(),
                || format!("a list of {}, all equal", blocks.len()),
            )?;
            Ok::<_, CheckpointError>((channels[0], blocks))
        };
        let (encoder_channels, encoder_blocks) = half(
            ["encoder_block_out_channels", "num_encoder_blocks"],
            settings.encoder_block_out_channels,
            settings.num_encoder_blocks,
            [1, 3, 3, 3],
        )?;
        let (decoder_channels, decoder_blocks) = half(
            ["decoder_block_out_channels", "num_decoder_blocks"],
            settings.decoder_block_out_channels,
            settings.num_decoder_blocks,
            [3, 3, 3, 1],
        )?;
        let resolutions = decoder_blocks.len();
        let is_same = encoder_blocks.len() == resolutions;
        config.require("num_encoder_blocks", is_same, || {
            format!("a list of {resolutions}, like \"num_decoder_blocks\"")
        })?;
        Ok(Self {
            encoder: TinyHalf {
                in_channels: Size::or(settings.in_channels, 3),
                out_channels: latent_channels,
                channels: encoder_channels,
                blocks: encoder_blocks,
            },
            decoder: TinyHalf {
                in_channels: latent_channels,
                out_channels: Size::or(settings.out_channels, 3),
                channels: decoder_channels,
                blocks: decoder_blocks,
            },
        })
    }

    /// Reads the factor that latents are divided by before they are decoded. It is 1 unless the
    /// configuration has another one, because tiny autoencoders take the UNet's latents as they are.
    ///
    /// # Errors
    /// [`CheckpointError::Setting`] if it is not a number above 0.
    pub fn scaling_factor(config: &ConfigFile) -> Result<f64, CheckpointError> {
        let settings: Settings = config.parse()?;
        Ok(settings.scaling_factor.map_or(1.0, |factor| factor.0))
    }
}

impl TinyHalf {
    /// The most resolutions that are accepted. The published networks have four.
    pub const MOST_RESOLUTIONS: usize = 8;

    /// How many pixels of a picture's side one pixel of the latents' side has.
    #[must_use]
    pub fn pixels_per_latent(&self) -> usize {
        1 << (self.blocks.len() - 1)
    }

    /// Finds the shape of a decoder in the names and shapes of its tensors.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] if they are not those of a decoder. The message names the tensor
    /// that is missing.
    pub fn of_decoder(weights: &Weights) -> Result<Self, CheckpointError> {
        let layer = |index: usize| format!("decoder.layers.{index}");
        let has = |index: usize, name: &str| weights.contains(&format!("{}.{name}", layer(index)));
        let sides = |index: usize| {
            let name = format!("{}.weight", layer(index));
            match weights.shape(&name) {
                Some(&[outputs, inputs, 3, 3]) => Ok([outputs, inputs]),
                Some(shape) => Err(format!("\"{name}\" has shape {shape:?}")),
                None => Err(format!("it has no tensor \"{name}\"")),
            }
        };
        let find = || {
            let [channels, in_channels] = sides(0)?;
            let mut blocks = vec![0];
            // The layers 0 and 1 are a convolution and its activation.
            let mut index = 2;
            loop {
                let last = blocks.len() - 1;
                if has(index, "conv.0.weight") {
                    blocks[last] += 1;
                    index += 1;
                } else if has(index, "weight") {
                    // The convolution after the last resolution.
                    let [out_channels, _] = sides(index)?;
                    return Ok(Self {
                        in_channels,
                        out_channels,
                        channels,
                        blocks,
                    });
                } else if blocks.len() == Self::MOST_RESOLUTIONS {
                    return Err("it has too many resolutions".to_owned());
                } else {
                    // The enlargement, which has no tensors, and the convolution after it.
                    sides(index + 1)?;
                    blocks.push(0);
                    index += 2;
                }
            }
        };
        find().map_err(|problem| CheckpointError::Malformed {
            path: weights.source().to_owned(),
            format: TINY_DECODER,
            problem,
        })
    }
}
