//! Reading job files into settings.
//!
//! The declaration of the settings defines the keys and types of each table. This module adds what the
//! author of a file needs in messages: the line, the most similar key, and plain words for types.

use std::ops::Range;
use std::path::{Path, PathBuf};

use lb_files::FileError;
use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use super::keys::{KEYFRAME, TableKeys, tables};
use super::{JobFileError, Location};
use crate::limits::LARGEST_JOB_FILE;
use crate::named_paths::{JobFolder, NamedPaths};
use crate::number_or_text::shortened;
use crate::pictures::is_model_path;
use crate::{Job, JobSettings, SettingsError};

impl JobSettings {
    /// Reads a job file, and the files that it includes.
    ///
    /// Paths in a file are relative to the file's own folder, and so is a model that is named with a
    /// slash.
    ///
    /// # Errors
    /// A [`JobFileError`] that names file and line. A file that is larger than [`LARGEST_JOB_FILE`]
    /// is not read, and neither is one that is included from outside of the folder of `path`.
    pub fn read(path: &Path) -> Result<Self, JobFileError> {
        Self::read_from(path, NamedPaths::InFolder)
    }

    pub(super) fn read_from(path: &Path, named: NamedPaths) -> Result<Self, JobFileError> {
        included(path, &mut Vec::new(), named)
    }

    /// Reads the text of a job file that comes from `origin`, which can be a film, for example, and the
    /// files that it includes. Relative paths are relative to the folder of `origin`.
    ///
    /// # Errors
    /// A [`JobFileError`] that names `origin` and the line. A file that is included from outside of the
    /// folder of `origin` is not read.
    pub fn parse(text: &str, origin: &Path) -> Result<Self, JobFileError> {
        Self::parse_from(text, origin, NamedPaths::InFolder)
    }

    pub(super) fn parse_from(
        text: &str,
        origin: &Path,
        named: NamedPaths,
    ) -> Result<Self, JobFileError> {
        let mut chain = vec![origin.to_path_buf()];
        Document::new(origin, text)?.settings(&mut chain, named)
    }
}

/// The key at the top of a file that names another one. It is no setting.
const INCLUDE: &str = "include";

