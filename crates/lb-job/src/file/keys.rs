//! The keys that each table may have, taken from the settings' own declaration, and advice about
//! those that it may not have.

use serde::Serialize;
use serde_json::Value;

use super::shortened;
use crate::{DefaultSettings, JobSettings, KeyframeSettings};

/// The keys of a table, and what to say about keys that belong in another one.
pub(super) struct TableKeys {
    known: Vec<String>,
    /// Keys of other tables that are often put here.
    elsewhere: Vec<String>,
    /// Where those belong.
    belongs: &'static str,
}

/// The settings of a table as they are where nothing is said: an entry for each key, which is itself a
/// map where the key names a table.
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
    /// The top of a file, where the film's own keys and all tables are.
    pub(super) fn film() -> Self {
        Self {
            known: keys::<JobSettings>().chain(["keyframe".into()]).collect(),
            elsewhere: keys::<KeyframeSettings>().collect(),
            belongs: "in a [[keyframe]], or what holds for all of them in [defaults]",
        }
    }

    /// Any other table.
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

    /// `[defaults]`, where a keyframe's own keys mean nothing.
    pub(super) fn defaults() -> Self {
        Self::table::<DefaultSettings>()
    }

    /// These keys and one more.
    pub(super) fn and(mut self, key: &str) -> Self {
        self.known.push(key.into());
        self
    }

    /// What to say about a key that is not known; `None` if it is.
    pub(super) fn advice(&self, name: &str) -> Option<String> {
        if self.known.iter().any(|known| known == name) {
            return None;
        }
        if self.elsewhere.iter().any(|key| key == name) {
            return Some(format!("it belongs {}", self.belongs));
        }
        // Comparing takes time in proportion to the length, and no key is as long as this.
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
                "the nearest known one is `{known}`, of {}",
                self.known.join(", ")
            ),
        })
    }
}

/// From this likeness on, a key is taken for a slip of another one.
const NEAR: f64 = 0.75;
