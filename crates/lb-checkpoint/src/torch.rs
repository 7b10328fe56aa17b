//! Converts checkpoints as `torch.save` writes them (`.ckpt`) to safetensors.
//!
//! Such a file is a zip archive: `data.pkl`, a program for Python's pickle machine that builds the
//! dictionary of tensors, and `data/N`, their bytes, uncompressed. Python would run whatever
//! function the program names. The reader here runs none of them: it keeps track of what the program
//! builds, knows the few names that tensors are made of, and refuses all others.
//!
//! Nothing that the archive claims is believed before it has been checked against the file's
//! length, and only the program and the bytes of one tensor at a time are read into memory.

mod archive;
mod convert;
mod globals;
mod pickle;
mod problem;
mod tensors;
mod value;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::CheckpointError;
use crate::names::is_known;
use crate::safetensors::TensorEntry;
use archive::Archive;
use tensors::Source;

/// An opened checkpoint: its tensors found and checked, their bytes not read.
#[derive(Debug)]
pub(crate) struct TorchCheckpoint {
    path: PathBuf,
    header: Vec<u8>,
    entries: BTreeMap<String, TensorEntry>,
    /// In the order in which the converted file has them.
    sources: Vec<Source>,
}

impl TorchCheckpoint {
    /// Reads the archive's directory and program, and lays out the converted file: the networks
    /// of a checkpoint with CompVis' names.
    pub(crate) fn open(path: &Path) -> Result<Self, CheckpointError> {
        Self::open_tensors(path, is_known)
    }

    /// The same for one component with diffusers' names: all its tensors.
    pub(crate) fn open_component(path: &Path) -> Result<Self, CheckpointError> {
        Self::open_tensors(path, |_| true)
    }

    /// Whether a file is an archive, as torch's checkpoints are since version 1.6, by its first
    /// bytes.
    pub(crate) fn is_archive(start: &[u8]) -> bool {
        start.starts_with(b"PK\x03\x04")
    }

    fn open_tensors(path: &Path, is_wanted: fn(&str) -> bool) -> Result<Self, CheckpointError> {
        let archive = Archive::open(path)?;
        let program = archive.read_program()?;
        let found = pickle::run(&program)
            .and_then(|(values, root)| tensors::find(&values, root, is_wanted))
            .map_err(|problem| problem.at(path))?;
        let mut sources = Vec::new();
        for (name, tensor) in found {
            let storage = archive.storage(&tensor.storage.key)?;
            let source = Source::new(&name, &tensor, storage);
            sources.push(source.map_err(|problem| problem.at(path))?);
        }
        tensors::require_growth_in_bounds(&sources, archive.length())
            .map_err(|problem| problem.at(path))?;
        let (header, entries) = convert::lay_out(&mut sources);
        Ok(Self {
            path: path.to_owned(),
            header,
            entries,
            sources,
        })
    }

    /// Where each tensor will lie in the converted file.
    pub(crate) fn entries(&self) -> &BTreeMap<String, TensorEntry> {
        &self.entries
    }

    /// Writes the converted file, one tensor at a time, until `observe` breaks off.
    pub(crate) fn write_safetensors(
        &self,
        target: &Path,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<(), CheckpointError> {
        convert::write(&self.path, target, &self.header, &self.sources, observe)
    }
}
