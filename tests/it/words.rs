//! What is said about prompts with words that the model was not trained on.

use std::fs;
use std::path::Path;

use lb_models::testing::copy_folder;

use crate::lb::{Folder, warnings};

const FEW_STEPS: &[&str] = &[
    "--steps=2",
    "--timestep-spacing=trailing",
    "--frames=2",
    "--frames-dir=frames",
    "--force",
];

#[test]
fn unseen_words_are_said_once_for_each_prompt() {
    let folder = Folder::new();
    let prompts = ["a ferrari", "the apples", "a ferrari", "the lemon"];
    let negative = ["--negative-prompt=blurry"];
    for command in ["plan", "render"] {
        let outputs = if command == "render" { FEW_STEPS } else { &[] };
        let said = folder.run(&[&[command], &prompts[..], &negative, outputs].concat());
        assert_eq!(said.code, Some(0), "{}", said.error);
        let warnings = warnings(&said.error);
        assert_eq!(warnings.len(), 3, "{command}: {}", said.error);
        for (words, near) in [
            ("the prompt \"a ferrari\"", "\"ferrari\";"),
            ("the prompt \"the apples\"", "\"apples\" (but apple);"),
            ("the prompt \"blurry\"", "\"blurry\""),
        ] {
            let found = warnings.iter().find(|warning| warning.contains(words));
            let warning = found.unwrap_or_else(|| panic!("{words}: {}", said.error));
            assert!(warning.contains(near), "{warning}");
            assert!(warning.contains("`lb models pocket`"), "{warning}");
        }
    }
}

#[test]
fn nothing_is_said_about_known_words_or_by_a_model_without_a_list() {
    let folder = Folder::new();
    let said = folder.run(&["plan", "the owl in a house", "a photo of the red fox"]);
    assert_eq!(warnings(&said.error), [""; 0]);
    let model = folder.join("wordless");
    fs::create_dir(&model).unwrap();
    let pocket = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/pocket");
    copy_folder(&pocket, &model).unwrap();
    fs::remove_file(model.join("words.txt")).unwrap();
    let model = "--model=./wordless";
    let said = folder.run(&[&["render", "a ferrari", "a lemon", model], FEW_STEPS].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert_eq!(warnings(&said.error), [""; 0]);
    let said = folder.run(&["models", "./wordless"]);
    assert!(!said.output.contains("captions"), "{}", said.output);

    // A list that cannot be read is not taken for none.
    fs::write(folder.join("wordless/words.txt"), b"\xff\xfe").unwrap();
    let refused = folder.run(&[&["render", "a ferrari", "a lemon", model], FEW_STEPS].concat());
    refused.assert_refused(1, &["words.txt", "UTF-8"]);
}

#[test]
fn the_words_of_a_model_are_listed() {
    let folder = Folder::new();
    let facts = folder.run(&["models", "pocket", "--json"]).facts();
    let words = facts["words"].as_array().unwrap();
    assert!(words.iter().any(|word| word == "apple"));
    let said = folder.run(&["models", "pocket"]);
    assert!(
        said.output
            .contains(&format!("words        {}, of the captions", words.len())),
        "{}",
        said.output
    );
    assert!(
        said.output.contains(" airplane alien an apple "),
        "{}",
        said.output
    );
    let columns = said.output.lines().map(str::len).max();
    assert!(columns <= Some(110), "{}", said.output);
}
