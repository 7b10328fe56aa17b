//! A small writer of ONNX graphs whose weights stay in the files in which they are published.

mod onnx;
mod protobuf;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use lb_checkpoint::{Dtype, StoredTensor, Weights};

use crate::error::ExportError;
use crate::options::GraphForm;

pub(crate) use onnx::{Attribute, Dimension, ElementType};

/// The version of ONNX's own operators that the graphs are written in. 20 has `Gelu`, and every
/// ONNX Runtime since 1.17 knows it.
const OPSET: i64 = 20;

/// The domain of ONNX Runtime's own operators.
pub(crate) const CONTRIBUTED: &str = "com.microsoft";

/// A value in the graph: an input, an initializer or a node's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value(String);

/// A graph that is being written. Nodes are in the order of the calls, so the bytes are deterministic.
pub(crate) struct GraphWriter<'w> {
    weights: &'w Weights,
    /// The names of the weight files in the graph.
    locations: Vec<String>,
    element: ElementType,
    form: GraphForm,
    parts: onnx::GraphParts,
    names: BTreeSet<String>,
    /// The initializers (and their conversions) that exist, by name.
    known: BTreeMap<String, Value>,
    files_used: BTreeSet<usize>,
}

/// A finished graph.
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    /// Indices into [`Weights::files`].
    pub(crate) files_used: BTreeSet<usize>,
    /// The number format of most of its arithmetic.
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

    /// The value for an optional input that is not given.
    pub(crate) fn absent() -> Value {
        Value(String::new())
    }

    /// The number format of the graph's arithmetic.
    pub(crate) fn element(&self) -> ElementType {
        self.element
    }

    /// Which operators the graph uses.
    pub(crate) fn form(&self) -> GraphForm {
        self.form
    }

    /// Changes the number format of everything that is written from here on.
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

    /// Adds a node with one of ONNX's own operators and one output. `scope` is the part of the network
    /// to which it belongs; profiles show it.
    pub(crate) fn node(
        &mut self,
        scope: &str,
        operator: &str,
        inputs: &[&Value],
        attributes: &[Attribute<'_>],
    ) -> Value {
        self.node_of("", scope, operator, inputs, attributes)
    }

    /// Adds a node with an operator of any domain and one output.
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

    /// A result in the number format of the outputs.
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

/// A weight as an initializer in the number format of its file.
pub(crate) struct Stored {
    pub(crate) value: Value,
    pub(crate) element: ElementType,
}

/// The graph's constants: weights, which stay in their files, and small numbers, which do not.
impl GraphWriter<'_> {
    /// A weight in the graph's number format; its shape is checked.
    pub(crate) fn weight(&mut self, name: &str, shape: &[usize]) -> Result<Value, ExportError> {
        let stored = self.weight_as_stored(name, shape)?;
        Ok(self.in_graph_format(name, &stored))
    }

    /// Some rows of a weight, along its first axis: a smaller range of the file, so nothing is copied.
    pub(crate) fn weight_rows(
        &mut self,
        name: &str,
        shape: &[usize],
        rows: Range<usize>,
    ) -> Result<Value, ExportError> {
        let whole = self.weights.tensor(name, shape)?;
        let row_bytes = whole.length / whole.shape[0].max(1) as u64;
        let mut shape = whole.shape.clone();
        shape[0] = rows.len();
        let part = StoredTensor {
            shape,
            offset: whole.offset + row_bytes * rows.start as u64,
            length: row_bytes * rows.len() as u64,
            ..whole
        };
        let name = format!("{name}[{}..{}]", rows.start, rows.end);
        let stored = self.initializer(&name, &part);
        Ok(self.in_graph_format(&name, &stored))
    }

    /// A weight in the number format of its file, for lookups that convert what they find.
    pub(crate) fn weight_as_stored(
        &mut self,
        name: &str,
        shape: &[usize],
    ) -> Result<Stored, ExportError> {
        let tensor = self.weights.tensor(name, shape)?;
        Ok(self.initializer(name, &tensor))
    }

    /// A list of integers, such as a shape or axes.
    pub(crate) fn integers(&mut self, values: &[i64]) -> Value {
        let name = format!("integers{values:?}").replace(' ', "");
        let bytes: Vec<_> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.constant(name, ElementType::Int64, &[values.len()], &bytes)
    }

    /// One number in the graph's number format.
    pub(crate) fn number(&mut self, number: f32) -> Value {
        let name = format!("number({number})");
        let value = self.float32s(&name, &[], &[number]);
        let stored = Stored {
            value,
            element: ElementType::Float32,
        };
        self.in_graph_format(&name, &stored)
    }

    /// 32-bit floats of this shape under a name of their own.
    pub(crate) fn float32s(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        let bytes: Vec<_> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.constant(name.to_owned(), ElementType::Float32, shape, &bytes)
    }

    fn initializer(&mut self, name: &str, tensor: &StoredTensor) -> Stored {
        let element = match tensor.dtype {
            Dtype::F32 => ElementType::Float32,
            Dtype::F16 => ElementType::Float16,
            Dtype::BF16 => ElementType::BFloat16,
        };
        if let Some(value) = self.known.get(name) {
            return Stored {
                value: value.clone(),
                element,
            };
        }
        self.files_used.insert(tensor.file);
        self.parts.initializers.push(onnx::external_tensor(
            name,
            element,
            &tensor.shape,
            &self.locations[tensor.file],
            tensor.offset,
            tensor.length,
        ));
        Stored {
            value: self.remember(name.to_owned()),
            element,
        }
    }

    /// Weights that are stored in another format get a Cast, which the runtime folds when it loads the
    /// graph.
    fn in_graph_format(&mut self, name: &str, stored: &Stored) -> Value {
        if stored.element == self.element {
            return stored.value.clone();
        }
        let key = format!("{name}/converted to {:?}", self.element);
        if let Some(value) = self.known.get(&key) {
            return value.clone();
        }
        let value = self.cast(name, &stored.value, self.element);
        self.known.insert(key, value.clone());
        value
    }

    fn constant(
        &mut self,
        name: String,
        element: ElementType,
        shape: &[usize],
        bytes: &[u8],
    ) -> Value {
        if let Some(value) = self.known.get(&name) {
            return value.clone();
        }
        self.parts
            .initializers
            .push(onnx::inline_tensor(&name, element, shape, bytes));
        self.remember(name)
    }

    fn remember(&mut self, name: String) -> Value {
        self.names.insert(name.clone());
        let value = Value(name.clone());
        self.known.insert(name, value.clone());
        value
    }
}
