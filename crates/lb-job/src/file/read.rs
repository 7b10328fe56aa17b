//! Reading job files into settings.
//!
//! The declaration of the settings defines the keys and types of each table. This module adds what the
//! author of a file needs in messages: the line, the most similar key, and plain words for types.

use std::ops::Range;
use std::path::{Path, PathBuf};

use lb_files::FileError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::TableKeys;
use super::{JobFileError, LARGEST_JOB_FILE, Location, is_model_path};
use crate::settings::shortened;
use crate::{
    CrossfeedSettings, DefaultSettings, DepthSettings, InpaintSettings, Job, JobSettings,
    KeyframeSettings, SettingsError, UpscaleSettings,
};

/// Reads a file and those that it includes.
pub(super) fn file(path: &Path) -> Result<JobSettings, JobFileError> {
    included(path, &mut Vec::new())
}

/// Reads the text of a job file that need not exist on disk, and the files that it includes.
pub(super) fn text(text: &str, origin: &Path) -> Result<JobSettings, JobFileError> {
    let document = Document::new(origin, text)?;
    document.settings(&mut vec![origin.to_path_buf()])
}

/// Reads a file that the last file of `chain` includes. The chain begins with the outermost file.
fn included(path: &Path, chain: &mut Vec<PathBuf>) -> Result<JobSettings, JobFileError> {
    let same = |other: &PathBuf| match (other.canonicalize(), path.canonicalize()) {
        (Ok(other), Ok(path)) => other == path,
        _ => other == path,
    };
    let is_cycle = chain.iter().any(same);
    chain.push(path.to_path_buf());
    if is_cycle {
        let files = chain.clone();
        return Err(JobFileError::IncludeCycle { files });
    }
    if chain.len() > JobFileError::DEEPEST_INCLUDE + 1 {
        let files = chain.clone();
        return Err(JobFileError::IncludeDepth { files });
    }
    let text = read_text(path)?;
    let settings = Document::new(path, &text)?.settings(chain)?;
    chain.pop();
    Ok(settings)
}

/// The text of a file. No more is read than a job file may have.
fn read_text(path: &Path) -> Result<String, JobFileError> {
    lb_files::read_text(path, LARGEST_JOB_FILE as u64).map_err(|error| match error {
        FileError::NotRegular { path, .. } => JobFileError::NotRegular { path },
        FileError::TooLarge { path, .. } => JobFileError::TooLarge { path },
        FileError::NotText { path } => JobFileError::NotText { path },
        error => JobFileError::Read {
            path: path.into(),
            source: error.into_io(),
        },
    })
}

/// A parsed job file.
struct Document<'a> {
    path: &'a Path,
    text: &'a str,
    root: Spanned<DeTable<'a>>,
}

impl<'a> Document<'a> {
    fn new(path: &'a Path, text: &'a str) -> Result<Self, JobFileError> {
        if text.len() > LARGEST_JOB_FILE {
            return Err(JobFileError::TooLarge { path: path.into() });
        }
        match DeTable::parse(text) {
            Ok(root) => Ok(Self { path, text, root }),
            Err(error) => Err(JobFileError::Syntax {
                location: location(path, text, error.span().unwrap_or_default()),
                reason: shortened(error.message(), 200),
            }),
        }
    }

