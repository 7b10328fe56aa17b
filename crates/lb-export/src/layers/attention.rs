//! Multi-head attention.

use crate::graph::{Attribute, CONTRIBUTED, GraphWriter, Value};

/// How attention is divided and masked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttentionShape {
    pub(crate) heads: usize,
    /// Each token sees only itself and those before it.
    pub(crate) causal: bool,
    /// Computed in 32-bit floats in a 16-bit graph too: some models' scores overflow otherwise.
    pub(crate) in_float32: bool,
}

/// softmax(q·kᵀ/√d)·v for every head; all three are `[batch, tokens, heads · d]`, as the result is.
pub(crate) fn attend(
    graph: &mut GraphWriter<'_>,
    scope: &str,
    [query, key, value]: [&Value; 3],
    shape: AttentionShape,
) -> Value {
    let attributes = [
        Attribute::Integer("num_heads", shape.heads as i64),
        Attribute::Integer("unidirectional", i64::from(shape.causal)),
    ];
    let operator = "MultiHeadAttention";
    if !shape.in_float32 {
        return graph.node_of(
            CONTRIBUTED,
            scope,
            operator,
            &[query, key, value],
            &attributes,
        );
    }
    let [query, key, value] =
        [query, key, value].map(|tokens| graph.leave_graph_format(scope, tokens));
    let inputs = [&query, &key, &value];
    let mixed = graph.node_of(CONTRIBUTED, scope, operator, &inputs, &attributes);
    graph.enter_graph_format(scope, &mixed)
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

/// `[batch, height · width, channels]` → the shape of a picture with as many channels.
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
