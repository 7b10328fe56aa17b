//! Tests of the file names that weights can have in a folder: variants, shards, and both together.

use std::fs;
use std::path::Path;

use lb_export::{Component, ExportOptions, build_graph};

use crate::{fixture, fixture_copy};

/// Returns the names of the weight files to which a component's graph refers.
fn locations(model: &Path, component: Component) -> Vec<String> {
    let graph = build_graph(model, component, &ExportOptions::default()).unwrap();
    let files = graph.weight_files.into_iter();
    files.map(|file| file.location).collect()
}

#[test]
fn the_fp16_variant_is_used_if_there_is_no_other() {
    let model = fixture("sd1");
    assert_eq!(
        locations(&model, Component::TextEncoder),
        ["model.fp16.safetensors"]
    );
    assert_eq!(
        locations(&model, Component::VaeDecoder),
        ["diffusion_pytorch_model.fp16.safetensors"]
    );
    let shards =
        [1, 2].map(|shard| format!("diffusion_pytorch_model.fp16-{shard:05}-of-00002.safetensors"));
    assert_eq!(locations(&model, Component::Unet), shards);
}

#[test]
fn full_precision_is_preferred_to_the_fp16_variant() {
    let model = fixture_copy("plain");
    let vae = model.path().join("vae");
    let full = vae.join("diffusion_pytorch_model.safetensors");
    let variant = vae.join("diffusion_pytorch_model.fp16.safetensors");
    fs::copy(&full, &variant).unwrap();
    let found = || locations(model.path(), Component::VaeDecoder);
    assert_eq!(found(), ["diffusion_pytorch_model.safetensors"]);
    fs::remove_file(full).unwrap();
    assert_eq!(found(), ["diffusion_pytorch_model.fp16.safetensors"]);
}

/// diffusers and transformers have both changed the position of the variant in an index's name.
#[test]
fn a_variants_index_is_found_under_both_of_its_names() {
    let model = fixture_copy("sd1");
    let unet = model.path().join("unet");
    let index = unet.join("diffusion_pytorch_model.safetensors.index.fp16.json");
    let other = unet.join("diffusion_pytorch_model.fp16.safetensors.index.json");
    let before = locations(model.path(), Component::Unet);
    fs::rename(index, other).unwrap();
    assert_eq!(locations(model.path(), Component::Unet), before);
}

#[test]
fn text_encoders_may_be_in_shards() {
    let model = fixture_copy("plain");
    let folder = model.path().join("text_encoder");
    let shard = "model-00001-of-00001.safetensors";
    let bytes = fs::read(folder.join("model.safetensors")).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..header]).unwrap();
    let mut map: serde_json::Map<_, _> = header
        .as_object()
        .unwrap()
        .keys()
        .map(|name| (name.clone(), shard.into()))
        .collect();
    map.remove("__metadata__");
    let index = serde_json::json!({ "metadata": {}, "weight_map": map });
    fs::rename(folder.join("model.safetensors"), folder.join(shard)).unwrap();
    fs::write(
        folder.join("model.safetensors.index.json"),
        index.to_string(),
    )
    .unwrap();
    assert_eq!(locations(model.path(), Component::TextEncoder), [shard]);
}
