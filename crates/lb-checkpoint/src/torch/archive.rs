//! Reads the zip archive that a torch checkpoint is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use zip::{CompressionMethod, ZipArchive};

use super::problem::Problem;

const PROGRAM: &str = "/data.pkl";

/// A range of bytes in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// An archive whose entries are all uncompressed, and so are byte ranges of the file.
pub(super) struct Archive {
    file: File,
    /// The length of the whole file in bytes.
    pub(super) length: u64,
    /// The folder with which every entry's name begins.
    root: String,
    entries: BTreeMap<String, Range>,
}

impl Archive {
    pub(super) fn open(file: File) -> Result<Self, Problem> {
        let length = file.metadata()?.len();
        let entries = entries(&file, length)?;
        let roots = entries.keys().filter_map(|name| name.strip_suffix(PROGRAM));
        let roots: Vec<_> = roots.filter(|root| !root.contains('/')).collect();
        let [root] = roots[..] else {
            let found = roots.len();
            return Err(format!("it has {found} entries named …{PROGRAM}; expected 1").into());
        };
        let mut archive = Self {
            file,
            length,
            root: root.to_owned(),
            entries,
        };
        archive.validate_byte_order()?;
        Ok(archive)
    }

    /// Returns an error if the checkpoint comes from a big-endian machine.
    fn validate_byte_order(&mut self) -> Result<(), Problem> {
        if !self.entries.contains_key(&self.full_name("byteorder")) {
            return Ok(());
        }
        let order = self.read("byteorder", 16)?;
        if order.trim_ascii() == b"little" {
            return Ok(());
        }
        let order = String::from_utf8_lossy(&order);
        Err(format!("its byte order is {order:?}; expected \"little\"").into())
    }

    fn full_name(&self, name: &str) -> String {
        format!("{}/{name}", self.root)
    }

    /// Returns the range of an entry's bytes.
    pub(super) fn entry(&self, name: &str) -> Result<Range, Problem> {
        let full = self.full_name(name);
        let missing = || format!("it has no entry \"{full}\", which a tensor needs").into();
        self.entries.get(&full).copied().ok_or_else(missing)
    }

    /// Reads an entry, which may have at most `longest` bytes.
    pub(super) fn read(&mut self, name: &str, longest: u64) -> Result<Vec<u8>, Problem> {
        let Range { offset, length } = self.entry(name)?;
        if length > longest {
            let problem = format!("\"{name}\" has {length} bytes; at most {longest} are allowed");
            return Err(problem.into());
        }
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(offset))?;
        (&self.file).take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn entries(file: &File, length: u64) -> Result<BTreeMap<String, Range>, Problem> {
    let broken = |error: zip::result::ZipError| {
        Problem::Broken(format!("its zip archive is damaged or truncated: {error}"))
    };
    let mut archive = ZipArchive::new(file).map_err(broken)?;
    let mut entries = BTreeMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(broken)?;
        let name = entry.name().map_err(broken)?.into_owned();
        // torch never compresses entries, so that it can map them into memory.
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            let problem = "is compressed or encrypted, which entries of torch never are";
            return Err(format!("entry \"{name}\" {problem}").into());
        }
        let size = entry.size();
        let offset = entry.data_start().filter(|offset| {
            let end = offset.checked_add(size);
            end.is_some_and(|end| end <= length)
        });
        let Some(offset) = offset else {
            let problem = format!("which go past the end of the file ({length} bytes)");
            return Err(format!("entry \"{name}\" claims {size} bytes, {problem}").into());
        };
        let range = Range {
            offset,
            length: size,
        };
        entries.insert(name, range);
    }
    Ok(entries)
}