    /// A path that is relative to the folder of this file.
    fn beside(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    /// The settings of this file, over those of the file that it includes.
    fn settings(&self, chain: &mut Vec<PathBuf>) -> Result<JobSettings, JobFileError> {
        let root = Table {
            document: self,
            entries: self.root.get_ref(),
            start: 0,
        };
        let include = "include";
        let mut settings: JobSettings = root.read(&TableKeys::film().and(include))?;
        for table in root.tables("keyframe")? {
            if chain.len() > 1 {
                let location = root.location_of("keyframe");
                return Err(JobFileError::IncludedKeyframes { location });
            }
            let keyframe: KeyframeSettings = table.read(&TableKeys::table::<KeyframeSettings>())?;
            table.settings(keyframe.branching.validate())?;
            settings.keyframes.push(keyframe);
        }
        if let Some(table) = root.table("defaults")? {
            settings.defaults = table.read::<DefaultSettings>(&TableKeys::defaults())?;
            table.settings(settings.defaults.branching.validate())?;
        }
        if let Some(table) = root.table("crossfeed")? {
            settings.crossfeed = table.read(&TableKeys::table::<CrossfeedSettings>())?;
        }
        if let Some(table) = root.table("inpaint")? {
            settings.inpaint = table.read(&TableKeys::table::<InpaintSettings>())?;
        }
        if let Some(table) = root.table("depth")? {
            settings.depth = table.read(&TableKeys::table::<DepthSettings>())?;
            table.settings(match settings.depth.image {
                Some(_) => Ok(()),
                None => Err(SettingsError::DepthWithoutImage),
            })?;
        }
        if let Some(table) = root.table("upscale")? {
            settings.upscale = table.read(&TableKeys::table::<UpscaleSettings>())?;
        }
        self.anchor(&mut settings);
        match root.string(include)? {
            Some(path) => Ok(settings.over(included(&self.beside(path), chain)?)),
            None => Ok(settings),
        }
    }

    /// Makes paths, which are relative to this file, relative to the working directory.
    fn anchor(&self, settings: &mut JobSettings) {
        let keyframes = settings.keyframes.iter_mut();
        let images = keyframes.map(|keyframe| &mut keyframe.image).chain([
            &mut settings.inpaint.image,
            &mut settings.inpaint.mask,
            &mut settings.depth.image,
        ]);
        for image in images.flatten() {
            *image = self.beside(&image);
        }
        for model in [&mut settings.model, &mut settings.upscale.model]
            .into_iter()
            .flatten()
        {
            let beside = self.beside(&model);
            if is_model_path(model)
                && let Some(path) = beside.to_str()
            {
                *model = path.to_owned();
            }
        }
    }
}

fn location(path: &Path, text: &str, span: Range<usize>) -> Location {
    let before = text.as_bytes().get(..span.start).unwrap_or_default();
    Location {
        path: path.into(),
        line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
    }
}

/// A table and the document that it is part of.
#[derive(Clone, Copy)]
struct Table<'a> {
    document: &'a Document<'a>,
    entries: &'a DeTable<'a>,
    /// Where in the text the table begins.
    start: usize,
}

impl<'a> Table<'a> {
    /// Reads the settings of this table, apart from tables within it.
    fn read<T>(&self, keys: &TableKeys) -> Result<T, JobFileError>
    where
        T: DeserializeOwned + Serialize + Default,
    {
        let mut entries = DeTable::new();
        for (key, value) in self.entries.iter() {
            let name = key.get_ref().as_ref();
            if let Some(advice) = keys.advice(name) {
                return Err(JobFileError::UnknownKey {
                    location: self.location(key.span()),
                    key: shortened(name, 40),
                    advice,
                });
            }
            if TABLES.contains(&name) {
                continue;
            }
            self.validate::<T>(key.clone(), name, value)?;
            entries.insert(key.clone(), value.clone());
        }
        deserialize(entries).map_err(|error| JobFileError::Syntax {
            location: self.location(self.start..self.start),
            reason: shortened(error.message(), 200),
        })
    }

