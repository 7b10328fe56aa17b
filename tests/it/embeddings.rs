//! Embeddings that prompts name: `--embedding`, and `embedding` in job files.

use std::fs;
use std::path::{Path, PathBuf};

use lb_models::testing::write_tiny_model;
use serde_json::{Value, json};

use crate::lb::{Folder, warnings};
use crate::pictures::sequence;

const FEW: &[&str] = &[
    "--steps=4",
    "--frames=3",
    "--pictures=3",
    "--depth-strength=0.3",
    "--timestep-spacing=trailing",
];

fn pocket() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/pocket")
}

/// The bytes of the rows that the bundled model has for these words, one after the other: 16-bit floats.
fn rows(words: &[&str]) -> Vec<u8> {
    let vocabulary = fs::read(pocket().join("tokenizer/vocab.json")).unwrap();
    let vocabulary: Value = serde_json::from_slice(&vocabulary).unwrap();
    let file = fs::read(pocket().join("text_encoder/model.safetensors")).unwrap();
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    let table = &header["text_model.embeddings.token_embedding.weight"];
    assert_eq!(table["dtype"], "F16");
    let begin = 8 + length + table["data_offsets"][0].as_u64().unwrap() as usize;
    let bytes = words.iter().flat_map(|word| {
        let id = vocabulary[format!("{word}</w>")].as_u64().unwrap() as usize;
        file[begin + 256 * id..][..256].to_vec()
    });
    bytes.collect()
}

/// Writes a safetensors file with the rows of these words.
fn write(path: &Path, tensor: &str, words: &[&str]) {
    let bytes = rows(words);
    let header = json!({ tensor: {
        "dtype": "F16",
        "shape": [words.len(), 128],
        "data_offsets": [0, bytes.len()],
    }});
    let header = serde_json::to_vec(&header).unwrap();
    let length = (header.len() as u64).to_le_bytes();
    fs::write(path, [&length[..], &header, &bytes].concat()).unwrap();
}

/// A folder with an embedding of one vector, `fruit`, and one of two, `pair`.
fn folder() -> Folder {
    let folder = Folder::new();
    write(&folder.join("fruit.safetensors"), "emb_params", &["apple"]);
    write(
        &folder.join("pair.safetensors"),
        "<my-pair>",
        &["red", "apple"],
    );
    folder
}

const BOTH: [&str; 2] = [
    "--embedding=fruit.safetensors",
    "--embedding=pair.safetensors",
];

