//! Tests of properties that all graphs must have.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use lb_export::{Component, ExportOptions, Graph, GraphForm, Precision, build_graph};

use crate::onnx_reader::{Model, read};
use crate::{MODELS, components, fixture};

const FLOAT32: u64 = 1;
const FLOAT16: u64 = 10;

fn build(model: &str, component: Component) -> (Graph, Model) {
    build_in(GraphForm::default(), model, component)
}

fn build_in(form: GraphForm, model: &str, component: Component) -> (Graph, Model) {
    let options = ExportOptions::new(Precision::default(), form);
    let graph = build_graph(&fixture(model), component, &options).unwrap();
    let model = read(&graph.bytes);
    (graph, model)
}

/// Reads a safetensors header without the crate's code. The result maps names to (dtype, shape, first
/// byte, length).
pub(crate) fn header(path: &Path) -> BTreeMap<String, (String, Vec<u64>, u64, u64)> {
    let bytes = fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    let json: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length as usize]).unwrap();
    let tensors = json
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "__metadata__");
    tensors
        .map(|(name, entry)| {
            let numbers = |key: &str| -> Vec<u64> {
                entry[key]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|n| n.as_u64().unwrap())
                    .collect()
            };
            let offsets = numbers("data_offsets");
            let dtype = entry["dtype"].as_str().unwrap().to_owned();
            let (start, length) = (8 + length + offsets[0], offsets[1] - offsets[0]);
            (name.clone(), (dtype, numbers("shape"), start, length))
        })
        .collect()
}

#[test]
fn inputs_and_outputs_have_the_names_that_optimum_uses() {
    let expected: [(_, &[&str], &[&str]); 4] = [
        (
            Component::TextEncoder,
            &["input_ids"],
            &["last_hidden_state", "pooler_output"],
        ),
        (
            Component::Unet,
            &["sample", "timestep", "encoder_hidden_states"],
            &["out_sample"],
        ),
        (Component::VaeDecoder, &["latent_sample"], &["sample"]),
        (Component::VaeEncoder, &["sample"], &["latent_parameters"]),
    ];
    for (component, inputs, outputs) in expected {
        let (_, model) = build("plain", component);
        assert_eq!(model.inputs, inputs, "{component:?}");
        assert_eq!(model.outputs, outputs, "{component:?}");
    }
}

/// ONNX requires this of the order of nodes.
#[test]
fn every_value_is_computed_once_and_before_it_is_used() {
    for form in [GraphForm::OnnxRuntime, GraphForm::Cuda, GraphForm::Standard] {
        for model in MODELS {
            for component in components(model) {
                assert_order(&build_in(form, model, component).1);
            }
        }
    }
}

fn assert_order(graph: &Model) {
    let mut known: BTreeSet<_> = graph.inputs.iter().cloned().collect();
    for initializer in &graph.initializers {
        let name = &initializer.name;
        assert!(known.insert(name.clone()), "{name} twice");
    }
    for node in &graph.nodes {
        for input in node.inputs.iter().filter(|input| !input.is_empty()) {
            let operator = &node.operator;
            assert!(known.contains(input), "{operator} uses {input} too early");
        }
        for output in &node.outputs {
            assert!(known.insert(output.clone()), "{output} is computed twice");
        }
    }
    assert!(graph.outputs.iter().all(|output| known.contains(output)));
}

#[test]
fn initializers_refer_to_the_bytes_of_their_tensors() {
    for form in [GraphForm::OnnxRuntime, GraphForm::Cuda] {
        assert_initializers(form);
    }
}

fn assert_initializers(form: GraphForm) {
    for model in MODELS {
        for component in components(model) {
            let (graph, written) = build_in(form, model, component);
            let files: BTreeMap<_, _> = graph
                .weight_files
                .iter()
                .map(|file| (file.location.clone(), header(&file.path)))
                .collect();
            for initializer in written
                .initializers
                .iter()
                .filter(|i| !i.external.is_empty())
            {
                let [offset, length] =
                    ["offset", "length"].map(|key| initializer.external[key].parse().unwrap());
                // The initializer for some rows of a tensor is called `tensor[first..end]`.
                let (name, rows) = match initializer.name.split_once('[') {
                    Some((name, rows)) => (name, rows.strip_suffix(']')),
                    None => (initializer.name.as_str(), None),
                };
                let (dtype, shape, start, whole) = &files[&initializer.external["location"]][name];
                let expected = if dtype == "F16" { FLOAT16 } else { FLOAT32 };
                assert_eq!(initializer.data_type, expected, "{name}");
                let Some(rows) = rows else {
                    assert_eq!((offset, length), (*start, *whole), "{name}");
                    assert_eq!(&initializer.dims, shape, "{name}");
                    continue;
                };
                let (first, end) = rows.split_once("..").unwrap();
                let [first, end]: [u64; 2] = [first, end].map(|row| row.parse().unwrap());
                let row_bytes = whole / shape[0];
                assert_eq!(offset, start + first * row_bytes, "{name}");
                assert_eq!(length, (end - first) * row_bytes, "{name}");
                assert_eq!(initializer.dims[0], end - first, "{name}");
                assert_eq!(initializer.dims[1..], shape[1..], "{name}");
            }
        }
    }
}

/// If no graph refers to a tensor, a layer has been forgotten.
#[test]
fn every_tensor_of_the_files_is_used() {
    for form in [GraphForm::OnnxRuntime, GraphForm::Cuda] {
        assert_all_tensors_used(form);
    }
}

fn assert_all_tensors_used(form: GraphForm) {
    for model in MODELS {
        let mut stored = BTreeSet::new();
        let mut used = BTreeSet::new();
        for component in components(model) {
            let (graph, written) = build_in(form, model, component);
            for file in &graph.weight_files {
                let mut names: Vec<_> = header(&file.path).into_keys().collect();
                // transformers 4 also saved this buffer, which contains only the numbers 0, 1, 2, ….
                names.retain(|name| !name.ends_with("embeddings.position_ids"));
                let names = names.into_iter();
                stored.extend(names.map(|name| (component.source_name(), name)));
            }
            for initializer in written
                .initializers
                .iter()
                .filter(|i| !i.external.is_empty())
            {
                let name = initializer
                    .name
                    .split('[')
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                used.insert((component.source_name(), name));
            }
        }
        assert_eq!(stored, used, "{model}");
    }
}

#[test]
fn the_same_directory_gives_the_same_bytes() {
    for component in Component::ALL {
        assert_eq!(
            build("plain", component).0.bytes,
            build("plain", component).0.bytes
        );
    }
}

#[test]
fn weights_are_converted_only_if_the_graph_has_another_number_format() {
    let converted_weights = |model, precision| {
        let options = ExportOptions::new(precision, GraphForm::default());
        let graph = build_graph(&fixture(model), Component::VaeEncoder, &options).unwrap();
        let graph = read(&graph.bytes);
        let external = graph.initializers.iter().filter(|i| !i.external.is_empty());
        let weights: BTreeSet<_> = external.map(|i| i.name.clone()).collect();
        let casts = graph.nodes.iter().filter(|node| node.operator == "Cast");
        casts
            .filter(|node| weights.contains(&node.inputs[0]))
            .count()
    };
    assert_eq!(converted_weights("odd", Precision::Float32), 0);
    assert_eq!(converted_weights("plain", Precision::Float16), 0);
    assert!(converted_weights("plain", Precision::Float32) > 50);
    assert!(converted_weights("odd", Precision::Float16) > 50);
}
