//! Embeddings that no prompt names, and words of prompts that look like embeddings.

use std::collections::BTreeSet;
use std::path::Path;

use lb_job::Job;
use lb_models::{ModelDirectory, Tokenizer};

use crate::error::RenderError;

/// Something about a job's embeddings that is probably not as its author wants it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EmbeddingNote<'a> {
    /// No prompt names the embedding.
    Unused {
        /// Its file.
        path: &'a Path,
        /// Its name.
        name: &'a str,
        /// The name that the file itself gives it, if that is another one.
        own: Option<&'a str>,
    },
    /// A word of a prompt in angle brackets, such as `<toy>`, which neither the tokenizer nor an embedding
    /// has as its name.
    Unknown {
        /// The prompt.
        prompt: &'a str,
        /// The word, in lower case.
        word: String,
    },
}

/// What is to be noted about the embeddings of a job and of its model, whose tokenizer is given.
///
/// # Errors
/// Those of [`Job::read_prompt`].
pub fn embedding_notes<'a>(
    job: &'a Job,
    model: &'a ModelDirectory,
    tokenizer: &Tokenizer,
) -> Result<Vec<EmbeddingNote<'a>>, RenderError> {
    let mut used = BTreeSet::new();
    let mut unknown = Vec::new();
    for prompt in job.prompts() {
        let words = job.read_prompt(prompt)?.words();
        used.extend(tokenizer.embeddings_in(&words));
        let others = tokenizer.without_names(&words);
        let words = others.split('<').skip(1).filter_map(in_brackets);
        unknown.extend(words.map(|word| EmbeddingNote::Unknown { prompt, word }));
    }
    let unused = model
        .embeddings()
        .enumerate()
        .filter(|(index, _)| !used.contains(index));
    let unused = unused.map(|(_, (name, embedding))| EmbeddingNote::Unused {
        path: embedding.path(),
        name,
        own: embedding.token().filter(|own| *own != name),
    });
    Ok(unused.chain(unknown).collect())
}

/// The word with its brackets if a text, which follows an opening one, begins with a word and a closing one.
fn in_brackets(text: &str) -> Option<String> {
    let (word, _) = text.split_once('>')?;
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    let is_word = word.starts_with(char::is_alphanumeric) && word.chars().all(is_part);
    is_word.then(|| format!("<{word}>"))
}

#[cfg(test)]
mod tests {
    use super::in_brackets;

    #[test]
    fn a_word_in_brackets_is_one_word() {
        assert_eq!(in_brackets("toy> b"), Some("<toy>".into()));
        assert_eq!(in_brackets("cat-toy_1>"), Some("<cat-toy_1>".into()));
        for text in ["", ">", "a b>", "-->", "3 and b", "/b"] {
            assert_eq!(in_brackets(text), None, "{text}");
        }
    }
}
