//! The three forms in which models are published.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
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
    /// A folder with one folder for each component.
    DiffusersDirectory,
    /// One safetensors file with CompVis' names.
    Safetensors,
    /// One file that torch has saved, with CompVis' names.
    TorchCheckpoint,
}

/// The weights of the three networks.
#[derive(Debug)]
pub(super) struct ModelWeights {
    pub(super) text_encoder: Weights,
    pub(super) unet: Weights,
    /// The weights of both halves of the autoencoder.
    pub(super) vae: Weights,
    /// The weights of a directory that have to be converted, by the folders of their components.
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

/// An opened source.
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
    /// Opens a source. The form of a file follows from its first bytes.
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
        // After the header's length comes its brace.
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

    /// The file or folder.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Directory(path) | Self::SingleFile { path, .. } | Self::Torch { path, .. } => {
                path
            }
        }
    }

    /// The folder, if it is one.
    pub(super) fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(path) => Some(path),
            Self::SingleFile { .. } | Self::Torch { .. } => None,
        }
    }

    /// Whether the text encoder is OpenCLIP's, as Stable Diffusion 2 has it, under CompVis' names.
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

    /// The weights of all networks. For a torch checkpoint, they are where they will be once it has
    /// been converted.
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

    /// Brings the weights into the new directory. `observe` is asked before each file or tensor.
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

/// The model in a folder of Hugging Face's cache: the snapshot that its main branch names, or the only
/// one.
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

/// The weights of a directory's component. A file that torch has pickled is opened and added to
/// `pickled`.
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
            let weights = Weights::planned(path, checkpoint.entries());
            pickled.insert(component.source_name(), checkpoint);
            Ok(weights)
        }
        opened => opened,
    }
}

/// The error for a file that begins like none of those in which models are published.
fn unknown(path: PathBuf, start: &[u8]) -> CheckpointError {
    if is_pointer(start) {
        CheckpointError::LargeFilePointer { path }
    } else {
        CheckpointError::UnknownFormat { path }
    }
}

/// The file name of a component's weights once they have been converted.
fn converted_name(component: &str) -> &'static str {
    match component {
        "text_encoder" => "model.safetensors",
        _ => "diffusion_pytorch_model.safetensors",
    }
}

/// The first bytes of a file, from which its form follows.
fn start_of(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(CheckpointError::io("open", path))?;
    let read = file.take(9).read_to_end(&mut start);
    read.map_err(CheckpointError::io("read", path))?;
    Ok(start)
}
