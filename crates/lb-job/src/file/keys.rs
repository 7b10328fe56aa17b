//! The tables of a job file and the keys that each may have, according to the declaration of the
//! settings; and advice about other keys.

use serde_json::{Map, Value};

use crate::number_or_text::shortened;
use crate::{JobSettings, KeyframeSettings};

/// The key of the list of keyframes, whose items are tables.
pub(super) const KEYFRAME: &str = "keyframe";

/// The keys of a table, and advice about keys that belong in another one.
pub(super) struct TableKeys {
    known: Vec<String>,
    /// Keys of other tables that are often put here.
    elsewhere: Vec<String>,
    /// Where the keys of `elsewhere` belong, as the end of a sentence.
    belongs: &'static str,
}

/// All settings of the film, apart from its keyframes. All are open: each key has `null` as its value,
/// and a table has a map.
fn film() -> Map<String, Value> {
    object(serde_json::to_value(JobSettings::default()))
}

fn object(value: serde_json::Result<Value>) -> Map<String, Value> {
    match value {
        Ok(Value::Object(entries)) => entries,
        _ => Map::new(),
    }
}

/// The keys of a table, which is [`KEYFRAME`] or one of [`tables`].
fn keys_of(table: &str) -> Vec<String> {
    let entries = match table {
        KEYFRAME => object(serde_json::to_value(KeyframeSettings::default())),
        other => object(Ok(film().remove(other).unwrap_or_default())),
    };
    entries.into_iter().map(|(key, _)| key).collect()
}

/// The names of all tables that a file may have once.
pub(super) fn tables() -> Vec<String> {
    let tables = film().into_iter().filter(|(_, value)| value.is_object());
    tables.map(|(name, _)| name).collect()
}

impl TableKeys {
    /// The keys at the top of a file: the film's own keys, and all tables.
    pub(super) fn film() -> Self {
        let film = film().into_iter().map(|(key, _)| key);
        Self {
            known: film.chain([KEYFRAME.into()]).collect(),
            elsewhere: keys_of(KEYFRAME),
            belongs: "in a [[keyframe]] or, for all keyframes, in [defaults]",
        }
    }

    /// The keys of a table, which is [`KEYFRAME`] or one of [`tables`].
    pub(super) fn table(name: &str) -> Self {
        let film = film().into_iter().filter(|(_, value)| value.is_null());
        Self {
            known: keys_of(name),
            elsewhere: film.map(|(key, _)| key).collect(),
            belongs: "at the top of the file, above every table",
        }
    }

    /// The same keys and one more.
    pub(super) fn and(mut self, key: &str) -> Self {
        self.known.push(key.into());
        self
    }

    /// Advice about a key that the table must not have; `None` if it may have the key.
    pub(super) fn advice(&self, name: &str) -> Option<String> {
        if self.known.iter().any(|known| known == name) {
            return None;
        }
        if self.elsewhere.iter().any(|key| key == name) {
            return Some(format!("it belongs {}", self.belongs));
        }
        // The time of a comparison grows with the length, and no key is as long as this.
        let short = shortened(name, 40);
        let nearest = |keys: &[String]| {
            let all = keys
                .iter()
                .map(|key| (strsim::jaro_winkler(&short, key), key.clone()));
            all.max_by(|left, right| left.0.total_cmp(&right.0))
        };
        let Some((likeness, known)) = nearest(&self.known) else {
            return Some("no key is known here".into());
        };
        Some(match nearest(&self.elsewhere) {
            Some((other, key)) if other > likeness.max(NEAR) => {
                format!("did you mean `{key}`? It belongs {}", self.belongs)
            }
            _ if likeness > NEAR => format!("did you mean `{known}`?"),
            _ => format!(
                "the most similar key is `{known}`, and all are: {}",
                self.known.join(", ")
            ),
        })
    }
}

/// A key that is at least this similar to another one is taken for a typing mistake.
const NEAR: f64 = 0.75;
