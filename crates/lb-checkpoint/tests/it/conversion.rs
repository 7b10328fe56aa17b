//! Tests that checkpoints which torch has saved are converted to safetensors.

use std::fs;

use lb_checkpoint::{SourceFormat, WeightTransfer};

use crate::{golden, header, import_golden};

/// Numbers of each format are unchanged, gaps are removed, and only the networks' tensors are kept.
#[test]
fn torch_checkpoints_are_converted_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let report = import_golden("sd2/checkpoint.ckpt", &target);
    assert_eq!(report.format, SourceFormat::TorchCheckpoint);
    assert_eq!(report.weights, WeightTransfer::Copied);
    let file = target.join("checkpoint.safetensors");
    let bytes = fs::read(&file).unwrap();
    let header_length = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    assert_eq!(
        header_length % 8,
        0,
        "numbers are aligned when the file is mapped into memory"
    );
    let tensors = header(&file);
    assert!(!tensors.contains_key("betas") && !tensors.contains_key("model_ema.num_updates"));
    let numbers = [0, 1, 2, 3, 4, 5];
    let bfloat16 = [0_u16, 0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0];
    let expected: [(&str, &str, Vec<u8>); 9] = [
        (
            "float64",
            "F64",
            numbers
                .iter()
                .flat_map(|&n| f64::from(n).to_le_bytes())
                .collect(),
        ),
        (
            "float32",
            "F32",
            numbers
                .iter()
                .flat_map(|&n| (n as f32).to_le_bytes())
                .collect(),
        ),
        (
            "bfloat16",
            "BF16",
            bfloat16.iter().flat_map(|n| n.to_le_bytes()).collect(),
        ),
        (
            "int64",
            "I64",
            numbers
                .iter()
                .flat_map(|&n| i64::from(n).to_le_bytes())
                .collect(),
        ),
        (
            "int32",
            "I32",
            numbers
                .iter()
                .flat_map(|&n: &i32| n.to_le_bytes())
                .collect(),
        ),
        (
            "int16",
            "I16",
            numbers
                .iter()
                .flat_map(|&n| (n as i16).to_le_bytes())
                .collect(),
        ),
        ("int8", "I8", vec![0, 1, 2, 3, 4, 5]),
        ("uint8", "U8", vec![0, 1, 2, 3, 4, 5]),
        ("bool", "BOOL", vec![0, 1, 1, 1, 1, 1]),
    ];
    for (name, dtype, expected) in expected {
        let (found, shape, start, length) = &tensors[&format!("first_stage_model.loss.{name}")];
        assert_eq!(found, dtype);
        assert_eq!(shape, &[2, 3]);
        assert_eq!(
            bytes[*start as usize..(start + length) as usize],
            expected,
            "{name}"
        );
    }
    assert_eq!(tensors["first_stage_model.loss.empty"].1, [0, 3]);
    // The networks' tensors have the same bytes as in the safetensors file.
    let original = golden("sd2/checkpoint.safetensors");
    let original_bytes = fs::read(&original).unwrap();
    let mut compared = 0;
    for (name, (dtype, shape, start, length)) in header(&original) {
        let Some((found_dtype, found_shape, found_start, _)) = tensors.get(&name) else {
            continue;
        };
        assert_eq!((found_dtype, found_shape), (&dtype, &shape), "{name}");
        let range = |start: u64| start as usize..(start + length) as usize;
        assert_eq!(
            bytes[range(*found_start)],
            original_bytes[range(start)],
            "{name}"
        );
        compared += 1;
    }
    assert_eq!(compared, header(&original).len() - 2);
}
