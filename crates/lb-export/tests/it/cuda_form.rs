//! Tests of the form for CUDA: which operators take the place of which, what is left out, and where a
//! kernel does not take a node.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use lb_export::{Component, ExportOptions, GraphForm, Precision, build_graph};
use serde_json::Value;

use crate::onnx_reader::{Model, Node, read};
use crate::{MODELS, components, fixture, fixture_copy};

const SIZE: [usize; 2] = [16, 24];

fn build(model: &str, component: Component, precision: Precision, form: GraphForm) -> Model {
    let mut options = ExportOptions::new(precision, form);
    options.latent_size = Some(SIZE);
    read(
        &build_graph(&fixture(model), component, &options)
            .unwrap()
            .bytes,
    )
}

fn for_cuda(model: &str, component: Component) -> Model {
    build(model, component, Precision::Float16, GraphForm::Cuda)
}

/// How many nodes of each operator a graph has.
fn counts(graph: &Model) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for node in &graph.nodes {
        *counts.entry(node.operator.as_str()).or_default() += 1;
    }
    counts
}

fn count(graph: &Model, operator: &str) -> usize {
    counts(graph).get(operator).copied().unwrap_or_default()
}

/// The nodes that compute the inputs of this node.
fn makers<'g>(graph: &'g Model, node: &Node) -> Vec<&'g Node> {
    let nodes = graph.nodes.iter();
    let makes = |maker: &&Node| {
        maker
            .outputs
            .iter()
            .any(|output| node.inputs.contains(output))
    };
    nodes.filter(makes).collect()
}

/// The values that do not depend on inputs. Nodes are in the order in which they are computed.
fn constants(graph: &Model) -> BTreeSet<&str> {
    let weights = graph.initializers.iter().map(|weight| weight.name.as_str());
    let mut constants: BTreeSet<&str> = weights.collect();
    for node in &graph.nodes {
        let mut inputs = node.inputs.iter().filter(|input| !input.is_empty());
        if inputs.all(|input| constants.contains(input.as_str())) {
            constants.extend(node.outputs.iter().map(String::as_str));
        }
    }
    constants
}

#[test]
fn graphs_for_one_size_compute_no_shapes_of_pictures() {
    for form in [GraphForm::OnnxRuntime, GraphForm::Cuda, GraphForm::Standard] {
        for model in MODELS {
            for component in components(model) {
                let graph = build(model, component, Precision::Float16, form);
                // The text encoder takes any number of tokens.
                if component != Component::TextEncoder {
                    assert_eq!(count(&graph, "Shape"), 0, "{form:?} {model} {component:?}");
                }
            }
        }
    }
}

#[test]
fn every_size_in_a_graph_is_that_of_its_latents() {
    let graph = for_cuda("sd2", Component::VaeDecoder);
    let options = ExportOptions::new(Precision::Float16, GraphForm::Cuda);
    let open = build_graph(&fixture("sd2"), Component::VaeDecoder, &options).unwrap();
    assert_eq!(graph.input_sides, [[None, Some(4), Some(16), Some(24)]]);
    assert_eq!(read(&open.bytes).input_sides, [[None, Some(4), None, None]]);
    let encoder = for_cuda("sd2", Component::VaeEncoder);
    assert_eq!(encoder.input_sides, [[None, Some(3), Some(128), Some(192)]]);
}

#[test]
fn attention_is_not_converted_even_if_the_setting_asks_for_it() {
    let graph = for_cuda("sd2", Component::Unet);
    let attentions = graph.nodes.iter();
    let attentions: Vec<_> = attentions
        .filter(|node| node.operator == "MultiHeadAttention")
        .collect();
    assert_eq!(attentions.len(), 32);
    for attention in attentions {
        for maker in makers(&graph, attention) {
            assert_eq!(maker.operator, "FusedMatMul");
        }
    }
    // All conversions are at the inputs, at the output, and of what the runtime computes when it loads the
    // graph.
    let constants = constants(&graph);
    let casts = graph.nodes.iter().filter(|node| node.operator == "Cast");
    let mut computed: Vec<&str> = casts
        .map(|cast| cast.inputs[0].as_str())
        .filter(|value| !constants.contains(value))
        .collect();
    computed.retain(|value| !graph.inputs.iter().any(|input| input == value));
    assert_eq!(
        computed,
        ["time_proj/Concat", "conv_out/Conv"],
        "the timestep's waves and the output"
    );
}

