//! Opens a model in one of the three forms in which models are published.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::recognise::{OF_OUR_FAMILIES, is_of_other_family, recognise};
use super::report::SourceFormat;
use super::told::Told;
use super::unpublished::UnpublishedModel;
use crate::component::Component;
use crate::config::ConfigFile;
use crate::error::CheckpointError;
use crate::manifest::Manifest;
use crate::names::is_known;
use crate::safetensors::{Metadata, TensorEntry, is_pointer, read_header_with_metadata};
use crate::torch::TorchCheckpoint;
use crate::weights::{SINGLE_FILE, WeightTransfer, Weights};

/// The weights of all networks of a model. The keys are the names of the components' folders.
#[derive(Debug)]
pub(super) struct ModelWeights {
    weights: BTreeMap<&'static str, Weights>,
    /// The pickled weights of a diffusers directory, which have to be converted.
    pickled: BTreeMap<&'static str, TorchCheckpoint>,
}

impl ModelWeights {
    pub(super) fn of(&self, component: Component) -> &Weights {
        &self.weights[component.source_name()]
    }
}

/// The source of an import, opened.
#[derive(Debug)]
pub(super) struct Source {
    /// A file, or a directory.
    pub(super) path: PathBuf,
    form: Form,
}

#[derive(Debug)]
enum Form {
    Directory(Manifest),
    SingleFile(BTreeMap<String, TensorEntry>, Metadata),
    Torch(TorchCheckpoint),
}

impl Source {
    /// Opens a source. The first bytes of a file show its form.
    pub(super) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let path = path.to_owned();
        if path.is_dir() {
            let path = lb_hub::main_snapshot(&path).unwrap_or(path);
            if !path.join("model_index.json").is_file() {
                return Err(CheckpointError::NoModel { path });
            }
            refuse_other_family(&path.join("model_index.json"))?;
            let form = Form::Directory(Manifest::read(&path)?);
            return Ok(Self { path, form });
        }
        let start = start_of(&path)?;
        let form = if TorchCheckpoint::is_archive(&start) {
            Form::Torch(TorchCheckpoint::open(&path, is_known)?)
        } else if start.get(8) == Some(&b'{') {
            // In a safetensors file, the header's length takes eight bytes; then its JSON begins.
            let (tensors, metadata) = read_header_with_metadata(&path)?;
            Form::SingleFile(tensors, metadata)
        } else {
            return Err(unknown(path, &start));
        };
        Ok(Self { path, form })
    }

    pub(super) fn format(&self) -> SourceFormat {
        match self.form {
            Form::Directory(_) => SourceFormat::DiffusersDirectory,
            Form::SingleFile(..) => SourceFormat::Safetensors,
            Form::Torch(_) => SourceFormat::TorchCheckpoint,
        }
    }

    /// Returns the manifest of the source if it is a diffusers directory. Without `lb.toml` it is empty.
    pub(super) fn manifest(&self) -> Option<&Manifest> {
        match &self.form {
            Form::Directory(manifest) => Some(manifest),
            _ => None,
        }
    }

    /// Returns the tensors of a single-file checkpoint. For one that torch has saved, they are those that
    /// the converted file will have.
    fn tensors(&self) -> Option<&BTreeMap<String, TensorEntry>> {
        match &self.form {
            Form::Directory(_) => None,
            Form::SingleFile(tensors, _) => Some(tensors),
            Form::Torch(checkpoint) => Some(checkpoint.entries()),
        }
    }

    /// Whether this is a single-file checkpoint with OpenCLIP's text encoder, as in Stable Diffusion 2.
    pub(super) fn has_open_clip(&self) -> bool {
        let mut keys = self.tensors().into_iter().flat_map(BTreeMap::keys);
        keys.any(|key| key.starts_with("cond_stage_model.model."))
    }

    /// Returns what a single file, and a `.yaml` beside it, tell about the model's prediction.
    pub(super) fn told(&self) -> Result<Told, CheckpointError> {
        let nothing = Metadata::new();
        match &self.form {
            Form::Directory(_) => Ok(Told::default()),
            Form::SingleFile(tensors, metadata) => Told::about(&self.path, tensors, metadata),
            Form::Torch(checkpoint) => Told::about(&self.path, checkpoint.entries(), &nothing),
        }
    }

    /// Returns the weights of all networks.
    pub(super) fn weights(&self) -> Result<ModelWeights, CheckpointError> {
        if let Form::SingleFile(tensors, _) = &self.form
            && let Some(what) = recognise(tensors)
        {
            let path = self.path.clone();
            return Err(CheckpointError::OtherFile { path, what });
        }
        let (mut weights, mut pickled) = (BTreeMap::new(), BTreeMap::new());
        for component in [
            Component::TextEncoder,
            Component::Unet,
            Component::VaeDecoder,
        ] {
            let found = match self.tensors() {
                None => weights_of(&self.path, component, &mut pickled),
                Some(tensors) => Weights::from_single_file(&self.path, tensors, component),
            };
            weights.insert(component.source_name(), found?);
        }
        Ok(ModelWeights { weights, pickled })
    }

    /// Brings the weights into the new model. `observe` is called before each file or tensor.
    pub(super) fn transfer_weights(
        &self,
        weights: &ModelWeights,
        model: &UnpublishedModel,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<WeightTransfer, CheckpointError> {
        let single = Path::new(SINGLE_FILE);
        let manifest = match &self.form {
            Form::SingleFile(..) => return model.link(&self.path, single),
            Form::Torch(checkpoint) => {
                checkpoint.write_safetensors(&model.path_of(single)?, observe)?;
                return Ok(WeightTransfer::Copied);
            }
            Form::Directory(manifest) => manifest,
        };
        let mut transfer = WeightTransfer::HardLinked;
        for (component, checkpoint) in &weights.pickled {
            let file = Path::new(component).join(converted_name(component));
            checkpoint.write_safetensors(&model.path_of(&file)?, observe)?;
            transfer = WeightTransfer::Copied;
        }
        let linked = weights.weights.iter();
        let linked = linked.filter(|(name, _)| !weights.pickled.contains_key(*name));
        // Several components can have their weights in one file.
        let files: BTreeSet<_> = linked
            .flat_map(|(name, weights)| {
                let home = manifest.home_of(name);
                weights.all_files().map(move |file| (file, home))
            })
            .collect();
        let mut taken: BTreeMap<&Path, &Path> = BTreeMap::new();
        for (file, home) in files {
            if observe().is_break() {
                return Err(CheckpointError::Interrupted);
            }
            let inside = file.strip_prefix(home).unwrap_or(file);
            match taken.insert(inside, file) {
                None => transfer = transfer.max(model.link(file, inside)?),
                Some(first) if first == file => {}
                Some(first) => {
                    return Err(CheckpointError::SameName {
                        first: first.to_owned(),
                        second: file.to_owned(),
                        name: inside.to_owned(),
                    });
                }
            }
        }
        Ok(transfer)
    }
}

