//! Writes ONNX graphs whose weights remain in the files in which they are published.

mod onnx;
mod protobuf;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

use lb_checkpoint::{CheckpointError, Dtype, StoredTensor, Weights};

use crate::lora::LoraLayers;
use crate::options::{ExportOptions, GraphForm, Precision};

pub(crate) use onnx::{Attribute, Dimension, ElementType};

/// The version of the ONNX standard's operators. It is the first with `Gelu`, and ONNX Runtime supports it
/// since version 1.17.
const OPSET: i64 = 20;

/// The name of a value in the graph: an input, an initializer or the output of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value(String);

impl Value {
    /// Returns the value that represents an omitted optional input.
    pub(crate) fn absent() -> Self {
        Self(String::new())
    }
}

/// The graph of one component, in memory.
#[derive(Clone, Debug)]
pub struct Graph {
    /// An ONNX file (`ModelProto`) whose weights are external data.
    pub bytes: Vec<u8>,
    /// The files that contain the external data.
    pub weight_files: Vec<WeightFile>,
    /// The precision in which it computes. This is the requested one, except that components which would
    /// overflow 16-bit floats always compute in 32 bits.
    pub precision: Precision,
}

/// A file that contains weights of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightFile {
    /// The name by which the graph's external data refers to the file. It is a plain file name.
    pub location: String,
    /// The path of the file. Symbolic links have been followed if all files of the component are then in
    /// one folder.
    pub path: PathBuf,
}

/// A graph that is being written. Its nodes are in the order in which they were added, so the same calls
/// give the same bytes.
pub(crate) struct GraphWriter<'w> {
    weights: &'w Weights,
    /// The weight files, in the order of [`Weights::files`].
    files: Vec<WeightFile>,
    files_used: BTreeSet<usize>,
    /// The number format in which all nodes compute that are added from now on.
    pub(crate) element: ElementType,
    pub(crate) form: GraphForm,
    /// Height and width of the latents, if the graph is for one size only.
    pub(crate) latent_size: Option<[usize; 2]>,
    /// Whether a text encoder has an input with the vectors of embeddings.
    pub(crate) takes_embeddings: bool,
    /// The LoRAs that change the network.
    pub(crate) loras: LoraLayers<'w>,
    parts: onnx::GraphParts,
    names: BTreeSet<String>,
    /// The existing initializers and their conversions, by name.
    known: BTreeMap<String, Value>,
}

impl<'w> GraphWriter<'w> {
    /// Starts an empty graph that uses these weights.
    pub(crate) fn new(name: &str, weights: &'w Weights, options: &ExportOptions) -> Self {
        let file = |path: PathBuf| {
            let name = path.file_name().unwrap_or_default();
            let location = name.to_string_lossy().into_owned();
            WeightFile { location, path }
        };
        Self {
            weights,
            files: link_targets(weights.files())
                .into_iter()
                .map(file)
                .collect(),
            files_used: BTreeSet::new(),
            element: match options.precision {
                Precision::Float32 => ElementType::Float32,
                Precision::Float16 => ElementType::Float16,
            },
            form: options.form,
            latent_size: options.latent_size,
            takes_embeddings: options.takes_embeddings,
            loras: LoraLayers::none(),
            parts: onnx::GraphParts {
                name: name.to_owned(),
                ..Default::default()
            },
            names: BTreeSet::new(),
            known: BTreeMap::new(),
        }
    }

    /// The same graph of a network that LoRAs change.
    pub(crate) fn with_loras(self, loras: LoraLayers<'w>) -> Self {
        Self { loras, ..self }
    }

    /// Whether the weights have a tensor with this name.
    pub(crate) fn has_weight(&self, name: &str) -> bool {
        self.weights.contains(name)
    }

    /// Declares an input.
    pub(crate) fn input(&mut self, name: &str, element: ElementType, shape: &[Dimension]) -> Value {
        let input = onnx::value_info(name, element, shape);
        self.parts.inputs.push(input);
        self.names.insert(name.to_owned());
        Value(name.to_owned())
    }

    /// Declares an input of 32-bit floats, and converts it to the number format in which the graph
    /// computes.
    pub(crate) fn float_input(&mut self, name: &str, shape: &[Dimension]) -> Value {
        let input = self.input(name, ElementType::Float32, shape);
        self.enter_graph_format(name, &input)
    }

