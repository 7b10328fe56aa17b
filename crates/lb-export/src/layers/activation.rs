//! Writes activation functions.

use std::f32::consts::FRAC_1_SQRT_2;

use super::Features;
use crate::graph::{Attribute, GraphWriter, Value};
use crate::options::GraphForm;

/// The activation functions of all networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// Exactly x·Φ(x), not an approximation by tanh.
    Gelu,
    /// The positive part of x.
    Relu,
    /// x·σ(1.702·x), an approximation of GELU.
    QuickGelu,
    /// x·σ(x), which is also called Swish.
    Silu,
}

impl GraphWriter<'_> {
    /// Writes an activation function of `x`.
    pub(crate) fn activate(&mut self, scope: &str, x: &Features, function: Activation) -> Features {
        let value = match (function, self.form) {
            (Activation::Gelu, GraphForm::Standard) => self.gelu(scope, &x.value),
            (Activation::Gelu, _) => self.node(scope, "Gelu", &[&x.value], &[]),
            (Activation::Relu, _) => self.node(scope, "Relu", &[&x.value], &[]),
            (Activation::QuickGelu, _) => self.sigmoid_gate(scope, &x.value, 1.702),
            (Activation::Silu, _) => self.sigmoid_gate(scope, &x.value, 1.0),
        };
        x.with_value(value)
    }

    /// Writes x·σ(α·x).
    fn sigmoid_gate(&mut self, scope: &str, x: &Value, alpha: f32) -> Value {
        if self.form != GraphForm::Standard {
            // This operator reads memory once, while Sigmoid and Mul read it twice.
            let alpha = [Attribute::Float("alpha", alpha)];
            return self.node(scope, "QuickGelu", &[x], &alpha);
        }
        let argument = match alpha {
            1.0 => x.clone(),
            alpha => {
                let alpha = self.number(alpha);
                self.node(scope, "Mul", &[x, &alpha], &[])
            }
        };
        let gate = self.node(scope, "Sigmoid", &[&argument], &[]);
        self.node(scope, "Mul", &[x, &gate], &[])
    }

    /// Writes x·(1 + erf(x/√2))/2. ONNX's operator `Gelu`, which opset 20 added, is missing from
    /// TensorRT's parser.
    fn gelu(&mut self, scope: &str, x: &Value) -> Value {
        let [scale, one, half] = [FRAC_1_SQRT_2, 1.0, 0.5].map(|number| self.number(number));
        let scaled = self.node(scope, "Mul", &[x, &scale], &[]);
        let erf = self.node(scope, "Erf", &[&scaled], &[]);
        let gate = self.node(scope, "Add", &[&erf, &one], &[]);
        let gate = self.node(scope, "Mul", &[&gate, &half], &[]);
        self.node(scope, "Mul", &[x, &gate], &[])
    }
}
