//! Writes the embedding of the timestep.

use lb_checkpoint::UnetConfig;

use crate::error::ExportError;
use crate::graph::{ElementType, GraphWriter, Value};
use crate::layers::{Activation, Bias, activate, embedding, linear};

/// The number that determines the longest wavelength of the embedding, 2π times as long. It is the same
/// in diffusers and in "Attention is all you need".
const MAX_PERIOD: f64 = 10_000.0;

/// The classes of the rows, for networks with class embeddings.
pub(super) struct ClassLabels {
    /// The class of each row: a number below `count` (`[batch]`).
    pub(super) labels: Value,
    /// Number of classes, which is the number of the embedding's rows.
    pub(super) count: usize,
}

/// Writes the time embedding `[steps, time_width]` of timesteps `[steps]`, including its activation. If
/// the rows have classes, the embedding of each row's class is added, and the result is
/// `[batch, time_width]`.
///
/// In diffusers, each residual block begins with the activation of the time embedding. As it is the same
/// for all blocks, it is applied only once, here.
pub(super) fn embed_timestep(
    graph: &mut GraphWriter<'_>,
    timestep: &Value,
    class: Option<&ClassLabels>,
    config: &UnetConfig,
) -> Result<Value, ExportError> {
    let width = config.frequency_width();
    let frequencies = frequencies(width, config.freq_shift);
    let frequencies = graph.float32s("time_frequencies", &[frequencies.len()], &frequencies);
    let steps = graph.cast("time_proj", timestep, ElementType::Float32);
    let column = graph.integers(&[-1, 1]);
    let steps = graph.node("time_proj", "Reshape", &[&steps, &column], &[]);
    let angles = graph.node("time_proj", "Mul", &[&steps, &frequencies], &[]);
    let sines = graph.node("time_proj", "Sin", &[&angles], &[]);
    let cosines = graph.node("time_proj", "Cos", &[&angles], &[]);
    let waves = if config.flip_sin_to_cos {
        [&cosines, &sines]
    } else {
        [&sines, &cosines]
    };
    let waves = graph.concatenate("time_proj", &waves, 1);
    let waves = graph.enter_graph_format("time_proj", &waves);
    let wide = config.time_width;
    let x = linear(
        graph,
        "time_embedding.linear_1",
        &waves,
        width,
        wide,
        Bias::Present,
    )?;
    let x = activate(graph, "time_embedding", &x, Activation::Silu);
    let x = linear(
        graph,
        "time_embedding.linear_2",
        &x,
        wide,
        wide,
        Bias::Present,
    )?;
    let x = match class {
        Some(ClassLabels { labels, count }) => {
            let class = embedding(graph, "class_embedding", labels, *count, wide)?;
            graph.node("class_embedding", "Add", &[&x, &class], &[])
        }
        None => x,
    };
    Ok(activate(graph, "time_embedding", &x, Activation::Silu))
}

/// Computes exp(−ln(10000)·i/(n − shift)) for i in 0..n, where n is half the width. Intermediate results
/// are rounded to f32 as in diffusers.
fn frequencies(width: usize, shift: f64) -> Vec<f32> {
    let half = width / 2;
    (0..half)
        .map(|index| {
            let exponent = (-MAX_PERIOD.ln() * index as f64) as f32 / (half as f64 - shift) as f32;
            exponent.exp()
        })
        .collect()
}
