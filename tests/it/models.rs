//! What `lb models` and `lb doctor` report about the models.

use std::fs;
use std::path::Path;

use crate::imports::{facts, golden, import, run};
use crate::lb::Folder;

/// Makes a folder with one complete model and one incomplete model.
fn models() -> Folder {
    let folder = Folder::new();
    for name in ["--name=whole", "--name=broken"] {
        assert_eq!(
            import(&folder, "sd1/checkpoint.safetensors", &[name]).code,
            Some(0)
        );
    }
    fs::remove_file(folder.join("models/broken/checkpoint.safetensors")).unwrap();
    fs::remove_file(folder.join("models/broken/tokenizer/merges.txt")).unwrap();
    let card = "---\nlicense: openrail++\n---\n# A model\n";
    fs::write(folder.join("models/whole/README.md"), card).unwrap();
    fs::create_dir_all(folder.join("models/.hidden/unet")).unwrap();
    fs::write(folder.join("models/.hidden/model_index.json"), "{}").unwrap();
    folder
}

#[test]
fn all_models_are_listed_with_what_is_wrong() {
    let folder = models();
    let list = facts(&folder, &["models"]);
    let of = |name: &str| {
        let mut models = list.as_array().unwrap().iter();
        models.find(|model| model["name"] == name).unwrap()
    };
    let whole = of("whole");
    assert_eq!(whole["kind"], "text to image");
    assert_eq!(whole["generation"], 1);
    assert_eq!(whole["default_width"], 8);
    assert_eq!(whole["default_height"], 8);
    assert_eq!(whole["precision"], "fp16");
    assert_eq!(whole["licence"], "openrail++");
    assert_eq!(whole["problems"].as_array().unwrap().len(), 0);
    let checkpoint = folder.join("models/whole/checkpoint.safetensors");
    assert_eq!(whole["bytes"], fs::metadata(checkpoint).unwrap().len());
    let broken = of("broken");
    assert!(broken["licence"].is_null());
    let problems = broken["problems"].to_string();
    for words in [
        "merges.txt",
        "text_encoder: there are no weights",
        "unet: there are no weights",
    ] {
        assert!(problems.contains(words), "{words}: {problems}");
    }
    assert!(
        !list.to_string().contains(".hidden"),
        "an import under way is no model yet"
    );

    let said = run(&folder, &["models"]);
    assert_eq!(said.code, Some(0));
    for words in [
        "whole: text to image (SD1), 8x8 pixels, fp16",
        "problem: ",
        "licence unknown",
    ] {
        assert!(
            said.output.contains(words),
            "`{words}` is not in {}",
            said.output
        );
    }
}

#[test]
fn one_model_is_described_in_detail() {
    let folder = models();
    let whole = facts(&folder, &["models", "whole"]);
    assert_eq!(whole["prediction_type"], "epsilon");
    assert_eq!(whole["scheduler"], "DDIMScheduler");
    assert_eq!(whole["vocabulary"], 14);
    assert_eq!(whole["text_length"], 7);
    let parts = whole["components"].as_array().unwrap();
    assert_eq!(parts.len(), 3);
    for (part, name) in parts.iter().zip(["text_encoder", "unet", "vae"]) {
        assert_eq!(part["name"], name);
        let (parameters, bytes) = (part["parameters"].as_u64(), part["bytes"].as_u64());
        assert!(
            parameters > Some(100) && bytes >= parameters.map(|count| 2 * count),
            "{part}"
        );
    }
    let said = run(&folder, &["models", "./models/whole"]);
    assert!(said.output.contains("14 tokens"), "{}", said.output);
    let said = run(&folder, &["models", "broken"]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.error.contains("`broken` cannot be used"),
        "{}",
        said.error
    );
    assert!(said.output.contains("problem"), "{}", said.output);
    run(&folder, &["models", "nobody"]).assert_refused(2, &["nobody", "lb import"]);
}

#[test]
fn the_doctor_lists_the_same_models() {
    let folder = models();
    let findings = facts(&folder, &["doctor"]);
    let models = findings["models"].as_array().unwrap();
    let found = |name: &str| {
        let mut named = models.iter().filter(|model| model["name"] == name);
        named.next().unwrap()["found"].as_bool()
    };
    assert_eq!((found("whole"), found("broken")), (Some(true), Some(false)));
}

#[test]
fn a_model_is_removed_only_by_consent_and_only_from_a_folder_of_models() {
    let folder = models();
    let outside = folder.join("mine");
    fs::create_dir_all(outside.join("unet")).unwrap();
    fs::write(outside.join("model_index.json"), "{}").unwrap();
    run(&folder, &["models", "rm", "whole"]).assert_refused(2, &["no terminal", "--yes"]);
    run(&folder, &["models", "rm", "./mine", "--yes"])
        .assert_refused(2, &["in no folder of models"]);
    run(&folder, &["models", "rm", "nobody", "--yes"]).assert_refused(2, &["nobody"]);
    assert!(folder.join("models/whole").is_dir() && outside.is_dir());

    // The weights are a link to the file that was imported, which stays.
    let said = run(&folder, &["models", "rm", "whole", "--yes"]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(said.output.contains("freed"), "{}", said.output);
    assert!(!folder.join("models/whole").exists());
    assert!(folder.join("models/broken").is_dir());
    assert!(Path::new(&golden("sd1/checkpoint.safetensors")).is_file());
    let facts = facts(&folder, &["models", "rm", "./models/broken", "--yes"]);
    assert_eq!(facts["name"], "broken");
    assert!(facts["freed"].as_u64() > Some(0), "{facts}");
    assert!(!folder.join("models/broken").exists());
}

#[test]
fn bundled_models_are_removed_only_by_force() {
    for name in ["pocket", "pocket-turbo", "pocket-inpaint", "pocket-depth"] {
        let folder = Folder::new();
        let named = format!("--name={name}");
        let said = import(&folder, "sd1/checkpoint.safetensors", &[&named]);
        assert_eq!(said.code, Some(0), "{}", said.error);
        let remove = ["models", "rm", name, "--yes"];
        run(&folder, &remove).assert_refused(2, &["came with lb", "--force"]);
        assert!(folder.join("models").join(name).is_dir());
        let said = run(&folder, &[&remove[..], &["--force"]].concat());
        assert_eq!(said.code, Some(0), "{}", said.error);
        assert!(!folder.join("models").join(name).exists());
    }
}
