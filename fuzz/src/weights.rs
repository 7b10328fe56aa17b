//! Weights: safetensors files, zip archives of pickles, pickles, and the index of a file in parts.

use std::io::{Cursor, Write as _};
use std::ops::ControlFlow;
use std::path::Path;

use lb_checkpoint::{
    Component, Embedding, Import, ImportOptions, Lora, StandaloneDecoder, Weights,
};
use lb_export::{ExportOptions, GraphForm, Precision, build_graph_with_loras};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::scratch::{Scratch, fixture};

const MODEL: &str = "crates/lb-checkpoint/tests/golden/checkpoints/sd2";

thread_local! {
    static FOLDER: Scratch = Scratch::new();
    static DIFFUSERS: Scratch = Scratch::copy_of(&format!("{MODEL}/diffusers"));
    static PARTS: Scratch = Scratch::copy_of("crates/lb-export/tests/golden/fixtures/odd");
}

/// Imports a file as `lb import` does: with inferred configurations, and with given ones.
fn import(source: &Path) {
    let destination = source.with_file_name("imported");
    DIFFUSERS.with(|diffusers| {
        for configuration in [None, Some(diffusers.path().to_owned())] {
            let mut options = ImportOptions::default();
            options.configuration = configuration;
            if let Ok(import) = Import::open(source, &destination, &options) {
                for component in Component::ALL {
                    let _ = import.weights(component).statistics();
                }
                // Dropped without being published, the directory is removed.
                let _ = import.write(&mut || ControlFlow::Continue(()));
            }
        }
        // The file may be the autoencoder of another model.
        let mut options = ImportOptions::default();
        options.vae = Some(source.to_owned());
        if let Ok(import) = Import::open(diffusers.path(), &destination, &options) {
            let _ = import.write(&mut || ControlFlow::Continue(()));
        }
    });
}

pub(crate) fn safetensors(bytes: &[u8]) {
    FOLDER.with(|folder| {
        let path = folder.write("model.safetensors", bytes);
        let _ = StandaloneDecoder::open(&path);
        lora(&path);
        let _ = Embedding::open(&path);
        import(&path);
    });
}

/// A safetensors file with this header, and as many bytes behind it as `length`.
fn with_header(header: &str, length: usize) -> Vec<u8> {
    let start = (header.len() as u64).to_le_bytes();
    [&start, header.as_bytes(), &vec![0; length]].concat()
}

pub(crate) fn safetensors_seeds() -> Vec<Vec<u8>> {
    vec![
        with_header("{}", 0),
        with_header(
            r#"{"__metadata__":{"format":"pt"},"1.weight":{"dtype":"F32","shape":[2,4,1,1],"data_offsets":[0,32]},
                "1.bias":{"dtype":"F16","shape":[2],"data_offsets":[32,36]}}"#,
            36,
        ),
        with_header(
            r#"{"decoder.layers.0.weight":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},
                "decoder.layers.1.bias":{"dtype":"I64","shape":[0],"data_offsets":[2,2]}}"#,
            2,
        ),
        fixture("crates/lb-checkpoint/tests/golden/checkpoints/sd1/checkpoint.safetensors"),
        with_header(
            r#"{"lora_unet_conv_out.lora_down.weight":{"dtype":"F16","shape":[1,4,3,3],"data_offsets":[0,72]},
                "lora_unet_conv_out.lora_up.weight":{"dtype":"BF16","shape":[4,1,1,1],"data_offsets":[72,80]},
                "lora_unet_conv_out.alpha":{"dtype":"F64","shape":[],"data_offsets":[80,88]}}"#,
            88,
        ),
        with_header(
            r#"{"__metadata__":{"lora_adapter_metadata":"{\"unet.lora_alpha\":2,\"unet.alpha_pattern\":{\"to_q\":1}}"},
                "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_A.weight":{"dtype":"F32","shape":[1,4],"data_offsets":[0,16]},
                "unet.mid_block.attentions.0.transformer_blocks.0.attn1.to_q.lora_B.weight":{"dtype":"F32","shape":[4,1],"data_offsets":[16,32]}}"#,
            32,
        ),
        with_header(
            r#"{"<toy>":{"dtype":"F16","shape":[2,4],"data_offsets":[0,16]}}"#,
            16,
        ),
    ]
}