#[test]
fn group_norms_are_single_nodes_with_their_silu_and_parameters_of_32_bits() {
    for (component, silus) in [(Component::Unet, 2), (Component::VaeDecoder, 0)] {
        let before = build("sd2", component, Precision::Float16, GraphForm::OnnxRuntime);
        let graph = for_cuda("sd2", component);
        let norms = count(&before, "InstanceNormalization");
        assert!(norms > 20);
        assert_eq!(count(&graph, "GroupNorm"), norms, "{component:?}");
        assert_eq!(count(&graph, "InstanceNormalization"), 0, "{component:?}");
        // What is left are those of the timestep.
        assert_eq!(count(&graph, "QuickGelu"), silus, "{component:?}");
        let types = graph.initializers.iter();
        let types: BTreeMap<&str, u64> = types
            .map(|weight| (weight.name.as_str(), weight.data_type))
            .collect();
        for norm in graph
            .nodes
            .iter()
            .filter(|node| node.operator == "GroupNorm")
        {
            let [before] = makers(&graph, norm)
                .into_iter()
                .filter(|maker| maker.operator != "Cast")
                .collect::<Vec<_>>()[..]
            else {
                panic!("{norm:?}")
            };
            // In a residual block, the second norm follows the addition of the time embedding.
            let channels_last = ["Transpose", "Add"];
            assert!(
                channels_last.contains(&before.operator.as_str()),
                "{before:?}"
            );
            for parameter in &norm.inputs[1..] {
                let cast = graph
                    .nodes
                    .iter()
                    .find(|node| node.outputs.contains(parameter));
                let element = match cast {
                    Some(cast) => cast.converts_to.unwrap(),
                    None => types[parameter.as_str()],
                };
                assert_eq!(element, 1, "{parameter}");
            }
        }
    }
}

/// The kernel reads two channels of a group at once.
#[test]
fn a_group_norm_that_the_kernel_does_not_take_is_written_in_the_other_way() {
    // 6 channels in 2 groups, and 8 channels in 2 groups.
    let graph = for_cuda("odd", Component::VaeDecoder);
    assert!(count(&graph, "GroupNorm") > 0);
    assert!(count(&graph, "InstanceNormalization") > 0);
    assert!(count(&graph, "QuickGelu") > 0);
    let model = fixture_copy("sd2");
    let path = model.path().join("unet/config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    // Of 8 groups, those of 8 channels have one each. Joined with as many others, they have two.
    for (groups, refused) in [(1, false), (2, false), (4, false), (8, true)] {
        config["norm_num_groups"] = groups.into();
        fs::write(&path, config.to_string()).unwrap();
        let options = ExportOptions::new(Precision::Float16, GraphForm::Cuda);
        let graph = build_graph(model.path(), Component::Unet, &options).unwrap();
        let graph = read(&graph.bytes);
        let others = count(&graph, "InstanceNormalization");
        assert_eq!(others > 0, refused, "{groups} groups");
        assert!(count(&graph, "GroupNorm") > 0, "{groups} groups");
    }
}

#[test]
fn weights_are_multiplied_as_they_lie() {
    for model in MODELS {
        for component in components(model) {
            let graph = for_cuda(model, component);
            assert_eq!(count(&graph, "MatMul"), 0, "{model} {component:?}");
            let weights: Vec<&str> = graph
                .initializers
                .iter()
                .map(|weight| weight.name.as_str())
                .collect();
            for node in graph
                .nodes
                .iter()
                .filter(|node| node.operator == "Transpose")
            {
                assert!(!weights.contains(&node.inputs[0].as_str()), "{node:?}");
            }
        }
    }
}

/// The golden models are narrower than the kernels' widths.
#[test]
fn kernels_for_some_widths_are_not_used_for_others() {
    for model in MODELS
        .into_iter()
        .filter(|model| components(model).contains(&Component::Unet))
    {
        let graph = for_cuda(model, Component::Unet);
        assert_eq!(count(&graph, "BiasSplitGelu"), 0, "{model}");
        assert_eq!(count(&graph, "BiasAdd"), 0, "{model}");
        assert!(count(&graph, "Gelu") > 0, "{model}");
    }
}
