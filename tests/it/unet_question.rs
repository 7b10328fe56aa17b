//! Imports that ask the UNet what it predicts, because nothing else tells.

use std::fs;
use std::path::Path;

use lb_models::testing::copy_folder;
use serde_json::Value;

use crate::imports::{facts, golden, run};
use crate::lb::Folder;

/// Writes the golden checkpoint of Stable Diffusion 2 with a UNet that gives back its input: everything but the
/// last skip connection is switched off, and the last activation works far in its straight part.
fn write_noise_predictor(path: &Path) {
    let mut bytes = fs::read(golden("sd2/checkpoint.safetensors")).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let mut fill = |name: &str, value: &dyn Fn(usize) -> u16| {
        let entry = &header[format!("model.diffusion_model.{name}")];
        assert_eq!(entry["dtype"], "F16", "{name}");
        let [begin, end] = [0, 1].map(|at| entry["data_offsets"][at].as_u64().unwrap() as usize);
        let values = bytes[8 + length + begin..8 + length + end].chunks_exact_mut(2);
        for (index, place) in values.enumerate() {
            place.copy_from_slice(&value(index).to_le_bytes());
        }
    };
    // In 16-bit floats: 1, 8 and -8.
    let (one, eight, minus_eight) = (0x3c00, 0x4800, 0xc800);
    // The places of a 3×3 convolution of four channels that copy each channel.
    let copy = |index: usize| match index % 9 == 4 && (index / 9) % 4 == index / 36 {
        true => one,
        false => 0,
    };
    fill("input_blocks.0.0.weight", &copy);
    fill("input_blocks.0.0.bias", &|_| 0);
    fill("output_blocks.3.0.out_layers.3.weight", &|_| 0);
    fill("output_blocks.3.0.out_layers.3.bias", &|_| 0);
    // Of eight channels, the last four come from the first convolution.
    fill(
        "output_blocks.3.0.skip_connection.weight",
        &|index| match index % 8 == index / 8 + 4 {
            true => one,
            false => 0,
        },
    );
    fill("output_blocks.3.0.skip_connection.bias", &|_| 0);
    fill("output_blocks.3.1.proj_out.weight", &|_| 0);
    fill("output_blocks.3.1.proj_out.bias", &|_| 0);
    fill("out.0.weight", &|_| one);
    fill("out.0.bias", &|_| eight);
    fill("out.2.weight", &copy);
    fill("out.2.bias", &|_| minus_eight);
    fs::write(path, bytes).unwrap();
}

/// A folder with the configurations of the golden model, which do not tell what the UNet predicts.
fn silent_configuration(folder: &Folder) -> String {
    let config = folder.join("config");
    copy_folder(Path::new(&golden("sd2/diffusers")), &config).unwrap();
    fs::remove_dir_all(config.join("scheduler")).unwrap();
    format!("--config={}", config.display())
}

fn scheduler(folder: &Folder, model: &str) -> Value {
    let path = format!("models/{model}/scheduler/scheduler_config.json");
    serde_json::from_slice(&fs::read(folder.join(&path)).unwrap()).unwrap()
}

#[test]
fn a_unet_that_gives_back_noise_predicts_it() {
    let folder = Folder::new();
    let config = silent_configuration(&folder);
    write_noise_predictor(&folder.join("tune.safetensors"));
    let found = facts(&folder, &["import", "tune.safetensors", &config]);
    assert_eq!(found["prediction_type"], "epsilon");
    assert_eq!(found["prediction_known_from"], "unet");
    assert!(found["unet_cosine"].as_f64().unwrap() > 0.97, "{found}");
    assert_eq!(scheduler(&folder, "tune")["prediction_type"], "epsilon");
    let said = run(&folder, &["import", "tune.safetensors", &config, "--force"]);
    assert!(
        said.output.contains("the UNet was asked: cosine"),
        "{}",
        said.output
    );
    assert!(!said.output.contains("only noise"), "{}", said.output);
    // The answer is worth more than a name.
    fs::rename(
        folder.join("tune.safetensors"),
        folder.join("tune-768.safetensors"),
    )
    .unwrap();
    let named = facts(&folder, &["import", "tune-768.safetensors", &config]);
    assert_eq!(named["prediction_known_from"], "unet");
    // What the user says is not asked for.
    let told = [
        "import",
        "tune-768.safetensors",
        &config,
        "--force",
        "--prediction=v_prediction",
    ];
    let told = facts(&folder, &told);
    assert_eq!(told["prediction_type"], "v_prediction");
    assert_eq!(told["prediction_known_from"], "options");
    assert_eq!(told["unet_cosine"], Value::Null);
}

#[test]
fn an_unclear_answer_leaves_the_assumption_and_says_what_to_try() {
    let folder = Folder::new();
    let config = silent_configuration(&folder);
    // Random weights predict neither noise nor velocity.
    fs::copy(
        golden("sd2/checkpoint.safetensors"),
        folder.join("tune.safetensors"),
    )
    .unwrap();
    let import = ["import", "tune.safetensors", &config];
    let said = run(&folder, &import);
    assert_eq!(said.code, Some(0), "{}", said.error);
    for words in [
        "v_prediction (assumed",
        "its answer is unclear",
        "--prediction epsilon --force",
    ] {
        assert!(said.output.contains(words), "`{words}`: {}", said.output);
    }
    let found = facts(&folder, &[&import[..], &["--force"]].concat());
    assert_eq!(found["prediction_known_from"], "assumed");
    assert!(
        found["unet_cosine"].as_f64().unwrap().abs() < 0.5,
        "{found}"
    );
}

#[test]
fn without_a_runtime_the_assumption_is_not_checked() {
    let folder = Folder::new();
    let config = silent_configuration(&folder);
    write_noise_predictor(&folder.join("tune.safetensors"));
    let mut command = folder.command(&["import", "tune.safetensors", &config]);
    command.env("LB_MODELS", folder.join("models"));
    command.env("ORT_DYLIB_PATH", folder.join("nowhere.so"));
    let said = crate::lb::Said::from(command.output().unwrap());
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(
        said.output
            .contains("the UNet could not be asked: no ONNX Runtime"),
        "{}",
        said.output
    );
    assert!(
        said.output.contains("v_prediction (assumed"),
        "{}",
        said.output
    );
    assert_eq!(
        scheduler(&folder, "tune")["prediction_type"],
        "v_prediction"
    );
}
