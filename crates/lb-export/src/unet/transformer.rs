//! Writes the transformer, in which the positions of a picture attend to each other and to the text.

use std::ops::Range;

use lb_checkpoint::{CheckpointError, TransformerConfig, UnetConfig};

use crate::graph::GraphWriter;
use crate::layers::{Activation, Attention, Bias, Features, GroupNorm};
use crate::options::GraphForm;

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
    if config.linear_projection {
        return graph.linear_onto_picture([path, &path_out], &tokens, x);
    }
    let picture = graph.picture_from_tokens(path, &tokens, x);
    let change = graph.convolve(&path_out, &picture, n, 1)?;
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
        let x = self.attend(graph, &format!("{path}.attn1"), [&normal, seen], x)?;
        let normal = graph.layer_norm(&format!("{path}.norm2"), &x, LAYER_NORM_EPSILON)?;
        let x = self.attend(graph, &format!("{path}.attn2"), [&normal, self.text], &x)?;
        let normal = graph.layer_norm(&format!("{path}.norm3"), &x, LAYER_NORM_EPSILON)?;
        feed_forward(graph, &format!("{path}.ff.net"), &normal, &x)
    }

    /// Writes the attention of `x` to `seen`, and adds its result to `residual`.
    fn attend(
        &self,
        graph: &mut GraphWriter<'_>,
        path: &str,
        [x, seen]: [&Features; 2],
        residual: &Features,
    ) -> Result<Features, CheckpointError> {
        let n = x.channels;
        let query = graph.linear(&format!("{path}.to_q"), x, n, Bias::Absent)?;
        let key = graph.linear(&format!("{path}.to_k"), seen, n, Bias::Absent)?;
        let value = graph.linear(&format!("{path}.to_v"), seen, n, Bias::Absent)?;
        let mixed = graph.attend(path, [&query, &key, &value], self.attention);
        graph.linear_with_residual(&format!("{path}.to_out.0"), &mixed, residual)
    }
}

/// Writes the feed-forward network, and adds its result to `residual`.
fn feed_forward(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Features,
    residual: &Features,
) -> Result<Features, CheckpointError> {
    let gated = geglu(graph, &format!("{path}.0.proj"), x)?;
    graph.linear_with_residual(&format!("{path}.2"), &gated, residual)
}

/// Writes GEGLU: a projection is multiplied by the GELU of another one. Both are four times as wide as the
/// input.
///
/// The two are stored as one matrix. Where the CUDA provider has a kernel that splits the result, there is one
/// product with this matrix. Elsewhere the graph refers to its halves as two matrices, so that no tensor has to
/// be split while the network runs.
fn geglu(
    graph: &mut GraphWriter<'_>,
    name: &str,
    x: &Features,
) -> Result<Features, CheckpointError> {
    /// The widths of both projections together that CUDA's kernel of `BiasSplitGelu` takes.
    const SPLIT_WIDTHS: [usize; 3] = [2560, 5120, 10240];
    let inner = x.channels * 4;
    if graph.form == GraphForm::Cuda && SPLIT_WIDTHS.contains(&(inner * 2)) {
        let weight = graph.weight(&format!("{name}.weight"), &[inner * 2, x.channels])?;
        let bias = graph.weight(&format!("{name}.bias"), &[inner * 2])?;
        let mut product = graph.matrix_product(name, &x.value, &weight);
        if let Some(change) = graph.linear_change(name, x, inner * 2)? {
            product = graph.node(name, "Add", &[&product, &change], &[]);
        }
        let gated = graph.node(name, "BiasSplitGelu", &[&product, &bias], &[]);
        return Ok(Features::new(gated, inner));
    }
    let low = graph.low_rank(name, x, inner * 2)?;
    let mut half = |rows: Range<usize>| {
        let shape = [inner * 2, x.channels];
        let weight = graph.weight_rows(&format!("{name}.weight"), &shape, rows.clone())?;
        let bias = graph.weight_rows(&format!("{name}.bias"), &shape[..1], rows.clone())?;
        let product = graph.matrix_product(name, &x.value, &weight);
        let mut projected = graph.node(name, "Add", &[&product, &bias], &[]);
        if let Some(low) = &low {
            let change = graph.rows_of_change(name, low, rows);
            projected = graph.node(name, "Add", &[&projected, &change], &[]);
        }
        Ok::<_, CheckpointError>(Features::new(projected, inner))
    };
    let hidden = half(0..inner)?;
    let gate = half(inner..inner * 2)?;
    let gate = graph.activate(name, &gate, Activation::Gelu);
    let gated = graph.node(name, "Mul", &[&hidden.value, &gate.value], &[]);
    Ok(Features::new(gated, inner))
}
