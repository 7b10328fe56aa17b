//! The keys that each table may have, according to the declaration of the settings, and advice about
//! other keys.

use serde::Serialize;
use serde_json::Value;

use crate::settings::shortened;
use crate::{DefaultSettings, JobSettings, KeyframeSettings};

/// The keys of a table, and advice about keys that belong in another one.
pub(super) struct TableKeys {
    known: Vec<String>,
    /// Keys of other tables that are often put here.
    elsewhere: Vec<String>,
    /// Where the keys of `elsewhere` belong, as the end of a sentence.
    belongs: &'static str,
}

/// The settings of a table with all of them open: an entry for each key. A key that names a table has
/// a map as its value.
fn schema<T: Serialize + Default>() -> serde_json::Map<String, Value> {
    match serde_json::to_value(T::default()) {
        Ok(Value::Object(entries)) => entries,
        _ => serde_json::Map::new(),
    }
}

fn keys<T: Serialize + Default>() -> impl Iterator<Item = String> {
    schema::<T>().into_iter().map(|(key, _)| key)
}

impl TableKeys {
    /// The keys at the top of a file: the film's own keys, and all tables.
    pub(super) fn film() -> Self {
        Self {
            known: keys::<JobSettings>().chain(["keyframe".into()]).collect(),
            elsewhere: keys::<KeyframeSettings>().collect(),
            belongs: "in a [[keyframe]] or, for all keyframes, in [defaults]",
        }
    }

    /// The keys of any other table.
    pub(super) fn table<T: Serialize + Default>() -> Self {
        let film = schema::<JobSettings>().into_iter();
        Self {
            known: keys::<T>().collect(),
            elsewhere: film
                .filter(|(_, value)| value.is_null())
                .map(|(key, _)| key)
                .collect(),
            belongs: "at the top of the file, above every table",
        }
    }

    /// The keys of `[defaults]`.
    pub(super) fn defaults() -> Self {
        Self::table::<DefaultSettings>()
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
        let likeness = |key: &String| strsim::jaro_winkler(&short, key);
        let nearest = |keys: &'_ [String]| -> Option<(f64, String)> {
            let all = keys.iter().map(|key| (likeness(key), key));
            let best = all.max_by(|left, right| left.0.total_cmp(&right.0));
            best.map(|(likeness, key)| (likeness, key.clone()))
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
