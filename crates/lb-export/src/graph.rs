//! A small writer of ONNX graphs whose weights stay in the files that they came in.

mod initializers;
mod onnx;
mod protobuf;

use std::collections::{BTreeMap, BTreeSet};

use crate::options::GraphForm;
use lb_checkpoint::Weights;

pub(crate) use onnx::{Attribute, Dimension, ElementType};

/// The version of ONNX's own operators that the graphs are written in. 20 has `Gelu`, and every
/// ONNX Runtime since 1.17 knows it.
const OPSET: i64 = 20;

/// The domain of ONNX Runtime's own operators.
pub(crate) const CONTRIBUTED: &str = "com.microsoft";

/// A value in the graph: an input, an initializer or a node's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value(String);

/// A graph being written. Node order is the order of the calls, so the bytes are deterministic.
pub(crate) struct GraphWriter<'w> {
    weights: &'w Weights,
    /// What each weight file is called in the graph.
    locations: Vec<String>,
    element: ElementType,
    form: GraphForm,
    parts: onnx::GraphParts,
    names: BTreeSet<String>,
    /// Initializers that exist already, by name.
    known: BTreeMap<String, Value>,
    files_used: BTreeSet<usize>,
}

/// A finished graph.
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    /// Indices into [`Weights::files`].
    pub(crate) files_used: BTreeSet<usize>,
    /// What most of it is computed in.
    pub(crate) element: ElementType,
}

impl<'w> GraphWriter<'w> {
    /// An empty graph over these weights whose arithmetic is done in `element`.
    pub(crate) fn new(
        name: &str,
        weights: &'w Weights,
        locations: Vec<String>,
        element: ElementType,
        form: GraphForm,
    ) -> Self {
        let parts = onnx::GraphParts {
            name: name.to_owned(),
            nodes: Vec::new(),
            initializers: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        Self {
            weights,
            locations,
            element,
            form,
            parts,
            names: BTreeSet::new(),
            known: BTreeMap::new(),
            files_used: BTreeSet::new(),
        }
    }

    /// Stands for an optional input that is not given.
    pub(crate) fn absent() -> Value {
        Value(String::new())
    }

    /// The number format of the graph's arithmetic.
    pub(crate) fn element(&self) -> ElementType {
        self.element
    }

    /// Whose operators the graph is written in.
    pub(crate) fn form(&self) -> GraphForm {
        self.form
    }

    /// Has everything written from here on computed in `element`.
    pub(crate) fn compute_in(&mut self, element: ElementType) {
        self.element = element;
    }

    /// Whether the weights have a tensor of this name.
    pub(crate) fn has_weight(&self, name: &str) -> bool {
        self.weights.contains(name)
    }

    /// Declares an input.
    pub(crate) fn input(&mut self, name: &str, element: ElementType, shape: &[Dimension]) -> Value {
        self.parts
            .inputs
            .push(onnx::value_info(name, element, shape));
        self.names.insert(name.to_owned());
        Value(name.to_owned())
    }

    /// Declares an output and gives it the value.
    pub(crate) fn output(
        &mut self,
        name: &str,
        element: ElementType,
        shape: &[Dimension],
        value: &Value,
    ) {
        self.parts
            .outputs
            .push(onnx::value_info(name, element, shape));
        self.parts
            .nodes
            .push(onnx::node(name, "", "Identity", &[&value.0], &[name], &[]));
    }

    /// Adds a node of ONNX's own operators with one output. `scope` is where in the network it
    /// belongs; it shows in profiles.
    pub(crate) fn node(
        &mut self,
        scope: &str,
        operator: &str,
        inputs: &[&Value],
        attributes: &[Attribute<'_>],
    ) -> Value {
        self.node_of("", scope, operator, inputs, attributes)
    }

    /// Adds a node of any domain's operators with one output.
    pub(crate) fn node_of(
        &mut self,
        domain: &str,
        scope: &str,
        operator: &str,
        inputs: &[&Value],
        attributes: &[Attribute<'_>],
    ) -> Value {
        let name = self.unused_name(format!("{scope}/{operator}"));
        let inputs: Vec<_> = inputs.iter().map(|value| value.0.as_str()).collect();
        self.parts.nodes.push(onnx::node(
            &name,
            domain,
            operator,
            &inputs,
            &[&name],
            attributes,
        ));
        Value(name)
    }

    /// Converts a value to another number format.
    pub(crate) fn cast(&mut self, scope: &str, value: &Value, element: ElementType) -> Value {
        self.node(
            scope,
            "Cast",
            &[value],
            &[Attribute::Integer("to", element as i64)],
        )
    }

    /// Joins values along an axis.
    pub(crate) fn concatenate(&mut self, scope: &str, values: &[&Value], axis: i64) -> Value {
        self.node(scope, "Concat", values, &[Attribute::Integer("axis", axis)])
    }

    /// An input in the graph's number format.
    pub(crate) fn enter_graph_format(&mut self, scope: &str, value: &Value) -> Value {
        match self.element {
            ElementType::Float32 => value.clone(),
            element => self.cast(scope, value, element),
        }
    }

    /// A result in the format of the outputs.
    pub(crate) fn leave_graph_format(&mut self, scope: &str, value: &Value) -> Value {
        match self.element {
            ElementType::Float32 => value.clone(),
            _ => self.cast(scope, value, ElementType::Float32),
        }
    }

    /// Encodes the graph.
    pub(crate) fn finish(self) -> Written {
        let bytes = onnx::model(self.parts, OPSET, self.form == GraphForm::OnnxRuntime);
        Written {
            bytes,
            files_used: self.files_used,
            element: self.element,
        }
    }

    fn unused_name(&mut self, wanted: String) -> String {
        let mut name = wanted.clone();
        let mut count = 1;
        while !self.names.insert(name.clone()) {
            count += 1;
            name = format!("{wanted}.{count}");
        }
        name
    }
}
