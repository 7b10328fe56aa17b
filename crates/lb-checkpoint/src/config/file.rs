//! A JSON file with settings.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::deserialize::Settings;
use super::values::{EachBlock, Size};
use crate::error::CheckpointError;
use crate::regular_file;

/// The longest configuration that is read, in bytes. The largest that models have, a tokenizer with
/// its whole vocabulary, takes a few megabytes.
const LONGEST_FILE: u64 = 64 << 20;

/// The longest value that a message repeats, in characters.
const LONGEST_SHOWN: usize = 80;

/// The settings of one JSON file.
///
/// ```
/// use lb_checkpoint::{ConfigFile, Size};
///
/// /// The settings that this program needs of a UNet.
/// #[derive(serde::Deserialize)]
/// #[serde(default)]
/// struct UnetSettings {
///     in_channels: Size,
///     flip_sin_to_cos: bool,
/// }
///
/// impl Default for UnetSettings {
///     fn default() -> Self {
///         Self { in_channels: Size(4), flip_sin_to_cos: true }
///     }
/// }
///
/// let file = |text: &str| {
///     ConfigFile::new("unet/config.json".into(), serde_json::from_str(text).unwrap())
/// };
/// let settings: UnetSettings = file(r#"{"in_channels": 9, "flip_sin_to_cos": null}"#).parse()?;
/// assert_eq!(settings.in_channels, Size(9));
/// assert!(settings.flip_sin_to_cos);
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
    /// Reads the file at `path`: a regular file of at most 64 MiB that holds one JSON object.
    ///
    /// # Errors
    /// [`CheckpointError::Io`] where it cannot be read or is no regular file, and
    /// [`CheckpointError::Json`] where it is too long or holds no JSON object.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let broken = |problem| CheckpointError::Json {
            path: path.to_owned(),
            problem,
        };
        let text = regular_file::read_at_most(path, LONGEST_FILE)?.ok_or_else(|| {
            broken(format!(
                "it is longer than the {LONGEST_FILE} bytes that are allowed"
            ))
        })?;
        match serde_json::from_slice(&text) {
            Ok(Value::Object(settings)) => Ok(Self::new(path.to_owned(), settings)),
            Ok(_) => Err(broken("expected a JSON object".to_owned())),
            Err(error) => Err(broken(error.to_string())),
        }
    }

    /// Settings that are, or will be, in the file at `path`.
    #[must_use]
    pub fn new(path: PathBuf, settings: Map<String, Value>) -> Self {
        Self { path, settings }
    }

    /// Where the file lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All settings, as JSON has them.
    #[must_use]
    pub fn settings(&self) -> &Map<String, Value> {
        &self.settings
    }

    /// All settings, as JSON has them.
    pub(crate) fn into_settings(self) -> Map<String, Value> {
        self.settings
    }

    /// The settings that `T` declares. Others are ignored, and `null` counts as absent, because
    /// diffusers writes it for its defaults.
    ///
    /// # Errors
    /// [`CheckpointError::Setting`] for the first setting with a value that `T` does not allow.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, CheckpointError> {
        T::deserialize(Settings(&self.settings)).map_err(|wrong| {
            let key = wrong.path.join(".");
            CheckpointError::Setting {
                path: self.path.clone(),
                found: self.found(&wrong.path),
                key,
                expected: wrong.expected,
            }
        })
    }

    /// The error for a setting whose value is not what was expected.
    pub fn refuse(&self, key: &str, expected: impl Into<String>) -> CheckpointError {
        let found = self.found(&[key.to_owned()]);
        self.refuse_value(key, &found, expected)
    }

    /// The error for a setting, with the value as the caller describes it.
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

    /// Refuses a setting unless the rule about it holds.
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

    /// Refuses every value but the one that switches a feature off; absent is fine too.
    pub(crate) fn require_off(&self, key: &str, off: &Value) -> Result<(), CheckpointError> {
        match self.settings.get(key) {
            None | Some(Value::Null) => Ok(()),
            Some(value) if value == off || is_same_number(value, off) => Ok(()),
            Some(_) => Err(self.refuse(key, format!("{off} (or absent)"))),
        }
    }

    /// The value at a path of keys as a message shows it.
    fn found(&self, path: &[String]) -> String {
        let value = path.split_first().and_then(|(first, rest)| {
            let outer = self.settings.get(first)?;
            rest.iter().try_fold(outer, |value, key| value.get(key))
        });
        value.map_or("absent".to_owned(), |value| {
            shortened(&value.to_string(), LONGEST_SHOWN)
        })
    }
}

/// `block_out_channels`: a list that is not empty, whose widths can be divided into groups.
pub(super) fn block_channels(
    config: &ConfigFile,
    channels: &EachBlock<Size>,
    norm_groups: usize,
) -> Result<Vec<usize>, CheckpointError> {
    let key = "block_out_channels";
    let channels: Vec<_> = channels.0.iter().map(|size| size.0).collect();
    config.require(key, !channels.is_empty(), || {
        "a list of whole numbers from 1".to_owned()
    })?;
    let are_multiples = channels
        .iter()
        .all(|channels| channels.is_multiple_of(norm_groups));
    config.require(key, are_multiples, || {
        format!("multiples of \"norm_num_groups\" ({norm_groups})")
    })?;
    Ok(channels)
}

/// JSON keeps 1 and 1.0 apart; a setting does not.
fn is_same_number(one: &Value, other: &Value) -> bool {
    one.as_f64().is_some() && one.as_f64() == other.as_f64()
}

/// JSON as diffusers writes it: indented, with a line feed at its end.
pub(crate) fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// A text as a message repeats it: complete if it has at most `longest` characters, otherwise cut
/// off with an ellipsis.
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
                r#""inner.kind" is 3; expected a text"#,
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
    fn what_is_absent_or_null_or_unknown_has_no_effect() {
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
        file.set_len(LONGEST_FILE + 1).unwrap();
        let refused = ConfigFile::open(&path).unwrap_err().to_string();
        assert!(refused.contains("longer than"), "{refused}");
        let refused = ConfigFile::open(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("not a regular file"), "{refused}");
    }
}
