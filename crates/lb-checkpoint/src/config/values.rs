//! The types of values that settings can have.

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};
use serde_json::Value;

use super::deserialize::Setting;

/// The largest size that is accepted. The channel counts, layer counts and vocabularies of real models
/// are far smaller.
const LARGEST_SIZE: u64 = 1 << 24;

/// A whole number from 1 to 2²⁴, such as a width, a number of layers or the size of a vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub usize);

impl Size {
    /// A description of the values that are allowed, for error messages.
    pub const EXPECTED: &str = "a whole number from 1 to 16777216";

    /// Returns the size, or a default for a setting that is absent.
    #[must_use]
    pub fn or(setting: Option<Self>, default: usize) -> usize {
        setting.map_or(default, |size| size.0)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let size = whole_number(deserializer)?.filter(|size| *size > 0);
        size.map(Self)
            .ok_or_else(|| D::Error::custom(Self::EXPECTED))
    }
}

/// The size of the latents that a UNet was trained with: a whole number, or height and width.
///
/// diffusers writes a list for pictures that are not square. Where a configuration has none, the size is that
/// of Stable Diffusion's pictures of 512×512 pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleSize {
    /// The height in latent pixels.
    pub height: usize,
    /// The width in latent pixels.
    pub width: usize,
}

impl SampleSize {
    /// The largest side that is accepted.
    const LARGEST_SIDE: usize = 4096;
}

impl Default for SampleSize {
    fn default() -> Self {
        Self {
            height: 64,
            width: 64,
        }
    }
}

impl<'de> Deserialize<'de> for SampleSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let side = |value: &Value| {
            let side = Size::deserialize(Setting(value)).ok()?.0;
            Some(side).filter(|side| *side <= Self::LARGEST_SIDE)
        };
        let size = match value.as_array().map(Vec::as_slice) {
            Some([height, width]) => side(height).zip(side(width)),
            Some(_) => None,
            None => side(&value).map(|side| (side, side)),
        };
        let expected = "a whole number from 1 to 4096, or a list of two: height and width";
        size.map(|(height, width)| Self { height, width })
            .ok_or_else(|| D::Error::custom(expected))
    }
}

/// A whole number from 0 to 2²⁴.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count(pub usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let count = whole_number(deserializer)?.map(Self);
        count.ok_or_else(|| D::Error::custom("a whole number from 0 to 16777216"))
    }
}

fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let number = Value::deserialize(deserializer)?.as_u64();
    Ok(number
        .filter(|number| *number <= LARGEST_SIZE)
        .map(|number| number as usize))
}

/// A finite number above 0.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct PositiveNumber(pub f64);

impl<'de> Deserialize<'de> for PositiveNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match value.as_f64() {
            Some(number) if number > 0.0 && number.is_finite() => Ok(Self(number)),
            _ => Err(D::Error::custom("a number above 0")),
        }
    }
}

/// A list with one entry for each block of a network.
///
/// The number of blocks is known only from other settings. So this type accepts any value, and reads one
/// that is not a list of `T` as an empty list; the code that compares the lengths then reports the error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EachBlock<T>(pub Vec<T>);

impl<T> Default for EachBlock<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for EachBlock<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let entries = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let entries = entries.iter().map(|entry| T::deserialize(Setting(entry)));
        Ok(Self(entries.collect::<Result<_, _>>().unwrap_or_default()))
    }
}

/// One value for all blocks of a network, or a list with one value for each block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PerBlock<T> {
    /// All blocks have this value.
    Same(T),
    /// Each block has its own value.
    Each(EachBlock<T>),
}

impl<T: Copy> PerBlock<T> {
    /// Returns one value for each of `blocks` blocks, or `None` if the list has another length.
    #[must_use]
    pub fn for_blocks(&self, blocks: usize) -> Option<Vec<T>> {
        match self {
            Self::Same(value) => Some(vec![*value; blocks]),
            Self::Each(EachBlock(values)) => {
                Some(values.clone()).filter(|values| values.len() == blocks)
            }
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for PerBlock<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let read = if value.is_array() {
            EachBlock::deserialize(Setting(&value)).map(Self::Each)
        } else {
            T::deserialize(Setting(&value)).map(Self::Same)
        };
        read.map_err(|wrong| D::Error::custom(wrong.expected))
    }
}