/// Reads a file that the last file of `chain` includes. The chain begins with the outermost file.
fn included(
    path: &Path,
    chain: &mut Vec<PathBuf>,
    named: NamedPaths,
) -> Result<JobSettings, JobFileError> {
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
    let settings = Document::new(path, &text)?.settings(chain, named)?;
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
    fn settings(
        &self,
        chain: &mut Vec<PathBuf>,
        named: NamedPaths,
    ) -> Result<JobSettings, JobFileError> {
        let root = Table {
            document: self,
            name: "",
            entries: self.root.get_ref(),
            start: 0,
        };
        root.validate_entries(&TableKeys::film().and(INCLUDE))?;
        for table in root.tables(KEYFRAME)? {
            if chain.len() > 1 {
                let location = root.location_of(KEYFRAME);
                return Err(JobFileError::IncludedKeyframes { location });
            }
            table.validate()?;
        }
        for name in tables() {
            if let Some(table) = root.table(&name)? {
                table.validate()?;
            }
        }
        let mut settings = root.read(root.entries.clone())?;
        self.anchor(&mut settings);
        match root.string(INCLUDE)? {
            Some(path) => {
                let path = self.beside(path);
                if named == NamedPaths::InFolder && !JobFolder::of(&chain[0]).has(&path) {
                    let location = root.location_of(INCLUDE);
                    return Err(JobFileError::IncludeOutside { location, path });
                }
                Ok(settings.over(included(&path, chain, named)?))
            }
            None => Ok(settings),
        }
    }

    /// Makes paths, which are relative to this file, relative to the working directory.
    fn anchor(&self, settings: &mut JobSettings) {
        for image in settings
            .pictures_mut()
            .filter_map(|(path, _)| path.as_mut())
        {
            *image = self.beside(&image);
        }
        if let Some(vae) = &mut settings.vae {
            *vae = self.beside(&vae);
        }
        for lora in settings.lora_paths_mut() {
            *lora = self.beside(&lora);
        }
        for embedding in settings.prompts.embeddings.iter_mut().flatten() {
            embedding.path = self.beside(&embedding.path);
        }
        let models = [&mut settings.model, &mut settings.upscale.model];
        for model in models.into_iter().flatten() {
            if is_model_path(model, &self.beside(""))
                && let Some(path) = self.beside(&model).to_str()
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
    /// The table's key, which is empty for the document as a whole.
    name: &'a str,
    entries: &'a DeTable<'a>,
    /// Where in the text the table begins.
    start: usize,
}

impl<'a> Table<'a> {
    /// Checks the entries of a table within a document, each alone and all together.
    fn validate(&self) -> Result<(), JobFileError> {
        self.validate_entries(&TableKeys::table(self.name))?;
        let settings = self.read(self.entries.clone())?;
        let keyframes = settings.keyframes.iter().map(|at| &at.branching);
        let mut trees = keyframes.chain([&settings.defaults.branching]);
        let mut checked = trees.try_for_each(|tree| tree.validate());
        if self.name == "depth" && settings.depth.image.is_none() {
            checked = Err(SettingsError::DepthWithoutImage);
        }
        checked.map_err(|problem| JobFileError::Settings {
            location: self.location(self.start..self.start),
            problem,
        })
    }

    /// Checks each entry of this table, apart from tables within it.
    fn validate_entries(&self, keys: &TableKeys) -> Result<(), JobFileError> {
        let tables = tables();
        for (key, value) in self.entries.iter() {
            let name = key.get_ref().as_ref();
            if let Some(advice) = keys.advice(name) {
                return Err(JobFileError::UnknownKey {
                    location: self.location(key.span()),
                    key: shortened(name, 40),
                    advice,
                });
            }
            if name != INCLUDE && name != KEYFRAME && !tables.iter().any(|table| table == name) {
                self.validate_entry(key, value)?;
            }
        }
        Ok(())
    }

    /// Checks a single entry, so that an error can name it.
    fn validate_entry(
        &self,
        key: &Spanned<DeString<'a>>,
        value: &Spanned<DeValue<'a>>,
    ) -> Result<(), JobFileError> {
        let name = key.get_ref().as_ref();
        if let DeValue::String(text) = value.get_ref()
            && text.len() > Job::LONGEST_PROMPT
        {
            let (found, most) = (text.len(), Job::LONGEST_PROMPT);
            let rule = format!("has {found} bytes; at most {most} are allowed");
            return Err(self.wrong_value(name, rule, value));
        }
        let mut alone = DeTable::new();
        alone.insert(key.clone(), value.clone());
        let Err(error) = self.deserialize(alone) else {
            return Ok(());
        };
        let message = error.message();
        Err(match message.rsplit_once("expected ") {
            Some((found, expected)) => {
                let is_list = value.get_ref().is_array();
                let item = is_list && !found.contains("sequence");
                self.wrong_type(name, in_words(expected, item), value)
            }
            None => self.wrong_value(name, message.into(), value),
        })
    }

    /// The settings of a document in which this table has these entries, and which has no other table.
    fn read(&self, entries: DeTable<'a>) -> Result<JobSettings, JobFileError> {
        let settings = self.deserialize(entries);
        settings.map_err(|error| JobFileError::Syntax {
            location: self.location(self.start..self.start),
            reason: shortened(error.message(), 200),
        })
    }

    fn deserialize(&self, entries: DeTable<'a>) -> Result<JobSettings, toml::de::Error> {
        let spanned = |value| Spanned::new(0..0, value);
        let mut root = DeTable::new();
        let value = match self.name {
            "" => return deserialize(entries),
            KEYFRAME => DeValue::Array(DeArray::from_iter([spanned(DeValue::Table(entries))])),
            _ => DeValue::Table(entries),
        };
        root.insert(Spanned::new(0..0, self.name.into()), spanned(value));
        deserialize(root)
    }

    fn location(&self, span: Range<usize>) -> Location {
        location(self.document.path, self.document.text, span)
    }

    /// Where a key's value is.
    fn location_of(&self, key: &str) -> Location {
        let start = self.start..self.start;
        self.location(self.entries.get(key).map_or(start, Spanned::span))
    }

    fn wrong_type(&self, key: &str, expected: &str, value: &Spanned<DeValue<'_>>) -> JobFileError {
        let found = found(value.get_ref());
        self.wrong_value(key, format!("must be {expected}, found {found}"), value)
    }

    fn wrong_value(&self, key: &str, rule: String, value: &Spanned<DeValue<'_>>) -> JobFileError {
        JobFileError::WrongValue {
            location: self.location(value.span()),
            key: key.into(),
            rule,
        }
    }

    fn string(&self, key: &str) -> Result<Option<&'a str>, JobFileError> {
        self.value(key, "a string", |value| value.get_ref().as_str())
    }

    /// A table within this one.
    fn table(&self, key: &'a str) -> Result<Option<Self>, JobFileError> {
        self.value(key, "a table", |value| self.inner(key, value))
    }

    /// The tables of a list of tables.
    fn tables(&self, key: &'a str) -> Result<Vec<Self>, JobFileError> {
        let expected = "a list of tables, each with its name in double brackets";
        let tables = self.value(key, expected, |value| {
            let items = value.get_ref().as_array()?.iter();
            items.map(|item| self.inner(key, item)).collect()
        });
        Ok(tables?.unwrap_or_default())
    }

    /// The value of a key as what `read` makes of it, which is `None` for a value of another type.
    fn value<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'a Spanned<DeValue<'a>>) -> Option<T>,
    ) -> Result<Option<T>, JobFileError> {
        let Some(value) = self.entries.get(key) else {
            return Ok(None);
        };
        let read = read(value).ok_or_else(|| self.wrong_type(key, expected, value));
        read.map(Some)
    }

    fn inner(&self, name: &'a str, value: &'a Spanned<DeValue<'a>>) -> Option<Self> {
        Some(Table {
            document: self.document,
            name,
            entries: value.get_ref().as_table()?,
            start: value.span().start,
        })
    }
}

fn deserialize(entries: DeTable<'_>) -> Result<JobSettings, toml::de::Error> {
    JobSettings::deserialize(toml::de::Deserializer::from(Spanned::new(0..0, entries)))
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
