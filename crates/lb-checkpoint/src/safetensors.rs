//! Reads the header of a safetensors file, which says where each tensor is stored.
//!
//! A safetensors file begins with eight bytes that hold the length of its header (little-endian).
//! The header is JSON with each tensor's name, dtype, shape and byte range, and the tensors' bytes follow
//! it. Only the header is read here. Its offsets and lengths are checked against the file's length before
//! they are used.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::error::CheckpointError;

/// The longest header that the safetensors format allows, in bytes.
const LONGEST_HEADER: u64 = 100_000_000;

/// The number formats in which Stable Diffusion weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit floating-point numbers.
    F32,
    /// 16-bit floating-point numbers of IEEE 754, with 5 bits of exponent.
    F16,
    /// bfloat16: 16-bit floating-point numbers with 8 bits of exponent, as 32-bit ones have.
    BF16,
}

/// A tensor's entry in the header of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TensorEntry {
    /// The number format as the header spells it. It may be one that [`Dtype`] lacks; using such a tensor
    /// as a weight is an error.
    pub(crate) dtype: String,
    pub(crate) shape: Vec<usize>,
    /// The position of its first byte, counted from the start of the file.
    pub(crate) offset: u64,
    /// The number of its bytes.
    pub(crate) length: u64,
}

/// Reads and validates the header of the file at `path`.
pub(crate) fn read_header(path: &Path) -> Result<BTreeMap<String, TensorEntry>, CheckpointError> {
    let (tensors, _) = read_header_with_metadata(path)?;
    Ok(tensors)
}

/// The texts that the header of a file has besides tensors.
pub(crate) type Metadata = BTreeMap<String, String>;

/// Reads and validates the header of the file at `path`, and returns its metadata as well. Metadata that are not
/// texts are left out.
pub(crate) fn read_header_with_metadata(
    path: &Path,
) -> Result<(BTreeMap<String, TensorEntry>, Metadata), CheckpointError> {
    let broken = |problem| CheckpointError::Malformed {
        path: path.to_owned(),
        format: "safetensors file",
        problem,
    };
    let mut file = lb_files::open(path).map_err(CheckpointError::file("open", path))?;
    let metadata = file.metadata().map_err(CheckpointError::io("read", path))?;
    let file_length = metadata.len();
    if file_length < 8 {
        let problem = format!("{file_length} bytes are too few for a header");
        return Err(broken(problem));
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
    let mut header: Header = serde_json::from_slice(&header)
        .map_err(|error| broken(format!("the header cannot be parsed: {error}")))?;
    let data_start = 8 + header_length;
    let metadata = std::mem::take(&mut header.metadata);
    let tensors = validate_entries(header, data_start, file_length - data_start).map_err(broken)?;
    Ok((tensors, metadata))
}

/// Whether a file that begins with these bytes is a pointer, which Git LFS keeps instead of a large file.
/// It cannot be a safetensors file: as the length of a header, its first bytes are larger than any file.
pub(crate) fn is_pointer(start: &[u8]) -> bool {
    start.starts_with(b"version ")
}

/// Makes the error for a file whose first bytes belong to none of the supported formats.
pub(crate) fn unknown_format(path: &Path, start: &[u8]) -> CheckpointError {
    let path = path.to_owned();
    match start.trim_ascii_start() {
        [] if start.is_empty() => CheckpointError::EmptyFile { path },
        [b'<', ..] => CheckpointError::WebPage { path },
        _ if is_pointer(start) => CheckpointError::LargeFilePointer { path },
        _ => CheckpointError::UnknownFormat { path },
    }
}

/// Validates the entries of a header: their sizes and bounds, and that no name is used twice and no byte
/// belongs to two tensors.
fn validate_entries(
    header: Header,
    data_start: u64,
    data_length: u64,
) -> Result<BTreeMap<String, TensorEntry>, String> {
    let mut entries = header.entries;
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
            let problem = format!("overlaps the one before it at byte {begin}");
            return Err(format!("tensor \"{name}\" {problem}"));
        }
        previous_end = end;
        let expected = byte_length(&entry);
        if expected.is_some_and(|expected| expected != end - begin) {
            let Entry { dtype, shape, .. } = entry;
            let (found, expected) = (end - begin, expected.unwrap_or_default());
            return Err(format!(
                "tensor \"{name}\" has {found} bytes; {dtype} of shape {shape:?} needs {expected}"
            ));
        }
        let sides = entry.shape.into_iter().map(usize::try_from);
        let shape = sides.collect::<Result<_, _>>();
        let tensor = TensorEntry {
            dtype: entry.dtype,
            shape: shape.map_err(|_| format!("tensor \"{name}\" has a side that is too long"))?,
            offset: data_start + begin,
            length: end - begin,
        };
        if checked.insert(name.clone(), tensor).is_some() {
            return Err(format!("tensor \"{name}\" is listed twice"));
        }
    }
    Ok(checked)
}

/// Computes the number of bytes that a tensor should have. `None` means that [`Dtype`] lacks its number
/// format.
fn byte_length(entry: &Entry) -> Option<u64> {
    let width = match Dtype::parse(&entry.dtype)? {
        Dtype::F32 => 4,
        Dtype::F16 | Dtype::BF16 => 2,
    };
    // If the product does not fit a u64, u64::MAX serves as a length that no range in a file has.
    let mut sides = entry.shape.iter();
    let length = sides.try_fold(width, |product: u64, &side| product.checked_mul(side));
    Some(length.unwrap_or(u64::MAX))
}

impl Dtype {
    /// Parses a number format as a header spells it. `None` means that weights cannot have it.
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

/// The entries in the order of the file. This is a list rather than a map, so that a name that is listed
/// twice is noticed.
struct Header {
    entries: Vec<(String, Entry)>,
    metadata: Metadata,
}

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
        let (mut entries, mut metadata) = (Vec::new(), Metadata::new());
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                if let serde_json::Value::Object(texts) = map.next_value()? {
                    let texts = texts.into_iter();
                    metadata.extend(texts.filter_map(|(key, value)| match value {
                        serde_json::Value::String(text) => Some((key, text)),
                        _ => None,
                    }));
                }
            } else {
                entries.push((name, map.next_value()?));
            }
        }
        Ok(Header { entries, metadata })
    }
}
