//! Tests of the differences between the kinds of models: additional inputs, attention to the text only,
//! and parts that compute in 32 bits even in a 16-bit graph.

use std::fs;

use lb_export::{Component, ExportOptions, GraphForm, Precision, build_graph};
use serde_json::{Value, json};

use crate::onnx_reader::{Model, read};
use crate::{fixture, fixture_copy};

fn build(model: &str, component: Component, precision: Precision) -> Model {
    let options = ExportOptions::new(precision, GraphForm::default());
    read(
        &build_graph(&fixture(model), component, &options)
            .unwrap()
            .bytes,
    )
}

/// For each input of each node with this operator, returns the operator of the node that computes it.
fn operands<'m>(model: &'m Model, operator: &str) -> Vec<&'m str> {
    let made_by = |value: &String| {
        let mut makers = model
            .nodes
            .iter()
            .filter(|node| node.outputs.contains(value));
        makers.next().map_or("", |node| node.operator.as_str())
    };
    let nodes = model.nodes.iter().filter(|node| node.operator == operator);
    nodes
        .flat_map(|node| node.inputs.iter().map(made_by))
        .collect()
}

#[test]
fn only_the_upscaler_takes_class_labels() {
    for (model, expected) in [
        ("sd1", vec!["sample", "timestep", "encoder_hidden_states"]),
        (
            "sd2_upscaler",
            vec![
                "sample",
                "timestep",
                "encoder_hidden_states",
                "class_labels",
            ],
        ),
    ] {
        let graph = build(model, Component::Unet, Precision::Float32);
        assert_eq!(graph.inputs, expected, "{model}");
    }
}

/// Changes settings of a model's UNet, and returns the error if its weights no longer fit.
fn refusal(model: &str, settings: &[(&str, Value)]) -> Option<String> {
    let copy = fixture_copy(model);
    let path = copy.path().join("unet/config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (key, value) in settings {
        config[key] = value.clone();
    }
    fs::write(&path, config.to_string()).unwrap();
    let built = build_graph(copy.path(), Component::Unet, &ExportOptions::default());
    built.err().map(|error| error.to_string())
}

/// If the first attention of a layer attends to the text, its keys have the width of the text (12) rather
/// than of the picture (8 or 16). The weights do not fit then, and the error shows which block the setting
/// has changed.
#[test]
fn attention_to_the_text_only_is_set_for_each_block() {
    let cases = [
        (json!(true), "down_blocks.0"),
        (json!([false, true, false]), "down_blocks.1"),
        (json!([true, false, false]), "down_blocks.0"),
    ];
    for (blocks, named) in cases {
        let message = refusal("plain", &[("only_cross_attention", blocks.clone())]).unwrap();
        let tensor = format!("{named}.attentions.0.transformer_blocks.0.attn1.to_k");
        assert!(message.contains(&tensor), "{blocks}: {message}");
        assert!(message.contains(", 12]"), "{blocks}: {message}");
    }
    // The last block has no transformer, so nothing changes.
    let last = json!([false, false, true]);
    assert_eq!(refusal("plain", &[("only_cross_attention", last)]), None);
    // diffusers has a setting for the middle block, but does not use it.
    let mid = ("mid_block_only_cross_attention", json!(true));
    assert_eq!(refusal("plain", &[mid]), None);
}

#[test]
fn invalid_values_of_these_settings_are_refused() {
    let cases = [
        ("only_cross_attention", json!([true, false]), "a list of 3"),
        (
            "only_cross_attention",
            json!([true, false, 1]),
            "a list of 3",
        ),
        ("only_cross_attention", json!("yes"), "true or false"),
        ("upcast_attention", json!([true]), "true or false"),
        ("num_class_embeds", json!(0), "from 1"),
        ("num_class_embeds", json!(10), "class_embedding.weight"),
        ("num_attention_heads", json!(4), "null"),
    ];
    for (key, value, expected) in cases {
        let message = refusal("plain", &[(key, value.clone())]).unwrap();
        assert!(message.contains(expected), "{key} = {value}: {message}");
    }
}

#[test]
fn upcast_attention_is_computed_in_32_bits() {
    let upcast = build("sd2", Component::Unet, Precision::Float16);
    let attention = operands(&upcast, "MultiHeadAttention");
    assert!(attention.len() > 30 && attention.iter().all(|maker| *maker == "Cast"));
    for (model, precision) in [("sd1", Precision::Float16), ("sd2", Precision::Float32)] {
        let graph = build(model, Component::Unet, precision);
        assert!(
            !operands(&graph, "MultiHeadAttention").contains(&"Cast"),
            "{model}"
        );
    }
}

#[test]
fn the_upscalers_decoder_always_computes_in_32_bits() {
    let bytes = |model, component, precision| {
        build_graph(
            &fixture(model),
            component,
            &ExportOptions::new(precision, GraphForm::default()),
        )
        .unwrap()
        .bytes
    };
    for (model, component, stays) in [
        ("sd2_upscaler", Component::VaeDecoder, true),
        ("sd2_upscaler", Component::VaeEncoder, false),
        ("sd2", Component::VaeDecoder, false),
    ] {
        let [wide, narrow] = [Precision::Float32, Precision::Float16]
            .map(|precision| bytes(model, component, precision));
        assert_eq!(wide == narrow, stays, "{model} {component:?}");
    }
}
