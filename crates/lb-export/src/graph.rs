//! Writes ONNX graphs whose weights remain in the files in which they are published.

mod onnx;
mod protobuf;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use lb_checkpoint::{Dtype, StoredTensor, Weights};

use crate::error::ExportError;
use crate::options::GraphForm;

pub(crate) use onnx::{Attribute, Dimension, ElementType};

/// The version of the ONNX standard's operators. It is the first with `Gelu`, and ONNX Runtime supports it
/// since version 1.17.
const OPSET: i64 = 20;

/// The domain of ONNX Runtime's own operators, which are not part of the ONNX standard.
pub(crate) const CONTRIBUTED: &str = "com.microsoft";

/// The name of a value in the graph: an input, an initializer or the output of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value(String);

/// A graph that is being written. Its nodes are in the order in which they were added, so the same calls
/// give the same bytes.
pub(crate) struct GraphWriter<'w> {
    weights: &'w Weights,
    /// The names by which the graph refers to the weight files.
    locations: Vec<String>,
    element: ElementType,
    form: GraphForm,
    parts: onnx::GraphParts,
    names: BTreeSet<String>,
    /// The existing initializers and their conversions, by name.
    known: BTreeMap<String, Value>,
    files_used: BTreeSet<usize>,
}

/// A finished graph, encoded.
pub(crate) struct Written {
    pub(crate) bytes: Vec<u8>,
    /// The weight files to which the graph refers, as indices into [`Weights::files`].
    pub(crate) files_used: BTreeSet<usize>,
    /// The number format in which most of the graph computes.
    pub(crate) element: ElementType,
}

impl<'w> GraphWriter<'w> {
    /// Starts an empty graph that uses these weights and computes in the number format `element`.
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

    /// Returns the value that represents an omitted optional input.
    pub(crate) fn absent() -> Value {
        Value(String::new())
    }

    /// Returns the number format in which the graph computes.
    pub(crate) fn element(&self) -> ElementType {
        self.element
    }

    /// Returns which operators the graph uses.
    pub(crate) fn form(&self) -> GraphForm {
        self.form
    }

    /// Changes the number format in which all nodes compute that are added from now on.
    pub(crate) fn compute_in(&mut self, element: ElementType) {
        self.element = element;
    }

    /// Whether the weights have a tensor with this name.
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

    /// Declares an output, whose value is `value`.
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

    /// Adds a node with an operator of the ONNX standard and one output. `scope` is the part of the
    /// network to which the node belongs; the profiles of ONNX Runtime show it.
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

    /// Adds the conversion of a value to another number format.
    pub(crate) fn cast(&mut self, scope: &str, value: &Value, element: ElementType) -> Value {
        self.node(
            scope,
            "Cast",
            &[value],
            &[Attribute::Integer("to", element as i64)],
        )
    }

    /// Adds the concatenation of values along an axis.
    pub(crate) fn concatenate(&mut self, scope: &str, values: &[&Value], axis: i64) -> Value {
        self.node(scope, "Concat", values, &[Attribute::Integer("axis", axis)])
    }

    /// Converts a 32-bit value to the number format in which the graph computes, if that is another one.
    pub(crate) fn enter_graph_format(&mut self, scope: &str, value: &Value) -> Value {
        match self.element {
            ElementType::Float32 => value.clone(),
            element => self.cast(scope, value, element),
        }
    }

    /// Converts a value from the number format in which the graph computes to 32 bits, the format of the
    /// outputs.
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

/// An initializer for a weight, in the number format of the weight's file.
pub(crate) struct Stored {
    pub(crate) value: Value,
    pub(crate) element: ElementType,
}

/// Adds the graph's constants: weights, which remain in their files, and small lists of numbers, which
/// are part of the graph.
impl GraphWriter<'_> {
    /// Adds a weight, converted to the number format in which the graph computes. The shape must be that
    /// of the stored tensor.
    pub(crate) fn weight(&mut self, name: &str, shape: &[usize]) -> Result<Value, ExportError> {
        let stored = self.weight_as_stored(name, shape)?;
        Ok(self.in_graph_format(name, &stored))
    }

    /// Adds some rows of a weight along its first axis. They are a smaller range of the same file.
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

    /// Adds a weight in the number format of its file. It is for lookups, which convert their results.
    pub(crate) fn weight_as_stored(
        &mut self,
        name: &str,
        shape: &[usize],
    ) -> Result<Stored, ExportError> {
        let tensor = self.weights.tensor(name, shape)?;
        Ok(self.initializer(name, &tensor))
    }

    /// Adds a list of integers, such as a shape or axes.
    pub(crate) fn integers(&mut self, values: &[i64]) -> Value {
        let name = format!("integers{values:?}").replace(' ', "");
        let bytes: Vec<_> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.constant(name, ElementType::Int64, &[values.len()], &bytes)
    }

    /// Adds one number, in the number format in which the graph computes.
    pub(crate) fn number(&mut self, number: f32) -> Value {
        let name = format!("number({number})");
        let value = self.float32s(&name, &[], &[number]);
        let stored = Stored {
            value,
            element: ElementType::Float32,
        };
        self.in_graph_format(&name, &stored)
    }

    /// Adds 32-bit floats of this shape. If a constant with this name already exists, it is used instead.
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

    /// Adds a conversion if a weight is stored in another number format than the graph's. The runtime
    /// computes it once, when it loads the graph.
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
