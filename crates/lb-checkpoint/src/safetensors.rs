//! The header of a safetensors file: which tensor lies where.
//!
//! A safetensors file begins with eight bytes that hold the length of its header (little-endian).
//! The header is JSON that gives each tensor's name, dtype, shape and byte range, and the tensors' bytes
//! follow it. Only the header is read here. Nothing that it claims is believed before it has been
//! checked against the file's length.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::error::CheckpointError;
use crate::regular_file;

/// The format's own limit on the header's length.
const LONGEST_HEADER: u64 = 100_000_000;

/// The number formats in which Stable Diffusion weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit floats.
    F32,
    /// 16-bit floats (IEEE 754).
    F16,
    /// 16-bit floats with the exponent of 32-bit ones.
    BF16,
}

/// Where a tensor lies in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TensorEntry {
    /// As the header spells it. Files may hold other formats than [`Dtype`] has; they are refused when
    /// such a tensor is asked for.
    pub(crate) dtype: String,
    pub(crate) shape: Vec<usize>,
    /// Where its bytes begin, from the start of the file.
    pub(crate) offset: u64,
    /// The number of its bytes.
    pub(crate) length: u64,
}

/// Reads and checks the header of `path`.
pub(crate) fn read_header(path: &Path) -> Result<BTreeMap<String, TensorEntry>, CheckpointError> {
    let broken = |problem: String| CheckpointError::Safetensors {
        path: path.to_owned(),
        problem,
    };
    let mut file = regular_file::open(path)?;
    let file_length = file
        .metadata()
        .map_err(CheckpointError::io("read", path))?
        .len();
    if file_length < 8 {
        return Err(broken(format!(
            "{file_length} bytes are too few for a header"
        )));
    }
    let mut prefix = [0_u8; 8];
    file.read_exact(&mut prefix)
        .map_err(CheckpointError::io("read", path))?;
    if is_pointer(&prefix) {
        return Err(CheckpointError::LargeFilePointer {
            path: path.to_owned(),
        });
    }
    let header_length = u64::from_le_bytes(prefix);
    if header_length > LONGEST_HEADER || header_length > file_length - 8 {
        return Err(broken(format!(
            "the header claims {header_length} bytes; the file has {file_length}, and at most \
             {LONGEST_HEADER} are allowed"
        )));
    }
    let mut header = Vec::new();
    file.take(header_length)
        .read_to_end(&mut header)
        .map_err(CheckpointError::io("read", path))?;
    let header: Header = serde_json::from_slice(&header)
        .map_err(|error| broken(format!("the header is not understood: {error}")))?;
    let data_start = 8 + header_length;
    check_entries(header, data_start, file_length - data_start).map_err(broken)
}

/// Whether a file that begins like this is a pointer, which Git LFS keeps instead of a large file. Read
/// as the length of a header, these bytes would be longer than any file.
pub(crate) fn is_pointer(start: &[u8]) -> bool {
    start.starts_with(b"version ")
}

/// Checks the sizes, bounds, names and overlaps of the header's entries.
fn check_entries(
    header: Header,
    data_start: u64,
    data_length: u64,
) -> Result<BTreeMap<String, TensorEntry>, String> {
    let mut entries = header.0;
    entries.sort_by_key(|(_, entry)| entry.data_offsets);
    let mut checked = BTreeMap::new();
    let mut previous_end = 0;
    for (name, entry) in entries {
        let [begin, end] = entry.data_offsets;
        if begin > end || end > data_length {
            return Err(format!(
                "tensor \"{name}\" claims the bytes {begin} to {end} of {data_length}; the file \
                 is truncated or its header is wrong"
            ));
        }
        if begin < previous_end {
            return Err(format!(
                "tensor \"{name}\" overlaps the one before it at byte {begin}"
            ));
        }
        previous_end = end;
        let expected = byte_length(&entry);
        if expected.is_some_and(|expected| expected != end - begin) {
            return Err(format!(
                "tensor \"{name}\" has {} bytes; {} of shape {:?} needs {}",
                end - begin,
                entry.dtype,
                entry.shape,
                expected.unwrap_or_default(),
            ));
        }
        let shape = entry
            .shape
            .iter()
            .map(|&dim| usize::try_from(dim))
            .collect::<Result<_, _>>();
        let tensor = TensorEntry {
            dtype: entry.dtype,
            shape: shape.map_err(|_| format!("tensor \"{name}\" has an absurd shape"))?,
            offset: data_start + begin,
            length: end - begin,
        };
        if checked.insert(name.clone(), tensor).is_some() {
            return Err(format!("tensor \"{name}\" is listed twice"));
        }
    }
    Ok(checked)
}

/// The number of bytes that a tensor should have; `None` if its dtype is none of [`Dtype`].
fn byte_length(entry: &Entry) -> Option<u64> {
    let width = match Dtype::parse(&entry.dtype)? {
        Dtype::F32 => 4,
        Dtype::F16 | Dtype::BF16 => 2,
    };
    // A product beyond u64 cannot equal any range in the file: u64::MAX makes it a mismatch.
    let length = entry
        .shape
        .iter()
        .try_fold(width, |product: u64, &dim| product.checked_mul(dim));
    Some(length.unwrap_or(u64::MAX))
}

impl Dtype {
    /// The dtype that the header spells like this, if weights can have it.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "F32" => Some(Self::F32),
            "F16" => Some(Self::F16),
            "BF16" => Some(Self::BF16),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// The entries in the order of the file. It is a list and no map, so that a name which is listed twice
/// is noticed.
struct Header(Vec<(String, Entry)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                map.next_value::<IgnoredAny>()?;
            } else {
                entries.push((name, map.next_value()?));
            }
        }
        Ok(Header(entries))
    }
}
