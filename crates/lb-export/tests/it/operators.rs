//! Compares the operators, versions and number formats in the graphs with those that the execution
//! providers for GPUs support.
//!
//! The tables below come from documentation and were not tested on a GPU. `docs/benchmarks.md` discusses
//! them.

use std::collections::{BTreeMap, BTreeSet};

use lb_export::{Component, ExportOptions, GraphForm, Precision, build_graph};

use crate::onnx_reader::{Model, Node, read};
use crate::{MODELS, components, fixture};

const FLOAT: u64 = 1;
const INT64: u64 = 7;
const BOOL: u64 = 9;
const HALF: u64 = 10;

const FLOATS: &[u64] = &[FLOAT, HALF];
const FLOATS_AND_INT64: &[u64] = &[FLOAT, HALF, INT64];
const ANY: &[u64] = &[FLOAT, HALF, INT64, BOOL];

/// The domain, the operator, the first and the last opset that the kernel supports (0 if there is no last
/// one), and the number formats of its first input that it supports.
type Kernel = (&'static str, &'static str, u64, u64, &'static [u64]);

/// The table "Operators implemented by CUDAExecutionProvider" in `docs/OperatorKernels.md` of the
/// repository microsoft/onnxruntime, commit 001d12d2.
const CUDA: &[Kernel] = &[
    ("", "Add", 14, 0, FLOATS_AND_INT64),
    ("", "ArgMax", 13, 0, FLOATS),
    ("", "Cast", 19, 20, ANY),
    ("", "Concat", 13, 0, ANY),
    ("", "Conv", 11, 21, FLOATS),
    ("", "Cos", 7, 0, FLOATS),
    ("", "DepthToSpace", 13, 0, FLOATS),
    ("", "Equal", 13, 0, ANY),
    ("", "Erf", 13, 0, FLOATS),
    ("", "Gather", 13, 0, ANY),
    ("", "GatherND", 13, 0, FLOATS_AND_INT64),
    ("", "Gelu", 20, 0, FLOATS),
    ("", "Identity", 19, 0, ANY),
    ("", "InstanceNormalization", 6, 0, FLOATS),
    ("", "LayerNormalization", 17, 0, FLOATS),
    ("", "MatMul", 13, 0, FLOATS),
    ("", "Mul", 14, 0, FLOATS_AND_INT64),
    ("", "Relu", 14, 0, FLOATS),
    ("", "Reshape", 19, 20, ANY),
    ("", "Resize", 19, 0, FLOATS),
    ("", "Shape", 19, 20, ANY),
    ("", "Sigmoid", 13, 0, FLOATS),
    ("", "Sin", 7, 0, FLOATS),
    ("", "Slice", 13, 0, ANY),
    ("", "Softmax", 13, 0, FLOATS),
    ("", "Tanh", 13, 0, FLOATS),
    ("", "Transpose", 13, 20, ANY),
    ("com.microsoft", "BiasAdd", 1, 0, FLOATS),
    ("com.microsoft", "BiasSplitGelu", 1, 0, FLOATS),
    ("com.microsoft", "FusedMatMul", 1, 0, FLOATS),
    ("com.microsoft", "GroupNorm", 1, 0, FLOATS),
    ("com.microsoft", "MultiHeadAttention", 1, 0, FLOATS),
    ("com.microsoft", "QuickGelu", 1, 0, FLOATS),
];

/// The table in `docs/operators.md` of the repository onnx/onnx-tensorrt for TensorRT 8.5 (commit
/// 6d0ab7be), and what was added later according to its `docs/Changelog.md` (commit 0137504e, up to
/// 10.6): `LayerNormalization` with 8.6, and int64 with 9.0. The parser accepts all versions of these
/// operators.
const TENSORRT: &[Kernel] = &[
    ("", "Add", 1, 0, FLOATS_AND_INT64),
    ("", "ArgMax", 1, 0, FLOATS),
    ("", "Cast", 1, 0, ANY),
    ("", "Concat", 1, 0, ANY),
    ("", "Conv", 1, 0, FLOATS),
    ("", "Cos", 1, 0, FLOATS),
    ("", "Equal", 1, 0, FLOATS_AND_INT64),
    ("", "Erf", 1, 0, FLOATS),
    ("", "Gather", 1, 0, ANY),
    ("", "GatherND", 1, 0, ANY),
    ("", "Identity", 1, 0, ANY),
    ("", "InstanceNormalization", 1, 0, FLOATS),
    ("", "LayerNormalization", 1, 0, FLOATS),
    ("", "MatMul", 1, 0, FLOATS),
    ("", "Mul", 1, 0, FLOATS_AND_INT64),
    ("", "Relu", 1, 0, FLOATS),
    ("", "Reshape", 1, 0, ANY),
    ("", "Resize", 1, 0, FLOATS),
    ("", "Shape", 1, 0, ANY),
    ("", "Sigmoid", 1, 0, FLOATS),
    ("", "Sin", 1, 0, FLOATS),
    ("", "Slice", 1, 0, ANY),
    ("", "Softmax", 1, 0, FLOATS),
    ("", "Tanh", 1, 0, FLOATS),
    ("", "Transpose", 1, 0, ANY),
];

/// Builds the graphs of all golden models in both precisions.
fn graphs(form: GraphForm) -> Vec<(String, Model)> {
    let mut graphs = Vec::new();
    for model in MODELS {
        for component in components(model) {
            for precision in [Precision::Float32, Precision::Float16] {
                let options = ExportOptions::new(precision, form);
                let graph = build_graph(&fixture(model), component, &options).unwrap();
                let name = format!("{model} {component:?} {precision:?}");
                graphs.push((name, read(&graph.bytes)));
            }
        }
    }
    assert_eq!(graphs.len(), 46);
    graphs
}

/// Finds the number formats of all values. With a few exceptions, a node's output has the format of its
/// first input.
fn types(model: &Model) -> BTreeMap<&str, u64> {
    let inputs = model.inputs.iter().map(String::as_str);
    let mut types: BTreeMap<&str, u64> = inputs.zip(model.input_types.clone()).collect();
    let constants = model.initializers.iter();
    types.extend(constants.map(|constant| (constant.name.as_str(), constant.data_type)));
    for node in &model.nodes {
        let given = match node.operator.as_str() {
            "Cast" => node.converts_to.unwrap(),
            "Shape" | "ArgMax" => INT64,
            "Equal" => BOOL,
            _ => types[node.inputs[0].as_str()],
        };
        types.extend(node.outputs.iter().map(|output| (output.as_str(), given)));
    }
    types
}

/// Finds the nodes of these graphs that no row of the table supports.
fn missing(graphs: &[(String, Model)], kernels: &[Kernel]) -> BTreeSet<String> {
    let mut missing = BTreeSet::new();
    for (name, model) in graphs {
        let types = types(model);
        for node in &model.nodes {
            let opset = model.opsets[&node.domain];
            let found = types[node.inputs[0].as_str()];
            let fits = |&&(domain, operator, first, last, allowed): &&Kernel| {
                (domain, operator) == (node.domain.as_str(), node.operator.as_str())
                    && first <= opset
                    && (last == 0 || opset <= last)
                    && allowed.contains(&found)
            };
            if kernels.iter().find(fits).is_none() {
                let operator = &node.operator;
                missing.insert(format!("{name}: {operator} {opset} of type {found}"));
            }
        }
    }
    missing
}

#[test]
fn cuda_has_kernels_for_every_node_of_all_forms() {
    for form in [GraphForm::OnnxRuntime, GraphForm::Cuda, GraphForm::Standard] {
        let missing = missing(&graphs(form), CUDA);
        assert!(missing.is_empty(), "{form:?}: {missing:#?}");
    }
}

#[test]
fn tensorrt_parses_every_node_of_the_standard_form() {
    let graphs = graphs(GraphForm::Standard);
    let missing = missing(&graphs, TENSORRT);
    assert!(missing.is_empty(), "{missing:#?}");
    for (name, model) in &graphs {
        assert!(!model.opsets.contains_key("com.microsoft"), "{name}");
    }
}

/// `docs/operators.md` of onnx/onnx-tensorrt says which inputs must be initializers.
#[test]
fn inputs_that_tensorrt_requires_as_constants_are_initializers() {
    for (name, model) in graphs(GraphForm::Standard) {
        let constants = model.initializers.iter();
        let constants: BTreeSet<&str> = constants.map(|constant| constant.name.as_str()).collect();
        let of = |operator: &'static str| {
            let nodes = model.nodes.iter();
            nodes.filter(move |node: &&Node| node.operator == operator)
        };
        for (operator, input) in [
            ("InstanceNormalization", 1),
            ("InstanceNormalization", 2),
            ("Slice", 3),
            ("Resize", 2),
        ] {
            for node in of(operator) {
                let input = node.inputs[input].as_str();
                assert!(constants.contains(input), "{name}: {operator} of {input}");
            }
        }
    }
}

/// This is why there is a second form.
#[test]
fn tensorrt_does_not_parse_the_form_for_onnx_runtime() {
    let options = ExportOptions::default();
    let graph = build_graph(&fixture("sd2"), Component::Unet, &options).unwrap();
    let graphs = [(String::new(), read(&graph.bytes))];
    let missing = missing(&graphs, TENSORRT);
    let expected = [
        ": DepthToSpace 20 of type 1",
        ": Gelu 20 of type 1",
        ": MultiHeadAttention 1 of type 1",
        ": QuickGelu 1 of type 1",
    ];
    assert_eq!(missing, expected.map(String::from).into());
}
