//! Writes the graph of `CLIPTextModel`.
//!
//! The input is `input_ids` (int64, `[batch, tokens]`). The outputs are `last_hidden_state`
//! (`[batch, tokens, width]`), which the final layer norm returns, and `pooler_output`
//! (`[batch, width]`), which is its row at the end token of each prompt.

use lb_checkpoint::{TextActivation, TextEncoderConfig};

use crate::error::ExportError;
use crate::graph::{Attribute, Dimension, ElementType, GraphWriter, Value};
use crate::layers::{
    Activation, AttentionShape, Bias, activate, attend, embedding, layer_norm, linear,
};

/// The end token in older configurations, which transformers has since corrected. It is wrong for CLIP's
/// tokenizer. The end token is then found as the highest id, which it has in CLIP's vocabulary.
const LEGACY_END_TOKEN: usize = 2;

/// Writes the network into `graph`.
pub(crate) fn write_text_encoder(
    graph: &mut GraphWriter<'_>,
    config: &TextEncoderConfig,
) -> Result<(), ExportError> {
    let tokens = [
        Dimension::Named("batch_size"),
        Dimension::Named("sequence_length"),
    ];
    let ids = graph.input("input_ids", ElementType::Int64, &tokens);
    // The tensors' names begin with `text_model.` in files of transformers 4, but not of version 5.
    let with_prefix = graph.has_weight("text_model.final_layer_norm.weight");
    let prefix = if with_prefix { "text_model." } else { "" };

    let mut x = embed(graph, prefix, &ids, config)?;
    for layer in 0..config.layers {
        x = encoder_layer(graph, &format!("{prefix}encoder.layers.{layer}"), x, config)?;
    }
    let path = format!("{prefix}final_layer_norm");
    let last = layer_norm(graph, &path, &x, config.width, config.epsilon)?;
    let pooled = at_end_token(graph, &ids, &last, config.end_token);

    let width = Dimension::Fixed(config.width);
    let last = graph.leave_graph_format("last_hidden_state", &last);
    let pooled = graph.leave_graph_format("pooler_output", &pooled);
    let shape = [tokens[0], tokens[1], width];
    graph.output("last_hidden_state", ElementType::Float32, &shape, &last);
    graph.output(
        "pooler_output",
        ElementType::Float32,
        &[tokens[0], width],
        &pooled,
    );
    Ok(())
}

/// Writes the sum of the token embeddings and the position embeddings.
fn embed(
    graph: &mut GraphWriter<'_>,
    prefix: &str,
    ids: &Value,
    config: &TextEncoderConfig,
) -> Result<Value, ExportError> {
    let path = format!("{prefix}embeddings.token_embedding");
    let rows = embedding(graph, &path, ids, config.vocabulary, config.width)?;
    let path = format!("{prefix}embeddings.position_embedding");
    let positions = graph.weight(&format!("{path}.weight"), &[config.positions, config.width])?;
    let [first, second] = [0, 1].map(|axis| graph.integers(&[axis]));
    let length = [Attribute::Integer("start", 1), Attribute::Integer("end", 2)];
    let length = graph.node(&path, "Shape", &[ids], &length);
    let positions = graph.node(
        &path,
        "Slice",
        &[&positions, &first, &length, &first, &second],
        &[],
    );
    Ok(graph.node(&path, "Add", &[&rows, &positions], &[]))
}

/// Writes a layer: self-attention and a feed-forward network. Each follows a norm, and its result is
/// added to its input.
fn encoder_layer(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: Value,
    config: &TextEncoderConfig,
) -> Result<Value, ExportError> {
    let width = config.width;
    let normal = layer_norm(
        graph,
        &format!("{path}.layer_norm1"),
        &x,
        width,
        config.epsilon,
    )?;
    let attention = format!("{path}.self_attn");
    let mut project = |name: &str, x: &Value| {
        linear(
            graph,
            &format!("{attention}.{name}"),
            x,
            width,
            width,
            Bias::Present,
        )
    };
    let query = project("q_proj", &normal)?;
    let key = project("k_proj", &normal)?;
    let value = project("v_proj", &normal)?;
    let shape = AttentionShape {
        heads: config.heads,
        width,
        causal: Some(config.positions),
        in_float32: false,
    };
    let mixed = attend(graph, &attention, [&query, &key, &value], shape);
    let path_out = format!("{attention}.out_proj");
    let change = linear(graph, &path_out, &mixed, width, width, Bias::Present)?;
    let x = graph.node(path, "Add", &[&change, &x], &[]);

    let normal = layer_norm(
        graph,
        &format!("{path}.layer_norm2"),
        &x,
        width,
        config.epsilon,
    )?;
    let inner = config.inner_width;
    let hidden = linear(
        graph,
        &format!("{path}.mlp.fc1"),
        &normal,
        width,
        inner,
        Bias::Present,
    )?;
    let activation = match config.activation {
        TextActivation::Gelu => Activation::Gelu,
        TextActivation::QuickGelu => Activation::QuickGelu,
    };
    let hidden = activate(graph, &format!("{path}.mlp"), &hidden, activation);
    let change = linear(
        graph,
        &format!("{path}.mlp.fc2"),
        &hidden,
        inner,
        width,
        Bias::Present,
    )?;
    Ok(graph.node(path, "Add", &[&change, &x], &[]))
}

/// Writes the selection of one row for each prompt: the one at its first end token, or the first row if
/// there is no end token.
fn at_end_token(graph: &mut GraphWriter<'_>, ids: &Value, rows: &Value, end_token: usize) -> Value {
    let scope = "pooler";
    let scores = if end_token == LEGACY_END_TOKEN {
        ids.clone()
    } else {
        let end = graph.integers(&[end_token as i64]);
        graph.node(scope, "Equal", &[ids, &end], &[])
    };
    // The CUDA provider supports ArgMax only for floats. They represent all token ids exactly.
    let scores = graph.cast(scope, &scores, ElementType::Float32);
    let position = graph.node(
        scope,
        "ArgMax",
        &[&scores],
        &[Attribute::Integer("axis", 1)],
    );
    graph.node(
        scope,
        "GatherND",
        &[rows, &position],
        &[Attribute::Integer("batch_dims", 1)],
    )
}
