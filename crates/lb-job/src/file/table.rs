//! A table of a job file, read key by key.

use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::document::{Document, shortened};
use super::{JobFileError, Location};
use crate::Job;

/// A table and the document that it is part of.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    document: &'a Document<'a>,
    entries: &'a DeTable<'a>,
    start: usize,
}

/// The kinds of tables that are told from each other in messages, and their keys.
pub(super) struct Keys<'a> {
    /// The keys.
    pub(super) known: &'a [&'static [&'static str]],
    /// Keys of other tables that are often put here, and where they belong.
    pub(super) elsewhere: (&'a [&'static [&'static str]], &'static str),
}

impl<'a> Table<'a> {
    pub(super) fn root(document: &'a Document<'a>) -> Self {
        Self {
            document,
            entries: document.root().get_ref(),
            start: 0,
        }
    }

    /// Where the table begins.
    pub(super) fn location(&self) -> Location {
        self.document.location(self.start..self.start)
    }

    /// Checks that every key is one of these.
    pub(super) fn check(&self, keys: &Keys<'_>) -> Result<(), JobFileError> {
        let known = || keys.known.iter().copied().flatten().copied();
        for (key, _) in self.entries.iter() {
            let name = key.get_ref().as_ref();
            if known().any(|known| known == name) {
                continue;
            }
            let (elsewhere, belongs) = keys.elsewhere;
            let misplaced = elsewhere.iter().copied().flatten().any(|key| *key == name);
            let advice = if misplaced {
                format!("it belongs {belongs}")
            } else {
                let others = elsewhere.iter().copied().flatten().copied();
                advice(name, known(), others, belongs)
            };
            return Err(JobFileError::UnknownKey {
                location: self.document.location(key.span()),
                key: shortened(name, 40),
                advice,
            });
        }
        Ok(())
    }

    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.entries.get(key)
    }

    /// Where a key's value stands.
    pub(super) fn location_of(&self, key: &'static str) -> Location {
        self.get(key).map_or_else(
            || self.location(),
            |value| self.document.location(value.span()),
        )
    }

    fn wrong<T>(
        &self,
        key: &'static str,
        expected: &'static str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<T, JobFileError> {
        Err(JobFileError::WrongType {
            location: self.document.location(value.span()),
            key,
            expected,
            found: found(value.get_ref()),
        })
    }

    /// A value that `read` makes something of.
    fn read<T>(
        &self,
        key: &'static str,
        expected: &'static str,
        read: impl Fn(&'a DeValue<'a>) -> Option<T>,
    ) -> Result<Option<T>, JobFileError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match read(value.get_ref()) {
            Some(read) => Ok(Some(read)),
            None => self.wrong(key, expected, value),
        }
    }

    pub(super) fn flag(&self, key: &'static str) -> Result<Option<bool>, JobFileError> {
        self.read(key, "true or false", DeValue::as_bool)
    }

    pub(super) fn number(&self, key: &'static str) -> Result<Option<f64>, JobFileError> {
        self.read(key, "a number", number)
    }

    pub(super) fn whole(&self, key: &'static str) -> Result<Option<usize>, JobFileError> {
        self.read(key, "a whole number of at least 0", whole)
    }

    pub(super) fn seed(&self, key: &'static str) -> Result<Option<u64>, JobFileError> {
        let expected = "a whole number from 0 to 18446744073709551615";
        self.read(key, expected, integer)
    }

    pub(super) fn wholes(&self, key: &'static str) -> Result<Option<Vec<usize>>, JobFileError> {
        self.read(key, "a list of whole numbers of at least 0", |value| {
            let items = value.as_array()?.iter();
            items.map(|item| whole(item.get_ref())).collect()
        })
    }

    pub(super) fn numbers(&self, key: &'static str) -> Result<Option<Vec<f64>>, JobFileError> {
        self.read(key, "a list of numbers", |value| {
            let items = value.as_array()?.iter();
            items.map(|item| number(item.get_ref())).collect()
        })
    }

    /// A text; no text of a job is longer than a prompt may be.
    pub(super) fn text(&self, key: &'static str) -> Result<Option<&'a str>, JobFileError> {
        let text = self.read(key, "a string", DeValue::as_str)?;
        match text {
            Some(long) if long.len() > Job::LONGEST_PROMPT => Err(JobFileError::TooLong {
                location: self.location_of(key),
                key,
                found: long.len(),
            }),
            text => Ok(text),
        }
    }

    pub(super) fn string(&self, key: &'static str) -> Result<Option<String>, JobFileError> {
        Ok(self.text(key)?.map(str::to_owned))
    }

    /// A path, relative to the file.
    pub(super) fn path(&self, key: &'static str) -> Result<Option<PathBuf>, JobFileError> {
        Ok(self.text(key)?.map(|path| self.document.beside(path)))
    }

    /// A model: a name, or a path relative to the file.
    pub(super) fn model(&self, key: &'static str) -> Result<Option<String>, JobFileError> {
        let model = self.text(key)?;
        Ok(model.map(|model| {
            let beside = self.document.beside(model);
            match beside.to_str() {
                Some(path) if super::is_model_path(model) => path.to_owned(),
                _ => model.to_owned(),
            }
        }))
    }

    /// One of the names of a choice.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &'static str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<Option<T>, JobFileError> {
        let Some(given) = self.text(key)? else {
            return Ok(None);
        };
        match all.iter().find(|choice| name(**choice) == given) {
            Some(choice) => Ok(Some(*choice)),
            None => Err(JobFileError::UnknownName {
                location: self.location_of(key),
                key,
                known: all
                    .iter()
                    .map(|choice| name(*choice))
                    .collect::<Vec<_>>()
                    .join(", "),
                found: shortened(given, 40),
            }),
        }
    }

    /// A table within this one; an empty one where there is none.
    pub(super) fn table(&self, key: &'static str) -> Result<Option<Table<'a>>, JobFileError> {
        let entries = self.read(key, "a table", DeValue::as_table)?;
        Ok(entries.map(|entries| self.inner(entries, self.get(key))))
    }

    /// The tables of a list of tables.
    pub(super) fn tables(&self, key: &'static str) -> Result<Vec<Table<'a>>, JobFileError> {
        let expected = "a list of tables, each headed by double brackets";
        let tables = self.read(key, expected, |value| {
            let items = value.as_array()?.iter();
            let tables = items.map(|item| Some(self.inner(item.get_ref().as_table()?, Some(item))));
            tables.collect::<Option<Vec<_>>>()
        })?;
        Ok(tables.unwrap_or_default())
    }

    fn inner(&self, entries: &'a DeTable<'a>, value: Option<&Spanned<DeValue<'a>>>) -> Table<'a> {
        Table {
            document: self.document,
            entries,
            start: value.map_or(self.start, |value| value.span().start),
        }
    }
}

/// The nearest key, known here or elsewhere, or all known ones where none is near.
fn advice(
    name: &str,
    known: impl Iterator<Item = &'static str> + Clone,
    elsewhere: impl Iterator<Item = &'static str>,
    belongs: &str,
) -> String {
    // Comparing takes time in proportion to the length, and no key is as long as this.
    let short = shortened(name, 40);
    let likeness = |key: &str| strsim::jaro_winkler(&short, key);
    let by_likeness = |left: &&str, right: &&str| likeness(left).total_cmp(&likeness(right));
    let Some(nearest) = known.clone().max_by(by_likeness) else {
        return "none is known here".into();
    };
    let other = elsewhere.max_by(by_likeness);
    match other.filter(|other| likeness(other) > likeness(nearest).max(NEAR)) {
        Some(other) => format!("did you mean `{other}`? It belongs {belongs}"),
        None if likeness(nearest) > NEAR => format!("did you mean `{nearest}`?"),
        None => format!(
            "the nearest known one is `{nearest}`, of {}",
            known.collect::<Vec<_>>().join(", ")
        ),
    }
}

/// From this likeness on, a key is taken for a slip of another one.
const NEAR: f64 = 0.75;

fn integer(value: &DeValue<'_>) -> Option<u64> {
    let integer: &DeInteger<'_> = value.as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn whole(value: &DeValue<'_>) -> Option<usize> {
    integer(value).and_then(|integer| usize::try_from(integer).ok())
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Float(float) => float.as_str().parse().ok(),
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
        _ => None,
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
