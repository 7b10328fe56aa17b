//! Reading a component's `config.json` one setting at a time, so that an error can name it.

mod text_encoder;
mod unet;
mod vae;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::CheckpointError;
use crate::settings::{read_settings, shown_setting};
pub use text_encoder::{TextActivation, TextEncoderConfig};
pub use unet::{TransformerConfig, UnetBlockConfig, UnetConfig};
pub use vae::VaeConfig;

/// No channel count, layer count or vocabulary of a real model is beyond this.
const LARGEST_SIZE: u64 = 1 << 24;

/// The settings of one `config.json`.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    settings: Map<String, Value>,
}

impl ConfigFile {
    /// Reads `config.json` of a component's folder.
    ///
    /// # Errors
    /// [`CheckpointError::Io`] and [`CheckpointError::Json`].
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        let path = folder.join("config.json");
        let settings = read_settings(&path)?;
        Ok(Self { path, settings })
    }

    /// Settings that stand, or will stand, in the file of this path.
    pub(crate) fn new(path: PathBuf, settings: Map<String, Value>) -> Self {
        Self { path, settings }
    }

    /// The error for a setting that is not what was expected.
    pub(crate) fn refuse(&self, key: &str, expected: impl Into<String>) -> CheckpointError {
        CheckpointError::Setting {
            path: self.path.clone(),
            key: key.to_owned(),
            found: self
                .settings
                .get(key)
                .map_or("absent".to_owned(), shown_setting),
            expected: expected.into(),
        }
    }

    /// The setting, with JSON's null counted as absent (diffusers writes null for its defaults).
    fn get(&self, key: &str) -> Option<&Value> {
        self.settings.get(key).filter(|value| !value.is_null())
    }

    /// A size of at least 1; absent means the default, and no default means required.
    pub(crate) fn size(&self, key: &str, default: Option<usize>) -> Result<usize, CheckpointError> {
        match (self.get(key), default) {
            (Some(value), _) => size(value).ok_or_else(|| self.refuse(key, EXPECTED_SIZE)),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(self.refuse(key, EXPECTED_SIZE)),
        }
    }

    /// A size of at least 1, or none where the setting is absent.
    pub(crate) fn optional_size(&self, key: &str) -> Result<Option<usize>, CheckpointError> {
        match self.get(key) {
            None => Ok(None),
            Some(_) => self.size(key, None).map(Some),
        }
    }

    /// A size that may be 0.
    pub(crate) fn size_or_zero(&self, key: &str, default: usize) -> Result<usize, CheckpointError> {
        match self.get(key) {
            Some(value) if value.as_u64() == Some(0) => Ok(0),
            _ => self.size(key, Some(default)),
        }
    }

    /// A required, non-empty list of sizes.
    pub(crate) fn sizes(&self, key: &str) -> Result<Vec<usize>, CheckpointError> {
        let list = self
            .get(key)
            .and_then(Value::as_array)
            .filter(|list| !list.is_empty());
        list.and_then(|list| list.iter().map(size).collect())
            .ok_or_else(|| self.refuse(key, "a list of whole numbers from 1"))
    }

    /// One size for all blocks, or a list with one for each.
    pub(crate) fn size_per_block(
        &self,
        key: &str,
        default: usize,
        blocks: usize,
    ) -> Result<Vec<usize>, CheckpointError> {
        match self.get(key) {
            Some(Value::Array(_)) => {
                let list = self.sizes(key)?;
                self.require(key, list.len() == blocks, || {
                    format!("a list of {blocks} sizes")
                })?;
                Ok(list)
            }
            _ => Ok(vec![self.size(key, Some(default))?; blocks]),
        }
    }

    /// A positive number.
    pub(crate) fn positive(&self, key: &str, default: f64) -> Result<f64, CheckpointError> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value
                .as_f64()
                .filter(|number| *number > 0.0)
                .ok_or_else(|| self.refuse(key, "a number above 0")),
        }
    }

    /// A number.
    pub(crate) fn number(&self, key: &str, default: f64) -> Result<f64, CheckpointError> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value.as_f64().ok_or_else(|| self.refuse(key, "a number")),
        }
    }

    /// True or false.
    pub(crate) fn flag(&self, key: &str, default: bool) -> Result<bool, CheckpointError> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value
                .as_bool()
                .ok_or_else(|| self.refuse(key, "true or false")),
        }
    }

    /// One flag for all blocks, or a list with one for each.
    pub(crate) fn flag_per_block(
        &self,
        key: &str,
        default: bool,
        blocks: usize,
    ) -> Result<Vec<bool>, CheckpointError> {
        match self.get(key) {
            Some(Value::Array(list)) => {
                let flags: Option<Vec<_>> = list.iter().map(Value::as_bool).collect();
                flags
                    .filter(|flags| flags.len() == blocks)
                    .ok_or_else(|| self.refuse(key, format!("a list of {blocks} true or false")))
            }
            _ => Ok(vec![self.flag(key, default)?; blocks]),
        }
    }

    /// One of several words, mapped to what it stands for.
    pub(crate) fn choice<T: Copy>(
        &self,
        key: &str,
        default: &str,
        choices: &[(&str, T)],
    ) -> Result<T, CheckpointError> {
        let word = match self.get(key) {
            None => Some(default),
            Some(value) => value.as_str(),
        };
        word.and_then(|word| choose(word, choices))
            .ok_or_else(|| self.refuse(key, words(choices)))
    }

    /// A list of `count` words, each one of several.
    pub(crate) fn choices<T: Copy>(
        &self,
        key: &str,
        count: usize,
        choices: &[(&str, T)],
    ) -> Result<Vec<T>, CheckpointError> {
        let list = self
            .get(key)
            .and_then(Value::as_array)
            .filter(|list| list.len() == count);
        list.and_then(|list| {
            list.iter()
                .map(|word| word.as_str().and_then(|word| choose(word, choices)))
                .collect()
        })
        .ok_or_else(|| self.refuse(key, format!("a list of {count}, each {}", words(choices))))
    }

    /// Refuses every value but the one that switches the feature off; absent is fine too.
    pub(crate) fn only(&self, key: &str, off: Value) -> Result<(), CheckpointError> {
        match self.get(key) {
            Some(value) if *value != off && !same_number(value, &off) => {
                Err(self.refuse(key, format!("{off} (or absent)")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses the setting unless `holds`.
    pub(crate) fn require(
        &self,
        key: &str,
        holds: bool,
        expected: impl FnOnce() -> String,
    ) -> Result<(), CheckpointError> {
        if holds {
            Ok(())
        } else {
            Err(self.refuse(key, expected()))
        }
    }
}

const EXPECTED_SIZE: &str = "a whole number from 1";

fn size(value: &Value) -> Option<usize> {
    let number = value
        .as_u64()
        .filter(|number| (1..=LARGEST_SIZE).contains(number))?;
    usize::try_from(number).ok()
}

/// JSON keeps 1 and 1.0 apart; a setting does not.
fn same_number(one: &Value, other: &Value) -> bool {
    one.as_f64().is_some() && one.as_f64() == other.as_f64()
}

fn choose<T: Copy>(word: &str, choices: &[(&str, T)]) -> Option<T> {
    choices
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, meaning)| *meaning)
}

fn words<T>(choices: &[(&str, T)]) -> String {
    let names: Vec<_> = choices
        .iter()
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    names.join(" or ")
}
