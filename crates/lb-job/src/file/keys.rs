//! The tables of a job file and the keys that each may have, according to the declaration of the
//! settings; and advice about other keys.

use serde_json::{Map, Value};

use crate::number_or_text::shortened;
use crate::{JobSettings, KeyframeSettings};

/// The key of the list of keyframes, whose items are tables.
pub(super) const KEYFRAME: &str = "keyframe";

/// The table of the camera, whose keys keyframes have as well, apart from the easing.
const CAMERA: &str = "camera";
const EASING: &str = "easing";
const IN_CAMERA: &str = "in a [[keyframe]] or, for the whole film, in [camera]";

/// The keys of a table, and advice about keys that belong in another one.
pub(super) struct TableKeys {
    known: Vec<String>,
    /// Keys of other tables that are often put here, each with where it belongs, as the end of a sentence.
    elsewhere: Vec<(String, &'static str)>,
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
        let camera = keys_of(CAMERA);
        let elsewhere = keys_of(KEYFRAME).into_iter().map(|key| {
            let belongs = match camera.contains(&key) && key != EASING {
                true => IN_CAMERA,
                false => "in a [[keyframe]] or, for all keyframes, in [defaults]",
            };
            (key, belongs)
        });
        Self {
            known: film.chain([KEYFRAME.into()]).collect(),
            elsewhere: elsewhere.collect(),
        }
    }

    /// The keys of a table, which is [`KEYFRAME`] or one of [`tables`].
    pub(super) fn table(name: &str) -> Self {
        let film = film().into_iter().filter(|(_, value)| value.is_null());
        let film = film.map(|(key, _)| (key, "at the top of the file, above every table"));
        let camera = keys_of(CAMERA).into_iter().filter(|key| key != EASING);
        Self {
            known: keys_of(name),
            elsewhere: film.chain(camera.map(|key| (key, IN_CAMERA))).collect(),
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
        if let Some((_, belongs)) = self.elsewhere.iter().find(|(key, _)| key == name) {
            return Some(format!("it belongs {belongs}"));
        }
        // The time of a comparison grows with the length, and no key is as long as this.
        let short = shortened(name, 40);
        let likeness_of = |key: &String| strsim::jaro_winkler(&short, key);
        let known = self.known.iter().map(|key| (likeness_of(key), key));
        let elsewhere = self.elsewhere.iter();
        let elsewhere = elsewhere.map(|(key, belongs)| (likeness_of(key), key, belongs));
        let nearest = known.max_by(|left, right| left.0.total_cmp(&right.0));
        let Some((likeness, known)) = nearest else {
            return Some("no key is known here".into());
        };
        let nearest = elsewhere.max_by(|left, right| left.0.total_cmp(&right.0));
        Some(match nearest {
            Some((other, key, belongs)) if other > likeness.max(NEAR) => {
                format!("did you mean `{key}`? It belongs {belongs}")
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
