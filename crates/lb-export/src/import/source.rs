//! The three forms in which models come.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::place::PartialDirectory;
use crate::checkpoint::TorchCheckpoint;
use crate::directory::Component;
use crate::error::ExportError;
use crate::safetensors::{TensorPlace, read_header};
use crate::weights::{SINGLE_FILE, Weights};
use crate::write::WeightPlacement;

/// A form in which models come.
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
pub(super) struct ModelWeights {
    pub(super) text_encoder: Weights,
    pub(super) unet: Weights,
    /// Of both halves of the autoencoder.
    pub(super) vae: Weights,
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

pub(super) enum Source {
    Directory(PathBuf),
    SingleFile {
        path: PathBuf,
        tensors: BTreeMap<String, TensorPlace>,
    },
    Torch {
        path: PathBuf,
        checkpoint: TorchCheckpoint,
    },
}

impl Source {
    /// Opens a source; a file's form is told by its content.
    pub(super) fn open(path: &Path) -> Result<Self, ExportError> {
        let path = path.to_owned();
        if path.is_dir() {
            if !path.join("model_index.json").is_file() {
                return Err(ExportError::NoModel { path });
            }
            return Ok(Self::Directory(path));
        }
        let mut start = Vec::new();
        let file = File::open(&path).map_err(ExportError::io("open", &path))?;
        let read = file.take(9).read_to_end(&mut start);
        read.map_err(ExportError::io("read", &path))?;
        if start.starts_with(b"PK\x03\x04") {
            let checkpoint = TorchCheckpoint::open(&path)?;
            return Ok(Self::Torch { path, checkpoint });
        }
        // After the header's length comes its brace.
        if start.get(8) == Some(&b'{') {
            let tensors = read_header(&path)?;
            return Ok(Self::SingleFile { path, tensors });
        }
        Err(ExportError::UnknownFormat { path })
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
            Self::Torch { checkpoint, .. } => checkpoint.places(),
        };
        tensors
            .keys()
            .any(|key| key.starts_with("cond_stage_model.model."))
    }

    /// The weights of all networks: for a torch checkpoint, where they will lie.
    pub(super) fn weights(&self) -> Result<ModelWeights, ExportError> {
        let of = |component| match self {
            Self::Directory(path) => Weights::of_component(path, component),
            Self::SingleFile { path, tensors } => {
                Weights::from_single_file(path, tensors, component)
            }
            Self::Torch { path, checkpoint } => {
                Weights::from_single_file(path, checkpoint.places(), component)
            }
        };
        Ok(ModelWeights {
            text_encoder: of(Component::TextEncoder)?,
            unet: of(Component::Unet)?,
            vae: of(Component::VaeDecoder)?,
        })
    }

    /// Puts the weights into the new directory; asks before each file or tensor whether to go on.
    pub(super) fn place_weights(
        &self,
        weights: &ModelWeights,
        target: &PartialDirectory,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<WeightPlacement, ExportError> {
        match self {
            Self::Directory(folder) => {
                let mut placement = WeightPlacement::HardLinked;
                let mut placed = BTreeSet::new();
                for component in Component::ALL {
                    for file in weights.of(component).all_files() {
                        let inside = file.strip_prefix(folder).unwrap_or(file);
                        if placed.insert(inside.to_owned()) {
                            if observe().is_break() {
                                return Err(ExportError::Interrupted);
                            }
                            placement = placement.max(target.link(file, inside)?);
                        }
                    }
                }
                Ok(placement)
            }
            Self::SingleFile { path, .. } => target.link(path, Path::new(SINGLE_FILE)),
            Self::Torch { checkpoint, .. } => {
                let file = target.path(Path::new(SINGLE_FILE));
                checkpoint.write_safetensors(&file, observe)?;
                Ok(WeightPlacement::Copied)
            }
        }
    }
}
