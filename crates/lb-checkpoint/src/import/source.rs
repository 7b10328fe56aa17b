//! Opens a model in one of the three forms in which models are published.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::recognise::{OF_OUR_FAMILIES, is_of_other_family, recognise};
use super::report::SourceFormat;
use super::told::{MARKS, Told};
use super::unpublished::UnpublishedModel;
use crate::component::Component;
use crate::config::ConfigFile;
use crate::error::CheckpointError;
use crate::manifest::Manifest;
use crate::names::{is_known, prefixes};
use crate::safetensors::{Metadata, TensorEntry, read_header_with_metadata, unknown_format};
use crate::separate_vae::SeparateVae;
use crate::torch::TorchCheckpoint;
use crate::weights::{SINGLE_FILE, WeightTransfer, Weights};

/// The weights of all networks of a model. The keys are the names of the components' folders.
#[derive(Debug)]
pub(super) struct ModelWeights {
    weights: BTreeMap<&'static str, Weights>,
    /// The pickled weights of a diffusers directory, which have to be converted.
    pickled: BTreeMap<&'static str, TorchCheckpoint>,
    /// The autoencoder that is given separately, whose weights are the model's.
    vae: Option<SeparateVae>,
}

impl ModelWeights {
    pub(super) fn of(&self, component: Component) -> &Weights {
        &self.weights[component.source_name()]
    }

    /// The autoencoder that is given separately.
    pub(super) fn vae(&self) -> Option<&SeparateVae> {
        self.vae.as_ref()
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
            let checkpoint = TorchCheckpoint::open(&path, is_wanted)?;
            if checkpoint.entries().is_empty()
                && let Some(what) = recognise(TorchCheckpoint::open(&path, |_| true)?.entries())
            {
                return Err(CheckpointError::OtherFile { path, what });
            }
            Form::Torch(checkpoint)
        } else if start.get(8) == Some(&b'{') {
            // In a safetensors file, the header's length takes eight bytes; then its JSON begins.
            let (tensors, metadata) = read_header_with_metadata(&path)?;
            Form::SingleFile(tensors, metadata)
        } else {
            return Err(unknown_format(&path, &start));
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

    /// Whether the source has an autoencoder of its own.
    pub(super) fn has_vae(&self) -> bool {
        match (&self.form, self.tensors()) {
            (Form::Directory(manifest), _) => manifest.home_of("vae").join("vae").is_dir(),
            (_, Some(tensors)) => has_vae(tensors),
            (_, None) => false,
        }
    }

    /// Returns the weights of all networks, with this autoencoder if one is given.
    pub(super) fn weights(
        &self,
        vae: Option<SeparateVae>,
    ) -> Result<ModelWeights, CheckpointError> {
        if let Form::SingleFile(tensors, _) = &self.form
            && let Some(what) = recognise(tensors)
        {
            let path = self.path.clone();
            return Err(CheckpointError::OtherFile { path, what });
        }
        let lacks_vae = |tensors| has_part(tensors, Component::Unet) && !has_vae(tensors);
        if vae.is_none() && self.tensors().is_some_and(lacks_vae) {
            let path = self.path.clone();
            return Err(CheckpointError::NoAutoencoder { path });
        }
        let (mut weights, mut pickled) = (BTreeMap::new(), BTreeMap::new());
        for component in [
            Component::TextEncoder,
            Component::Unet,
            Component::VaeDecoder,
        ] {
            let found = match (component, &vae, self.tensors()) {
                (Component::VaeDecoder, Some(vae), _) => Ok(vae.weights.clone()),
                (_, _, None) => weights_of(&self.path, component, &mut pickled),
                (_, _, Some(tensors)) => Weights::from_single_file(&self.path, tensors, component),
            };
            weights.insert(component.source_name(), found?);
        }
        Ok(ModelWeights {
            weights,
            pickled,
            vae,
        })
    }

    /// Brings the weights into the new model. `observe` is called before each file or tensor.
    pub(super) fn transfer_weights(
        &self,
        weights: &ModelWeights,
        model: &UnpublishedModel,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<WeightTransfer, CheckpointError> {
        let own = self.transfer_own_weights(weights, model, observe)?;
        let Some(vae) = &weights.vae else {
            return Ok(own);
        };
        // The configuration is in this folder already.
        let folder = model.directory().join(Component::VaeDecoder.source_name());
        Ok(own.max(vae.transfer(&folder, observe)?))
    }

    fn transfer_own_weights(
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
        let is_given =
            |name: &str| weights.vae.is_some() && name == Component::VaeDecoder.source_name();
        let linked =
            linked.filter(|(name, _)| !weights.pickled.contains_key(*name) && !is_given(name));
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

/// Whether a tensor of this name is a part of the model, or tells something about it.
fn is_wanted(name: &str) -> bool {
    is_known(name) || MARKS.contains(&name)
}

/// Whether these tensors of a checkpoint include an autoencoder.
fn has_vae(tensors: &BTreeMap<String, TensorEntry>) -> bool {
    has_part(tensors, Component::VaeDecoder)
}

/// Whether these tensors of a checkpoint include a component.
fn has_part(tensors: &BTreeMap<String, TensorEntry>, component: Component) -> bool {
    let prefixes = prefixes(component);
    let mut keys = tensors.keys();
    keys.any(|key| prefixes.iter().any(|start| key.starts_with(start)))
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
                return Err(unknown_format(&path, &start));
            }
            let checkpoint = TorchCheckpoint::open(&path, |_| true)?;
            let weights = Weights::in_one_file(path, checkpoint.entries().clone());
            pickled.insert(component.source_name(), checkpoint);
            Ok(weights)
        }
        opened => opened,
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
