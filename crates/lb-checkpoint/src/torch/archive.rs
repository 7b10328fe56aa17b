//! Reads the zip archive that a torch checkpoint is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use zip::{CompressionMethod, ZipArchive};

use super::problem::Problem;
use crate::error::CheckpointError;
use crate::regular_file;

/// The longest program that is read, in bytes. That of a full-size checkpoint takes about a million.
const LONGEST_PROGRAM: u64 = 16 << 20;

const PROGRAM: &str = "/data.pkl";

/// A range of bytes in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// An archive whose entries are all uncompressed, and so are byte ranges of the file.
pub(super) struct Archive {
    path: PathBuf,
    length: u64,
    /// The folder with which every entry's name begins.
    root: String,
    entries: BTreeMap<String, Range>,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self, CheckpointError> {
        let file = regular_file::open(path)?;
        let length = file.metadata().map_err(CheckpointError::io("read", path))?;
        let length = length.len();
        let entries = entries(file, length).map_err(|problem| problem.at(path))?;
        let roots = entries.keys().filter_map(|name| name.strip_suffix(PROGRAM));
        let roots: Vec<_> = roots.filter(|root| !root.contains('/')).collect();
        let [root] = roots[..] else {
            let found = roots.len();
            let problem = format!("it has {found} entries named …{PROGRAM}; expected 1");
            return Err(Problem::Broken(problem).at(path));
        };
        let root = root.to_owned();
        let archive = Self {
            path: path.to_owned(),
            length,
            root,
            entries,
        };
        archive.validate_byte_order()?;
        Ok(archive)
    }

    /// Returns the length of the whole file in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Reads the pickle program.
    pub(super) fn read_program(&self) -> Result<Vec<u8>, CheckpointError> {
        self.read("data.pkl", LONGEST_PROGRAM)
    }

    /// Returns the range of a storage's bytes.
    pub(super) fn storage(&self, key: &str) -> Result<Range, CheckpointError> {
        self.entry(&format!("data/{key}"))
    }

    /// Returns an error if the checkpoint comes from a big-endian machine.
    fn validate_byte_order(&self) -> Result<(), CheckpointError> {
        let name = format!("{}/byteorder", self.root);
        if !self.entries.contains_key(&name) {
            return Ok(());
        }
        let order = self.read("byteorder", 16)?;
        if order.trim_ascii() == b"little" {
            return Ok(());
        }
        let order = String::from_utf8_lossy(&order).into_owned();
        let problem = format!("its byte order is {order:?}; expected \"little\"");
        Err(Problem::Broken(problem).at(&self.path))
    }

    fn entry(&self, name: &str) -> Result<Range, CheckpointError> {
        let full = format!("{}/{name}", self.root);
        self.entries.get(&full).copied().ok_or_else(|| {
            Problem::Broken(format!("it has no entry \"{full}\", which a tensor needs"))
                .at(&self.path)
        })
    }

    fn read(&self, name: &str, longest: u64) -> Result<Vec<u8>, CheckpointError> {
        let range = self.entry(name)?;
        if range.length > longest {
            let length = range.length;
            let problem = format!("\"{name}\" has {length} bytes; at most {longest} are allowed");
            return Err(Problem::Broken(problem).at(&self.path));
        }
        let mut bytes = Vec::new();
        let mut read = || {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(range.offset))?;
            file.take(range.length).read_to_end(&mut bytes)
        };
        read().map_err(CheckpointError::io("read", &self.path))?;
        Ok(bytes)
    }
}

fn entries(file: File, length: u64) -> Result<BTreeMap<String, Range>, Problem> {
    let broken = |error: zip::result::ZipError| {
        Problem::broken(format!("its zip archive is damaged or truncated: {error}"))
    };
    let mut archive = ZipArchive::new(file).map_err(broken)?;
    let mut entries = BTreeMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(broken)?;
        let name = entry.name().map_err(broken)?.into_owned();
        // torch never compresses entries, so that it can map them into memory.
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            return Err(Problem::Broken(format!(
                "entry \"{name}\" is compressed or encrypted, which entries of torch never are"
            )));
        }
        let size = entry.size();
        let range = entry.data_start().map(|offset| Range {
            offset,
            length: size,
        });
        let inside = |range: &Range| {
            let end = range.offset.checked_add(range.length);
            end.is_some_and(|end| end <= length)
        };
        let Some(range) = range.filter(inside) else {
            return Err(Problem::Broken(format!(
                "entry \"{name}\" claims {size} bytes, which go past the end of the file ({length} bytes)"
            )));
        };
        entries.insert(name, range);
    }
    Ok(entries)
}
