//! What people give to `lb`: prompts in files, one prompt with several seeds, sizes of films, and models that `lb`
//! does not run.

use std::fs;
use std::path::Path;

use lb_models::testing::{copy_folder, write_tiny_model};
use serde_json::{Value, json};

use crate::imports::golden;
use crate::lb::Folder;
use crate::pickle_writer::{archive, dictionary, program, tensor_of};
use crate::pictures::sequence;

const FEW: &[&str] = &[
    "--steps=2",
    "--frames=2",
    "--pictures=2",
    "--timestep-spacing=trailing",
];

#[test]
fn one_prompt_with_several_seeds_is_a_keyframe_for_each() {
    let folder = Folder::new();
    let plan = folder.facts(&["plan", "a red apple", "--seed=1,2,5"]);
    assert_eq!(plan["seeds"], json!([1, 2, 5]));
    assert_eq!(plan["keyframes"], 3);
    // One seed is a picture, as ever.
    let still = folder.run(&["plan", "a red apple", "--seed=1"]);
    assert!(still.output.contains("stills: 1"), "{}", still.output);
    let two = folder.run(&["plan", "an apple", "a pear", "--seed=1,2,5"]);
    two.assert_refused(2, &["3 seeds", "2 prompts"]);
}

#[test]
fn a_text_file_has_a_prompt_in_each_line() {
    let folder = Folder::new();
    fs::write(
        folder.join("prompts.txt"),
        "\u{feff}# fruit\na red apple\r\n\n  a green pear  \nan owl\n",
    )
    .unwrap();
    let plan = folder.run(&["plan", "prompts.txt"]);
    assert_eq!(plan.code, Some(0), "{}", plan.error);
    assert_eq!(folder.facts(&["plan", "prompts.txt"])["keyframes"], 3);
    let said = folder.run(&["render", "prompts.txt", "--save-job=job.toml"]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    let job = fs::read_to_string(folder.join("job.toml")).unwrap();
    assert!(job.contains("prompt = \"a green pear\"\n"), "{job}");
    fs::write(folder.join("empty.txt"), "# nothing\n").unwrap();
    folder
        .run(&["plan", "empty.txt"])
        .assert_refused(2, &["empty.txt has no prompts"]);
    let mixed = folder.run(&["render", "prompts.txt", "an owl", "-o=a.mp4"]);
    mixed.assert_refused(2, &["prompts.txt is a file among prompts"]);
    fs::write(folder.join("old.TXT"), "an owl\ra fox\r").unwrap();
    assert_eq!(folder.facts(&["plan", "old.TXT"])["keyframes"], 2);
    for prompts in [&["typo.txt"][..], &["an owl", "typo.yaml"]] {
        let said = folder.run(&[&["plan"], prompts].concat());
        said.assert_refused(2, &["typo.", "does not exist"]);
    }
    let prompts = ["plan", "typo .txt", " typo.txt"];
    assert_eq!(folder.facts(&prompts)["keyframes"], 2);
    // Files of other programs are not taken for prompts.
    for name in ["schedule.json", "film.yaml", "film.yml", "table.csv"] {
        fs::write(folder.join(name), "{}").unwrap();
        for prompts in [&[name][..], &[name, "an owl"]] {
            let said = folder.run(&[&["render", "-o=a.mp4"], prompts].concat());
            said.assert_refused(
                2,
                &[name, "does not read its format", "prompt in each line"],
            );
        }
    }
}

#[test]
fn sizes_are_multiples_of_eight() {
    let folder = Folder::new();
    for size in ["1280x720", "1920x1080", "72x56"] {
        let plan = folder.run(&["plan", "a red apple", "a green pear", "--size", size]);
        assert_eq!(plan.code, Some(0), "{}", plan.error);
    }
    let film = [
        "render",
        "an owl",
        "a fox",
        "--size=72x56",
        "--frames-dir=f",
    ];
    let said = folder.run(&[&film, FEW].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    let frames = sequence(&folder.join("f"));
    assert!(frames.iter().all(|frame| frame.dimensions() == (72, 56)));
    assert_ne!(frames[0], frames[1]);
}

/// A tiny model whose UNet's configuration was changed.
fn model(folder: &Folder, change: impl FnOnce(&mut Value)) {
    write_tiny_model("sd15", &folder.join("model")).unwrap();
    let path = folder.join("model/unet/config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    fs::write(path, config.to_string()).unwrap();
}

#[test]
fn a_model_of_pictures_that_are_not_square_has_their_size() {
    let folder = Folder::new();
    model(&folder, |config| config["sample_size"] = json!([8, 12]));
    let film = ["render", "a", "b", "--model=./model", "--frames-dir=f"];
    let said = folder.run(&[&film, FEW].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert_eq!(sequence(&folder.join("f"))[0].dimensions(), (96, 64));
    let facts = folder.facts(&["models", "./model"]);
    assert_eq!(
        (&facts["default_width"], &facts["default_height"]),
        (&json!(96), &json!(64))
    );

    let folder = Folder::new();
    model(&folder, |config| {
        config.as_object_mut().unwrap().remove("sample_size");
    });
    assert_eq!(folder.facts(&["models", "./model"])["default_width"], 512);
    let folder = Folder::new();
    model(&folder, |config| config["sample_size"] = json!([8, 12, 3]));
    let said = folder.run(&["plan", "a", "b", "--model=./model"]);
    assert!(said.error.contains("height and width"), "{}", said.error);
}

#[test]
fn a_directory_of_another_family_is_named() {
    for class in [
        "StableDiffusionXLPipeline",
        "StableDiffusion3Pipeline",
        "FluxPipeline",
    ] {
        let folder = Folder::new();
        fs::create_dir(folder.join("model")).unwrap();
        let index = json!({ "_class_name": class });
        fs::write(folder.join("model/model_index.json"), index.to_string()).unwrap();
        let commands: [&[&str]; 3] = [
            &["plan", "a", "b", "--model=./model"],
            &["render", "a", "b", "--model=./model", "--frames-dir=f"],
            &["import", "model", "--name=other"],
        ];
        for command in commands {
            let mut command = folder.command(command);
            let said =
                crate::lb::Said::from(command.env("LB_MODELS", folder.path()).output().unwrap());
            assert_ne!(said.code, Some(0));
            for words in [class, "Stable Diffusion 1 or 2"] {
                assert!(said.error.contains(words), "{}", said.error);
            }
        }
    }
}

/// Rewrites a safetensors file with other metadata, and without tensors whose names begin so.
fn rewrite(from: &Path, to: &Path, metadata: &[(&str, &str)], without: &str, marks: &[&str]) {
    let bytes = fs::read(from).unwrap();
    let start = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..start]).unwrap();
    let entries = header.as_object_mut().unwrap();
    entries.retain(|name, _| without.is_empty() || !name.starts_with(without));
    for mark in marks {
        let end = bytes.len() - start;
        let entry = json!({"dtype": "F32", "shape": [0], "data_offsets": [end, end]});
        entries.insert((*mark).into(), entry);
    }
    let metadata: Value = metadata
        .iter()
        .map(|&(key, value)| (key.to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    entries.insert("__metadata__".into(), metadata);
    let header = header.to_string();
    let length = (header.len() as u64).to_le_bytes();
    fs::write(
        to,
        [&length[..], header.as_bytes(), &bytes[start..]].concat(),
    )
    .unwrap();
}

/// Writes a checkpoint as torch pickles it, with the tensors of a safetensors file and empty ones of these names.
fn pickle(from: &Path, to: &Path, marks: &[&str]) {
    let bytes = fs::read(from).unwrap();
    let start = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Map<String, Value> = serde_json::from_slice(&bytes[8..start]).unwrap();
    let mut state = Vec::new();
    let mut storages: Vec<(String, &[u8])> = Vec::new();
    for (name, entry) in header.iter().filter(|(name, _)| *name != "__metadata__") {
        let shape = entry["shape"].as_array().unwrap();
        let shape: Vec<i64> = shape.iter().map(|side| side.as_i64().unwrap()).collect();
        let mut strides = vec![1; shape.len()];
        for at in (1..shape.len()).rev() {
            strides[at - 1] = strides[at] * shape[at];
        }
        let format = match entry["dtype"].as_str() {
            Some("F16") => "HalfStorage",
            Some("F32") => "FloatStorage",
            Some("I64") => "LongStorage",
            other => panic!("{name} is of {other:?}"),
        };
        let [begin, end] = [0, 1].map(|at| entry["data_offsets"][at].as_u64().unwrap() as usize);
        let key = storages.len().to_string();
        let count = shape.iter().product();
        state.push((
            name.as_str(),
            tensor_of(format, (&key, count), 0, &shape, &strides),
        ));
        storages.push((key, &bytes[start + begin..start + end]));
    }
    for mark in marks {
        let key = storages.len().to_string();
        state.push((mark, tensor_of("FloatStorage", (&key, 0), 0, &[0], &[1])));
        storages.push((key, &[]));
    }
    let program = program(&dictionary(&[("state_dict", dictionary(&state))]));
    let storages: Vec<(&str, &[u8])> = storages
        .iter()
        .map(|(key, at)| (key.as_str(), *at))
        .collect();
    fs::write(to, archive(&program, &storages)).unwrap();
}

/// What an import of a model without a scheduler's configuration says that it predicts, and how that is known; and the
/// configuration that it writes.
fn imported_prediction(folder: &Folder, form: &str, file: &str) -> (String, String, Value) {
    let config = folder.join("config");
    copy_folder(Path::new(&golden(&format!("{form}/diffusers"))), &config).unwrap();
    fs::remove_dir_all(config.join("scheduler")).unwrap();
    let arguments = ["import", file, "--config=config", "--name=m", "--json"];
    let mut command = folder.command(&arguments);
    command.env("LB_MODELS", folder.path());
    let facts = crate::lb::Said::from(command.output().unwrap()).facts();
    let text = |key: &str| facts[key].as_str().unwrap().to_owned();
    let scheduler = fs::read(folder.join("m/scheduler/scheduler_config.json")).unwrap();
    let scheduler = serde_json::from_slice(&scheduler).unwrap();
    (
        text("prediction_type"),
        text("prediction_known_from"),
        scheduler,
    )
}

#[test]
fn a_pickled_checkpoint_tells_what_it_predicts_by_marks_and_by_a_yaml() {
    let v = "model: {params: {parameterization: v}}";
    for (form, marks, yaml, (prediction, known_from)) in [
        (
            "sd1",
            &["v_pred", "ztsnr"][..],
            None,
            ("v_prediction", "marks"),
        ),
        ("sd1", &["v_pred"], None, ("v_prediction", "marks")),
        ("sd1", &[], Some(v), ("v_prediction", "yaml")),
        ("sd1", &[], None, ("epsilon", "assumed")),
        (
            "sd2",
            &["ztsnr"],
            Some("linear_start: 0.1"),
            ("epsilon", "yaml"),
        ),
    ] {
        let folder = Folder::new();
        let source = golden(&format!("{form}/checkpoint.safetensors"));
        pickle(Path::new(&source), &folder.join("model.CKPT"), marks);
        if let Some(yaml) = yaml {
            fs::write(folder.join("model.yml"), yaml).unwrap();
        }
        let (found, from, scheduler) = imported_prediction(&folder, form, "model.CKPT");
        assert_eq!(
            (&*found, &*from),
            (prediction, known_from),
            "{form} {marks:?} {yaml:?}"
        );
        let zero_snr = scheduler["rescale_betas_zero_snr"] == true;
        assert_eq!(zero_snr, marks.contains(&"ztsnr"));
    }
}

#[test]
fn a_file_with_other_metadata_tells_what_its_model_predicts() {
    let source = golden("sd1/checkpoint.safetensors");
    for (key, name) in [
        ("modelspec.predict_key", "v"),
        ("modelspec.prediction_type", "V-Prediction"),
    ] {
        let folder = Folder::new();
        rewrite(
            Path::new(&source),
            &folder.join("a.SAFETENSORS"),
            &[(key, name)],
            "",
            &[],
        );
        let (found, from, _) = imported_prediction(&folder, "sd1", "a.SAFETENSORS");
        assert_eq!((&*found, &*from), ("v_prediction", "metadata"), "{key}");
    }
}

#[test]
fn a_single_file_tells_what_its_model_predicts() {
    let v = "model:\n  params:\n    parameterization: \"v\"\n    linear_start: 0.00085\n";
    let noise = "model:\n  params:\n    linear_start: 0.00085\n";
    let spec = |name| vec![("modelspec.prediction_type", name)];
    let cases = [
        (
            "sd1",
            spec("v"),
            None,
            &[][..],
            ("v_prediction", "metadata"),
        ),
        ("sd1", vec![], Some(v), &[], ("v_prediction", "yaml")),
        (
            "sd1",
            vec![],
            None,
            &["v_pred", "ztsnr"],
            ("v_prediction", "marks"),
        ),
        ("sd1", vec![], None, &[], ("epsilon", "assumed")),
        (
            "sd2",
            spec("epsilon"),
            Some(v),
            &[],
            ("epsilon", "metadata"),
        ),
        ("sd2", vec![], Some(noise), &[], ("epsilon", "yaml")),
        ("sd2", vec![], None, &[], ("v_prediction", "assumed")),
    ];
    for (form, metadata, yaml, marks, (prediction, known_from)) in cases {
        let folder = Folder::new();
        let file = folder.join("model.safetensors");
        let source = golden(&format!("{form}/checkpoint.safetensors"));
        rewrite(Path::new(&source), &file, &metadata, "", marks);
        if let Some(yaml) = yaml {
            fs::write(file.with_extension("yaml"), yaml).unwrap();
        }
        // All but the scheduler's configuration, which would say it.
        copy_folder(
            Path::new(&golden(&format!("{form}/diffusers"))),
            &folder.join("config"),
        )
        .unwrap();
        fs::remove_dir_all(folder.join("config/scheduler")).unwrap();
        let import = |more: &[&str]| {
            let arguments = [
                "import",
                "model.safetensors",
                "--config=config",
                "--name=m",
                "--force",
            ];
            let mut command = folder.command(&[&arguments, more].concat());
            crate::lb::Said::from(command.env("LB_MODELS", folder.path()).output().unwrap())
        };
        let facts = import(&["--json"]).facts();
        assert_eq!(facts["prediction_type"], prediction, "{form} {known_from}");
        assert_eq!(
            facts["prediction_known_from"], known_from,
            "{form} {prediction}"
        );
        let said = import(&[]);
        let other = if prediction == "epsilon" {
            "v_prediction"
        } else {
            "epsilon"
        };
        let hint = format!("--prediction {other} --force");
        assert_eq!(
            said.output.contains(&hint),
            known_from == "assumed",
            "{}",
            said.output
        );
        let scheduler = fs::read(folder.join("m/scheduler/scheduler_config.json")).unwrap();
        let scheduler: Value = serde_json::from_slice(&scheduler).unwrap();
        let zero_snr = scheduler["rescale_betas_zero_snr"] == true;
        assert_eq!(zero_snr, marks.contains(&"ztsnr"));
        assert_eq!(zero_snr, scheduler["timestep_spacing"] == "trailing");
        // What the user says comes first.
        let asked = import(&["--json", "--prediction", other]).facts();
        assert_eq!(asked["prediction_type"], *other);
    }
}

#[test]
fn a_file_that_was_not_downloaded_is_called_what_it_is() {
    let folder = Folder::new();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
    for (text, words) in [
        ("", "this file is empty"),
        (
            "\n<!DOCTYPE html><html>Not found</html>",
            "this is a web page",
        ),
        (pointer, "a pointer of Git LFS"),
        ("not a model", "neither a safetensors file nor a checkpoint"),
    ] {
        fs::write(folder.join("a.safetensors"), text).unwrap();
        for arguments in [
            &["import", "a.safetensors"][..],
            &["plan", "a", "b", "--lora=a.safetensors"],
            &["plan", "a", "b", "--embedding=a.safetensors"],
            &["import", &golden("sd2/diffusers"), "--vae=a.safetensors"],
        ] {
            let said = match arguments[0] {
                "plan" => folder.run(arguments),
                _ => crate::imports::run(&folder, arguments),
            };
            assert_ne!(said.code, Some(0), "{arguments:?}");
            assert!(said.error.contains(words), "{arguments:?}: {}", said.error);
        }
    }
}

#[test]
fn a_file_that_is_no_whole_model_is_called_what_it_is() {
    let source = golden("sd1/checkpoint.safetensors");
    for (without, words) in [
        ("first_stage_model.", "a checkpoint without an autoencoder"),
        ("cond_stage_model.", "a checkpoint without a text encoder"),
    ] {
        let folder = Folder::new();
        rewrite(
            Path::new(&source),
            &folder.join("a.safetensors"),
            &[],
            without,
            &[],
        );
        let said = crate::imports::run(&folder, &["import", "a.safetensors"]);
        assert_ne!(said.code, Some(0));
        assert!(said.error.contains(words), "{}", said.error);
    }
    for (tensor, words) in [
        ("lora_unet_x.lora_down.weight", "a LoRA"),
        ("emb_params", "an embedding"),
        ("conditioner.embedders.0.x", "Stable Diffusion XL"),
        (
            "model.diffusion_model.joint_blocks.0.x",
            "Stable Diffusion 3",
        ),
        ("model.diffusion_model.double_blocks.0.x", "Flux"),
        ("decoder.conv_in.weight", "an autoencoder alone"),
        ("model.diffusion_model.out.2.bias", "a UNet alone"),
    ] {
        let folder = Folder::new();
        let header =
            json!({tensor: {"dtype": "F32", "shape": [1, 1, 1, 1], "data_offsets": [0, 4]}})
                .to_string();
        let length = (header.len() as u64).to_le_bytes();
        let bytes = [&length[..], header.as_bytes(), &[0; 4]].concat();
        fs::write(folder.join("a.safetensors"), bytes).unwrap();
        let said = crate::imports::run(&folder, &["import", "a.safetensors"]);
        assert_ne!(said.code, Some(0));
        let words = words.replace("an embedding", "embedding");
        assert!(said.error.contains(&words), "{tensor}: {}", said.error);
    }
}
