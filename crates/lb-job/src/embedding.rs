//! The embeddings that prompts may name.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Job, JobError};

/// An embedding (textual inversion): its file, and the name by which prompts call it. As a text it is
/// `FILE[=NAME]`, such as `learned_embeds.bin=<toy>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmbeddingFile {
    /// The file.
    pub path: PathBuf,
    /// The name, in any case. It stands for all vectors of the file.
    pub name: String,
}

/// The endings of embeddings' files.
const ENDINGS: [&str; 5] = ["pt", "bin", "safetensors", "pth", "ckpt"];

impl EmbeddingFile {
    /// An embedding whose name is that of its file without the ending.
    ///
    /// # Errors
    /// A path without a name.
    fn named_by_file(path: &str) -> Result<Self, String> {
        let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str());
        match stem {
            Some(name) if !name.trim().is_empty() => Ok(Self {
                path: path.into(),
                name: name.into(),
            }),
            _ => Err("give the file of an embedding, as in style.pt or style.pt=name".into()),
        }
    }
}

impl FromStr for EmbeddingFile {
    type Err = String;

    /// Reads `FILE[=NAME]`. What follows the last `=` is a name unless it looks like the end of a path.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((path, name)) = text.rsplit_once('=') else {
            return Self::named_by_file(text);
        };
        let ending = Path::new(name)
            .extension()
            .and_then(|ending| ending.to_str());
        let is_ending = |ending: &str| ENDINGS.contains(&ending.to_ascii_lowercase().as_str());
        if name.contains(['/', '\\']) || ending.is_some_and(is_ending) {
            return Self::named_by_file(text);
        }
        match (path, name.trim()) {
            ("", _) => Self::named_by_file(path),
            (_, "") => Err(format!("there is no name behind the = of {text}")),
            (path, name) => Ok(Self {
                path: path.into(),
                name: name.into(),
            }),
        }
    }
}

impl fmt::Display for EmbeddingFile {
    /// Leaves the name out if it is that of the file.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match path.to_string().parse().as_ref() == Ok(self) {
            true => write!(formatter, "{path}"),
            false => write!(formatter, "{path}={}", self.name),
        }
    }
}

impl Serialize for EmbeddingFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.path.to_str() {
            Some(_) => serializer.collect_str(self),
            None => Err(serde::ser::Error::custom(
                "the path of an embedding is not Unicode",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for EmbeddingFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl Job {
    /// Whether a text begins with the name of an embedding, or with the name of its file.
    pub(crate) fn names_embedding(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let mut embeddings = self.embeddings.iter();
        embeddings.any(|EmbeddingFile { path, name }| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            text.starts_with(&name.to_lowercase()) || text.starts_with(&file.to_lowercase())
        })
    }

    /// Checks that every embedding has a name of its own.
    pub(crate) fn validate_embeddings(&self) -> Result<(), JobError> {
        let mut known = BTreeSet::new();
        for embedding in &self.embeddings {
            let EmbeddingFile { path, name } = embedding;
            // A name that no text can give could not be read again.
            if embedding.to_string().parse().as_ref() != Ok(embedding) {
                let (path, name) = (path.clone(), name.clone());
                return Err(JobError::EmbeddingName { path, name });
            }
            if !known.insert(name.to_lowercase()) {
                return Err(JobError::EmbeddingTwice { name: name.clone() });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, String) {
        let embedding: EmbeddingFile = text.parse().unwrap();
        assert_eq!(embedding.to_string().parse(), Ok(embedding.clone()));
        (embedding.path.to_str().unwrap().into(), embedding.name)
    }

    #[test]
    fn a_name_is_that_of_the_file_or_follows_an_equals_sign() {
        let pair = |path: &str, name: &str| (path.to_owned(), name.to_owned());
        assert_eq!(read("a/style.pt"), pair("a/style.pt", "style"));
        assert_eq!(read("a.bin=<toy>"), pair("a.bin", "<toy>"));
        assert_eq!(read("a.pt= my style "), pair("a.pt", "my style"));
        assert_eq!(read("a=b.safetensors"), pair("a=b.safetensors", "a=b"));
        assert_eq!(read("a=b/c.pt=d"), pair("a=b/c.pt", "d"));
        assert_eq!(read("a=b/c"), pair("a=b/c", "c"));
        assert_eq!(read("style-1.5.pt"), pair("style-1.5.pt", "style-1.5"));
        for text in ["", "a.pt=", "=a", "a/.."] {
            assert!(text.parse::<EmbeddingFile>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_differ() {
        let mut job = Job::of_prompts(["a", "b"]);
        job.embeddings = vec!["a.pt".parse().unwrap(), "b/b.pt".parse().unwrap()];
        assert!(job.validate().is_ok());
        job.embeddings.push("c.pt=A".parse().unwrap());
        let refused = job.validate().unwrap_err();
        assert!(refused.is_request());
        assert!(refused.to_string().contains("\"A\""), "{refused}");
    }
}
