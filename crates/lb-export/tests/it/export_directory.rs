//! Tests of the files that an export writes.

use std::fs;

use lb_export::{Component, ExportOptions, WeightTransfer, build_graph, export_directory};

use crate::fixture_copy;

#[test]
fn graphs_are_written_where_optimum_expects_them_next_to_their_weights() {
    let model = fixture_copy("plain");
    let graphs = export_directory(model.path(), &ExportOptions::default()).unwrap();
    assert_eq!(graphs.len(), 4);
    for exported in &graphs {
        let folder = model.path().join(exported.component.directory_name());
        assert_eq!(exported.path, folder.join("model.onnx"));
        let graph =
            build_graph(model.path(), exported.component, &ExportOptions::default()).unwrap();
        assert_eq!(fs::read(&exported.path).unwrap(), graph.bytes);
        assert_eq!(exported.bytes_written, graph.bytes.len() as u64);
        for weights in &graph.weight_files {
            let beside = fs::read(folder.join(&weights.location)).unwrap();
            assert_eq!(beside, fs::read(&weights.path).unwrap());
        }
        let expected = match exported.component {
            Component::TextEncoder | Component::Unet => WeightTransfer::Unmoved,
            Component::VaeDecoder | Component::VaeEncoder => WeightTransfer::HardLinked,
        };
        assert_eq!(exported.weights, expected);
        let config = |name: &str| fs::read(model.path().join(name).join("config.json")).unwrap();
        let source = exported.component.source_name();
        assert_eq!(config(exported.component.directory_name()), config(source));
    }
}

#[test]
fn exporting_again_replaces_graphs_and_leaves_no_temporary_files() {
    let model = fixture_copy("odd");
    export_directory(model.path(), &ExportOptions::default()).unwrap();
    fs::write(model.path().join("unet/model.onnx"), b"old").unwrap();
    export_directory(model.path(), &ExportOptions::default()).unwrap();
    assert!(
        fs::metadata(model.path().join("unet/model.onnx"))
            .unwrap()
            .len()
            > 1000
    );
    let mut files = Vec::new();
    for folder in fs::read_dir(model.path()).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            files.push(file.unwrap().file_name().into_string().unwrap());
        }
    }
    assert!(
        files.iter().all(|file| !file.contains("partial")),
        "{files:?}"
    );
}

#[test]
fn nothing_is_written_if_one_component_has_an_error() {
    let model = fixture_copy("plain");
    fs::remove_file(model.path().join("vae/config.json")).unwrap();
    export_directory(model.path(), &ExportOptions::default()).unwrap_err();
    assert!(!model.path().join("text_encoder/model.onnx").exists());
    assert!(!model.path().join("vae_decoder").exists());
}

#[cfg(unix)]
#[test]
fn linked_weights_take_no_additional_space() {
    use std::os::unix::fs::MetadataExt as _;
    let model = fixture_copy("plain");
    export_directory(model.path(), &ExportOptions::default()).unwrap();
    let inode = |folder: &str| {
        let file = model
            .path()
            .join(folder)
            .join("diffusion_pytorch_model.safetensors");
        fs::metadata(file).unwrap().ino()
    };
    assert_eq!(inode("vae"), inode("vae_decoder"));
    assert_eq!(inode("vae"), inode("vae_encoder"));
}

/// Hugging Face's cache consists of symbolic links, which ONNX Runtime does not follow.
#[cfg(unix)]
#[test]
fn graphs_refer_to_the_targets_of_symbolic_links() {
    let model = fixture_copy("sd1");
    let blobs = tempfile::tempdir().unwrap();
    let unet = model.path().join("unet");
    let mut originals = Vec::new();
    for shard in ["00001-of-00002", "00002-of-00002"] {
        let link = unet.join(format!("diffusion_pytorch_model.fp16-{shard}.safetensors"));
        let blob = blobs.path().join(shard);
        fs::copy(&link, &blob).unwrap();
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&blob, &link).unwrap();
        originals.push(blob.canonicalize().unwrap());
    }
    let graph = build_graph(model.path(), Component::Unet, &ExportOptions::default()).unwrap();
    let paths: Vec<_> = graph.weight_files.iter().map(|file| &file.path).collect();
    assert_eq!(paths, originals.iter().collect::<Vec<_>>());
    export_directory(model.path(), &ExportOptions::default()).unwrap();
    for (file, original) in graph.weight_files.iter().zip(&originals) {
        let beside = unet.join(&file.location);
        assert!(!beside.is_symlink());
        assert_eq!(fs::read(beside).unwrap(), fs::read(original).unwrap());
    }
    let link = unet.join("diffusion_pytorch_model.fp16-00001-of-00002.safetensors");
    assert!(link.is_symlink(), "the original link is kept");
}
