//! Opens a model in one of the three forms in which models are published.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::destination::PartialDirectory;
use crate::component::Component;
use crate::error::CheckpointError;
use crate::safetensors::{TensorEntry, is_pointer, read_header};
use crate::torch::TorchCheckpoint;
use crate::weights::{SINGLE_FILE, WeightTransfer, Weights};

/// A form in which models are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceFormat {
    /// A directory in diffusers' layout, with one folder for each component.
    DiffusersDirectory,
    /// One safetensors file with the tensor names of CompVis' code.
    Safetensors,
    /// One file that torch has saved, with the tensor names of CompVis' code.
    TorchCheckpoint,
}

/// The weights of all networks of a model.
#[derive(Debug)]
pub(super) struct ModelWeights {
    pub(super) text_encoder: Weights,
    pub(super) unet: Weights,
    /// The weights of both halves of the autoencoder.
    pub(super) vae: Weights,
    /// The pickled weights of a diffusers directory, which have to be converted. The keys are the names of
    /// the components' folders.
    pickled: BTreeMap<&'static str, TorchCheckpoint>,
}

impl ModelWeights {
    pub(super) fn of(&self, component: Component) -> &Weights {
        match component {
            Component::TextEncoder => &self.text_encoder,
            Component::Unet => &self.unet,
            Component::VaeDecoder | Component::VaeEncoder => &self.vae,
        }
    }
}

/// The source of an import, opened.
#[derive(Debug)]
pub(super) enum Source {
    Directory(PathBuf),
    SingleFile {
        path: PathBuf,
        tensors: BTreeMap<String, TensorEntry>,
    },
    Torch {
        path: PathBuf,
        checkpoint: TorchCheckpoint,
    },
}

impl Source {
    /// Opens a source. The first bytes of a file show its form.
    pub(super) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let path = path.to_owned();
        if path.is_dir() {
            let path = cached_snapshot(&path).unwrap_or(path);
            if !path.join("model_index.json").is_file() {
                return Err(CheckpointError::NoModel { path });
            }
            return Ok(Self::Directory(path));
        }
        let start = start_of(&path)?;
        if TorchCheckpoint::is_archive(&start) {
            let checkpoint = TorchCheckpoint::open(&path)?;
            return Ok(Self::Torch { path, checkpoint });
        }
        // In a safetensors file, the header's length takes eight bytes; then its JSON begins.
        if start.get(8) == Some(&b'{') {
            let tensors = read_header(&path)?;
            return Ok(Self::SingleFile { path, tensors });
        }
        Err(unknown(path, &start))
    }

    pub(super) fn format(&self) -> SourceFormat {
        match self {
            Self::Directory(_) => SourceFormat::DiffusersDirectory,
            Self::SingleFile { .. } => SourceFormat::Safetensors,
            Self::Torch { .. } => SourceFormat::TorchCheckpoint,
        }
    }

    /// Returns the path of the source: a file, or a directory.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Directory(path) | Self::SingleFile { path, .. } | Self::Torch { path, .. } => {
                path
            }
        }
    }

    /// Returns the path of the source if it is a diffusers directory.
    pub(super) fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(path) => Some(path),
            Self::SingleFile { .. } | Self::Torch { .. } => None,
        }
    }

    /// Whether this is a single-file checkpoint with OpenCLIP's text encoder, as in Stable Diffusion 2.
    pub(super) fn has_open_clip(&self) -> bool {
        let tensors = match self {
            Self::Directory(_) => return false,
            Self::SingleFile { tensors, .. } => tensors,
            Self::Torch { checkpoint, .. } => checkpoint.entries(),
        };
        tensors
            .keys()
            .any(|key| key.starts_with("cond_stage_model.model."))
    }

    /// Returns the weights of all networks. For a torch checkpoint, the byte ranges are those that they
    /// will have in the converted file.
    pub(super) fn weights(&self) -> Result<ModelWeights, CheckpointError> {
        let mut pickled = BTreeMap::new();
        let mut of = |component| match self {
            Self::Directory(path) => weights_of(path, component, &mut pickled),
            Self::SingleFile { path, tensors } => {
                Weights::from_single_file(path, tensors, component)
            }
            Self::Torch { path, checkpoint } => {
                Weights::from_single_file(path, checkpoint.entries(), component)
            }
        };
        let [text_encoder, unet, vae] = [
            of(Component::TextEncoder)?,
            of(Component::Unet)?,
            of(Component::VaeDecoder)?,
        ];
        Ok(ModelWeights {
            text_encoder,
            unet,
            vae,
            pickled,
        })
    }

    /// Brings the weights into the new directory. `observe` is called before each file or tensor.
    pub(super) fn transfer_weights(
        &self,
        weights: &ModelWeights,
        directory: &PartialDirectory,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<WeightTransfer, CheckpointError> {
        match self {
            Self::Directory(folder) => {
                let mut transfer = WeightTransfer::HardLinked;
                let mut linked_files = BTreeSet::new();
                for (component, checkpoint) in &weights.pickled {
                    let file = Path::new(component).join(converted_name(component));
                    directory.create_folder_of(&file)?;
                    checkpoint.write_safetensors(&directory.path(&file), observe)?;
                    transfer = WeightTransfer::Copied;
                }
                let components = Component::ALL.into_iter();
                let linked = components
                    .filter(|component| !weights.pickled.contains_key(component.source_name()));
                for component in linked {
                    for file in weights.of(component).all_files() {
                        let inside = file.strip_prefix(folder).unwrap_or(file);
                        if linked_files.insert(inside.to_owned()) {
                            if observe().is_break() {
                                return Err(CheckpointError::Interrupted);
                            }
                            transfer = transfer.max(directory.link(file, inside)?);
                        }
                    }
                }
                Ok(transfer)
            }
            Self::SingleFile { path, .. } => directory.link(path, Path::new(SINGLE_FILE)),
            Self::Torch { checkpoint, .. } => {
                let file = directory.path(Path::new(SINGLE_FILE));
                checkpoint.write_safetensors(&file, observe)?;
                Ok(WeightTransfer::Copied)
            }
        }
    }
}

/// Finds the model in a folder of Hugging Face's cache. It is the snapshot of the main branch, or else
/// the only snapshot.
fn cached_snapshot(folder: &Path) -> Option<PathBuf> {
    let snapshots = folder.join("snapshots");
    let main = fs::read_to_string(folder.join("refs/main")).ok();
    let named = main.map(|commit| snapshots.join(commit.trim()));
    let mut there = fs::read_dir(&snapshots).ok()?.flatten();
    match (
        named.filter(|named| named.is_dir()),
        there.next(),
        there.next(),
    ) {
        (Some(named), _, _) => Some(named),
        (None, Some(only), None) => Some(only.path()),
        _ => None,
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
            let checkpoint = TorchCheckpoint::open_component(&path)?;
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
