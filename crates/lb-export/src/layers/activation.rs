//! Nonlinearities.

use std::f32::consts::FRAC_1_SQRT_2;

use crate::graph::{Attribute, CONTRIBUTED, GraphWriter, Value};
use crate::options::GraphForm;

/// The nonlinearities of the text encoder and the transformers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// x·Φ(x), exact.
    Gelu,
    /// x·σ(1.702·x).
    QuickGelu,
    /// x·σ(x).
    Silu,
}

/// Applies an activation.
pub(crate) fn activate(
    graph: &mut GraphWriter<'_>,
    scope: &str,
    x: &Value,
    activation: Activation,
) -> Value {
    match (activation, graph.form()) {
        (Activation::Gelu, GraphForm::OnnxRuntime) => graph.node(scope, "Gelu", &[x], &[]),
        (Activation::Gelu, GraphForm::Standard) => gelu(graph, scope, x),
        (Activation::QuickGelu, form) => sigmoid_gate(graph, scope, x, 1.702, form),
        (Activation::Silu, form) => sigmoid_gate(graph, scope, x, 1.0, form),
    }
}

/// x·σ(α·x).
fn sigmoid_gate(
    graph: &mut GraphWriter<'_>,
    scope: &str,
    x: &Value,
    alpha: f32,
    form: GraphForm,
) -> Value {
    if form == GraphForm::OnnxRuntime {
        // One pass over memory where Sigmoid and Mul are two.
        let alpha = [Attribute::Float("alpha", alpha)];
        return graph.node_of(CONTRIBUTED, scope, "QuickGelu", &[x], &alpha);
    }
    let argument = match alpha {
        1.0 => x.clone(),
        alpha => {
            let alpha = graph.number(alpha);
            graph.node(scope, "Mul", &[x, &alpha], &[])
        }
    };
    let gate = graph.node(scope, "Sigmoid", &[&argument], &[]);
    graph.node(scope, "Mul", &[x, &gate], &[])
}

/// x·(1 + erf(x/√2))/2. ONNX's `Gelu` came with opset 20, after TensorRT's parser.
fn gelu(graph: &mut GraphWriter<'_>, scope: &str, x: &Value) -> Value {
    let [scale, one, half] = [FRAC_1_SQRT_2, 1.0, 0.5].map(|number| graph.number(number));
    let scaled = graph.node(scope, "Mul", &[x, &scale], &[]);
    let erf = graph.node(scope, "Erf", &[&scaled], &[]);
    let gate = graph.node(scope, "Add", &[&erf, &one], &[]);
    let gate = graph.node(scope, "Mul", &[&gate, &half], &[]);
    graph.node(scope, "Mul", &[x, &gate], &[])
}
