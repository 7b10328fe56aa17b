//! Writes the low-rank changes of LoRAs beside the layers that they change.
//!
//! A layer with changes computes W·x + up·(s ⊙ (down·x)). The matrices of all LoRAs that change it are put
//! together, so that two products are enough: `down` has the rows of each, `up` the columns. s has a number
//! for each row of the batch and each LoRA, its strength there, so the rows of one call may differ. The weights of
//! the model stay in their files; the matrices are part of the graph.

use std::collections::BTreeSet;
use std::ops::Range;

use lb_checkpoint::{CheckpointError, Component, Lora};

use crate::graph::{Attribute, Dimension, GraphWriter, Value};
use crate::layers::Features;

/// The name of the input with the strengths: 32-bit floats `[batch, LoRAs]`.
pub const STRENGTHS: &str = "lora_strengths";

/// The LoRAs of a graph, and what is known of them while it is written.
pub(crate) struct LoraLayers<'w> {
    component: Component,
    loras: Vec<&'w Lora>,
    /// The input, once it is declared.
    strengths: Option<Value>,
    /// The names of changed layers that have been written, as [`Lora::layer_name`] spells them.
    written: BTreeSet<String>,
}

/// The changes of one layer by all LoRAs.
struct Change {
    /// `[ranks, inputs]`.
    down: Vec<f32>,
    /// `[outputs, ranks]`.
    up: Vec<f32>,
    /// For each of the numbers between the two, the index of the LoRA that it belongs to.
    owners: Vec<i64>,
}

/// A value on its way through a change: `down`·x, multiplied by the strengths.
pub(crate) struct LowRank {
    value: Value,
    change: Change,
    outputs: usize,
}

/// The axes of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Axes {
    /// `[rows, channels]`.
    Vectors,
    /// `[rows, tokens, channels]`.
    Tokens,
    /// `[rows, channels, height, width]`.
    Pictures,
}

impl<'w> LoraLayers<'w> {
    pub(crate) fn none() -> Self {
        Self::new(Component::Unet, Vec::new())
    }

    /// The LoRAs of a component. Those that do not change it keep their places among the strengths.
    pub(crate) fn new(component: Component, loras: Vec<&'w Lora>) -> Self {
        let changes = loras.iter().any(|lora| lora.changes(component));
        let loras = if changes { loras } else { Vec::new() };
        Self {
            component,
            loras,
            strengths: None,
            written: BTreeSet::new(),
        }
    }

    /// Checks that every layer that a LoRA changes has been written. `layers` is the number of the text
    /// encoder's layers, if this is one: a LoRA may change further ones, whose output is not used.
    pub(crate) fn validate(&self, layers: Option<usize>) -> Result<(), CheckpointError> {
        let is_beyond = |name: &str| {
            let rest = name.strip_prefix("encoder_layers_");
            let number = rest.and_then(|rest| rest.split('_').next()?.parse::<usize>().ok());
            layers.is_some_and(|layers| number.is_some_and(|number| number >= layers))
        };
        for lora in &self.loras {
            for (name, layer) in lora.layers_of(self.component) {
                if !self.written.contains(name) && !is_beyond(name) {
                    return Err(lora.unknown_layer(self.component, layer));
                }
            }
        }
        Ok(())
    }
}

