//! Multi-head attention.

use crate::graph::{Attribute, CONTRIBUTED, ElementType, GraphWriter, Value};
use crate::options::GraphForm;

/// How attention is divided and masked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttentionShape {
    pub(crate) heads: usize,
    /// Width of all heads together.
    pub(crate) width: usize,
    /// Whether each token attends only to itself and those before it; then the largest number of tokens.
    pub(crate) causal: Option<usize>,
    /// Whether it is computed in 32-bit floats in a 16-bit graph too, because some models' scores
    /// overflow otherwise.
    pub(crate) in_float32: bool,
}

/// softmax(q·kᵀ/√d)·v for every head; all three are `[batch, tokens, heads · d]`, as the result is.
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

/// Attention as two products of matrices and a softmax, a pattern that TensorRT turns into one kernel.
/// The queries are scaled rather than the scores, which could overflow 16 bits.
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

/// What is added to the scores `[…, tokens, tokens]` so that no token sees a later one.
fn causal_mask(graph: &mut GraphWriter<'_>, tokens: &Value, most: usize) -> Value {
    /// The lowest that both number formats hold; e to its power is 0.
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

/// `[batch, channels, height, width]` → `[batch, height · width, channels]`.
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

/// `[batch, height · width, channels]` → the shape of `shaped_as`, a picture with as many channels.
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
