//! JSON configurations whose values are checked one by one.

use std::path::PathBuf;

use lb_checkpoint::{read_settings, shown_setting};
use serde_json::{Map, Value};

use crate::error::ModelError;

/// A JSON file whose values are checked one by one, so that an error can name file and key.
pub(crate) struct Config {
    path: PathBuf,
    values: Map<String, Value>,
}

impl Config {
    pub(crate) fn read(path: PathBuf) -> Result<Self, ModelError> {
        let values = read_settings(&path)?;
        Ok(Self { path, values })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
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
            found: shown_setting(found),
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
