//! Writes multi-head attention, and conversions between pictures and tokens.

use lb_checkpoint::CheckpointError;

use super::{Bias, Features};
use crate::graph::{Attribute, ElementType, GraphWriter, Value};
use crate::options::GraphForm;

/// How an attention is computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attention {
    pub(crate) heads: usize,
    /// If each token attends only to itself and earlier tokens, the largest number of tokens; otherwise
    /// `None`.
    pub(crate) causal: Option<usize>,
    /// Whether it is computed in 32-bit floats even in a 16-bit graph, because the scores of some models
    /// would overflow. Graphs for the CUDA provider ignore this: its fused kernels keep the scores in 32
    /// bits.
    pub(crate) in_float32: bool,
}

impl GraphWriter<'_> {
    /// Writes softmax(q·kᵀ/√d)·v for each head. The inputs and the result are `[batch, tokens, heads · d]`.
    pub(crate) fn attend(
        &mut self,
        scope: &str,
        [query, key, value]: [&Features; 3],
        attention: Attention,
    ) -> Features {
        let width = query.channels;
        let mut tokens = [query, key, value].map(|features| features.value.clone());
        let format = self.element;
        let in_float32 = attention.in_float32 && self.form != GraphForm::Cuda;
        if in_float32 {
            tokens = tokens.map(|tokens| self.leave_graph_format(scope, &tokens));
            self.element = ElementType::Float32;
        }
        let mut mixed = match self.form {
            GraphForm::OnnxRuntime | GraphForm::Cuda => {
                let attributes = [
                    Attribute::Integer("num_heads", attention.heads as i64),
                    Attribute::Integer("unidirectional", i64::from(attention.causal.is_some())),
                ];
                let inputs = tokens.each_ref();
                self.node(scope, "MultiHeadAttention", &inputs, &attributes)
            }
            GraphForm::Standard => self.attend_in_products(scope, tokens, width, attention),
        };
        if in_float32 {
            self.element = format;
            mixed = self.enter_graph_format(scope, &mixed);
        }
        Features::new(mixed, width)
    }

    /// Writes attention as two matrix products and a softmax, which TensorRT combines into one kernel.
    /// The queries are scaled instead of the scores, because unscaled scores could overflow 16-bit floats.
    fn attend_in_products(
        &mut self,
        scope: &str,
        [query, key, value]: [Value; 3],
        width: usize,
        Attention { heads, causal, .. }: Attention,
    ) -> Value {
        let head = width / heads;
        let mut by_head = |tokens: &Value, order: &[i64]| {
            let by_head = self.reshape(scope, tokens, &[0, 0, heads as i64, head as i64]);
            self.transpose(scope, &by_head, order)
        };
        let keys = by_head(&key, &[0, 2, 3, 1]);
        let values = by_head(&value, &[0, 2, 1, 3]);
        let queries = by_head(&query, &[0, 2, 1, 3]);
        let scale = self.number(1.0 / (head as f32).sqrt());
        let queries = self.node(scope, "Mul", &[&queries, &scale], &[]);
        let mut scores = self.node(scope, "MatMul", &[&queries, &keys], &[]);
        if let Some(most) = causal {
            let mask = self.causal_mask(&query, most);
            scores = self.node(scope, "Add", &[&scores, &mask], &[]);
        }
        let axis = [Attribute::Integer("axis", -1)];
        let weights = self.node(scope, "Softmax", &[&scores], &axis);
        let mixed = self.node(scope, "MatMul", &[&weights, &values], &[]);
        let mixed = self.transpose(scope, &mixed, &[0, 2, 1, 3]);
        self.reshape(scope, &mixed, &[0, 0, width as i64])
    }

    /// Writes the mask that is added to the scores `[…, tokens, tokens]`, so that no token attends to a
    /// later one.
    fn causal_mask(&mut self, tokens: &Value, most: usize) -> Value {
        /// The lowest number that 16-bit floats can represent. Its exponential is 0 in both precisions.
        const HIDDEN: f32 = -65504.0;
        let hidden = |index: usize| {
            let (row, column) = (index / most, index % most);
            if column > row { HIDDEN } else { 0.0 }
        };
        let mask: Vec<f32> = (0..most * most).map(hidden).collect();
        let mask = self.float32s("causal_mask", &[most, most], &mask);
        let mask = self.enter_graph_format("causal_mask", &mask);
        let length = self.token_count("causal_mask", tokens);
        let ends = self.concatenate("causal_mask", &[&length, &length], 0);
        let [starts, axes] = [[0, 0], [0, 1]].map(|numbers| self.integers(&numbers));
        self.node("causal_mask", "Slice", &[&mask, &starts, &ends, &axes], &[])
    }

    /// Writes the number of tokens, which is the size of `tokens` along the second axis.
    pub(crate) fn token_count(&mut self, scope: &str, tokens: &Value) -> Value {
        let second = [Attribute::Integer("start", 1), Attribute::Integer("end", 2)];
        self.node(scope, "Shape", &[tokens], &second)
    }

    /// Writes the conversion of pictures `[batch, channels, height, width]` to tokens
    /// `[batch, height · width, channels]`.
    pub(crate) fn tokens_from_picture(&mut self, scope: &str, x: &Features) -> Features {
        if self.form == GraphForm::Cuda {
            // The provider's convolutions and group norms have the channels last, as tokens have.
            let last = self.channels_last(scope, x);
            let tokens = self.reshape(scope, &last.value, &[0, -1, x.channels as i64]);
            return Features::new(tokens, x.channels);
        }
        let flat = self.reshape(scope, &x.value, &[0, x.channels as i64, -1]);
        Features::new(self.transpose(scope, &flat, &[0, 2, 1]), x.channels)
    }

    /// Writes the conversion of tokens `[batch, height · width, channels]` to pictures with the shape of
    /// `shaped_as`, which has the same number of channels.
    pub(crate) fn picture_from_tokens(
        &mut self,
        scope: &str,
        x: &Features,
        shaped_as: &Features,
    ) -> Features {
        let (tokens, shaped_as) = match self.form {
            GraphForm::Cuda => (x.value.clone(), self.channels_last(scope, shaped_as)),
            _ => (
                self.transpose(scope, &x.value, &[0, 2, 1]),
                self.channels_first(scope, shaped_as),
            ),
        };
        let shape = self.picture_shape(scope, &shaped_as);
        let picture = self.node(scope, "Reshape", &[&tokens, &shape], &[]);
        shaped_as.with_value(picture)
    }

    /// Writes a linear layer over tokens, and adds its result to the picture `x`, whose positions the
    /// tokens are.
    pub(crate) fn linear_onto_picture(
        &mut self,
        [scope, path]: [&str; 2],
        tokens: &Features,
        x: &Features,
    ) -> Result<Features, CheckpointError> {
        if self.form == GraphForm::Cuda {
            let residual = self.tokens_from_picture(scope, x);
            let sum = self.linear_with_residual(path, tokens, &residual)?;
            let picture = self.picture_from_tokens(scope, &sum, x);
            return Ok(self.channels_first(scope, &picture));
        }
        let change = self.linear(path, tokens, x.channels, Bias::Present)?;
        let change = self.picture_from_tokens(scope, &change, x);
        Ok(self.add(scope, &change, x))
    }
}
