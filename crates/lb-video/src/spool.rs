//! Frames that wait on the disk instead of in memory.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use image::RgbImage;
use lb_files::UnfinishedOutput;

use crate::error::VideoError;
use crate::picture::{self, validate_same_size, validate_size};

/// Frames of one size in a temporary file without a name, which the system removes however the program
/// ends. The pixels are not compressed, so that any frame can be read directly.
#[derive(Debug)]
pub struct FrameSpool {
    file: File,
    folder: PathBuf,
    size: (usize, usize),
    count: usize,
}

impl FrameSpool {
    /// An empty spool in a folder.
    ///
    /// # Errors
    /// [`VideoError::FrameSize`], and [`VideoError::File`] for a folder that cannot be written.
    pub fn create(
        folder: impl AsRef<Path>,
        width: usize,
        height: usize,
    ) -> Result<Self, VideoError> {
        validate_size(width, height)?;
        let folder = folder.as_ref().to_path_buf();
        let file = tempfile::tempfile_in(&folder).map_err(VideoError::io("written", &folder))?;
        Ok(Self {
            file,
            folder,
            size: (width, height),
            count: 0,
        })
    }

    /// An empty spool in the system's folder for temporary files.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn temporary(width: usize, height: usize) -> Result<Self, VideoError> {
        validate_size(width, height)?;
        let folder = PathBuf::from("the folder for temporary files");
        let file = tempfile::tempfile().map_err(VideoError::io("written", &folder))?;
        Ok(Self {
            file,
            folder,
            size: (width, height),
            count: 0,
        })
    }

    /// How many frames there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds a frame at the end.
    ///
    /// # Errors
    /// [`VideoError::SizesDiffer`], and [`VideoError::File`] for a full disk, for instance. The earlier
    /// frames stay readable.
    pub fn push(&mut self, frame: &RgbImage) -> Result<(), VideoError> {
        validate_same_size(frame, self.size)?;
        self.seek(self.count)?;
        self.file.write_all(frame.as_raw()).map_err(|source| {
            let written = self.offset(self.count);
            UnfinishedOutput::new(self.folder.clone(), PathBuf::new(), written).refused(source)
        })?;
        self.count += 1;
        Ok(())
    }

    /// Reads a frame, counted from 0.
    ///
    /// # Errors
    /// [`VideoError::File`], also for an index beyond the last frame.
    pub fn read(&self, index: usize) -> Result<RgbImage, VideoError> {
        self.seek(index)?;
        let (width, height) = self.size;
        let mut pixels = vec![0; 3 * width * height];
        let mut file = &self.file;
        file.read_exact(&mut pixels)
            .map_err(VideoError::io("read", &self.folder))?;
        picture::from_rgb(width, height, pixels)
    }

    fn offset(&self, index: usize) -> u64 {
        index as u64 * (3 * self.size.0 * self.size.1) as u64
    }

    fn seek(&self, index: usize) -> Result<(), VideoError> {
        let to = SeekFrom::Start(self.offset(index));
        let sought = (&self.file).seek(to).map(drop);
        sought.map_err(VideoError::io("read", &self.folder))
    }
}
