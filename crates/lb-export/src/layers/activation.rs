//! Writes activation functions.

use std::f32::consts::FRAC_1_SQRT_2;

use crate::graph::{Attribute, CONTRIBUTED, GraphWriter, Value};
use crate::options::GraphForm;

/// The activation functions of all networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// Exactly x·Φ(x), not an approximation by tanh.
    Gelu,
    /// x·σ(1.702·x), an approximation of GELU.
    QuickGelu,
    /// x·σ(x), which is also called Swish.
    Silu,
}

/// Writes an activation function of `x`.
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

/// Writes x·σ(α·x).
fn sigmoid_gate(
    graph: &mut GraphWriter<'_>,
    scope: &str,
    x: &Value,
    alpha: f32,
    form: GraphForm,
) -> Value {
    if form == GraphForm::OnnxRuntime {
        // This operator reads memory once, while Sigmoid and Mul read it twice.
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

/// Writes x·(1 + erf(x/√2))/2. ONNX's operator `Gelu`, which opset 20 added, is missing from TensorRT's
/// parser.
fn gelu(graph: &mut GraphWriter<'_>, scope: &str, x: &Value) -> Value {
    let [scale, one, half] = [FRAC_1_SQRT_2, 1.0, 0.5].map(|number| graph.number(number));
    let scaled = graph.node(scope, "Mul", &[x, &scale], &[]);
    let erf = graph.node(scope, "Erf", &[&scaled], &[]);
    let gate = graph.node(scope, "Add", &[&erf, &one], &[]);
    let gate = graph.node(scope, "Mul", &[&gate, &half], &[]);
    graph.node(scope, "Mul", &[x, &gate], &[])
}
