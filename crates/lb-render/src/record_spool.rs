//! Values of a film that wait until they are needed, so that memory does not grow with the film.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use lb_blend::{BlendError, LatentShape, Latents};
use lb_files::{FileError, UnfinishedOutput};
use lb_video::VideoError;

use crate::error::RenderError;

/// Records of one length. The first few are in memory. The others are in a temporary file without a name,
/// which the system removes however the program ends.
#[derive(Debug)]
pub(crate) struct RecordSpool {
    /// Where the file is made once it is needed.
    folder: PathBuf,
    most_in_memory: usize,
    in_memory: Vec<Vec<u8>>,
    file: Option<File>,
    in_file: usize,
}

impl RecordSpool {
    /// An empty spool that keeps this many records in memory.
    pub(crate) fn new(folder: impl Into<PathBuf>, most_in_memory: usize) -> Self {
        Self {
            folder: folder.into(),
            most_in_memory,
            in_memory: Vec::new(),
            file: None,
            in_file: 0,
        }
    }

    /// Adds a record, which is as long as those before, and returns its index.
    pub(crate) fn push(&mut self, record: Vec<u8>) -> Result<usize, RenderError> {
        let index = self.in_memory.len() + self.in_file;
        if self.in_memory.len() < self.most_in_memory {
            self.in_memory.push(record);
            return Ok(index);
        }
        self.write(&record).map_err(|source| {
            let there = (self.in_file * record.len()) as u64;
            let output = UnfinishedOutput::new(self.folder.clone(), PathBuf::new(), there);
            VideoError::from(output.refused(source))
        })?;
        self.in_file += 1;
        Ok(index)
    }

    fn write(&mut self, record: &[u8]) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile_in(&self.folder)?),
        };
        file.seek(SeekFrom::Start((self.in_file * record.len()) as u64))?;
        file.write_all(record)
    }

    /// The record with this index, which has this many bytes.
    pub(crate) fn record(&self, index: usize, length: usize) -> Result<Vec<u8>, RenderError> {
        if let Some(record) = self.in_memory.get(index) {
            return Ok(record.clone());
        }
        let read = || {
            let mut file = self.file.as_ref().ok_or(std::io::ErrorKind::NotFound)?;
            let before = index - self.in_memory.len();
            file.seek(SeekFrom::Start((before * length) as u64))?;
            let mut record = vec![0; length];
            file.read_exact(&mut record)?;
            Ok(record)
        };
        let read = read().map_err(FileError::io("read", &self.folder));
        Ok(read.map_err(VideoError::from)?)
    }

    /// Adds a record of numbers.
    pub(crate) fn push_values(&mut self, values: &[f32]) -> Result<usize, RenderError> {
        self.push(values.iter().copied().flat_map(f32::to_ne_bytes).collect())
    }

    /// The record with this index, which consists of this many numbers.
    pub(crate) fn values(&self, index: usize, count: usize) -> Result<Vec<f32>, RenderError> {
        let record = self.record(index, 4 * count)?;
        let numbers = record.as_chunks().0.iter();
        Ok(numbers.map(|bytes| f32::from_ne_bytes(*bytes)).collect())
    }

    /// The latents that are the record with this index.
    pub(crate) fn latents(&self, index: usize, shape: LatentShape) -> Result<Latents, RenderError> {
        let values = self.values(index, shape.len())?;
        Ok(Latents::from_values(shape, values).map_err(BlendError::from)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_from_memory_and_from_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = RecordSpool::new(folder.path(), 2);
        for index in 0..5 {
            let values = [index as f32, f32::MIN_POSITIVE, -0.5];
            assert_eq!(spool.push_values(&values).unwrap(), index);
        }
        for index in [4, 0, 2, 3, 1] {
            let values = spool.values(index, 3).unwrap();
            assert_eq!(values, [index as f32, f32::MIN_POSITIVE, -0.5]);
        }
        assert!(spool.values(5, 3).is_err());
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_few_records_need_no_file() {
        let mut spool = RecordSpool::new("no such folder", 1);
        assert_eq!(spool.push(vec![7; 4]).unwrap(), 0);
        assert_eq!(spool.record(0, 4).unwrap(), [7; 4]);
        assert!(spool.push(vec![8; 4]).is_err());
    }
}