/// Refuses a model directory whose pipeline is of another family.
fn refuse_other_family(index: &Path) -> Result<(), CheckpointError> {
    let index = ConfigFile::open(index)?;
    let class = index.settings().get("_class_name").and_then(Value::as_str);
    match class.is_some_and(is_of_other_family) {
        true => Err(index.refuse("_class_name", OF_OUR_FAMILIES)),
        false => Ok(()),
    }
}

/// Opens the weights of a component of a diffusers directory. If torch has pickled them, the checkpoint
/// is added to `pickled`.
fn weights_of(
    directory: &Path,
    component: Component,
    pickled: &mut BTreeMap<&'static str, TorchCheckpoint>,
) -> Result<Weights, CheckpointError> {
    match Weights::open(directory, component) {
        Err(CheckpointError::PickledWeights { path }) => {
            let start = start_of(&path)?;
            if !TorchCheckpoint::is_archive(&start) {
                return Err(unknown(path, &start));
            }
            let checkpoint = TorchCheckpoint::open(&path, |_| true)?;
            let weights = Weights::in_one_file(path, checkpoint.entries().clone());
            pickled.insert(component.source_name(), checkpoint);
            Ok(weights)
        }
        opened => opened,
    }
}

/// Makes the error for a file whose first bytes belong to none of the supported formats.
fn unknown(path: PathBuf, start: &[u8]) -> CheckpointError {
    if is_pointer(start) {
        CheckpointError::LargeFilePointer { path }
    } else {
        CheckpointError::UnknownFormat { path }
    }
}

/// Returns the file name that a component's weights get when they are converted.
fn converted_name(component: &str) -> &'static str {
    match component {
        "text_encoder" => "model.safetensors",
        _ => "diffusion_pytorch_model.safetensors",
    }
}

/// Reads the first bytes of a file, which show its form.
fn start_of(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let mut start = Vec::new();
    let file = lb_files::open(path).map_err(CheckpointError::file("open", path))?;
    let read = file.take(9).read_to_end(&mut start);
    read.map_err(CheckpointError::io("read", path))?;
    Ok(start)
}
