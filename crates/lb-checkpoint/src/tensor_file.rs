//! Files of a few small tensors whose numbers are read, rather than mapped as a model's weights are.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use half::{bf16, f16};

use crate::error::CheckpointError;
use crate::safetensors::{Dtype, Metadata, TensorEntry, read_header_with_metadata, unknown_format};
use crate::torch::TorchCheckpoint;

/// An opened safetensors file, or one that torch has pickled, of which nothing is run.
pub(crate) struct TensorFile {
    pub(crate) path: PathBuf,
    pub(crate) entries: BTreeMap<String, TensorEntry>,
    /// What a safetensors file says about itself. A pickled one says nothing.
    pub(crate) metadata: Metadata,
    source: Source,
}

/// Where the bytes of tensors are read from.
enum Source {
    File(File),
    Torch(TorchCheckpoint),
}

impl TensorFile {
    /// Opens a file of at most `largest` bytes. `too_large` makes the error for a file of more, from their number.
    pub(crate) fn open(
        path: &Path,
        largest: u64,
        too_large: impl FnOnce(u64) -> CheckpointError,
    ) -> Result<Self, CheckpointError> {
        let mut file = lb_files::open(path).map_err(CheckpointError::file("open", path))?;
        let reading = || CheckpointError::io("read", path);
        let length = file.metadata().map_err(reading())?.len();
        if length > largest {
            return Err(too_large(length));
        }
        let mut start = Vec::new();
        let read = (&mut file).take(9).read_to_end(&mut start);
        read.map_err(reading())?;
        let path = path.to_owned();
        if TorchCheckpoint::is_archive(&start) {
            let checkpoint = TorchCheckpoint::open(&path, |_| true)?;
            return Ok(Self {
                entries: checkpoint.entries().clone(),
                metadata: Metadata::new(),
                source: Source::Torch(checkpoint),
                path,
            });
        }
        if start.get(8) != Some(&b'{') {
            return Err(unknown_format(&path, &start));
        }
        let (entries, metadata) = read_header_with_metadata(&path)?;
        Ok(Self {
            path,
            entries,
            metadata,
            source: Source::File(file),
        })
    }

    /// The bytes of a tensor, which has an entry.
    pub(crate) fn bytes(&mut self, name: &str) -> Result<Vec<u8>, CheckpointError> {
        let TensorEntry { offset, length, .. } = self.entries[name];
        match &mut self.source {
            Source::Torch(checkpoint) => checkpoint.read_tensor(name),
            Source::File(file) => {
                let mut bytes = Vec::new();
                let read = file
                    .seek(SeekFrom::Start(offset))
                    .and_then(|_| file.take(length).read_to_end(&mut bytes));
                match read {
                    Ok(read) if read as u64 == length => Ok(bytes),
                    Ok(_) => Err(CheckpointError::tensor(
                        &self.path,
                        name,
                        "is truncated".into(),
                    )),
                    Err(error) => Err(CheckpointError::io("read", &self.path)(error)),
                }
            }
        }
    }

    /// The number format of a tensor of floats. Where there is one, the shape was checked against the bytes, so
    /// that its product fits.
    pub(crate) fn format(&self, name: &str) -> Result<Dtype, CheckpointError> {
        let format = &self.entries[name].dtype;
        Dtype::parse(format).ok_or_else(|| {
            let problem = format!("is stored as {format}; expected F32, F16 or BF16");
            CheckpointError::tensor(&self.path, name, problem)
        })
    }
}

/// The numbers in the bytes of a tensor.
pub(crate) fn floats(dtype: Dtype, bytes: &[u8]) -> Vec<f32> {
    let halves = || {
        let (numbers, _) = bytes.as_chunks();
        numbers.iter().map(|&number| u16::from_le_bytes(number))
    };
    match dtype {
        Dtype::F32 => {
            let (numbers, _) = bytes.as_chunks();
            numbers
                .iter()
                .map(|&number| f32::from_le_bytes(number))
                .collect()
        }
        Dtype::F16 => halves().map(|bits| f16::from_bits(bits).to_f32()).collect(),
        Dtype::BF16 => halves()
            .map(|bits| bf16::from_bits(bits).to_f32())
            .collect(),
    }
}