/// Reads a file as a LoRA, and writes graphs with it.
fn lora(source: &Path) {
    let Ok(lora) = Lora::open(source) else {
        return;
    };
    DIFFUSERS.with(|model| {
        for component in [Component::TextEncoder, Component::Unet] {
            for form in [GraphForm::OnnxRuntime, GraphForm::Cuda] {
                let options = ExportOptions::new(Precision::Float16, form);
                let _ = build_graph_with_loras(model.path(), component, &[&lora, &lora], &options);
            }
        }
    });
}

pub(crate) fn checkpoint(bytes: &[u8]) {
    FOLDER.with(|folder| {
        let path = folder.write("model.ckpt", bytes);
        lora(&path);
        let _ = Embedding::open(&path);
        import(&path);
    });
}

pub(crate) fn checkpoint_seeds() -> Vec<Vec<u8>> {
    let programs = pickle_seeds();
    programs.iter().map(|program| archive(program)).collect()
}

/// The archive that torch would make of a program, with two storages of 64 bytes.
fn archive(program: &[u8]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let entries: [(&str, &[u8]); 4] = [
        ("data.pkl", program),
        ("byteorder", b"little"),
        ("data/0", &[0; 64]),
        ("data/1", &[1; 64]),
    ];
    for (name, bytes) in entries {
        let begun = archive.start_file(format!("archive/{name}"), stored);
        begun.expect("the archive takes an entry");
        archive.write_all(bytes).expect("memory can be written");
    }
    let archive = archive.finish().expect("the archive is complete");
    archive.into_inner()
}

pub(crate) fn pickle(program: &[u8]) {
    checkpoint(&archive(program));
}

pub(crate) fn pickle_seeds() -> Vec<Vec<u8>> {
    let tensor = |key: &str, storage: &str| {
        let mut program = b"X".to_vec();
        program.extend((key.len() as u32).to_le_bytes());
        program.extend(key.as_bytes());
        program.extend(
            b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n",
        );
        program.extend([b'X', 1, 0, 0, 0]);
        program.extend(storage.as_bytes());
        program.extend(
            b"X\x03\0\0\0cpuK\x10tQK\0(K\x02K\x04t(K\x04K\x01t\x89ccollections\nOrderedDict\n)RtR",
        );
        program
    };
    let state = [
        tensor("model.diffusion_model.out.2.weight", "0"),
        tensor("first_stage_model.quant_conv.weight", "1"),
    ];
    vec![
        b"\x80\x02}.".to_vec(),
        [
            b"\x80\x02}q\0X\x0a\0\0\0state_dict}q\x01(".to_vec(),
            state.concat(),
            b"usX\x05\0\0\0epochM\x10\x27s.".to_vec(),
        ]
        .concat(),
        b"\x80\x04\x95\x10\0\0\0\0\0\0\0}\x94(\x8c\x01a\x94K\x01\x8c\x01b\x94]\x94(K\x02G?\xf0\0\0\0\0\0\0Neu.".to_vec(),
        b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.".to_vec(),
        b"(dp0\nS'a'\np1\n(lp2\nI1\naF2.5\naNas.".to_vec(),
        b"\x80\x02}(X\x01\0\0\0a\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fX\x01\0\0\0bh\0j\0\0\0\0u.".to_vec(),
    ]
}

pub(crate) fn index(bytes: &[u8]) {
    PARTS.with(|model| {
        model.write("unet/diffusion_pytorch_model.safetensors.index.json", bytes);
        if let Ok(weights) = Weights::open(model.path(), Component::Unet) {
            let _ = weights.statistics();
        }
    });
}

pub(crate) fn index_seeds() -> Vec<Vec<u8>> {
    let small = r#"{"metadata": {"total_size": 8}, "weight_map": {
        "conv_in.weight": "diffusion_pytorch_model-00001-of-00002.safetensors",
        "conv_in.bias": "../unet/diffusion_pytorch_model-00002-of-00002.safetensors"}}"#;
    vec![
        small.into(),
        fixture(
            "crates/lb-export/tests/golden/fixtures/odd/unet/diffusion_pytorch_model.safetensors.index.json",
        ),
    ]
}