    /// Declares an output of 32-bit floats, whose value is `value`.
    pub(crate) fn output(&mut self, name: &str, shape: &[Dimension], value: &Value) {
        let output = onnx::value_info(name, ElementType::Float32, shape);
        self.parts.outputs.push(output);
        let node = onnx::node(name, "Identity", &[&value.0], &[name], &[]);
        self.parts.nodes.push(node);
    }

    /// Adds a node with one output. `scope` is the part of the network to which the node belongs; the
    /// profiles of ONNX Runtime show it.
    pub(crate) fn node(
        &mut self,
        scope: &str,
        operator: &str,
        inputs: &[&Value],
        attributes: &[Attribute<'_>],
    ) -> Value {
        let wanted = format!("{scope}/{operator}");
        let mut name = wanted.clone();
        let mut count = 1;
        while !self.names.insert(name.clone()) {
            count += 1;
            name = format!("{wanted}.{count}");
        }
        let inputs: Vec<_> = inputs.iter().map(|value| value.0.as_str()).collect();
        let node = onnx::node(&name, operator, &inputs, &[&name], attributes);
        self.parts.nodes.push(node);
        Value(name)
    }

    /// Adds a node as [`Self::node`] does, unless there is one with the same inputs already. The inputs, without
    /// the attributes, must say what it computes.
    pub(crate) fn node_once(
        &mut self,
        scope: &str,
        operator: &str,
        inputs: &[&Value],
        attributes: &[Attribute<'_>],
    ) -> Value {
        let names: Vec<_> = inputs.iter().map(|value| value.0.as_str()).collect();
        let key = format!("{operator}({})", names.join(", "));
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let value = self.node(scope, operator, inputs, attributes);
        self.known.insert(key, value.clone());
        value
    }

    /// Adds the conversion of a value to another number format.
    pub(crate) fn cast(&mut self, scope: &str, value: &Value, element: ElementType) -> Value {
        let to = [Attribute::Integer("to", element as i64)];
        self.node(scope, "Cast", &[value], &to)
    }

    /// Adds the concatenation of values along an axis.
    pub(crate) fn concatenate(&mut self, scope: &str, values: &[&Value], axis: i64) -> Value {
        self.node(scope, "Concat", values, &[Attribute::Integer("axis", axis)])
    }

    /// Adds a change of shape: 0 keeps a side, and one side of -1 takes what is left.
    pub(crate) fn reshape(&mut self, scope: &str, value: &Value, sides: &[i64]) -> Value {
        let sides = self.integers(sides);
        self.node(scope, "Reshape", &[value, &sides], &[])
    }

    /// Adds a change of the order of axes.
    pub(crate) fn transpose(&mut self, scope: &str, value: &Value, order: &[i64]) -> Value {
        let order = [Attribute::Integers("perm", order)];
        self.node(scope, "Transpose", &[value], &order)
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
    pub(crate) fn finish(self) -> Graph {
        let used = self.files_used.iter().map(|&file| self.files[file].clone());
        Graph {
            bytes: onnx::model(self.parts, OPSET, self.form != GraphForm::Standard),
            weight_files: used.collect(),
            precision: match self.element {
                ElementType::Float16 => Precision::Float16,
                _ => Precision::Float32,
            },
        }
    }
}

/// Adds the graph's constants: weights, which remain in their files, and small lists of numbers, which
/// are part of the graph.
impl GraphWriter<'_> {
    /// Adds a weight, converted to the number format in which the graph computes. The shape must be that
    /// of the stored tensor.
    pub(crate) fn weight(&mut self, name: &str, shape: &[usize]) -> Result<Value, CheckpointError> {
        self.weight_in(self.element, name, shape)
    }

    /// Adds a weight, converted to this number format.
    pub(crate) fn weight_in(
        &mut self,
        element: ElementType,
        name: &str,
        shape: &[usize],
    ) -> Result<Value, CheckpointError> {
        let (value, stored) = self.weight_as_stored(name, shape)?;
        Ok(self.converted(element, name, value, stored))
    }

    /// Adds some rows of a weight along its first axis. They are a smaller range of the same file.
    pub(crate) fn weight_rows(
        &mut self,
        name: &str,
        shape: &[usize],
        rows: Range<usize>,
    ) -> Result<Value, CheckpointError> {
        let mut tensor = self.weights.tensor(name, shape)?;
        let row_bytes = tensor.length / tensor.shape[0].max(1) as u64;
        tensor.shape[0] = rows.len();
        tensor.offset += row_bytes * rows.start as u64;
        tensor.length = row_bytes * rows.len() as u64;
        let name = format!("{name}[{}..{}]", rows.start, rows.end);
        let (value, stored) = self.initializer(&name, &tensor);
        Ok(self.converted(self.element, &name, value, stored))
    }

    /// Adds a weight in the number format of its file, which is returned too. It is for lookups, which
    /// convert their results.
    pub(crate) fn weight_as_stored(
        &mut self,
        name: &str,
        shape: &[usize],
    ) -> Result<(Value, ElementType), CheckpointError> {
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
        self.constant(&name, ElementType::Int64, &[values.len()], &bytes)
    }

    /// Adds one number, in the number format in which the graph computes.
    pub(crate) fn number(&mut self, number: f32) -> Value {
        let name = format!("number({number})");
        let value = self.float32s(&name, &[], &[number]);
        self.converted(self.element, &name, value, ElementType::Float32)
    }

    /// Adds 32-bit floats of this shape. If a constant with this name already exists, it is used instead.
    pub(crate) fn float32s(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        let bytes: Vec<_> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.constant(name, ElementType::Float32, shape, &bytes)
    }

    /// A constant of 32-bit floats in the number format in which the graph computes.
    pub(crate) fn in_graph_format(&mut self, name: &str, value: Value) -> Value {
        self.converted(self.element, name, value, ElementType::Float32)
    }

    fn constant(
        &mut self,
        name: &str,
        element: ElementType,
        shape: &[usize],
        bytes: &[u8],
    ) -> Value {
        if !self.known.contains_key(name) {
            let tensor = onnx::inline_tensor(name, element, shape, bytes);
            self.parts.initializers.push(tensor);
        }
        self.remember(name)
    }

    fn initializer(&mut self, name: &str, tensor: &StoredTensor) -> (Value, ElementType) {
        let element = match tensor.dtype {
            Dtype::F32 => ElementType::Float32,
            Dtype::F16 => ElementType::Float16,
            Dtype::BF16 => ElementType::BFloat16,
        };
        if !self.known.contains_key(name) {
            self.files_used.insert(tensor.file);
            let location = &self.files[tensor.file].location;
            let tensor = onnx::external_tensor(name, element, tensor, location);
            self.parts.initializers.push(tensor);
        }
        (self.remember(name), element)
    }

    fn remember(&mut self, name: &str) -> Value {
        self.names.insert(name.to_owned());
        let value = Value(name.to_owned());
        self.known.insert(name.to_owned(), value.clone());
        value
    }

    /// Adds a conversion if a constant is stored in another number format than this one. The runtime
    /// computes it once, when it loads the graph.
    fn converted(
        &mut self,
        element: ElementType,
        name: &str,
        value: Value,
        stored: ElementType,
    ) -> Value {
        if stored == element {
            return value;
        }
        let key = format!("{name}/converted to {element:?}");
        if let Some(converted) = self.known.get(&key) {
            return converted.clone();
        }
        let converted = self.cast(name, &value, element);
        self.known.insert(key, converted.clone());
        converted
    }
}

/// Replaces symbolic links by their targets if all targets are in one folder, as in Hugging Face's cache.
/// ONNX Runtime takes weights from one folder only, and does not follow links that lead out of it.
fn link_targets(files: &[PathBuf]) -> Vec<PathBuf> {
    if !files.iter().any(|file| file.is_symlink()) {
        return files.to_vec();
    }
    let real: Option<Vec<_>> = files.iter().map(|file| file.canonicalize().ok()).collect();
    let in_one_folder = |real: &Vec<PathBuf>| {
        let mut pairs = real.windows(2);
        pairs.all(|pair| pair[0].parent() == pair[1].parent())
    };
    real.filter(in_one_folder).unwrap_or_else(|| files.to_vec())
}
