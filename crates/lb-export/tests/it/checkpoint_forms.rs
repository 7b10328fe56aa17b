//! Tests with models in all three forms in which models are published. `make_checkpoints.py` in
//! lb-checkpoint makes the fixtures, and derives the names from CompVis' code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use lb_export::{Component, ExportOptions, build_graph};

use crate::import::{golden, import_golden};
use crate::onnx_reader::{Model, read};
use crate::structure::header;

/// Builds a graph, and reads the bytes of each of its weights.
fn resolved(directory: &Path, component: Component) -> (Model, BTreeMap<String, Vec<u8>>) {
    let graph = build_graph(directory, component, &ExportOptions::default()).unwrap();
    let model = read(&graph.bytes);
    let files: BTreeMap<_, _> = graph
        .weight_files
        .iter()
        .map(|file| (file.location.clone(), fs::read(&file.path).unwrap()))
        .collect();
    let external = model.initializers.iter().filter(|i| !i.external.is_empty());
    let weights = external.map(|initializer| {
        let [offset, length]: [usize; 2] =
            ["offset", "length"].map(|key| initializer.external[key].parse().unwrap());
        let file = &files[&initializer.external["location"]];
        (
            initializer.name.clone(),
            file[offset..offset + length].to_vec(),
        )
    });
    let weights = weights.collect();
    (model, weights)
}

fn shapes(model: &Model) -> BTreeMap<&str, (&[u64], u64)> {
    let initializers = model.initializers.iter();
    initializers
        .map(|i| (i.name.as_str(), (i.dims.as_slice(), i.data_type)))
        .collect()
}

#[test]
fn all_forms_of_a_model_give_the_same_graphs_and_weights() {
    let folder = tempfile::tempdir().unwrap();
    let forms = [
        ("sd2/checkpoint.safetensors", "sd2/diffusers"),
        ("sd2/checkpoint.ckpt", "sd2/diffusers"),
        ("sd1/checkpoint.safetensors", "sd1/diffusers"),
        ("x4/checkpoint.safetensors", "x4/diffusers"),
    ];
    for (index, (form, reference)) in forms.into_iter().enumerate() {
        let target = folder.path().join(index.to_string());
        import_golden(form, &target);
        for component in Component::ALL {
            let (expected, expected_weights) = resolved(&golden(reference), component);
            let (found, weights) = resolved(&target, component);
            assert!(expected_weights.len() > 20);
            assert_eq!(weights, expected_weights, "{form}, {component:?}");
            assert_eq!(shapes(&found), shapes(&expected), "{form}, {component:?}");
            assert_eq!(found.nodes, expected.nodes, "{form}, {component:?}");
        }
    }
}

/// Each tensor of the networks is used under exactly one name. The exceptions are tensors that Stable
/// Diffusion does not use.
#[test]
fn every_tensor_of_a_checkpoint_is_used_once() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    import_golden("sd2/checkpoint.safetensors", &target);
    let mut unused = header(&target.join("checkpoint.safetensors"));
    let mut taken: BTreeMap<String, BTreeSet<(u64, u64)>> = BTreeMap::new();
    for component in Component::ALL {
        let graph = build_graph(&target, component, &ExportOptions::default()).unwrap();
        let model = read(&graph.bytes);
        let tensors = header(&target.join("checkpoint.safetensors"));
        for initializer in model.initializers.iter().filter(|i| !i.external.is_empty()) {
            let [offset, length]: [u64; 2] =
                ["offset", "length"].map(|key| initializer.external[key].parse().unwrap());
            let holds = |(_, (_, _, start, whole)): &(&String, &(String, Vec<u64>, u64, u64))| {
                *start <= offset && offset + length <= start + whole
            };
            let holders: Vec<_> = tensors.iter().filter(holds).collect();
            assert_eq!(holders.len(), 1, "{}", initializer.name);
            let key = holders[0].0;
            assert!(
                taken
                    .entry(key.clone())
                    .or_default()
                    .insert((offset, length)),
                "{key} is used twice"
            );
            unused.remove(key);
        }
    }
    for (key, ranges) in &taken {
        let (_, _, _, whole) = &header(&target.join("checkpoint.safetensors"))[key];
        let sum: u64 = ranges.iter().map(|(_, length)| length).sum();
        assert_eq!(sum, *whole, "only a part of {key} is used");
    }
    let known = |key: &String| {
        key.starts_with("cond_stage_model.model.transformer.resblocks.2.")
            || key.ends_with("text_projection")
            || key.ends_with("logit_scale")
            || key == "betas"
            || key == "model_ema.decay"
    };
    assert!(unused.keys().all(known), "{:?}", unused.keys());
}
