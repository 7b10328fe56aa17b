//! Tokens that fine-tuning added, compared with transformers: see `tests/golden/added_tokens.py`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lb_models::testing::write_tiny_model;
use lb_models::{ModelDirectory, ModelInspection, Prompt, PromptSyntax, Tokenizer};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    files: BTreeMap<String, String>,
    prompts: Vec<Golden>,
}

#[derive(Deserialize)]
struct Golden {
    text: String,
    /// Ids without padding.
    ids: Vec<i64>,
}

fn cases() -> BTreeMap<String, Case> {
    serde_json::from_str(include_str!("../golden/added_tokens/ids.json")).unwrap()
}

fn write(folder: &Path, files: &BTreeMap<String, String>) {
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
}

#[test]
fn added_tokens_are_those_of_transformers() {
    for (name, case) in cases() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &case.files);
        let tokenizer = Tokenizer::open(folder.path(), 77).unwrap();
        for Golden { text, ids } in &case.prompts {
            let found = tokenizer.tokenize(text).unwrap();
            assert_eq!(found.ids[..ids.len()], *ids, "{name}: {text}");
            assert_eq!(found.cut, None);
            // What is in brackets has a weight.
            if !text.contains('(') {
                let prompt = Prompt::read(text, PromptSyntax::Weighted).unwrap();
                let weighted = tokenizer.tokenize_prompt(&prompt).unwrap();
                assert_eq!(weighted, found, "{name}: {text}");
            }
        }
    }
}

#[test]
fn an_added_token_has_the_weight_of_its_words_and_can_be_cut() {
    let case = &cases()["added_tokens.json"];
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &case.files);
    let tokenizer = Tokenizer::open(folder.path(), 5).unwrap();
    let prompt = Prompt::read("a (<toy>:1.5)", PromptSyntax::Weighted).unwrap();
    let tokens = tokenizer.tokenize_prompt(&prompt).unwrap();
    assert_eq!(tokens.ids, [89, 44, 91, 90, 90]);
    assert_eq!(tokens.weights, [1.0, 1.0, 1.5, 1.0, 1.0]);
    for (text, cut) in [
        ("a b a <toy> b", Some("<toy> b")),
        ("<toy> <toy> a b <toy>", Some("b <toy>")),
        ("<toy> <toy> <toy>", None),
    ] {
        let tokens = tokenizer.tokenize(text).unwrap();
        assert_eq!((tokens.ids.len(), tokens.ids[4]), (5, 90));
        assert_eq!(tokens.cut.as_deref(), cut, "{text}");
    }
    assert_eq!(tokenizer.without_names("a <toy>, b"), "a  , b");
}

#[test]
fn a_token_that_the_text_encoder_lacks_is_refused() {
    let model = tempfile::tempdir().unwrap();
    write_tiny_model("sd21", model.path()).unwrap();
    let rows = ModelDirectory::open(model.path()).unwrap().text_vocabulary;
    let added = model.path().join("tokenizer/added_tokens.json");
    let tokens = |text: String| {
        fs::write(&added, text).unwrap();
        Tokenizer::of(&ModelDirectory::open(model.path()).unwrap())
    };
    let last = tokens(format!(r#"{{"<toy>": {}}}"#, rows - 1)).unwrap();
    assert!(
        last.tokenize("<toy>")
            .unwrap()
            .ids
            .contains(&(rows as i64 - 1))
    );
    let refused = tokens(format!(r#"{{"<toy>": {rows}}}"#))
        .unwrap_err()
        .to_string();
    for words in [
        "added_tokens.json",
        "\"<toy>\"",
        &format!("there are {rows}"),
    ] {
        assert!(refused.contains(words), "{refused}");
    }
    let problems = ModelInspection::of(model.path()).problems;
    assert_eq!(problems, [refused]);
    for text in ["[1]", r#"{"<toy>": -1}"#, r#"{"<toy>": "a"}"#] {
        let refused = tokens(text.into()).unwrap_err().to_string();
        assert!(refused.contains("added_tokens.json"), "{refused}");
    }
    // Two files that do not agree.
    let list = serde_json::json!({ "added_tokens": [{ "id": 1, "content": "<toy>" }] });
    fs::write(
        model.path().join("tokenizer/tokenizer.json"),
        list.to_string(),
    )
    .unwrap();
    let refused = tokens(r#"{"<toy>": 2}"#.into()).unwrap_err().to_string();
    assert!(
        refused.contains("tokenizer.json") && refused.contains("added_tokens.json"),
        "{refused}"
    );
}
