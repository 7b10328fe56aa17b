//! A JSON file with settings, and the errors about their values.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use lb_files::FileError;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde_json::{Map, Value};

use super::deserialize::Settings;
use super::values::{EachBlock, Size};
use crate::error::CheckpointError;

/// The number of characters after which a message cuts a value off.
const LONGEST_SHOWN: usize = 80;

/// The settings of one JSON file.
///
/// ```
/// use lb_checkpoint::{ConfigFile, Size};
///
/// /// The settings of a UNet that this program needs.
/// #[derive(Default, serde::Deserialize)]
/// #[serde(default)]
/// struct UnetSettings {
///     in_channels: Option<Size>,
///     flip_sin_to_cos: Option<bool>,
/// }
///
/// let file = |text: &str| {
///     ConfigFile::new("unet/config.json".into(), serde_json::from_str(text).unwrap())
/// };
/// let settings: UnetSettings = file(r#"{"in_channels": 9, "flip_sin_to_cos": null}"#).parse()?;
/// assert_eq!((settings.in_channels, settings.flip_sin_to_cos), (Some(Size(9)), None));
/// let refused = file(r#"{"flip_sin_to_cos": "yes"}"#).parse::<UnetSettings>().err().unwrap();
/// assert_eq!(
///     refused.to_string(),
///     "unet/config.json: \"flip_sin_to_cos\" is \"yes\"; expected true or false"
/// );
/// # Ok::<(), lb_checkpoint::CheckpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigFile {
    path: PathBuf,
    settings: Map<String, Value>,
}

impl ConfigFile {
    /// The longest file that is read, in bytes. Those of models have a few kilobytes.
    pub const LONGEST: u64 = 1 << 20;

    /// Reads the file at `path`: a regular file of at most 1 MiB that holds one JSON object.
    ///
    /// # Errors
    /// [`CheckpointError::Io`] if it cannot be read or is not a regular file, and
    /// [`CheckpointError::Json`] if it is too long or does not hold a JSON object.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        Self::open_within(path, Self::LONGEST)
    }

    /// As [`Self::open`], for a file of at most `most` bytes.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_within(path: &Path, most: u64) -> Result<Self, CheckpointError> {
        let path = path.to_owned();
        let problem = match lb_files::read(&path, most) {
            Ok(text) => match serde_json::from_slice(&text) {
                Ok(Value::Object(settings)) => return Ok(Self::new(path, settings)),
                Ok(_) => "expected a JSON object".to_owned(),
                Err(error) => error.to_string(),
            },
            Err(FileError::TooLarge { most, .. }) => {
                format!("it is longer than the {most} bytes that are allowed")
            }
            Err(error) => return Err(CheckpointError::file("read", path)(error)),
        };
        Err(CheckpointError::Json { path, problem })
    }

    /// Makes a configuration of settings that have been read from `path` or will be written there.
    #[must_use]
    pub fn new(path: PathBuf, settings: Map<String, Value>) -> Self {
        Self { path, settings }
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns all settings as JSON values.
    #[must_use]
    pub fn settings(&self) -> &Map<String, Value> {
        &self.settings
    }

    /// Returns all settings as JSON values.
    pub(crate) fn into_settings(self) -> Map<String, Value> {
        self.settings
    }

    /// Reads the settings that `T` declares. Other settings are ignored. A setting that is `null` counts
    /// as absent, because diffusers writes `null` where its default applies.
    ///
    /// # Errors
    /// [`CheckpointError::Setting`] for the first setting with a value that `T` does not allow.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, CheckpointError> {
        let settings = MapAccessDeserializer::new(Settings::of(&self.settings));
        T::deserialize(settings).map_err(|wrong| {
            let found = self.found(&wrong.path);
            self.refuse_value(&wrong.path.join("."), &found, wrong.expected)
        })
    }

    /// Makes the error for a setting whose value is not what was expected.
    pub fn refuse(&self, key: &str, expected: impl Into<String>) -> CheckpointError {
        let found = self.found(&[key.to_owned()]);
        self.refuse_value(key, &found, expected)
    }

    /// Makes the error for a setting, with the caller's description of its value.
    pub fn refuse_value(
        &self,
        key: &str,
        found: &dyn Display,
        expected: impl Into<String>,
    ) -> CheckpointError {
        CheckpointError::Setting {
            path: self.path.clone(),
            key: key.to_owned(),
            found: shortened(&found.to_string(), LONGEST_SHOWN),
            expected: expected.into(),
        }
    }

    /// Returns an error about a setting unless `holds`.
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

    /// Returns an error if a setting is present and has any value but `off`, which switches a feature off.
    pub(crate) fn require_off(&self, key: &str, off: &Value) -> Result<(), CheckpointError> {
        match self.settings.get(key) {
            None | Some(Value::Null) => Ok(()),
            Some(value) if value == off || is_same_number(value, off) => Ok(()),
            Some(_) => Err(self.refuse(key, format!("{off} (or absent)"))),
        }
    }

    /// Returns the value at a path of keys, in the form in which a message shows it.
    fn found(&self, path: &[String]) -> String {
        let value = path.split_first().and_then(|(first, rest)| {
            let outer = self.settings.get(first)?;
            rest.iter().try_fold(outer, |value, key| value.get(key))
        });
        value.map_or("absent".to_owned(), Value::to_string)
    }
}

