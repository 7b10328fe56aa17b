//! The words that a model was trained on, and the words of a prompt that are not among them.

use std::collections::BTreeSet;
use std::path::Path;

use lb_checkpoint::CheckpointError;

use crate::error::ModelError;
use crate::tokenizer::clean;

/// The words of the captions that a model was trained on.
///
/// A small model draws what its captions named, and ignores most other words. A model directory that
/// has the file [`FILE`](Self::FILE) says which words these are: text in UTF-8 whose words are separated
/// by white space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaptionWords {
    words: BTreeSet<String>,
}

/// A word of a prompt that was in none of the captions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnseenWord {
    /// The word, in lower case.
    pub word: String,
    /// Up to three words of the captions that are written alike, the most similar one first.
    pub near: Vec<String>,
}

/// English words that say little about a picture. They are never reported, because they stand in nearly
/// every prompt.
const FUNCTION_WORDS: &str = "a about above across after against along among an and around as at be \
    been before behind being below beneath beside between beyond but by can do does down during each \
    for from had has have he her his i in inside into is it its like may more most my near nor not of \
    off on onto or our out outside over own she so some such than that the their them there these they \
    this those through to too toward towards under up upon very was we were what when where which while \
    who whose will with within without you your";

/// Ends of words behind an apostrophe, as in "a lion's head".
const CONTRACTIONS: [&str; 8] = ["s", "t", "d", "m", "ll", "re", "ve", "n"];

/// How similar two words must be to be called near, from 0 to 1. "Apple" and "apples" have 0.83,
/// "cats" and "cat" 0.75, and "cat" and "cap" 0.67.
const NEAR: f64 = 0.7;

/// The most words that are named as near.
const MOST_NEAR: usize = 3;

/// The most unseen words of a prompt for which near ones are looked for, so that a long prompt and a
/// large vocabulary take no noticeable time.
const MOST_COMPARED: usize = 16;

/// Words longer than this, in bytes, are near to nothing.
const LONGEST_COMPARED: usize = 40;

impl CaptionWords {
    /// The name of the file in a model directory.
    pub const FILE: &str = "words.txt";

    /// The most bytes that the file may have.
    pub const LARGEST_FILE: u64 = 1 << 20;

    /// Reads the words of a model directory; `None` if it has no such file.
    ///
    /// # Errors
    /// [`ModelError::Checkpoint`] if the file cannot be read, is larger than
    /// [`LARGEST_FILE`](Self::LARGEST_FILE) or is not UTF-8, and [`ModelError::Unreadable`] if it has no
    /// words.
    pub fn read(directory: &Path) -> Result<Option<Self>, ModelError> {
        let path = directory.join(Self::FILE);
        // A link to nothing is an error rather than no file.
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        let text = lb_files::read_text(&path, Self::LARGEST_FILE)
            .map_err(CheckpointError::file("read", &path))?;
        let words = Self::of(&text);
        match words.words.is_empty() {
            true => Err(ModelError::unreadable(&path, "it has no words")),
            false => Ok(Some(words)),
        }
    }

    /// The words of a text, which are separated by white space. Upper and lower case are the same.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let words = text.split_whitespace().map(str::to_lowercase);
        Self {
            words: words.collect(),
        }
    }

    /// All words, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// The words of a prompt that are in no caption, in the prompt's order and each once. The prompt is
    /// read as the tokenizer reads it. Function words such as "the" are left out.
    #[must_use]
    pub fn unseen(&self, prompt: &str) -> Vec<UnseenWord> {
        let mut seen = BTreeSet::new();
        let mut unseen = Vec::new();
        for word in words_of(&clean(prompt)) {
            let is_known = self.words.contains(word) || is_function_word(word);
            if is_known || !seen.insert(word.to_owned()) {
                continue;
            }
            let near = match unseen.len() < MOST_COMPARED {
                true => self.near(word),
                false => Vec::new(),
            };
            let word = word.to_owned();
            unseen.push(UnseenWord { word, near });
        }
        unseen
    }

    /// The words that are written much like this one, the most similar one first.
    fn near(&self, word: &str) -> Vec<String> {
        if word.len() > LONGEST_COMPARED {
            return Vec::new();
        }
        let scored = self
            .words
            .iter()
            .map(|known| (likeness(word, known), known));
        let mut near: Vec<_> = scored.filter(|(likeness, _)| *likeness >= NEAR).collect();
        near.sort_by(|left, right| right.0.total_cmp(&left.0));
        let near = near.into_iter().take(MOST_NEAR);
        near.map(|(_, known)| known.clone()).collect()
    }
}

