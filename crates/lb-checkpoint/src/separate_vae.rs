//! Autoencoders that are published by themselves, encoder and decoder together.
//!
//! They come as a folder in the layout of diffusers, or as a file with the tensor names of diffusers or of CompVis'
//! code, which a checkpoint prefixes with `first_stage_model.`

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Map, Value};

use crate::component::Component;
use crate::config::ConfigFile;
use crate::error::CheckpointError;
use crate::safetensors::{TensorEntry, read_header, unknown_format};
use crate::torch::TorchCheckpoint;
use crate::weights::{WeightTransfer, Weights, link_or_copy};

/// The name of an autoencoder's weights in the layout of diffusers.
const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";

/// The starts of the names that the tensors of an autoencoder have in a file of their own.
const PARTS: [&str; 4] = ["encoder.", "decoder.", "quant_conv.", "post_quant_conv."];

/// The start of these names in a whole checkpoint.
const PREFIX: &str = "first_stage_model.";

/// An autoencoder outside of a model. Only the names, shapes and places of its tensors have been read.
#[derive(Debug)]
pub(crate) struct SeparateVae {
    /// What its `config.json` says; `None` for a file.
    pub(crate) settings: Option<Map<String, Value>>,
    /// Its weights, with diffusers' names.
    pub(crate) weights: Weights,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// Files that a model directory can have as they are.
    Diffusers,
    /// A file with other names.
    Renamed,
    /// A file that torch has pickled, with whatever names.
    Pickled(TorchCheckpoint),
}

impl SeparateVae {
    /// Opens the autoencoder at `path`: a folder with `config.json` and weights, one with a folder `vae` of this
    /// kind, or a file (`.safetensors`, or one that torch has saved). A whole checkpoint counts as its
    /// autoencoder.
    ///
    /// # Errors
    /// [`CheckpointError::OtherFile`] for a file without an autoencoder, and other errors for files that are
    /// missing or damaged.
    pub(crate) fn open(path: &Path) -> Result<Self, CheckpointError> {
        if path.is_dir() {
            return Self::in_folder(path);
        }
        let mut start = Vec::new();
        let file = lb_files::open(path).map_err(CheckpointError::file("open", path))?;
        let read = file.take(9).read_to_end(&mut start);
        read.map_err(CheckpointError::io("read", path))?;
        let (weights, form) = if TorchCheckpoint::is_archive(&start) {
            pickled(path)?
        } else if start.get(8) == Some(&b'{') {
            let tensors = read_header(path)?;
            let form = match has_names_of_diffusers(&tensors) {
                true => Form::Diffusers,
                false => Form::Renamed,
            };
            (named(path, &tensors)?, form)
        } else {
            return Err(unknown_format(path, &start));
        };
        Ok(Self {
            settings: None,
            weights,
            form,
        })
    }

    fn in_folder(path: &Path) -> Result<Self, CheckpointError> {
        let is_inside = !path.join("config.json").is_file() && path.join("vae").is_dir();
        let folder = match is_inside {
            true => path.join("vae"),
            false => path.to_owned(),
        };
        let settings = ConfigFile::open(&folder.join("config.json"))?.into_settings();
        let (weights, form) = match Weights::in_folder(&folder) {
            Err(CheckpointError::PickledWeights { path }) => pickled(&path)?,
            opened => (opened?, Form::Diffusers),
        };
        Ok(Self {
            settings: Some(settings),
            weights,
            form,
        })
    }

    /// Brings the weights into this folder, the `vae` of a new model directory: as links if they can stay as they
    /// are, and otherwise as one safetensors file with diffusers' names. `observe` is called before each file or
    /// tensor.
    pub(crate) fn transfer(
        &self,
        folder: &Path,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<WeightTransfer, CheckpointError> {
        let target = folder.join(WEIGHTS);
        match &self.form {
            Form::Diffusers => self.link(folder, observe),
            Form::Renamed => {
                self.weights.write_safetensors(&target, observe)?;
                Ok(WeightTransfer::Copied)
            }
            Form::Pickled(checkpoint) => {
                let converted = folder.join("converted.safetensors");
                checkpoint.write_safetensors(&converted, observe)?;
                let weights = named(&converted, &read_header(&converted)?)?;
                weights.write_safetensors(&target, observe)?;
                fs::remove_file(&converted).map_err(CheckpointError::io("remove", &converted))?;
                Ok(WeightTransfer::Copied)
            }
        }
    }

    fn link(
        &self,
        folder: &Path,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<WeightTransfer, CheckpointError> {
        let mut transfer = WeightTransfer::HardLinked;
        for file in self.weights.all_files() {
            if observe().is_break() {
                return Err(CheckpointError::Interrupted);
            }
            let name = match &self.settings {
                Some(_) => file.file_name().unwrap_or_default(),
                None => WEIGHTS.as_ref(),
            };
            let target = folder.join(name);
            // In Hugging Face's cache the file is a symbolic link. The hard link must lead to its target.
            let file = fs::canonicalize(file).map_err(CheckpointError::io("read", file))?;
            let linked = link_or_copy(&file, &target);
            transfer = transfer.max(linked.map_err(CheckpointError::io("write", target))?);
        }
        Ok(transfer)
    }
}

/// Opens a file that torch has pickled.
fn pickled(path: &Path) -> Result<(Weights, Form), CheckpointError> {
    let checkpoint = TorchCheckpoint::open(path, is_part)?;
    let weights = named(path, checkpoint.entries())?;
    Ok((weights, Form::Pickled(checkpoint)))
}

/// Whether a tensor of this name belongs to an autoencoder.
fn is_part(key: &str) -> bool {
    key.starts_with(PREFIX) || PARTS.iter().any(|part| key.starts_with(part))
}

fn has_names_of_diffusers(tensors: &BTreeMap<String, TensorEntry>) -> bool {
    let starts = ["encoder.down_blocks.", "decoder.up_blocks."];
    let mut keys = tensors.keys();
    keys.any(|key| starts.iter().any(|start| key.starts_with(start)))
}

/// The autoencoder among these tensors of a file, with diffusers' names.
fn named(path: &Path, tensors: &BTreeMap<String, TensorEntry>) -> Result<Weights, CheckpointError> {
    let parts = tensors
        .iter()
        .filter(|(key, _)| !key.starts_with(PREFIX) && is_part(key));
    if has_names_of_diffusers(tensors) {
        let parts = parts.map(|(key, entry)| (key.clone(), entry.clone()));
        return Ok(Weights::in_one_file(path.to_owned(), parts.collect()));
    }
    let mut prefixed: BTreeMap<String, TensorEntry> = tensors
        .iter()
        .filter(|(key, _)| key.starts_with(PREFIX))
        .map(|(key, entry)| (key.clone(), entry.clone()))
        .collect();
    if prefixed.is_empty() {
        let parts = parts.map(|(key, entry)| (format!("{PREFIX}{key}"), entry.clone()));
        prefixed = parts.collect();
    }
    let is_whole = |half: &str| prefixed.contains_key(&format!("{PREFIX}{half}.conv_in.weight"));
    if !(is_whole("encoder") && is_whole("decoder")) {
        return Err(CheckpointError::OtherFile {
            path: path.to_owned(),
            what: "no autoencoder of Stable Diffusion, which has an encoder and a decoder".into(),
        });
    }
    Weights::from_single_file(path, &prefixed, Component::VaeDecoder)
}
