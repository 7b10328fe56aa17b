//! Tokens compared with those of OpenCLIP's own tokenizer, with the bundled model's merges.
//!
//! The golden file is made by `tests/golden/tokens.py`.

use lb_models::Tokenizer;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::surroundings::pocket;

#[derive(Deserialize)]
struct Golden {
    prompts: Vec<Prompt>,
}

#[derive(Deserialize)]
struct Prompt {
    text: String,
    /// Ids without padding.
    ids: Vec<i64>,
}

fn tokenizer() -> Tokenizer {
    Tokenizer::open(&pocket().tokenizer_folder(), 77).unwrap()
}

#[test]
fn tokens_are_those_of_open_clip() {
    assert_golden(&tokenizer());
}

/// transformers 5 saves one file. The form of the merges in it changed with tokenizers 0.20.
#[test]
fn one_file_in_place_of_two_gives_the_same_tokens() {
    let folder = pocket().tokenizer_folder();
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let vocabulary: Value = serde_json::from_str(&read("vocab.json")).unwrap();
    let lines = read("merges.txt");
    let lines: Vec<&str> = lines.lines().skip(1).collect();
    let pairs: Vec<Vec<&str>> = lines.iter().map(|line| line.split(' ').collect()).collect();
    for merges in [json!(lines), json!(pairs)] {
        let saved = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| std::fs::write(saved.path().join(name), text);
        let model = json!({ "type": "BPE", "vocab": vocabulary, "merges": merges });
        write("tokenizer.json", json!({ "model": model }).to_string()).unwrap();
        write("tokenizer_config.json", read("tokenizer_config.json")).unwrap();
        assert_golden(&Tokenizer::open(saved.path(), 77).unwrap());
    }
}

#[test]
fn one_file_of_another_kind_is_refused_by_its_name() {
    let cases = [
        ("{}", r#""model" is absent"#),
        (
            r#"{"model": {"type": "Unigram"}}"#,
            r#""model.type" is "Unigram"; expected "BPE""#,
        ),
        (
            r#"{"model": {"vocab": {"a": -1}, "merges": []}}"#,
            r#""model.vocab.a" is -1"#,
        ),
        (
            r#"{"model": {"vocab": {"a": 0}, "merges": [["a"]]}}"#,
            r#""model.merges" is [["a"]]"#,
        ),
        (
            r#"{"model": {"vocab": {"a": 0}, "merges": ["a b"]}}"#,
            r#"the token "b" of a merge is not in the vocabulary"#,
        ),
        (
            r#"{"model": {"vocab": {"a": 0, "b": 1}, "merges": ["a b"]}}"#,
            r#"the token "ab" of a merge is not in the vocabulary"#,
        ),
    ];
    for (text, words) in cases {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tokenizer.json"), text).unwrap();
        let message = Tokenizer::open(folder.path(), 77).unwrap_err().to_string();
        assert!(message.contains(words), "{text}: {message}");
    }
}

fn assert_golden(tokenizer: &Tokenizer) {
    let golden: Golden = serde_json::from_str(include_str!("../golden/tokens.json")).unwrap();
    assert!(golden.prompts.len() > 30);
    for prompt in golden.prompts {
        let tokens = tokenizer.tokenize(&prompt.text).unwrap();
        assert_eq!(tokens.ids.len(), 77);
        assert_eq!(
            tokens.ids[..prompt.ids.len()],
            prompt.ids,
            "{:?}",
            prompt.text
        );
        assert!(
            tokens.ids[prompt.ids.len()..].iter().all(|&id| id == 0),
            "{:?}",
            prompt.text
        );
    }
}

#[test]
fn what_does_not_fit_is_cut_and_reported_and_the_end_token_stays() {
    let tokenizer = tokenizer();
    let end = *tokenizer.tokenize("").unwrap().ids.get(1).unwrap();
    let tokens = tokenizer.tokenize(&"apple ".repeat(100)).unwrap();
    assert_eq!(tokens.ids.len(), 77);
    assert_eq!(tokens.ids[76], end);
    let cut = tokens.cut.unwrap();
    assert_eq!(cut.split(' ').filter(|word| *word == "apple").count(), 25);
    assert_eq!(tokenizer.tokenize("an apple").unwrap().cut, None);
}

#[test]
fn a_special_token_in_a_prompt_is_plain_text() {
    let tokenizer = tokenizer();
    let end = *tokenizer.tokenize("").unwrap().ids.get(1).unwrap();
    let tokens = tokenizer.tokenize("a<|endoftext|>b").unwrap();
    assert_eq!(tokens.ids.iter().filter(|&&id| id == end).count(), 1);
}

#[test]
fn chunks_say_how_many_tokens_and_which_words_they_have() {
    use lb_models::{Prompt, PromptSyntax};
    let tokenizer = tokenizer();
    let chunks = |text: &str, syntax| {
        let prompt = Prompt::read(text, syntax).unwrap();
        let chunks = tokenizer.chunks(&prompt).unwrap().into_iter();
        let facts = chunks.map(|chunk| (chunk.tokens, chunk.words));
        facts.collect::<Vec<_>>()
    };
    let weighted = |text: &str| chunks(text, PromptSyntax::Weighted);
    assert_eq!(tokenizer.chunk_room(), 75);
    assert_eq!(
        weighted("A  (Red:1.2) apple, ripe"),
        [(5, "a red apple, ripe".into())]
    );
    assert_eq!(weighted(""), [(0, String::new())]);
    let broken = weighted("a pear BREAK [a lemon]");
    assert_eq!(broken, [(2, "a pear".into()), (2, "a lemon".into())]);
    // The comma near the end of the first chunk ends it.
    let long = format!("{}, a red apple and a pear", ["pear"; 70].join(" "));
    let long = weighted(&long);
    assert_eq!(long.len(), 2, "{long:?}");
    assert_eq!((long[0].0, long[1].0), (71, 6));
    assert!(long[0].1.ends_with("pear,"), "{long:?}");
    assert_eq!(long[1].1, "a red apple and a pear");
    let plain = chunks(&["pear"; 90].join(" "), PromptSyntax::Plain);
    assert_eq!((plain.len(), plain[0].0), (1, 75));
    assert_eq!(plain[0].1.split(' ').count(), 75);
}