    /// Checks a single entry, so that an error can name it.
    fn validate<T: DeserializeOwned>(
        &self,
        key: Spanned<toml::de::DeString<'a>>,
        name: &str,
        value: &Spanned<DeValue<'a>>,
    ) -> Result<(), JobFileError> {
        if let DeValue::String(text) = value.get_ref()
            && text.len() > Job::LONGEST_PROMPT
        {
            return Err(JobFileError::TooLong {
                location: self.location(value.span()),
                key: name.into(),
                found: text.len(),
            });
        }
        let mut alone = DeTable::new();
        alone.insert(key, value.clone());
        let Err(error) = deserialize::<T>(alone) else {
            return Ok(());
        };
        let message = error.message();
        match message.rsplit_once("expected ") {
            Some((found, expected)) => {
                let is_list = value.get_ref().is_array();
                let item = is_list && !found.contains("sequence");
                self.wrong(name, in_words(expected, item), value)
            }
            None => Err(JobFileError::WrongValue {
                location: self.location(value.span()),
                key: name.into(),
                rule: message.into(),
            }),
        }
    }

    fn location(&self, span: Range<usize>) -> Location {
        location(self.document.path, self.document.text, span)
    }

    /// Where a key's value is.
    fn location_of(&self, key: &str) -> Location {
        let start = self.start..self.start;
        self.location(self.entries.get(key).map_or(start, Spanned::span))
    }

    fn wrong<R>(
        &self,
        key: &str,
        expected: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<R, JobFileError> {
        Err(JobFileError::WrongType {
            location: self.location(value.span()),
            key: key.into(),
            expected: expected.into(),
            found: found(value.get_ref()),
        })
    }

    /// Adds the location of this table to the error of a check between its settings.
    fn settings(&self, checked: Result<(), SettingsError>) -> Result<(), JobFileError> {
        checked.map_err(|problem| JobFileError::Settings {
            location: self.location(self.start..self.start),
            problem,
        })
    }

    fn string(&self, key: &str) -> Result<Option<&'a str>, JobFileError> {
        match self.entries.get(key) {
            None => Ok(None),
            Some(value) => match value.get_ref().as_str() {
                Some(text) => Ok(Some(text)),
                None => self.wrong(key, "a string", value),
            },
        }
    }

    /// A table within this one.
    fn table(&self, key: &str) -> Result<Option<Self>, JobFileError> {
        match self.entries.get(key) {
            None => Ok(None),
            Some(value) => match self.inner(value) {
                Some(table) => Ok(Some(table)),
                None => self.wrong(key, "a table", value),
            },
        }
    }

    /// The tables of a list of tables.
    fn tables(&self, key: &str) -> Result<Vec<Self>, JobFileError> {
        let Some(value) = self.entries.get(key) else {
            return Ok(Vec::new());
        };
        let items = value.get_ref().as_array();
        let tables = items.and_then(|items| items.iter().map(|item| self.inner(item)).collect());
        match tables {
            Some(tables) => Ok(tables),
            None => self.wrong(
                key,
                "a list of tables, each with its name in double brackets",
                value,
            ),
        }
    }

    fn inner(&self, value: &'a Spanned<DeValue<'a>>) -> Option<Self> {
        Some(Table {
            document: self.document,
            entries: value.get_ref().as_table()?,
            start: value.span().start,
        })
    }
}

/// Keys that [`Document::settings`] reads itself.
const TABLES: [&str; 7] = [
    "include",
    "keyframe",
    "defaults",
    "crossfeed",
    "inpaint",
    "depth",
    "upscale",
];

fn deserialize<T: DeserializeOwned>(entries: DeTable<'_>) -> Result<T, toml::de::Error> {
    T::deserialize(toml::de::Deserializer::from(Spanned::new(0..0, entries)))
}

/// Plain words for what serde expects of a value, or of an item in a list.
fn in_words(expected: &str, item: bool) -> &str {
    match (expected.trim(), item) {
        ("f64", false) => "a number",
        ("f64", true) => "a list of numbers",
        ("usize", false) => "a whole number of at least 0",
        ("usize", true) => "a list of whole numbers of at least 0",
        // For a number that is too large for any type, serde does not name the expected type.
        ("u64" | "any value", _) => "a whole number from 0 to 18446744073709551615",
        ("a boolean", _) => "true or false",
        ("path string", _) => "a string",
        ("a sequence", _) => "a list of numbers",
        (other, _) => other,
    }
}

fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
