//! JSON configurations whose values are checked one by one.

use std::path::{Path, PathBuf};

use crate::error::ModelError;

/// The JSON object in a file.
pub(crate) fn json(path: &Path) -> Result<serde_json::Value, ModelError> {
    // A pipe or a device may never end.
    if path.exists() && !path.is_file() {
        return Err(ModelError::unreadable(path, "it is not a regular file"));
    }
    let text =
        std::fs::read_to_string(path).map_err(|error| ModelError::unreadable(path, error))?;
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| ModelError::unreadable(path, error))?;
    match value.is_object() {
        true => Ok(value),
        false => Err(ModelError::unreadable(path, "it is no JSON object")),
    }
}

/// Longest value that a message repeats, in characters.
const LONGEST_SHOWN: usize = 80;

fn shown(found: &dyn std::fmt::Display) -> String {
    let whole = found.to_string();
    match whole.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

/// A JSON file whose values are checked one by one, so that an error can name file and key.
pub(crate) struct Config {
    path: PathBuf,
    values: serde_json::Value,
}

impl Config {
    pub(crate) fn read(path: PathBuf) -> Result<Self, ModelError> {
        let values = json(&path)?;
        Ok(Self { path, values })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&serde_json::Value> {
        self.values.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn wrong(
        &self,
        key: &str,
        found: &dyn std::fmt::Display,
        allowed: impl Into<String>,
    ) -> ModelError {
        ModelError::Config {
            path: self.path.clone(),
            key: key.into(),
            found: shown(found),
            allowed: allowed.into(),
        }
    }

    pub(crate) fn positive(&self, key: &str) -> Result<usize, ModelError> {
        const ALLOWED: &str = "a whole number from 1 to 1000000";
        let value = self
            .get(key)
            .ok_or_else(|| self.wrong(key, &"absent", ALLOWED))?;
        match value.as_u64() {
            Some(number @ 1..=1_000_000) => Ok(number as usize),
            _ => Err(self.wrong(key, value, ALLOWED)),
        }
    }

    pub(crate) fn positive_or(&self, key: &str, default: usize) -> Result<usize, ModelError> {
        if self.get(key).is_some() {
            self.positive(key)
        } else {
            Ok(default)
        }
    }

    pub(crate) fn number_or(&self, key: &str, default: f32) -> Result<f32, ModelError> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => match value.as_f64() {
                Some(number) if number.is_finite() && number > 0.0 => Ok(number as f32),
                _ => Err(self.wrong(key, value, "a number above 0")),
            },
        }
    }

    pub(crate) fn list_length(&self, key: &str) -> Result<usize, ModelError> {
        let length = self
            .get(key)
            .and_then(|value| value.as_array())
            .map_or(0, Vec::len);
        if (1..=8).contains(&length) {
            Ok(length)
        } else {
            Err(self.wrong(
                key,
                &format!("{length} entries"),
                "a list of 1 to 8 entries",
            ))
        }
    }
}
