//! The JSON objects that a model's folder describes itself in, as every reader of them takes them.

use std::fmt::Display;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::CheckpointError;
use crate::regular_file;

/// Longest setting that a message repeats, in characters.
const LONGEST_SHOWN: usize = 80;

/// The settings of a JSON file: the members of its one object.
///
/// # Errors
/// [`CheckpointError::Io`] where the file cannot be read or is no regular file, and
/// [`CheckpointError::Json`] where it holds no JSON object.
pub fn read_settings(path: &Path) -> Result<Map<String, Value>, CheckpointError> {
    let text = regular_file::read(path)?;
    let broken = |problem| CheckpointError::Json {
        path: path.to_owned(),
        problem,
    };
    match serde_json::from_slice(&text) {
        Ok(Value::Object(settings)) => Ok(settings),
        Ok(_) => Err(broken("expected a JSON object".to_owned())),
        Err(error) => Err(broken(error.to_string())),
    }
}

/// A setting as a message repeats it: whole up to 80 characters, then cut off with an ellipsis.
#[must_use]
pub fn shown_setting(value: impl Display) -> String {
    let whole = value.to_string();
    match whole.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::shown_setting;

    #[test]
    fn long_settings_are_cut_between_characters() {
        assert_eq!(shown_setting("é".repeat(80)), "é".repeat(80));
        assert_eq!(shown_setting("é".repeat(81)), "é".repeat(80) + "…");
    }
}
