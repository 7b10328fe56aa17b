//! Tokens that fine-tuning added, from a model's files to the pixels.

use std::fs;
use std::path::Path;

use lb_models::testing::copy_folder;

use crate::imports::{golden, run};
use crate::lb::Folder;
use crate::pictures::sequence;

/// A tiny model whose text encoder has one row more than its vocabulary, a copy of that of `ab`. The file of the
/// tokenizer names it `<toy>`.
fn model(folder: &Folder, name: &str, file: &str) {
    let model = folder.join(name);
    fs::create_dir(&model).unwrap();
    copy_folder(Path::new(&golden("sd1/diffusers")), &model).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixtures = fixtures.join("../crates/lb-models/tests/golden/added_tokens");
    for part in ["config.json", "model.safetensors"] {
        let path = Path::new("text_encoder").join(part);
        fs::copy(fixtures.join(&path), model.join(path)).unwrap();
    }
    if file == "tokenizer.json" {
        for name in ["vocab.json", "merges.txt"] {
            fs::remove_file(model.join("tokenizer").join(name)).unwrap();
        }
    }
    fs::copy(fixtures.join(file), model.join("tokenizer").join(file)).unwrap();
}

fn frames(folder: &Folder, model: &str, prompt: &str) -> Vec<image::RgbImage> {
    let model = format!("--model={model}");
    let film = ["render", prompt, "c", "--quality=lowest", "--no-cache"];
    let said = run(
        folder,
        &[&film[..], &["--force", "--frames-dir=frames", &model]].concat(),
    );
    assert_eq!(said.code, Some(0), "{}", said.error);
    sequence(&folder.join("frames"))
}

#[test]
fn an_added_token_is_the_row_that_it_names() {
    let folder = Folder::new();
    for (name, file) in [("two", "added_tokens.json"), ("one", "tokenizer.json")] {
        model(&folder, name, file);
        let path = format!("./{name}");
        let expected = frames(&folder, &path, "ab");
        for prompt in ["<toy>", "<TOY>", "(<toy>:1.0)"] {
            assert_eq!(frames(&folder, &path, prompt), expected, "{name}: {prompt}");
        }
        assert_ne!(frames(&folder, &path, "toy"), expected);
        let shown = run(&folder, &["models", &path]);
        assert!(shown.output.contains("15 tokens"), "{}", shown.output);
        // An import takes the names along.
        let said = run(
            &folder,
            &["import", &path, "--name", &format!("{name}-imported")],
        );
        assert_eq!(said.code, Some(0), "{}", said.error);
        assert_eq!(
            frames(&folder, &format!("{name}-imported"), "<toy>"),
            expected
        );
    }
}

#[test]
fn a_token_without_a_row_is_refused() {
    let folder = Folder::new();
    model(&folder, "model", "added_tokens.json");
    let added = folder.join("model/tokenizer/added_tokens.json");
    fs::write(added, r#"{"<toy>": 14, "<far>": 15}"#).unwrap();
    for command in [&["plan"][..], &["render", "-o=film.mp4"]] {
        let said = run(&folder, &[command, &["a", "b", "--model=./model"]].concat());
        said.assert_refused(1, &["added_tokens.json", "\"<far>\" is 15", "there are 15"]);
    }
}
