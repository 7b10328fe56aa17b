//! Writes multi-head attention, and conversions between pictures and tokens.

use crate::graph::{Attribute, CONTRIBUTED, ElementType, GraphWriter, Value};
use crate::options::GraphForm;

/// The shape of an attention, and how it is computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttentionShape {
    pub(crate) heads: usize,
    /// The width of all heads together.
    pub(crate) width: usize,
    /// If each token attends only to itself and earlier tokens, the largest number of tokens; otherwise
    /// `None`.
    pub(crate) causal: Option<usize>,
    /// Whether it is computed in 32-bit floats even in a 16-bit graph, because the scores of some models
    /// would overflow.
    pub(crate) in_float32: bool,
}

/// Writes softmax(q·kᵀ/√d)·v for each head. The inputs and the result are `[batch, tokens, heads · d]`.
pub(crate) fn attend(
    graph: &mut GraphWriter<'_>,
    scope: &str,
    [query, key, value]: [&Value; 3],
    shape: AttentionShape,
) -> Value {
    if !shape.in_float32 {
        return attend_in_one_format(graph, scope, [query, key, value], shape);
    }
    let [query, key, value] =
        [query, key, value].map(|tokens| graph.leave_graph_format(scope, tokens));
    let format = graph.element();
    graph.compute_in(ElementType::Float32);
    let mixed = attend_in_one_format(graph, scope, [&query, &key, &value], shape);
    graph.compute_in(format);
    graph.enter_graph_format(scope, &mixed)
}

fn attend_in_one_format(
    graph: &mut GraphWriter<'_>,
    scope: &str,
    [query, key, value]: [&Value; 3],
    shape: AttentionShape,
) -> Value {
    if graph.form() == GraphForm::Standard {
        return in_products(graph, scope, [query, key, value], shape);
    }
    let attributes = [
        Attribute::Integer("num_heads", shape.heads as i64),
        Attribute::Integer("unidirectional", i64::from(shape.causal.is_some())),
    ];
    let inputs = [query, key, value];
    graph.node_of(
        CONTRIBUTED,
        scope,
        "MultiHeadAttention",
        &inputs,
        &attributes,
    )
}

/// Writes attention as two matrix products and a softmax, which TensorRT combines into one kernel. The
/// queries are scaled instead of the scores, because unscaled scores could overflow 16-bit floats.
fn in_products(
    graph: &mut GraphWriter<'_>,
    scope: &str,
    [query, key, value]: [&Value; 3],
    shape: AttentionShape,
) -> Value {
    let head = shape.width / shape.heads;
    let mut by_head = |tokens: &Value, order: &[i64]| {
        let sides = graph.integers(&[0, 0, shape.heads as i64, head as i64]);
        let heads = graph.node(scope, "Reshape", &[tokens, &sides], &[]);
        graph.node(
            scope,
            "Transpose",
            &[&heads],
            &[Attribute::Integers("perm", order)],
        )
    };
    let keys = by_head(key, &[0, 2, 3, 1]);
    let values = by_head(value, &[0, 2, 1, 3]);
    let queries = by_head(query, &[0, 2, 1, 3]);
    let scale = graph.number(1.0 / (head as f32).sqrt());
    let queries = graph.node(scope, "Mul", &[&queries, &scale], &[]);
    let scores = graph.node(scope, "MatMul", &[&queries, &keys], &[]);
    let scores = match shape.causal {
        Some(most) => {
            let mask = causal_mask(graph, query, most);
            graph.node(scope, "Add", &[&scores, &mask], &[])
        }
        None => scores,
    };
    let weights = graph.node(
        scope,
        "Softmax",
        &[&scores],
        &[Attribute::Integer("axis", -1)],
    );
    let mixed = graph.node(scope, "MatMul", &[&weights, &values], &[]);
    let mixed = graph.node(
        scope,
        "Transpose",
        &[&mixed],
        &[Attribute::Integers("perm", &[0, 2, 1, 3])],
    );
    let sides = graph.integers(&[0, 0, shape.width as i64]);
    graph.node(scope, "Reshape", &[&mixed, &sides], &[])
}

/// Writes the mask that is added to the scores `[…, tokens, tokens]`, so that no token attends to a later
/// one.
fn causal_mask(graph: &mut GraphWriter<'_>, tokens: &Value, most: usize) -> Value {
    /// The lowest number that 16-bit floats can represent. Its exponential is 0 in both precisions.
    const HIDDEN: f32 = -65504.0;
    let hidden = |index: usize| {
        let (row, column) = (index / most, index % most);
        if column > row { HIDDEN } else { 0.0 }
    };
    let mask: Vec<f32> = (0..most * most).map(hidden).collect();
    let mask = graph.float32s("causal_mask", &[most, most], &mask);
    let mask = graph.enter_graph_format("causal_mask", &mask);
    let length = [Attribute::Integer("start", 1), Attribute::Integer("end", 2)];
    let length = graph.node("causal_mask", "Shape", &[tokens], &length);
    let ends = graph.concatenate("causal_mask", &[&length, &length], 0);
    let [starts, axes] = [[0, 0], [0, 1]].map(|numbers| graph.integers(&numbers));
    graph.node("causal_mask", "Slice", &[&mask, &starts, &ends, &axes], &[])
}

/// Writes the conversion of a picture `[batch, channels, height, width]` to tokens
/// `[batch, height · width, channels]`.
pub(crate) fn tokens_from_picture(
    graph: &mut GraphWriter<'_>,
    scope: &str,
    x: &Value,
    channels: usize,
) -> Value {
    let flat = graph.integers(&[0, channels as i64, -1]);
    let flat = graph.node(scope, "Reshape", &[x, &flat], &[]);
    graph.node(
        scope,
        "Transpose",
        &[&flat],
        &[Attribute::Integers("perm", &[0, 2, 1])],
    )
}

/// Writes the conversion of tokens `[batch, height · width, channels]` to a picture with the shape of
/// `shaped_as`, which has the same number of channels.
pub(crate) fn picture_from_tokens(
    graph: &mut GraphWriter<'_>,
    scope: &str,
    x: &Value,
    shaped_as: &Value,
) -> Value {
    let x = graph.node(
        scope,
        "Transpose",
        &[x],
        &[Attribute::Integers("perm", &[0, 2, 1])],
    );
    let shape = graph.node(scope, "Shape", &[shaped_as], &[]);
    graph.node(scope, "Reshape", &[&x, &shape], &[])
}
