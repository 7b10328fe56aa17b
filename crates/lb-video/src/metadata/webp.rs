//! Text in a WebP: the Exif chunk of its RIFF container (RFC 9649, section 2.7.1.4).

use std::io::{Read, Seek};

use super::{Flaw, MAX_DESCRIPTION, exif};

/// Most bytes of Exif that are read: a description, and whatever a camera puts beside it.
const MAX_EXIF: u32 = 2 * MAX_DESCRIPTION as u32;

/// Chunks are jumped over, not read.
pub(crate) fn read(mut file: impl Read + Seek) -> Result<Option<String>, Flaw> {
    let mut start = [0; 12];
    file.read_exact(&mut start)?;
    let length = u32::from_le_bytes([start[4], start[5], start[6], start[7]]);
    let end = u64::from(length) + 8;
    let mut at = start.len() as u64;
    while end.saturating_sub(at) >= 8 {
        let mut header = [0; 8];
        file.read_exact(&mut header)?;
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        if header.starts_with(b"EXIF") {
            if length > MAX_EXIF {
                return Err(Flaw::too_long(length.into()));
            }
            let mut bytes = vec![0; length as usize];
            file.read_exact(&mut bytes)?;
            return exif::read(&bytes);
        }
        let padded = i64::from(length) + i64::from(length % 2);
        file.seek_relative(padded)?;
        at += 8 + padded as u64;
    }
    Ok(None)
}
