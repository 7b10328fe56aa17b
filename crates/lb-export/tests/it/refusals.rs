//! Tests that damaged and contradictory model directories are refused. The messages name the file, what
//! is wrong and what was expected.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use lb_export::{CheckpointError, Component, ExportOptions, build_graph};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture_copy;

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";

fn refusal(directory: &Path, component: Component) -> String {
    build_graph(directory, component, &ExportOptions::default())
        .unwrap_err()
        .to_string()
}

/// Changes one setting of the UNet's configuration, and builds the graph.
fn with_unet_setting(key: &str, value: Value) -> Result<(), CheckpointError> {
    let model = fixture_copy("plain");
    let path = model.path().join("unet/config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config[key] = value;
    fs::write(&path, config.to_string()).unwrap();
    build_graph(model.path(), Component::Unet, &ExportOptions::default()).map(|_| ())
}

/// Changes the header of the UNet's weights, builds the graph, and returns the error.
fn with_unet_header(change: impl FnOnce(String) -> String) -> String {
    let model = fixture_copy("plain");
    let path = model.path().join(UNET);
    let bytes = fs::read(&path).unwrap();
    let data = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = change(String::from_utf8(bytes[8..data].to_vec()).unwrap());
    let mut changed = (header.len() as u64).to_le_bytes().to_vec();
    changed.extend_from_slice(header.as_bytes());
    changed.extend_from_slice(&bytes[data..]);
    fs::write(&path, changed).unwrap();
    refusal(model.path(), Component::Unet)
}

#[test]
fn settings_that_contradict_the_tensors_are_refused() {
    let message = with_unet_setting("in_channels", json!(9))
        .unwrap_err()
        .to_string();
    assert!(message.contains("conv_in.weight"), "{message}");
    assert!(
        message.contains("[8, 4, 3, 3]") && message.contains("[8, 9, 3, 3]"),
        "{message}"
    );
    let message = with_unet_setting("layers_per_block", json!(3))
        .unwrap_err()
        .to_string();
    assert!(message.contains("down_blocks.0.resnets.2"), "{message}");
    assert!(
        message.contains("missing") && message.contains("safetensors"),
        "{message}"
    );
}

#[test]
fn unsupported_settings_are_refused() {
    let cases = [
        ("act_fn", json!("relu"), "\"silu\""),
        (
            "down_block_types",
            json!(["DownBlock2D", "DownBlock2D"]),
            "a list of 3",
        ),
        (
            "down_block_types",
            json!(["DownBlock2D", "AttnDownBlock2D", "DownBlock2D"]),
            "CrossAttn",
        ),
        (
            "mid_block_type",
            json!("UNetMidBlock2DSimpleCrossAttn"),
            "UNetMidBlock2DCrossAttn",
        ),
        ("attention_head_dim", json!([3, 4, 4]), "number of heads"),
        ("attention_head_dim", json!([4, 4]), "a list of 3"),
        ("norm_num_groups", json!(5), "multiples"),
        ("norm_num_groups", json!(0), "from 1"),
        ("norm_eps", json!(0), "above 0"),
        ("block_out_channels", json!([]), "a list"),
        ("block_out_channels", json!([8, -16, 16]), "from 1"),
        ("layers_per_block", json!(1_000_000_000_u64), "from 1"),
        ("class_embed_type", json!("timestep"), "null"),
        ("use_linear_projection", json!("yes"), "true or false"),
        ("conv_in_kernel", json!(4), "odd"),
        ("freq_shift", json!(4), "below 4"),
    ];
    for (key, value, expected) in cases {
        let message = with_unet_setting(key, value.clone())
            .unwrap_err()
            .to_string();
        let found = value.to_string();
        for part in ["config.json", key, expected] {
            assert!(message.contains(part), "{key} = {found}: {message}");
        }
    }
}

#[test]
fn missing_files_and_files_that_are_not_json_are_reported() {
    let model = fixture_copy("plain");
    fs::remove_file(model.path().join(UNET)).unwrap();
    let message = refusal(model.path(), Component::Unet);
    assert!(
        message.contains("diffusion_pytorch_model.safetensors"),
        "{message}"
    );
    fs::write(model.path().join("vae/config.json"), "{ \"act_fn\": ").unwrap();
    let message = refusal(model.path(), Component::VaeDecoder);
    assert!(
        message.contains("config.json") && message.contains("line 1"),
        "{message}"
    );
    fs::remove_file(model.path().join("text_encoder/config.json")).unwrap();
    let message = refusal(model.path(), Component::TextEncoder);
    assert!(
        message.contains("config.json") && message.contains("cannot read"),
        "{message}"
    );
}

#[test]
fn truncated_weights_are_refused() {
    let model = fixture_copy("plain");
    let path = model.path().join(UNET);
    let bytes = fs::read(&path).unwrap();
    for (length, expected) in [
        (0, "too few"),
        (7, "too few"),
        (100, "header claims"),
        (bytes.len() - 1, "truncated"),
    ] {
        fs::write(&path, &bytes[..length]).unwrap();
        let message = refusal(model.path(), Component::Unet);
        assert!(
            message.contains(UNET) && message.contains(expected),
            "{length}: {message}"
        );
    }
    let mut absurd = bytes;
    absurd[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    fs::write(&path, absurd).unwrap();
    assert!(refusal(model.path(), Component::Unet).contains("header claims"));
    // Even if the file is long enough, a header that exceeds the limit is not read into memory.
    let large = fs::File::create(&path).unwrap();
    large.set_len(200_000_000).unwrap();
    (&large).write_all(&150_000_000_u64.to_le_bytes()).unwrap();
    assert!(refusal(model.path(), Component::Unet).contains("header claims"));
}

#[test]
fn headers_with_wrong_entries_are_refused() {
    let shape = r#""conv_in.bias":{"dtype":"F16","shape":[8],"data_offsets":[0,16]}"#;
    let cases = [
        // These ranges are past the end of the file, backwards, overlapping, and too short for the shape.
        (r#"[16777216,16777232]"#, "truncated"),
        (r#"[16,0]"#, "truncated"),
        (r#"[8,24]"#, "overlaps"),
        (r#"[0,14]"#, "needs 16"),
    ];
    for (offsets, expected) in cases {
        let message = with_unet_header(|header| {
            assert!(
                header.contains(shape),
                "the fixture's layout changed: {header}"
            );
            header.replacen(shape, &shape.replace("[0,16]", offsets), 1)
        });
        assert!(message.contains(expected), "{offsets}: {message}");
    }
    let changed = |from: &str, to: &str| {
        with_unet_header(|header| header.replacen(shape, &shape.replace(from, to), 1))
    };
    let message = changed("[8]", "[18446744073709551615,2]");
    assert!(message.contains("needs 18446744073709551615"), "{message}");
    let message = changed("F16", "I8");
    assert!(
        message.contains("stored as I8") && message.contains("F32, F16 or BF16"),
        "{message}"
    );
    let twice = format!(
        "{shape},{}",
        shape.replace("[0,16]", "[16,32]").replace("[8]", "[0]")
    );
    let message = with_unet_header(|header| header.replacen(shape, &twice, 1));
    assert!(message.contains("conv_in.bias"), "{message}");
}

#[test]
fn a_name_that_is_listed_twice_is_refused() {
    let model = tempfile::tempdir().unwrap();
    fs::create_dir(model.path().join("vae")).unwrap();
    fs::write(model.path().join("vae/config.json"), "{}").unwrap();
    let entry = |begin: u32| {
        format!(
            r#""a":{{"dtype":"F32","shape":[1],"data_offsets":[{begin},{}]}}"#,
            begin + 4
        )
    };
    let header = format!("{{{},{}}}", entry(0), entry(4));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(&[0; 8]);
    fs::write(
        model.path().join("vae/diffusion_pytorch_model.safetensors"),
        file,
    )
    .unwrap();
    assert!(refusal(model.path(), Component::VaeDecoder).contains("listed twice"));
}

#[test]
fn shards_outside_the_folder_or_without_their_tensor_are_refused() {
    let model = fixture_copy("odd");
    let index = model
        .path()
        .join("unet/diffusion_pytorch_model.safetensors.index.json");
    let text = fs::read_to_string(&index).unwrap();
    let first = "diffusion_pytorch_model-00001-of-00002.safetensors";
    for hostile in [
        "../vae/diffusion_pytorch_model.safetensors",
        "/etc/passwd",
        "..",
        "",
        // These are plain names on Unix, but lead out of the folder on Windows.
        r"..\\vae",
        "C:weights",
    ] {
        fs::write(&index, text.replacen(first, hostile, 1)).unwrap();
        let message = refusal(model.path(), Component::Unet);
        assert!(
            message.contains("not a plain file name"),
            "{hostile}: {message}"
        );
    }
    let second = "diffusion_pytorch_model-00002-of-00002.safetensors";
    fs::write(&index, text.replacen(first, second, 1)).unwrap();
    assert!(refusal(model.path(), Component::Unet).contains("which lacks it"));
}

proptest! {
    /// If any bytes of the header are changed, the result is a graph or an error.
    #[test]
    fn damaged_headers_never_panic(changes in prop::collection::vec((0_usize..2048, any::<u8>()), 1..8)) {
        let model = fixture_copy("plain");
        let path = model.path().join("text_encoder/model.safetensors");
        let mut bytes = fs::read(&path).unwrap();
        for (position, byte) in changes {
            bytes[position] = byte;
        }
        fs::write(&path, bytes).unwrap();
        let _ = build_graph(model.path(), Component::TextEncoder, &ExportOptions::default());
    }
}
