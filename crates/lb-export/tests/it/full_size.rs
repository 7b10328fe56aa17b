//! Tests that configurations can be inferred for full-size checkpoints, and all graphs built from them.
//! The fixtures contain only the names and shapes of the tensors.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use lb_export::{
    Component, ExportOptions, GraphForm, ImportOptions, ModelKind, Precision, build_graph, import,
};
use serde_json::{Map, json};

use crate::onnx_reader::{Node, read};

/// The names and shapes, which `make_checkpoint_shapes.py` in lb-checkpoint writes.
const SHAPES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../lb-checkpoint/tests/golden/checkpoint_shapes.json.gz"
);

type Shapes = BTreeMap<String, Vec<usize>>;

fn shapes(model: &str) -> Shapes {
    let unpacked = flate2::read::GzDecoder::new(File::open(SHAPES).unwrap());
    let mut models: BTreeMap<String, Shapes> = serde_json::from_reader(unpacked).unwrap();
    models.remove(model).unwrap()
}

/// Imports a checkpoint with tensors of these shapes.
fn import_shapes(shapes: &Shapes) -> ModelKind {
    import_into(tempfile::tempdir().unwrap().path(), shapes)
}

/// Imports a checkpoint with tensors of these shapes to `model` in this folder. The file is sparse, so its
/// gigabytes take no space.
fn import_into(folder: &Path, shapes: &Shapes) -> ModelKind {
    let mut entries = Map::new();
    let mut end = 0;
    for (name, shape) in shapes {
        let begin = end;
        end += 2 * shape.iter().product::<usize>() as u64;
        let entry = json!({"dtype": "F16", "shape": shape, "data_offsets": [begin, end]});
        entries.insert(name.clone(), entry);
    }
    let header = json!(entries).to_string();
    let checkpoint = folder.join("checkpoint.safetensors");
    let mut file = File::create(&checkpoint).unwrap();
    let length = header.len() as u64;
    file.write_all(&length.to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len(8 + length + end).unwrap();
    let target = folder.join("model");
    let imported = import(&checkpoint, &target, &ImportOptions::default()).unwrap();
    imported.report.kind
}

#[test]
fn every_graph_of_a_full_size_checkpoint_can_be_built() {
    for (model, kind) in [
        ("sd1", ModelKind::TextToImage),
        ("sd2", ModelKind::TextToImage),
        ("x4", ModelKind::Upscale),
    ] {
        assert_eq!(import_shapes(&shapes(model)), kind, "{model}");
    }
}

#[test]
fn every_graph_of_the_other_kinds_can_be_built() {
    for (channels, kind) in [(9, ModelKind::Inpaint), (5, ModelKind::Depth)] {
        let mut shapes = shapes("sd2");
        let key = "model.diffusion_model.input_blocks.0.0.weight";
        shapes.get_mut(key).unwrap()[1] = channels;
        assert_eq!(import_shapes(&shapes), kind);
    }
}

/// diffusers' script that converts a directory into a checkpoint leaves out the unused layer.
#[test]
fn the_unused_text_layer_may_be_absent() {
    let mut shapes = shapes("sd2");
    shapes.retain(|key, _| !key.starts_with("cond_stage_model.model.transformer.resblocks.23."));
    assert_eq!(import_shapes(&shapes), ModelKind::TextToImage);
}

/// The widths of Stable Diffusion's UNet are those that CUDA's kernels take.
#[test]
fn kernels_of_cuda_compute_most_of_a_full_size_unet() {
    let folder = tempfile::tempdir().unwrap();
    import_into(folder.path(), &shapes("sd2"));
    let mut options = ExportOptions::new(Precision::Float16, GraphForm::Cuda);
    options.latent_size = Some([64, 64]);
    let model = folder.path().join("model");
    let graph = build_graph(&model, Component::Unet, &options).unwrap();
    let graph = read(&graph.bytes);
    let count = |operator| {
        let nodes = graph.nodes.iter();
        nodes.filter(|node| node.operator == operator).count()
    };
    // 16 transformers and 22 residual blocks.
    assert_eq!(count("BiasSplitGelu"), 16);
    assert_eq!(count("BiasAdd"), 16 * 4 + 22);
    assert_eq!(count("GroupNorm"), 16 + 2 * 22 + 1);
    assert_eq!(count("InstanceNormalization"), 0);
    let with_bias = |node: &&Node| node.operator == "Conv" && node.inputs.len() == 3;
    // The first and the last convolution, and those that change the resolution.
    assert_eq!(graph.nodes.iter().filter(with_bias).count(), 2 + 2 * 3);
}
