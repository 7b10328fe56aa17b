//! The graph's constants: weights, which stay in their files, and small numbers, which do not.

use std::ops::Range;

use super::{ElementType, GraphWriter, Value, onnx};
use crate::error::ExportError;
use lb_checkpoint::{Dtype, StoredTensor};

/// A weight as an initializer in the format of its file.
pub(crate) struct Stored {
    pub(crate) value: Value,
    pub(crate) element: ElementType,
}

impl GraphWriter<'_> {
    /// A weight in the graph's number format; its shape is checked.
    pub(crate) fn weight(&mut self, name: &str, shape: &[usize]) -> Result<Value, ExportError> {
        let stored = self.weight_as_stored(name, shape)?;
        Ok(self.in_graph_format(name, &stored))
    }

    /// Some rows (of the first axis) of a weight: a part of the file, so nothing is copied.
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

    /// A weight in the format that it is stored in: for lookups, which convert what they found.
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

    /// Float32 numbers of this shape under a name of their own.
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

    /// Weights that are stored in another format get a Cast, which the runtime folds at load.
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
