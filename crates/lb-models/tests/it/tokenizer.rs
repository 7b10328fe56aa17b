//! Tokens against OpenCLIP's own tokenizer, over the bundled model's merges.
//!
//! The golden file is made by `tests/golden/tokens.py`.

use lb_models::Tokenizer;
use serde::Deserialize;

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
    let golden: Golden = serde_json::from_str(include_str!("../golden/tokens.json")).unwrap();
    let tokenizer = tokenizer();
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
fn what_does_not_fit_is_cut_and_told_and_the_end_token_stays() {
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