/// How similar two words are, from 0 to 1. A word within another one, as "flower" in "sunflower", counts
/// as near to it.
fn likeness(word: &str, known: &str) -> f64 {
    let shorter = word.len().min(known.len());
    let longer = word.len().max(known.len());
    // Each letter that one of them has more is an edit.
    if longer > LONGEST_COMPARED || shorter == 0 {
        return 0.0;
    }
    let is_within = shorter >= 4 && (known.contains(word) || word.contains(known));
    let edits = strsim::normalized_damerau_levenshtein(word, known);
    if is_within { edits.max(NEAR) } else { edits }
}

fn is_function_word(word: &str) -> bool {
    FUNCTION_WORDS.split_whitespace().any(|known| known == word)
}

/// The words of a text: letters and digits that stand together.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let mut follows_word = false;
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(char::is_alphanumeric)?;
            let after_apostrophe = follows_word && start == 1 && rest.starts_with('\'');
            follows_word = true;
            rest = &rest[start..];
            let end = rest.find(|letter: char| !letter.is_alphanumeric());
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            let is_contraction = after_apostrophe && CONTRACTIONS.contains(&word);
            if !is_contraction {
                return Some(word);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> CaptionWords {
        CaptionWords::of("a an apple on background\nred grey sunflower Rose house horse\n")
    }

    fn unseen(prompt: &str) -> Vec<String> {
        let unseen = words().unseen(prompt).into_iter();
        unseen.map(|unseen| unseen.word).collect()
    }

    #[test]
    fn words_are_compared_as_the_tokenizer_reads_them() {
        assert_eq!(unseen("A red APPLE, on a grey   background!"), [""; 0]);
        assert_eq!(unseen("red-apple/rose (house)"), [""; 0]);
        assert_eq!(unseen(""), [""; 0]);
        assert_eq!(unseen("a r&eacute;d rose"), ["réd"]);
        assert_eq!(unseen("2 apple 3d"), ["2", "3d"]);
        assert_eq!(unseen("林檎"), ["林檎"]);
    }

    #[test]
    fn function_words_are_not_reported() {
        assert_eq!(
            unseen("the rose in the house, with its apple and of or"),
            [""; 0]
        );
        assert_eq!(unseen("a rose's house, the horse we'll"), [""; 0]);
        assert_eq!(unseen("s 's"), ["s"], "nothing stands before this s");
    }

    #[test]
    fn every_unseen_word_is_reported_once_and_in_order() {
        assert_eq!(unseen("zebra, yak, Zebra and yak"), ["zebra", "yak"]);
    }

    #[test]
    fn near_words_are_named() {
        let near = |word: &str| {
            let mut unseen = words().unseen(word);
            unseen.remove(0).near
        };
        assert_eq!(near("apples"), ["apple"]);
        assert_eq!(near("gray"), ["grey"]);
        assert_eq!(near("flower"), ["sunflower"]);
        assert_eq!(near("hose"), ["horse", "house", "rose"]);
        assert_eq!(near("ferrari"), [""; 0]);
        assert_eq!(near(&"apple".repeat(1000)), [""; 0]);
    }

    #[test]
    fn a_prompt_of_many_unseen_words_is_compared_only_in_part() {
        let many: Vec<String> = (0..100).map(|index| format!("apple{index}")).collect();
        let unseen = words().unseen(&many.join(" "));
        assert_eq!(unseen.len(), 100);
        assert_eq!(unseen[MOST_COMPARED - 1].near, ["apple"]);
        assert_eq!(unseen[MOST_COMPARED].near, [""; 0]);
    }

    #[test]
    fn the_file_is_text_of_a_limited_size_with_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CaptionWords::FILE);
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            CaptionWords::read(folder.path())
        };
        assert_eq!(CaptionWords::read(folder.path()).unwrap(), None);
        let found = read("Äpfel\r\nrot  gelb\n".as_bytes()).unwrap().unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), ["gelb", "rot", "äpfel"]);
        let refused = |bytes: &[u8], words: &str| {
            let error = read(bytes).unwrap_err().to_string();
            assert!(
                error.contains("words.txt") && error.contains(words),
                "{error}"
            );
        };
        refused(b"\xff\xfered", "UTF-8");
        refused(b" \n", "no words");
        refused(
            &vec![b'a'; 1 + CaptionWords::LARGEST_FILE as usize],
            "1048576",
        );
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(CaptionWords::read(folder.path()).is_err());
    }
}
