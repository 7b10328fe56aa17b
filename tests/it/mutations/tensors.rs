//! Damage to safetensors files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::chance::Chance;
use crate::linked::replace;

const WEIGHTS: [&str; 3] = [
    "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/model.safetensors",
];

/// A safetensors file, split into header and data.
struct Safetensors {
    path: PathBuf,
    name: &'static str,
    header: Value,
    data: Vec<u8>,
}

impl Safetensors {
    fn any(model: &Path, chance: &mut Chance) -> Self {
        let name = *chance.choose(&WEIGHTS);
        let path = model.join(name);
        let bytes = fs::read(&path).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        Self {
            path,
            name,
            header: serde_json::from_slice(&bytes[8..8 + length]).unwrap(),
            data: bytes[8 + length..].to_vec(),
        }
    }

    /// Names of the tensors that rendering reads and that `fits`.
    fn tensors(&self, fits: impl Fn(&Value) -> bool) -> Vec<String> {
        let header = self.header.as_object().unwrap();
        let read = |name: &str| {
            name != "__metadata__" && !name.contains("position_ids") && !is_of_encoder(name, self)
        };
        let wanted = header
            .iter()
            .filter(|(name, tensor)| read(name) && fits(tensor));
        wanted.map(|(name, _)| name.clone()).collect()
    }

    fn save(&self) {
        let header = self.header.to_string();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(&self.data);
        replace(&self.path, bytes);
    }
}

/// Rendering from prompts has no use for the half that makes latents of pictures.
fn is_of_encoder(name: &str, file: &Safetensors) -> bool {
    file.name.starts_with("vae") && (name.starts_with("encoder.") || name.starts_with("quant_conv"))
}

pub(super) fn truncated(model: &Path, chance: &mut Chance) -> String {
    let name = *chance.choose(&WEIGHTS);
    let bytes = fs::read(model.join(name)).unwrap();
    let kept = match chance.below(3) {
        0 => chance.below(64),
        1 => bytes.len() - 1 - chance.below(1000),
        _ => chance.below(bytes.len()),
    };
    replace(&model.join(name), &bytes[..kept]);
    format!("{name} cut to {kept} bytes")
}

pub(super) fn absurd_header_length(model: &Path, chance: &mut Chance) -> String {
    let name = *chance.choose(&WEIGHTS);
    let mut bytes = fs::read(model.join(name)).unwrap();
    let length = *chance.choose(&[
        0,
        1,
        2,
        99_999_999,
        1 << 40,
        u64::MAX,
        u64::MAX - 7,
        1 << 63,
    ]);
    bytes[..8].copy_from_slice(&length.to_le_bytes());
    replace(&model.join(name), bytes);
    format!("{name} claims a header of {length} bytes")
}

pub(super) fn header_of_noise(model: &Path, chance: &mut Chance) -> String {
    let name = *chance.choose(&WEIGHTS);
    let mut bytes = fs::read(model.join(name)).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    // A structural character is among the first; what follows is noise.
    let first = 8 + chance.below(2);
    let last = (first + 40 + chance.below(200)).min(8 + length);
    for byte in &mut bytes[first..last] {
        *byte = chance.number() as u8;
    }
    replace(&model.join(name), bytes);
    format!("{name} has noise in its header")
}

pub(super) fn swapped_sides(model: &Path, chance: &mut Chance) -> String {
    let mut file = Safetensors::any(model, chance);
    let uneven = |tensor: &Value| {
        let shape = tensor["shape"].as_array().unwrap();
        shape.len() > 1 && shape[0] != shape[1]
    };
    let tensor = chance.choose(&file.tensors(uneven)).clone();
    file.header[&tensor]["shape"]
        .as_array_mut()
        .unwrap()
        .swap(0, 1);
    file.save();
    format!("{}: the sides of {tensor} are swapped", file.name)
}

pub(super) fn place_past_the_end(model: &Path, chance: &mut Chance) -> String {
    let mut file = Safetensors::any(model, chance);
    let tensor = chance.choose(&file.tensors(|_| true)).clone();
    let by = *chance.choose(&[1_u64, 1 << 20, 1 << 40, (1 << 62) - 1]);
    let offsets = &mut file.header[&tensor]["data_offsets"];
    let end = file.data.len() as u64;
    let length = offsets[1].as_u64().unwrap() - offsets[0].as_u64().unwrap();
    *offsets = json!([
        end + by - length.min(by),
        end + by - length.min(by) + length
    ]);
    file.save();
    format!("{}: {tensor} lies {by} bytes past the end", file.name)
}

pub(super) fn reversed_place(model: &Path, chance: &mut Chance) -> String {
    let mut file = Safetensors::any(model, chance);
    let tensor = chance.choose(&file.tensors(|_| true)).clone();
    let offsets = &mut file.header[&tensor]["data_offsets"];
    *offsets = match chance.below(4) {
        0 => json!([offsets[1], offsets[0]]),
        1 => json!([-8, offsets[1]]),
        2 => json!([offsets[0]]),
        _ => json!(["0", offsets[1]]),
    };
    file.save();
    format!(
        "{}: {tensor} has places {}",
        file.name, file.header[&tensor]["data_offsets"]
    )
}

pub(super) fn renamed(model: &Path, chance: &mut Chance) -> String {
    let mut file = Safetensors::any(model, chance);
    let tensor = chance.choose(&file.tensors(|_| true)).clone();
    let header = file.header.as_object_mut().unwrap();
    let place = header.remove(&tensor).unwrap();
    header.insert(format!("{tensor}s"), place);
    file.save();
    format!("{}: {tensor} has another name", file.name)
}

pub(super) fn other_dtype(model: &Path, chance: &mut Chance) -> String {
    let mut file = Safetensors::any(model, chance);
    let tensor = chance.choose(&file.tensors(|_| true)).clone();
    let dtype = *chance.choose(&["F64", "I8", "I16", "BOOL", "F8_E4M3", "F32", "", "float"]);
    file.header[&tensor]["dtype"] = dtype.into();
    file.save();
    format!("{}: {tensor} is said to be {dtype:?}", file.name)
}

/// Damages every value of a tensor: a single one could have no effect on the result.
pub(super) fn not_a_number(model: &Path, chance: &mut Chance) -> String {
    let mut file = Safetensors::any(model, chance);
    let tensor = chance
        .choose(&file.tensors(|tensor| tensor["dtype"] == "F16"))
        .clone();
    let offsets = &file.header[&tensor]["data_offsets"];
    let place = offsets[0].as_u64().unwrap() as usize..offsets[1].as_u64().unwrap() as usize;
    for value in file.data[place].chunks_exact_mut(2) {
        value.copy_from_slice(&0x7E00_u16.to_le_bytes());
    }
    file.save();
    format!("{}: {tensor} is not a number", file.name)
}
