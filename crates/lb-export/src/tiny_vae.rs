//! Writes the graphs of `AutoencoderTiny` (TAESD): its decoder and its encoder.
//!
//! Inputs and outputs are those of [`AutoencoderKL`'s graphs](crate::vae), except that
//! `latent_parameters` are the latents alone: this encoder has no log-variances.

use lb_checkpoint::{CheckpointError, TinyHalf};

use crate::graph::{Dimension, GraphWriter};
use crate::layers::{Activation, Bias, Features};
use crate::vae::{LATENTS, PICTURE};

/// The latents from which the decoder starts lie between this number and its negative.
const LARGEST_LATENT: f32 = 3.0;

/// Writes the decoder into `graph`.
pub(crate) fn write_decoder(
    graph: &mut GraphWriter<'_>,
    config: &TinyHalf,
) -> Result<(), CheckpointError> {
    let latent = config.in_channels;
    let size = graph.latent_size;
    let x = graph.float_input("latent_sample", &Dimension::picture(latent, LATENTS, size));
    let x = clamp_softly(graph, &Features::picture(x, latent, size));
    let mut layers = Layers::of("decoder");
    let mut x = graph.convolve(&layers.next(), &x, config.channels, 3)?;
    x = graph.activate(&layers.next(), &x, Activation::Relu);
    let last = config.blocks.len() - 1;
    for (index, &blocks) in config.blocks.iter().enumerate() {
        for _ in 0..blocks {
            x = block(graph, &layers.next(), &x)?;
        }
        if index != last {
            let (doubling, convolution) = (layers.next(), layers.next());
            x = graph.double_size_and_convolve(&doubling, &convolution, &x, Bias::Absent)?;
        }
    }
    x = graph.convolve(&layers.next(), &x, config.out_channels, 3)?;
    let shape = Dimension::picture(config.out_channels, PICTURE, x.size);
    // The network makes values from 0 to 1.
    let [two, minus_one] = [2.0, -1.0].map(|number| graph.number(number));
    let doubled = graph.node("sample", "Mul", &[&x.value, &two], &[]);
    let sample = graph.node("sample", "Add", &[&doubled, &minus_one], &[]);
    let sample = graph.leave_graph_format("sample", &sample);
    graph.output("sample", &shape, &sample);
    Ok(())
}

/// Writes the encoder into `graph`.
pub(crate) fn write_encoder(
    graph: &mut GraphWriter<'_>,
    config: &TinyHalf,
) -> Result<(), CheckpointError> {
    let pixels = config.pixels_per_latent();
    let size = graph.latent_size.map(|size| size.map(|side| side * pixels));
    let shape = Dimension::picture(config.in_channels, PICTURE, size);
    let x = graph.float_input("sample", &shape);
    // The network takes values from 0 to 1.
    let half = graph.number(0.5);
    let halved = graph.node("sample", "Mul", &[&x, &half], &[]);
    let x = graph.node("sample", "Add", &[&halved, &half], &[]);
    let mut layers = Layers::of("encoder");
    let x = Features::picture(x, config.in_channels, size);
    let mut x = graph.convolve(&layers.next(), &x, config.channels, 3)?;
    for (index, &blocks) in config.blocks.iter().enumerate() {
        if index != 0 {
            let (path, channels) = (layers.next(), config.channels);
            x = graph.convolve_strided(&path, &x, channels, 3, 2, [1; 4], Bias::Absent)?;
        }
        for _ in 0..blocks {
            x = block(graph, &layers.next(), &x)?;
        }
    }
    x = graph.convolve(&layers.next(), &x, config.out_channels, 3)?;
    let shape = Dimension::picture(config.out_channels, LATENTS, x.size);
    let x = graph.leave_graph_format("latent_parameters", &x.value);
    graph.output("latent_parameters", &shape, &x);
    Ok(())
}

/// The names of a half's layers, which are numbered from 0.
struct Layers {
    half: &'static str,
    count: usize,
}

impl Layers {
    fn of(half: &'static str) -> Self {
        Self { half, count: 0 }
    }

    fn next(&mut self) -> String {
        self.count += 1;
        format!("{}.layers.{}", self.half, self.count - 1)
    }
}

/// Writes tanh(x/3)·3, which is close to x if that is small.
fn clamp_softly(graph: &mut GraphWriter<'_>, x: &Features) -> Features {
    let scope = "latent_sample";
    let [shrink, grow] = [1.0 / LARGEST_LATENT, LARGEST_LATENT].map(|number| graph.number(number));
    let small = graph.node(scope, "Mul", &[&x.value, &shrink], &[]);
    let bounded = graph.node(scope, "Tanh", &[&small], &[]);
    let value = graph.node(scope, "Mul", &[&bounded, &grow], &[]);
    x.with_value(value)
}

/// Writes three convolutions with ReLU between them, and ReLU of the sum of their result and the input.
fn block(
    graph: &mut GraphWriter<'_>,
    path: &str,
    x: &Features,
) -> Result<Features, CheckpointError> {
    let mut change = graph.convolve(&format!("{path}.conv.0"), x, x.channels, 3)?;
    for layer in [2, 4] {
        let path = format!("{path}.conv.{layer}");
        change = graph.activate(&path, &change, Activation::Relu);
        change = graph.convolve(&path, &change, x.channels, 3)?;
    }
    let sum = graph.add(path, &change, x);
    Ok(graph.activate(path, &sum, Activation::Relu))
}
