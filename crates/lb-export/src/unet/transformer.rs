//! Writes the transformer, in which the positions of a picture attend to each other and to the text.

use std::ops::Range;

use lb_checkpoint::{CheckpointError, TransformerConfig, UnetConfig};

use crate::graph::GraphWriter;
use crate::layers::{Activation, Attention, Bias, Features, GroupNorm};

/// diffusers uses these two constants inside transformers, independently of the configuration.
const GROUP_NORM_EPSILON: f64 = 1e-6;
const LAYER_NORM_EPSILON: f64 = 1e-5;

/// Writes norm → projection → transformer layers → projection, and adds the result to the input. The
/// layers take the positions of the picture as tokens.
pub(super) fn transformer(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Features,
    text: &Features,
    config: &UnetConfig,
    shape: TransformerConfig,
) -> Result<Features, CheckpointError> {
    let n = x.channels;
    let norm = GroupNorm {
        groups: config.norm_groups,
        epsilon: GROUP_NORM_EPSILON,
    };
    let (path_in, path_out) = (format!("{path}.proj_in"), format!("{path}.proj_out"));
    let normal = graph.group_norm(&format!("{path}.norm"), x, norm)?;
    let mut tokens = if config.linear_projection {
        let tokens = graph.tokens_from_picture(path, &normal);
        graph.linear(&path_in, &tokens, n, Bias::Present)?
    } else {
        let projected = graph.convolve(&path_in, &normal, n, 1)?;
        graph.tokens_from_picture(path, &projected)
    };
    let block = TransformerBlock {
        text,
        only_cross_attention: shape.only_cross_attention,
        attention: Attention {
            heads: shape.heads,
            causal: None,
            in_float32: config.upcast_attention,
        },
    };
    for layer in 0..shape.layers {
        let path = format!("{path}.transformer_blocks.{layer}");
        tokens = block.write(graph, &path, &tokens)?;
    }
    let change = if config.linear_projection {
        let projected = graph.linear(&path_out, &tokens, n, Bias::Present)?;
        graph.picture_from_tokens(path, &projected, x)
    } else {
        let picture = graph.picture_from_tokens(path, &tokens, x);
        graph.convolve(&path_out, &picture, n, 1)?
    };
    Ok(graph.add(path, &change, x))
}

/// One layer of the transformer: self-attention (or attention to the text), attention to the text, and a
/// feed-forward network. The result of each is added to its input.
struct TransformerBlock<'t> {
    text: &'t Features,
    only_cross_attention: bool,
    attention: Attention,
}

impl TransformerBlock<'_> {
    fn write(
        &self,
        graph: &mut GraphWriter<'_>,
        path: &str,
        x: &Features,
    ) -> Result<Features, CheckpointError> {
        let normal = graph.layer_norm(&format!("{path}.norm1"), x, LAYER_NORM_EPSILON)?;
        let seen = if self.only_cross_attention {
            self.text
        } else {
            &normal
        };
        let change = self.attend(graph, &format!("{path}.attn1"), &normal, seen)?;
        let x = graph.add(path, &change, x);
        let normal = graph.layer_norm(&format!("{path}.norm2"), &x, LAYER_NORM_EPSILON)?;
        let change = self.attend(graph, &format!("{path}.attn2"), &normal, self.text)?;
        let x = graph.add(path, &change, &x);
        let normal = graph.layer_norm(&format!("{path}.norm3"), &x, LAYER_NORM_EPSILON)?;
        let change = feed_forward(graph, &format!("{path}.ff.net"), &normal)?;
        Ok(graph.add(path, &change, &x))
    }

    fn attend(
        &self,
        graph: &mut GraphWriter<'_>,
        path: &str,
        x: &Features,
        seen: &Features,
    ) -> Result<Features, CheckpointError> {
        let n = x.channels;
        let query = graph.linear(&format!("{path}.to_q"), x, n, Bias::Absent)?;
        let key = graph.linear(&format!("{path}.to_k"), seen, n, Bias::Absent)?;
        let value = graph.linear(&format!("{path}.to_v"), seen, n, Bias::Absent)?;
        let mixed = graph.attend(path, [&query, &key, &value], self.attention);
        graph.linear(&format!("{path}.to_out.0"), &mixed, n, Bias::Present)
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
    x: &Features,
) -> Result<Features, CheckpointError> {
    let inner = x.channels * 4;
    let name = format!("{path}.0.proj");
    let mut half = |rows: Range<usize>| {
        let shape = [inner * 2, x.channels];
        let weight = graph.weight_rows(&format!("{name}.weight"), &shape, rows.clone())?;
        let bias = graph.weight_rows(&format!("{name}.bias"), &shape[..1], rows)?;
        let product = graph.matrix_product(&name, &x.value, &weight, Some(&bias));
        Ok::<_, CheckpointError>(Features::new(product, inner))
    };
    let hidden = half(0..inner)?;
    let gate = half(inner..inner * 2)?;
    let gate = graph.activate(&name, &gate, Activation::Gelu);
    let gated = graph.node(&name, "Mul", &[&hidden.value, &gate.value], &[]);
    let gated = Features::new(gated, inner);
    graph.linear(&format!("{path}.2"), &gated, x.channels, Bias::Present)
}
