//! Builds the graph of one component from its configuration and weights.

use std::path::Path;

use lb_checkpoint::{
    CheckpointError, Component, ConfigFile, DecoderConfig, Lora, Manifest, StandaloneDecoder,
    TextEncoderConfig, TinyVaeConfig, UnetConfig, VaeConfig, Weights,
};

use crate::graph::{Graph, GraphWriter};
use crate::lora::LoraLayers;
use crate::options::ExportOptions;
use crate::text_encoder::write_text_encoder;
use crate::tiny_vae;
use crate::unet::write_unet;
use crate::vae;

/// Builds a component's graph from the configuration and weights in a diffusers directory.
///
/// If the component's folder has no weights, they are taken from the single-file checkpoint
/// `checkpoint.safetensors` in the model directory (see [`import`](crate::import())). A component that
/// the model takes from another one (see [`Manifest`]) is looked for there.
///
/// No file is written. Of the weight files only the headers are read.
///
/// # Errors
/// The configuration or the weights are missing, damaged, not supported, or contradict each other. The
/// error names the file, the setting or tensor, and what was expected.
pub fn build_graph(
    model_directory: &Path,
    component: Component,
    options: &ExportOptions,
) -> Result<Graph, CheckpointError> {
    build_graph_with_loras(model_directory, component, &[], options)
}

/// Builds a component's graph as [`build_graph`] does, with the changes that LoRAs make to it.
///
/// If any of them changes the component, the graph has a further input, `lora_strengths`: 32-bit floats
/// `[batch, LoRAs]`, which say for each row how strong each LoRA is. The matrices of the LoRAs are part of the
/// graph, and the model's weights stay where they are.
///
/// # Errors
/// Those of [`build_graph`], and [`CheckpointError::Tensor`] for a LoRA that changes a layer that the component
/// does not have, or one of another shape.
pub fn build_graph_with_loras(
    model_directory: &Path,
    component: Component,
    loras: &[&Lora],
    options: &ExportOptions,
) -> Result<Graph, CheckpointError> {
    let manifest = Manifest::read(model_directory)?;
    let name = component.source_name();
    let folder = manifest.home_of(name).join(name);
    let config = ConfigFile::open(&folder.join("config.json"))?;
    let weights = Weights::open(model_directory, component)?;
    write_component_with_loras(component, &config, &weights, loras, options)
}

/// Builds the graph of a VAE decoder that is used instead of a model's own.
///
/// # Errors
/// Those of [`build_graph`].
pub fn build_decoder_graph(
    decoder: &StandaloneDecoder,
    options: &ExportOptions,
) -> Result<Graph, CheckpointError> {
    let name = Component::VaeDecoder.directory_name();
    let mut graph = GraphWriter::new(name, decoder.weights(), options);
    write_decoder(&mut graph, decoder.config())?;
    Ok(graph.finish())
}

fn write_decoder(
    graph: &mut GraphWriter<'_>,
    config: &DecoderConfig,
) -> Result<(), CheckpointError> {
    match config {
        DecoderConfig::Kl(config) => vae::write_decoder(graph, config),
        DecoderConfig::Tiny(config) => tiny_vae::write_decoder(graph, config),
    }
}

/// Builds the graph of a component. This also checks that its configuration and weights fit together.
pub(crate) fn write_component(
    component: Component,
    config: &ConfigFile,
    weights: &Weights,
    options: &ExportOptions,
) -> Result<Graph, CheckpointError> {
    write_component_with_loras(component, config, weights, &[], options)
}

fn write_component_with_loras(
    component: Component,
    config: &ConfigFile,
    weights: &Weights,
    loras: &[&Lora],
    options: &ExportOptions,
) -> Result<Graph, CheckpointError> {
    let mut graph = GraphWriter::new(component.directory_name(), weights, options)
        .with_loras(LoraLayers::new(component, loras.to_vec()));
    match component {
        Component::TextEncoder => {
            let file = config;
            let config = TextEncoderConfig::read(file)?;
            let skipped = options.skipped_text_layers;
            if skipped >= config.layers {
                let expected = format!("more than {skipped}, because as many layers are left out");
                return Err(file.refuse("num_hidden_layers", expected));
            }
            let layers = config.layers - skipped;
            write_text_encoder(&mut graph, &config, layers)?;
            graph.loras.validate(Some(layers))?;
        }
        Component::Unet => {
            write_unet(&mut graph, &UnetConfig::read(config)?)?;
            graph.loras.validate(None)?;
        }
        Component::VaeDecoder => write_decoder(&mut graph, &DecoderConfig::read(config)?)?,
        Component::VaeEncoder if TinyVaeConfig::describes(config) => {
            tiny_vae::write_encoder(&mut graph, &TinyVaeConfig::read(config)?.encoder)?;
        }
        Component::VaeEncoder => vae::write_encoder(&mut graph, &VaeConfig::read(config)?)?,
    }
    Ok(graph.finish())
}