/// Validates `block_out_channels`: the list must have 1 to 8 widths, each of which must be divisible into
/// groups. A network with more blocks would halve its pictures until nothing is left of them.
pub(super) fn block_channels(
    config: &ConfigFile,
    channels: &EachBlock<Size>,
    norm_groups: usize,
) -> Result<Vec<usize>, CheckpointError> {
    let key = "block_out_channels";
    let channels: Vec<_> = channels.0.iter().map(|size| size.0).collect();
    config.require(key, (1..=8).contains(&channels.len()), || {
        format!("a list of 1 to 8 entries, each {}", Size::EXPECTED)
    })?;
    let are_multiples = channels.iter().all(|channels| channels % norm_groups == 0);
    config.require(key, are_multiples, || {
        format!("multiples of \"norm_num_groups\" ({norm_groups})")
    })?;
    Ok(channels)
}

/// Whether two values are the same number. serde_json distinguishes 1 from 1.0, but a setting does not.
fn is_same_number(one: &Value, other: &Value) -> bool {
    one.as_f64().is_some() && one.as_f64() == other.as_f64()
}

/// Writes JSON in the form that diffusers uses: indented, with a line feed at the end.
pub(crate) fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// Returns the whole text if it has at most `longest` characters; otherwise cuts it off and adds an
/// ellipsis.
fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::text_encoder::TextActivation;
    use super::*;

    fn file(settings: Value) -> ConfigFile {
        ConfigFile::new(
            "config.json".into(),
            settings.as_object().cloned().unwrap_or_default(),
        )
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(shortened(&"é".repeat(80), 80), "é".repeat(80));
        assert_eq!(shortened(&"é".repeat(81), 80), "é".repeat(80) + "…");
        let refused = file(json!({"key": "a".repeat(100)})).refuse("key", "less");
        assert!(refused.to_string().contains("aaa…; expected less"));
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Inner {
        kind: String,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Outer {
        inner: Inner,
        number: f64,
        activation: Option<TextActivation>,
    }

    #[test]
    fn errors_name_the_setting_its_value_and_what_is_allowed() {
        let cases = [
            (
                json!({"number": "1"}),
                r#""number" is "1"; expected a number"#,
            ),
            (
                json!({"inner": {"kind": 3}}),
                r#""inner.kind" is 3; expected a string"#,
            ),
            (json!({"inner": 3}), r#""inner" is 3; expected an object"#),
            (
                json!({"activation": "relu"}),
                r#""activation" is "relu"; expected "gelu" or "quick_gelu""#,
            ),
            (
                json!({"activation": 3}),
                r#""activation" is 3; expected "gelu" or "quick_gelu""#,
            ),
        ];
        for (settings, expected) in cases {
            let refused = file(settings.clone()).parse::<Outer>().unwrap_err();
            assert_eq!(refused.to_string(), format!("config.json: {expected}"));
        }
    }

    #[test]
    fn absent_null_and_unknown_settings_have_no_effect() {
        for settings in [
            json!({}),
            json!({"number": null, "inner": null, "activation": null}),
            json!({"more": [1, {"deep": null}]}),
        ] {
            let parsed: Outer = file(settings).parse().unwrap();
            assert_eq!((parsed.number, parsed.activation), (0.0, None));
            assert_eq!(parsed.inner.kind, "");
        }
        let whole: Outer = file(json!({"number": 1})).parse().unwrap();
        assert_eq!(whole.number, 1.0);
    }

    #[test]
    fn files_beyond_the_limit_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(ConfigFile::LONGEST + 1).unwrap();
        let refused = ConfigFile::open(&path).unwrap_err().to_string();
        assert!(refused.contains("longer than"), "{refused}");
        let refused = ConfigFile::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("not a regular file"), "{refused}");
    }
}