impl GraphWriter<'_> {
    /// Declares the input with the strengths, if there are LoRAs that change the component.
    pub(crate) fn lora_input(&mut self, batch: Dimension) {
        let count = self.loras.loras.len();
        if count > 0 {
            let shape = [batch, Dimension::Fixed(count)];
            let strengths = self.float_input(STRENGTHS, &shape);
            self.loras.strengths = Some(strengths);
        }
    }

    /// Writes the change of a linear layer with these outputs, if it has one.
    pub(crate) fn linear_change(
        &mut self,
        path: &str,
        x: &Features,
        outputs: usize,
    ) -> Result<Option<Value>, CheckpointError> {
        let low = self.low_rank(path, x, outputs)?;
        Ok(low.map(|low| self.rows_of_change(path, &low, 0..outputs)))
    }

    /// Writes `down`·x for a linear layer with these outputs, multiplied by the strengths, if the layer is
    /// changed.
    pub(crate) fn low_rank(
        &mut self,
        path: &str,
        x: &Features,
        outputs: usize,
    ) -> Result<Option<LowRank>, CheckpointError> {
        let Some(change) = self.change(path, outputs, x.channels)? else {
            return Ok(None);
        };
        let ranks = change.owners.len();
        let down = transposed(&change.down, x.channels);
        let down = self.matrix(&format!("{path}.lora_down"), &[x.channels, ranks], &down);
        let low = self.node(path, "MatMul", &[&x.value, &down], &[]);
        let axes = match x.is_vector {
            true => Axes::Vectors,
            false => Axes::Tokens,
        };
        let value = self.by_strengths(path, &low, &change.owners, axes);
        Ok(Some(LowRank {
            value,
            change,
            outputs,
        }))
    }

    /// Writes the product of some rows of `up` with what [`Self::low_rank`] has written.
    pub(crate) fn rows_of_change(
        &mut self,
        path: &str,
        low: &LowRank,
        rows: Range<usize>,
    ) -> Value {
        let ranks = low.change.owners.len();
        let up = &low.change.up[rows.start * ranks..rows.end * ranks];
        let up = transposed(up, ranks);
        let name = match rows.len() == low.outputs {
            true => format!("{path}.lora_up"),
            false => format!("{path}.lora_up[{}..{}]", rows.start, rows.end),
        };
        let up = self.matrix(&name, &[ranks, rows.len()], &up);
        self.node(path, "MatMul", &[&low.value, &up], &[])
    }

    /// Writes the change of a convolution of pictures, if it has one. `attributes` are those of the
    /// convolution.
    pub(crate) fn convolution_change(
        &mut self,
        path: &str,
        x: &Features,
        outputs: usize,
        kernel: usize,
        attributes: &[Attribute<'_>],
    ) -> Result<Option<Value>, CheckpointError> {
        let inputs = x.channels * kernel * kernel;
        let Some(change) = self.change(path, outputs, inputs)? else {
            return Ok(None);
        };
        let ranks = change.owners.len();
        let shape = [ranks, x.channels, kernel, kernel];
        let down = self.matrix(&format!("{path}.lora_down"), &shape, &change.down);
        let low = self.node(path, "Conv", &[&x.value, &down], attributes);
        let low = self.by_strengths(path, &low, &change.owners, Axes::Pictures);
        let shape = [outputs, ranks, 1, 1];
        let up = self.matrix(&format!("{path}.lora_up"), &shape, &change.up);
        let single = [Attribute::Integers("kernel_shape", &[1, 1])];
        Ok(Some(self.node(path, "Conv", &[&low, &up], &single)))
    }

    /// Whether any LoRA changes this layer.
    pub(crate) fn is_changed(&self, path: &str) -> bool {
        let LoraLayers {
            component, loras, ..
        } = &self.loras;
        loras
            .iter()
            .any(|lora| lora.layer(*component, path).is_some())
    }

    /// The changes of a layer with these outputs and inputs.
    fn change(
        &mut self,
        path: &str,
        outputs: usize,
        inputs: usize,
    ) -> Result<Option<Change>, CheckpointError> {
        if self.loras.loras.is_empty() {
            return Ok(None);
        }
        let component = self.loras.component;
        let mut parts = Vec::new();
        for (index, lora) in self.loras.loras.iter().enumerate() {
            if let Some(layer) = lora.layer(component, path) {
                parts.push((index, layer.rank(), lora.matrices(layer, outputs, inputs)?));
            }
        }
        if parts.is_empty() {
            return Ok(None);
        }
        self.loras.written.insert(Lora::layer_name(component, path));
        let mut change = Change {
            down: Vec::new(),
            up: Vec::new(),
            owners: Vec::new(),
        };
        for (index, rank, [down, _]) in &parts {
            change.down.extend(down);
            change.owners.extend(vec![*index as i64; *rank]);
        }
        for output in 0..outputs {
            for (_, rank, [_, up]) in &parts {
                change.up.extend(&up[output * rank..(output + 1) * rank]);
            }
        }
        Ok(Some(change))
    }

    /// Adds numbers to the graph, in the number format in which it computes.
    fn matrix(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        let value = self.float32s(name, shape, values);
        self.in_graph_format(name, value)
    }

    /// Writes the product of what comes between the two matrices with the strengths of its owners.
    fn by_strengths(&mut self, path: &str, low: &Value, owners: &[i64], axes: Axes) -> Value {
        let Some(strengths) = self.loras.strengths.clone() else {
            return low.clone();
        };
        let first = owners[0];
        let owners = match owners.iter().all(|&owner| owner == first) {
            true => &owners[..1],
            false => owners,
        };
        let one_of_one = owners.len() == 1 && self.loras.loras.len() == 1;
        let chosen = match one_of_one {
            true => strengths,
            false => {
                let owners = self.integers(owners);
                let axis = [Attribute::Integer("axis", 1)];
                self.node_once(STRENGTHS, "Gather", &[&strengths, &owners], &axis)
            }
        };
        let shaped = match axes {
            Axes::Vectors => chosen,
            Axes::Tokens => {
                let shape = self.integers(&[0, 1, -1]);
                self.node_once(STRENGTHS, "Reshape", &[&chosen, &shape], &[])
            }
            Axes::Pictures => {
                let shape = self.integers(&[0, -1, 1, 1]);
                self.node_once(STRENGTHS, "Reshape", &[&chosen, &shape], &[])
            }
        };
        self.node(path, "Mul", &[low, &shaped], &[])
    }
}

/// The transposition of a matrix with rows of this length.
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns.max(1);
    let mut transposed = Vec::with_capacity(values.len());
    for column in 0..columns {
        transposed.extend((0..rows).map(|row| values[row * columns + column]));
    }
    transposed
}
