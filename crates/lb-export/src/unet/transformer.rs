//! Writes the transformer, in which the positions of a picture attend to each other and to the text.

use lb_checkpoint::{TransformerConfig, UnetConfig};

use crate::error::ExportError;
use crate::graph::{GraphWriter, Value};
use crate::layers::{
    Activation, AttentionShape, Bias, Convolution, GroupNorm, activate, attend, convolve,
    group_norm, layer_norm, linear, matrix_product, picture_from_tokens, tokens_from_picture,
};

/// diffusers uses these two constants inside transformers, independently of the configuration.
const GROUP_NORM_EPSILON: f64 = 1e-6;
const LAYER_NORM_EPSILON: f64 = 1e-5;

/// Writes norm → projection → transformer layers → projection, and adds the result to the input. The
/// layers take the positions of the picture as tokens.
pub(super) fn transformer(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Value,
    channels: usize,
    text: &Value,
    config: &UnetConfig,
    shape: TransformerConfig,
) -> Result<Value, ExportError> {
    let norm = GroupNorm {
        groups: config.norm_groups,
        epsilon: GROUP_NORM_EPSILON,
    };
    let projection = Projection {
        channels,
        linear: config.linear_projection,
    };
    let normal = group_norm(graph, &format!("{path}.norm"), x, channels, norm)?;
    let mut tokens = projection.inwards(graph, path, &normal)?;
    for layer in 0..shape.layers {
        let block = TransformerBlock {
            channels,
            text_width: config.text_width,
            only_cross_attention: shape.only_cross_attention,
            attention: AttentionShape {
                heads: shape.heads,
                width: channels,
                causal: None,
                in_float32: config.upcast_attention,
            },
        };
        tokens = block.write(
            graph,
            &format!("{path}.transformer_blocks.{layer}"),
            tokens,
            text,
        )?;
    }
    let change = projection.outwards(graph, path, &tokens, x)?;
    Ok(graph.node(path, "Add", &[&change, x], &[]))
}

/// The projections from pictures to tokens and back.
struct Projection {
    channels: usize,
    linear: bool,
}

impl Projection {
    fn inwards(
        &self,
        graph: &mut GraphWriter<'_>,
        path: &str,
        x: &Value,
    ) -> Result<Value, ExportError> {
        let path_in = format!("{path}.proj_in");
        let n = self.channels;
        if self.linear {
            let tokens = tokens_from_picture(graph, path, x, n);
            linear(graph, &path_in, &tokens, n, n, Bias::Present)
        } else {
            let x = convolve(graph, &path_in, x, Convolution::same(n, n, 1))?;
            Ok(tokens_from_picture(graph, path, &x, n))
        }
    }

    fn outwards(
        &self,
        graph: &mut GraphWriter<'_>,
        path: &str,
        tokens: &Value,
        shaped_as: &Value,
    ) -> Result<Value, ExportError> {
        let path_out = format!("{path}.proj_out");
        let n = self.channels;
        if self.linear {
            let tokens = linear(graph, &path_out, tokens, n, n, Bias::Present)?;
            Ok(picture_from_tokens(graph, path, &tokens, shaped_as))
        } else {
            let x = picture_from_tokens(graph, path, tokens, shaped_as);
            convolve(graph, &path_out, &x, Convolution::same(n, n, 1))
        }
    }
}

/// One layer of the transformer: self-attention (or attention to the text), attention to the text, and a
/// feed-forward network. The result of each is added to its input.
struct TransformerBlock {
    channels: usize,
    text_width: usize,
    only_cross_attention: bool,
    attention: AttentionShape,
}

impl TransformerBlock {
    fn write(
        &self,
        graph: &mut GraphWriter<'_>,
        path: &str,
        x: Value,
        text: &Value,
    ) -> Result<Value, ExportError> {
        let n = self.channels;
        let normal = layer_norm(graph, &format!("{path}.norm1"), &x, n, LAYER_NORM_EPSILON)?;
        let text = (text, self.text_width);
        let seen = if self.only_cross_attention {
            text
        } else {
            (&normal, n)
        };
        let change = self.attention(graph, &format!("{path}.attn1"), &normal, seen)?;
        let x = graph.node(path, "Add", &[&change, &x], &[]);
        let normal = layer_norm(graph, &format!("{path}.norm2"), &x, n, LAYER_NORM_EPSILON)?;
        let change = self.attention(graph, &format!("{path}.attn2"), &normal, text)?;
        let x = graph.node(path, "Add", &[&change, &x], &[]);
        let normal = layer_norm(graph, &format!("{path}.norm3"), &x, n, LAYER_NORM_EPSILON)?;
        let change = feed_forward(graph, &format!("{path}.ff.net"), &normal, n)?;
        Ok(graph.node(path, "Add", &[&change, &x], &[]))
    }

    fn attention(
        &self,
        graph: &mut GraphWriter<'_>,
        path: &str,
        x: &Value,
        (seen, seen_width): (&Value, usize),
    ) -> Result<Value, ExportError> {
        let n = self.channels;
        let query = linear(graph, &format!("{path}.to_q"), x, n, n, Bias::Absent)?;
        let key = linear(
            graph,
            &format!("{path}.to_k"),
            seen,
            seen_width,
            n,
            Bias::Absent,
        )?;
        let value = linear(
            graph,
            &format!("{path}.to_v"),
            seen,
            seen_width,
            n,
            Bias::Absent,
        )?;
        let mixed = attend(graph, path, [&query, &key, &value], self.attention);
        linear(
            graph,
            &format!("{path}.to_out.0"),
            &mixed,
            n,
            n,
            Bias::Present,
        )
    }
}

/// Writes the feed-forward network with GEGLU: a projection is multiplied by the GELU of another one.
/// Both are four times as wide as the input.
///
/// The two are stored as one matrix. The graph refers to its halves as two matrices, so that no tensor
/// has to be split while the network runs.
fn feed_forward(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Value,
    channels: usize,
) -> Result<Value, ExportError> {
    let inner = channels * 4;
    let name = format!("{path}.0.proj");
    let mut half = |rows: std::ops::Range<usize>| {
        let shape = [inner * 2, channels];
        let weight = graph.weight_rows(&format!("{name}.weight"), &shape, rows.clone())?;
        let bias = graph.weight_rows(&format!("{name}.bias"), &shape[..1], rows)?;
        Ok::<_, ExportError>(matrix_product(graph, &name, x, &weight, Some(&bias)))
    };
    let hidden = half(0..inner)?;
    let gate = half(inner..inner * 2)?;
    let gate = activate(graph, &name, &gate, Activation::Gelu);
    let gated = graph.node(&name, "Mul", &[&hidden, &gate], &[]);
    linear(
        graph,
        &format!("{path}.2"),
        &gated,
        inner,
        channels,
        Bias::Present,
    )
}
