//! Writes the embedding of the timestep.

use lb_checkpoint::{CheckpointError, UnetConfig};

use crate::graph::{ElementType, GraphWriter, Value};
use crate::layers::{Activation, Bias, Features};

/// The number that determines the longest wavelength of the embedding, 2π times as long. It is the same
/// in diffusers and in "Attention is all you need".
const MAX_PERIOD: f64 = 10_000.0;

/// Writes the time embedding `[steps, time_width]` of timesteps `[steps]`, including its activation. If
/// the network has class embeddings, the embedding of each row's class is added, and the result is
/// `[batch, time_width]`. `class` has the labels (`[batch]`) and the number of classes.
///
/// In diffusers, each residual block begins with the activation of the time embedding. As it is the same
/// for all blocks, it is applied only once, here.
pub(super) fn embed_timestep(
    graph: &mut GraphWriter<'_>,
    timestep: &Value,
    class: Option<(Value, usize)>,
    config: &UnetConfig,
) -> Result<Features, CheckpointError> {
    let width = config.frequency_width();
    let frequencies = frequencies(width, config.freq_shift);
    let frequencies = graph.float32s("time_frequencies", &[frequencies.len()], &frequencies);
    let steps = graph.cast("time_proj", timestep, ElementType::Float32);
    let steps = graph.reshape("time_proj", &steps, &[-1, 1]);
    let angles = graph.node("time_proj", "Mul", &[&steps, &frequencies], &[]);
    let sines = graph.node("time_proj", "Sin", &[&angles], &[]);
    let cosines = graph.node("time_proj", "Cos", &[&angles], &[]);
    let waves = if config.flip_sin_to_cos {
        [&cosines, &sines]
    } else {
        [&sines, &cosines]
    };
    let waves = graph.concatenate("time_proj", &waves, 1);
    let waves = Features::vectors(graph.enter_graph_format("time_proj", &waves), width);
    let wide = config.time_width;
    let x = graph.linear("time_embedding.linear_1", &waves, wide, Bias::Present)?;
    let x = graph.activate("time_embedding", &x, Activation::Silu);
    let mut x = graph.linear("time_embedding.linear_2", &x, wide, Bias::Present)?;
    if let Some((labels, count)) = class {
        let class = graph.embedding("class_embedding", &labels, [count, wide])?;
        x = graph.add("class_embedding", &x, &class);
    }
    Ok(graph.activate("time_embedding", &x, Activation::Silu))
}

/// Computes exp(−ln(10000)·i/(n − shift)) for i in 0..n, where n is half the width. Intermediate results
/// are rounded to f32 as in diffusers.
fn frequencies(width: usize, shift: f64) -> Vec<f32> {
    let half = width / 2;
    let frequency = |index: usize| {
        let exponent = (-MAX_PERIOD.ln() * index as f64) as f32 / (half as f64 - shift) as f32;
        exponent.exp()
    };
    (0..half).map(frequency).collect()
}
