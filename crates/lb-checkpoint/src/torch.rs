//! Converts checkpoints that `torch.save` has written (`.ckpt`) to safetensors files.
//!
//! Such a checkpoint is a zip archive. Its entry `data.pkl` is a program for Python's pickle machine,
//! which builds a dictionary of tensors; the entries `data/N` are their bytes, uncompressed. Python would
//! call any function that the program names. This reader calls none: it keeps track of what the program
//! builds, knows the few names that tensors need, and refuses all others.
//!
//! Every offset and length in the archive is checked against the file's length before it is used. Only
//! the program and the bytes of one tensor at a time are read into memory.

mod archive;
mod convert;
mod globals;
mod pickle;
mod problem;
mod tensors;
mod value;

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::CheckpointError;
use crate::safetensors::TensorEntry;
use archive::Archive;
use problem::Problem;
use tensors::Source;

/// The longest program that is read, in bytes. That of a full-size checkpoint takes about a million.
const LONGEST_PROGRAM: u64 = 16 << 20;

/// An opened checkpoint. Its tensors have been found and checked, but their bytes have not been read.
#[derive(Debug)]
pub(crate) struct TorchCheckpoint {
    path: PathBuf,
    header: Vec<u8>,
    entries: BTreeMap<String, TensorEntry>,
    /// The tensors in the order that they have in the converted file.
    sources: Vec<Source>,
}

impl TorchCheckpoint {
    /// Whether a file that begins with these bytes is a zip archive, as torch's checkpoints are since
    /// version 1.6.
    pub(crate) fn is_archive(start: &[u8]) -> bool {
        start.starts_with(b"PK\x03\x04")
    }

    /// Opens a checkpoint: reads the archive's directory and program, and lays out the converted file. Only
    /// the tensors whose names are wanted are kept.
    pub(crate) fn open(path: &Path, is_wanted: fn(&str) -> bool) -> Result<Self, CheckpointError> {
        let file = lb_files::open(path).map_err(CheckpointError::file("open", path))?;
        let mut sources = find_tensors(file, is_wanted).map_err(|problem| problem.at(path))?;
        let (header, entries) = convert::lay_out(&mut sources);
        Ok(Self {
            path: path.to_owned(),
            header,
            entries,
            sources,
        })
    }

    /// Returns the entries that the tensors will have in the converted file.
    pub(crate) fn entries(&self) -> &BTreeMap<String, TensorEntry> {
        &self.entries
    }

    /// Reads the bytes that the tensor with this name has in the converted file.
    pub(crate) fn read_tensor(&self, name: &str) -> Result<Vec<u8>, CheckpointError> {
        let source = self.sources.iter().find(|source| source.name == name);
        let missing = || CheckpointError::tensor(&self.path, name, "is missing".into());
        convert::read(&self.path, source.ok_or_else(missing)?)
    }

    /// Writes the converted file, one tensor at a time, unless `observe` interrupts it.
    pub(crate) fn write_safetensors(
        &self,
        target: &Path,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<(), CheckpointError> {
        convert::write(&self.path, target, &self.header, &self.sources, observe)
    }
}

/// Finds the tensors whose names are wanted.
fn find_tensors(file: File, is_wanted: fn(&str) -> bool) -> Result<Vec<Source>, Problem> {
    let mut archive = Archive::open(file)?;
    let program = archive.read("data.pkl", LONGEST_PROGRAM)?;
    let (values, root) = pickle::run(&program)?;
    let mut sources = Vec::new();
    for (name, tensor) in tensors::find(&values, root, is_wanted)? {
        let storage = archive.entry(&format!("data/{}", tensor.storage.key))?;
        sources.push(Source::new(&name, &tensor, storage)?);
    }
    tensors::validate_growth(&sources, archive.length)?;
    Ok(sources)
}
