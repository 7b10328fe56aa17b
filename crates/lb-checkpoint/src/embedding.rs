//! Embeddings that textual inversion has trained, as they are published.
//!
//! An embedding is one or several vectors that stand for a word of the user's: the text encoder reads them in place
//! of rows of its own table.

use std::path::{Path, PathBuf};

use crate::error::CheckpointError;
use crate::lora::{family_of_text_width, known_kind};
use crate::tensor_file::{TensorFile, floats};

/// The name of the tensor in a safetensors file that does not name the token.
const UNNAMED: &str = "emb_params";

/// The dictionary in which the web UI keeps the tensor, under the name of the token.
const BY_TOKEN: &str = "string_to_param.";

/// The vectors of one file.
#[derive(Clone, PartialEq, Debug)]
pub struct Embedding {
    path: PathBuf,
    token: Option<String>,
    width: usize,
    vectors: Vec<f32>,
}

impl Embedding {
    /// The largest file that is read, in bytes. One of 75 vectors has about 300 thousand.
    pub const LARGEST_FILE: u64 = 16 << 20;

    /// The endings of embeddings' files.
    pub const ENDINGS: [&str; 5] = ["safetensors", "pt", "bin", "pth", "ckpt"];

    /// Reads an embedding: a safetensors file, or a file that torch has pickled, of which nothing is run. It may
    /// be in the form of Stable Diffusion's web UI (`string_to_param`, or `emb_params`), or in that of diffusers,
    /// where the token is the tensor's name.
    ///
    /// # Errors
    /// [`CheckpointError::UnsupportedEmbedding`] for a file with something else in it, such as an embedding for
    /// another family of models, which is named; [`CheckpointError::Tensor`] for a tensor that is not a list of
    /// vectors; and other errors if the file cannot be read or is damaged.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let too_large = |length| {
            let most = Self::LARGEST_FILE;
            let found = format!("a file of {length} bytes, and an embedding has at most {most}");
            unsupported(path, &found)
        };
        let mut file = TensorFile::open(path, Self::LARGEST_FILE, too_large)?;
        let (name, token) = table_of(&file)?;
        let shape = file.entries[&name].shape.clone();
        let wrong = |problem: String| CheckpointError::tensor(path, &name, problem);
        let width = match shape[..] {
            [width] | [_, width] if !shape.contains(&0) => width,
            _ => {
                let problem = format!("has shape {shape:?}; one or more vectors are expected");
                return Err(wrong(problem));
            }
        };
        let format = file.format(&name)?;
        let vectors = floats(format, &file.bytes(&name)?);
        if vectors.iter().any(|value| !value.is_finite()) {
            return Err(wrong("has values that are not finite".into()));
        }
        Ok(Self {
            path: path.to_owned(),
            token,
            width,
            vectors,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The token that the file itself names, if it does. The name `*` counts as none.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// How many numbers each vector has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many vectors there are, which is at least 1.
    #[must_use]
    pub fn count(&self) -> usize {
        self.vectors.len() / self.width
    }

    /// The vectors, one after the other.
    #[must_use]
    pub fn vectors(&self) -> &[f32] {
        &self.vectors
    }

    /// The family of models whose vectors have this width, if there is one.
    #[must_use]
    pub fn family(&self) -> Option<&'static str> {
        match self.width {
            // The larger of its two text encoders.
            1280 => Some("Stable Diffusion XL"),
            width => family_of_text_width(Some(width)),
        }
    }
}

/// The name of the tensor with the vectors, and the token that the file names.
fn table_of(file: &TensorFile) -> Result<(String, Option<String>), CheckpointError> {
    let named = |name: &str| Some(name.to_owned()).filter(|name| name != "*");
    let mut by_token = file.entries.keys().filter(|key| key.starts_with(BY_TOKEN));
    match (by_token.next(), by_token.count()) {
        (Some(key), 0) => return Ok((key.clone(), named(&key[BY_TOKEN.len()..]))),
        (Some(_), more) => {
            let found = format!("a file with embeddings for {} tokens", more + 1);
            return Err(unsupported(&file.path, &found));
        }
        (None, _) => {}
    }
    if file.entries.contains_key(UNNAMED) {
        return Ok((UNNAMED.into(), None));
    }
    if file.entries.contains_key("clip_g") {
        let found = "an embedding for Stable Diffusion XL, with vectors for two text encoders";
        return Err(unsupported(&file.path, found));
    }
    let mut keys = file.entries.keys();
    match (keys.next(), keys.next()) {
        (None, _) => Err(unsupported(&file.path, "a file without tensors")),
        (Some(key), None) if known_kind(&file.entries).is_none() => Ok((key.clone(), named(key))),
        _ => {
            let known = known_kind(&file.entries);
            let found = known.unwrap_or_else(|| "a file whose tensors are not those of one".into());
            Err(unsupported(&file.path, &found))
        }
    }
}

fn unsupported(path: &Path, found: &str) -> CheckpointError {
    CheckpointError::UnsupportedEmbedding {
        path: path.to_owned(),
        found: found.to_owned(),
    }
}
