//! Writes the graph of `CLIPTextModel`.
//!
//! The input is `input_ids` (int64, `[batch, tokens]`), with LoRAs also `lora_strengths`
//! (`[batch, LoRAs]`), and with embeddings also `embedding_vectors` (`[vectors, width]`). The outputs are
//! `last_hidden_state`
//! (`[batch, tokens, width]`), which the final layer norm returns, and `pooler_output`
//! (`[batch, width]`), which is its row at the end token of each prompt.

use lb_checkpoint::{CheckpointError, TextActivation, TextEncoderConfig};

use crate::graph::{Attribute, Dimension, ElementType, GraphWriter, Value};
use crate::layers::{Activation, Attention, Bias, Features};

/// The name of the input with the vectors of embeddings: 32-bit floats `[vectors, width]`.
pub const EMBEDDING_VECTORS: &str = "embedding_vectors";

/// The end token in older configurations, which transformers has since corrected. It is wrong for CLIP's
/// tokenizer. The end token is then found as the highest id, which it has in CLIP's vocabulary.
const LEGACY_END_TOKEN: usize = 2;

/// Writes the network into `graph`, with this many of its layers.
pub(crate) fn write_text_encoder(
    graph: &mut GraphWriter<'_>,
    config: &TextEncoderConfig,
    layers: usize,
) -> Result<(), CheckpointError> {
    let batch = Dimension::Named("batch_size");
    let tokens = Dimension::Named("sequence_length");
    let ids = graph.input("input_ids", ElementType::Int64, &[batch, tokens]);
    graph.lora_input(batch);
    // The tensors' names begin with `text_model.` in files of transformers 4, but not of version 5.
    let with_prefix = graph.has_weight("text_model.final_layer_norm.weight");
    let prefix = if with_prefix { "text_model." } else { "" };

    let mut x = embed(graph, prefix, &ids, config)?;
    for layer in 0..layers {
        let path = format!("{prefix}encoder.layers.{layer}");
        x = encoder_layer(graph, &path, &x, config)?;
    }
    let last = graph.layer_norm(&format!("{prefix}final_layer_norm"), &x, config.epsilon)?;
    let pooled = at_end_token(graph, &ids, &last.value, config.end_token);

    let width = Dimension::Fixed(config.width);
    let last = graph.leave_graph_format("last_hidden_state", &last.value);
    let pooled = graph.leave_graph_format("pooler_output", &pooled);
    graph.output("last_hidden_state", &[batch, tokens, width], &last);
    graph.output("pooler_output", &[batch, width], &pooled);
    Ok(())
}

/// Writes the sum of the token embeddings and the position embeddings.
fn embed(
    graph: &mut GraphWriter<'_>,
    prefix: &str,
    ids: &Value,
    config: &TextEncoderConfig,
) -> Result<Features, CheckpointError> {
    let width = config.width;
    let path = format!("{prefix}embeddings.token_embedding");
    let table = [config.vocabulary, width];
    let rows = match graph.takes_embeddings {
        true => rows_or_vectors(graph, &path, ids, table)?,
        false => graph.embedding(&path, ids, table)?,
    };
    let path = format!("{prefix}embeddings.position_embedding");
    let positions = graph.weight(&format!("{path}.weight"), &[config.positions, width])?;
    let [first, second] = [0, 1].map(|axis| graph.integers(&[axis]));
    let length = graph.token_count(&path, ids);
    let range = [&positions, &first, &length, &first, &second];
    let positions = graph.node(&path, "Slice", &range, &[]);
    Ok(graph.add(&path, &rows, &Features::new(positions, width)))
}

/// Writes the lookup of rows in the table, and of the vectors of embeddings for ids beyond it. The table is not
/// copied, as it would be if the vectors were appended to it.
fn rows_or_vectors(
    graph: &mut GraphWriter<'_>,
    path: &str,
    ids: &Value,
    [rows, width]: [usize; 2],
) -> Result<Features, CheckpointError> {
    let shape = [Dimension::Named("vectors"), Dimension::Fixed(width)];
    let vectors = graph.float_input(EMBEDDING_VECTORS, &shape);
    let [zero, last, first, inner] =
        [0, rows as i64 - 1, rows as i64, -1].map(|number| graph.integers(&[number]));
    let within = graph.node(path, "Min", &[ids, &last], &[]);
    let own = graph.embedding(path, &within, [rows, width])?;
    let place = graph.node(path, "Sub", &[ids, &first], &[]);
    let place = graph.node(path, "Max", &[&place, &zero], &[]);
    let given = graph.node(path, "Gather", &[&vectors, &place], &[]);
    let is_given = graph.node(path, "GreaterOrEqual", &[ids, &first], &[]);
    let is_given = graph.node(path, "Unsqueeze", &[&is_given, &inner], &[]);
    let chosen = graph.node(path, "Where", &[&is_given, &given, &own.value], &[]);
    Ok(Features::new(chosen, width))
}

/// Writes a layer: self-attention and a feed-forward network. Each follows a norm, and its result is
/// added to its input.
fn encoder_layer(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Features,
    config: &TextEncoderConfig,
) -> Result<Features, CheckpointError> {
    let linear = |graph: &mut GraphWriter<'_>, name: &str, x: &Features, outputs| {
        graph.linear(&format!("{path}.{name}"), x, outputs, Bias::Present)
    };
    let width = config.width;
    let normal = graph.layer_norm(&format!("{path}.layer_norm1"), x, config.epsilon)?;
    let query = linear(graph, "self_attn.q_proj", &normal, width)?;
    let key = linear(graph, "self_attn.k_proj", &normal, width)?;
    let value = linear(graph, "self_attn.v_proj", &normal, width)?;
    let attention = Attention {
        heads: config.heads,
        causal: Some(config.positions),
        in_float32: false,
    };
    let scope = format!("{path}.self_attn");
    let mixed = graph.attend(&scope, [&query, &key, &value], attention);
    let change = linear(graph, "self_attn.out_proj", &mixed, width)?;
    let x = graph.add(path, &change, x);

    let normal = graph.layer_norm(&format!("{path}.layer_norm2"), &x, config.epsilon)?;
    let hidden = linear(graph, "mlp.fc1", &normal, config.inner_width)?;
    let activation = match config.activation {
        TextActivation::Gelu => Activation::Gelu,
        TextActivation::QuickGelu => Activation::QuickGelu,
    };
    let hidden = graph.activate(&format!("{path}.mlp"), &hidden, activation);
    let change = linear(graph, "mlp.fc2", &hidden, width)?;
    Ok(graph.add(path, &change, &x))
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
    let axis = [Attribute::Integer("axis", 1)];
    let position = graph.node(scope, "ArgMax", &[&scores], &axis);
    let batch = [Attribute::Integer("batch_dims", 1)];
    graph.node(scope, "GatherND", &[rows, &position], &batch)
}