fn frames(folder: &Folder, prompts: &[&str], more: &[&str]) -> Vec<image::RgbImage> {
    let outputs = ["--frames-dir=frames", "--force", "--no-cache"];
    let said = folder.run(&[&["render"], prompts, FEW, &outputs, more].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    sequence(&folder.join("frames"))
}

#[test]
fn an_embedding_stands_for_its_vectors() {
    let folder = folder();
    let words = frames(&folder, &["a red apple", "a green pear"], &[]);
    for (prompt, more) in [
        ("a red fruit", &[][..]),
        ("a Pair", &[]),
        ("a embedding:pair", &[]),
        ("a pair", &["--prompt-syntax=plain"]),
        ("a (pair:1.0)", &[]),
    ] {
        let found = frames(&folder, &[prompt, "a green pear"], &[&BOTH, more].concat());
        assert_eq!(found, words, "{prompt}");
    }
    let named = ["--embedding=pair.safetensors=<toy>"];
    assert_eq!(frames(&folder, &["a <toy>", "a green pear"], &named), words);
    // A weight holds for all of its vectors, and negative prompts know the names, too.
    let stressed = frames(
        &folder,
        &["a (red apple:1.4)", "a pear"],
        &["--negative-prompt=red"],
    );
    let negative = ["--negative-prompt=RED", "--embedding=red.safetensors"];
    write(&folder.join("red.safetensors"), "emb_params", &["red"]);
    let found = frames(
        &folder,
        &["a (pair:1.4)", "a pear"],
        &[&BOTH[..], &negative].concat(),
    );
    // "pear" is no "pair", and "pair" is only in the first prompt.
    assert_eq!(found, stressed);
}

#[test]
fn what_names_no_embedding_is_found_in_the_cache_whatever_embeddings_there_are() {
    let folder = folder();
    let evaluations = |prompts: [&str; 2], more: &[&str]| {
        let film = ["-o=film.mp4", "--force"];
        let facts = folder.facts(&[&["render"], &prompts[..], FEW, &film, more].concat());
        facts["model_evaluations"].as_u64().unwrap()
    };
    let plain = ["a red apple", "a green pear"];
    let all = evaluations(plain, &[]);
    assert!(all > 0);
    assert_eq!(evaluations(plain, &BOTH), 0);
    let named = ["a red fruit", "a green pear"];
    // The conditioning has the same values, so that everything after it is known.
    assert_eq!(evaluations(named, &BOTH), 0);
    let [first, second] = BOTH;
    assert_eq!(evaluations(named, &[second, first]), 0);
    write(&folder.join("pair.safetensors"), "emb_params", &["blue"]);
    assert_eq!(evaluations(named, &BOTH), 0);
    write(&folder.join("fruit.safetensors"), "emb_params", &["lemon"]);
    assert!(evaluations(named, &BOTH) > 0);
}

#[test]
fn a_film_carries_its_embeddings_and_a_job_may_name_only_those_of_its_folder() {
    let folder = folder();
    let film = [
        "render",
        "a <toy>",
        "a pear",
        "-o=film.mp4",
        "--embedding=pair.safetensors=<toy>",
    ];
    folder.facts(&[&film[..], FEW].concat());
    let shown = folder.run(&["show", "film.mp4"]);
    let line = "embedding = [\"pair.safetensors=<toy>\"]";
    assert!(shown.output.contains(line), "{}", shown.output);
    let again = ["render", "film.mp4", "-o=again.mp4", "--json"];
    assert_eq!(folder.run(&again).facts()["model_evaluations"], 0);
    fs::create_dir(folder.join("job")).unwrap();
    let text = "embedding = \"../fruit.safetensors\"\n[[keyframe]]\nprompt = \"a fruit\"\n\
                [[keyframe]]\nprompt = \"b\"\n";
    fs::write(folder.join("job/film.toml"), text).unwrap();
    let refused = folder.run(&["plan", "job/film.toml"]);
    refused.assert_refused(2, &["fruit.safetensors", "outside of its own folder"]);
    let allowed = folder.run(&["plan", "job/film.toml", "--allow-paths"]);
    assert_eq!(allowed.code, Some(0), "{}", allowed.error);
    let replaced = folder.run(&["plan", "job/film.toml", BOTH[0]]);
    assert_eq!(replaced.code, Some(0), "{}", replaced.error);
}

/// Writes an embedding with the vector that a tiny model has for the token with this id.
fn write_row(model: &Path, id: usize, path: &Path) {
    let file = fs::read(model.join("text_encoder/model.safetensors")).unwrap();
    let begin = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&file[8..begin]).unwrap();
    let table = &header["embeddings.token_embedding.weight"];
    assert_eq!(table["dtype"], "F16");
    let width = table["shape"][1].as_u64().unwrap() as usize;
    let begin = begin + table["data_offsets"][0].as_u64().unwrap() as usize;
    let vector = &file[begin + 2 * width * id..][..2 * width];
    let header = json!({ "emb_params": {
        "dtype": "F16", "shape": [1, width], "data_offsets": [0, vector.len()],
    }});
    let header = serde_json::to_vec(&header).unwrap();
    let length = (header.len() as u64).to_le_bytes();
    fs::write(path, [&length[..], &header, vector].concat()).unwrap();
}

#[test]
fn frames_that_are_upscaled_later_know_the_embeddings_of_their_folder_and_of_the_flags() {
    let folder = Folder::new();
    for kind in ["sd21", "upscale"] {
        write_tiny_model(kind, &folder.join(kind)).unwrap();
    }
    fs::create_dir(folder.join("low")).unwrap();
    // The token "b".
    write_row(&folder.join("sd21"), 27, &folder.join("gem.pt"));
    fs::copy(folder.join("gem.pt"), folder.join("low/gem.pt")).unwrap();
    let run = |arguments: &[&str]| {
        let said = folder.run(&[arguments, &["--no-cache", "--force"]].concat());
        assert_eq!(said.code, Some(0), "{}", said.error);
        said.error
    };
    let render = |embedding: &str, more: &[&str]| {
        let film = ["render", "a <gem>", "c", "--steps=2", "--frames=2"];
        let model = ["--model=./sd21", "--size=64x64", embedding];
        run(&[&film[..], &model, more].concat());
    };
    let second = ["--upscale-steps=2", "--upscale-frames=2"];
    let at_once = ["--upscale=./upscale", "--frames-dir=at-once"];
    render(
        "--embedding=gem.pt=<gem>",
        &[&at_once[..], &second].concat(),
    );
    let later = |more: &[&str]| {
        let upscale = ["upscale", "low", "--model=./upscale", "--frames-dir=later"];
        let said = run(&[&upscale[..], &second, more].concat());
        let warned = said.contains("its name is read as words");
        (sequence(&folder.join("later")), warned)
    };
    let expected = (sequence(&folder.join("at-once")), false);
    let flag = ["--embedding=gem.pt=<gem>"];

    render("--embedding=low/gem.pt=<gem>", &["--frames-dir=low"]);
    assert!(
        later(&[]) == expected,
        "the embedding beside the frames is not used"
    );
    render("--embedding=gem.pt=<gem>", &["--frames-dir=low"]);
    let (words, warned) = later(&[]);
    assert!(
        warned && words != expected.0,
        "the job names a file outside of its folder"
    );
    assert!(
        later(&flag) == expected,
        "the embedding of the flag is not used"
    );
    let prompts = ["a <gem>", "c", "--embedding=gem.pt=<gem>"];
    assert!(
        later(&prompts) == expected,
        "prompts do not name the embedding of the flag"
    );
}

#[test]
fn names_that_mean_nothing_are_said() {
    let folder = folder();
    let outputs = ["--frames-dir=frames", "--force"];
    for command in ["plan", "render"] {
        let outputs = if command == "render" {
            &outputs[..]
        } else {
            &[]
        };
        let warned = |prompt: &str, more: &[&str]| -> Vec<String> {
            let few = if command == "render" { FEW } else { &[] };
            let said = folder.run(&[&[command, prompt, "a pear"], outputs, few, more].concat());
            assert_eq!(said.code, Some(0), "{}", said.error);
            warnings(&said.error)
                .iter()
                .map(|&text| text.to_owned())
                .collect()
        };
        assert_eq!(warned("a fruit and a pair", &BOTH), [""; 0]);
        let unused = warned("a fruit", &BOTH);
        assert_eq!(unused.len(), 1, "{unused:?}");
        for words in [
            "pair.safetensors",
            "write \"pair\"",
            "its file calls it \"<my-pair>\"",
        ] {
            assert!(unused[0].contains(words), "{unused:?}");
        }
        let unknown = warned("a <toy> cat", &[]);
        assert!(
            unknown
                .iter()
                .any(|text| text.contains("--embedding FILE=<toy>")),
            "{unknown:?}"
        );
        let unknown = warned("embedding:fruit, embedding:hands", &BOTH[..1]);
        assert!(
            unknown
                .iter()
                .any(|text| text.contains("--embedding FILE=NAME")),
            "{unknown:?}"
        );
        let known = warned("embedding:fruit, a pair", &BOTH);
        assert_eq!(known, [""; 0]);
    }
}

#[test]
fn what_is_no_embedding_is_named_by_plans_and_renders() {
    let folder = folder();
    let lora = pocket().join("../pocket-loras/neon.safetensors");
    fs::copy(lora, folder.join("neon.safetensors")).unwrap();
    let wide = "{\"emb_params\":{\"dtype\":\"F16\",\"shape\":[1,768],\"data_offsets\":[0,1536]}}";
    let length = (wide.len() as u64).to_le_bytes();
    let bytes = [&length[..], wide.as_bytes(), &[0; 1536]].concat();
    fs::write(folder.join("wide.safetensors"), bytes).unwrap();
    for (embedding, code, expected) in [
        (
            "--embedding=neon.safetensors",
            2,
            "a LoRA, which --lora takes",
        ),
        (
            "--embedding=wide.safetensors",
            2,
            "for Stable Diffusion 1; the model `pocket` needs 128",
        ),
        ("--embedding=missing.pt", 1, "missing.pt"),
        ("--embedding=fruit.safetensors=", 2, "no name"),
        ("--embedding==toy", 2, "give the file"),
    ] {
        for command in [
            &["plan"][..],
            &["render", "-o=film.mp4"],
            &["seeds", "-o=a.png"],
        ] {
            let said = folder.run(&[command, &["a fruit", "b", embedding]].concat());
            said.assert_refused(code, &[expected]);
        }
    }
    let twice = [
        "--embedding=fruit.safetensors=Toy",
        "--embedding=pair.safetensors=toy",
    ];
    let said = folder.run(&[&["plan", "a toy", "b"], &twice[..]].concat());
    said.assert_refused(2, &["two embeddings have the name"]);
    // The other way round, and as a model.
    let said = folder.run(&["plan", "a", "b", "--lora=fruit.safetensors"]);
    said.assert_refused(
        2,
        &["an embedding (textual inversion), which --embedding takes"],
    );
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/lb-models/tests/golden");
    for name in ["web-ui.pt", "learned_embeds.bin", "several.safetensors"] {
        let path = golden.join("embeddings/sd15").join(name);
        let said = folder.run(&["import", path.to_str().unwrap()]);
        assert_ne!(said.code, Some(0));
        for words in ["a textual inversion embedding", "--embedding FILE=NAME"] {
            assert!(said.error.contains(words), "{}", said.error);
        }
    }
}
