//! Text in Exif, as its `ImageDescription` (Exif 2.32, section 4.6.4): what WebP carries.

use crate::flaw::{Flaw, as_text};
use crate::limits::MAX_DESCRIPTION;

const IMAGE_DESCRIPTION: u16 = 0x010e;
const ASCII: u16 = 2;
/// TIFF's header, and a directory of one entry that ends with the offset of the next one.
const START: usize = 8 + 2 + 12 + 4;

/// Exif with nothing but a description.
pub(super) fn write(text: &str) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0\x01\0".to_vec();
    bytes.extend(IMAGE_DESCRIPTION.to_le_bytes());
    bytes.extend(ASCII.to_le_bytes());
    bytes.extend((text.len() as u32 + 1).to_le_bytes());
    // Up to four bytes lie in the entry itself, in place of the offset of longer ones.
    let mut text = text.as_bytes().to_vec();
    text.push(0);
    if text.len() <= 4 {
        text.resize(4, 0);
        bytes.extend(text);
        bytes.extend([0; 4]);
    } else {
        bytes.extend((START as u32).to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(text);
    }
    bytes
}

/// The description in the first directory.
pub(super) fn read(bytes: &[u8]) -> Result<Option<String>, Flaw> {
    // Some programs keep JPEG's marker in front.
    let bytes = bytes.strip_prefix(b"Exif\0\0").unwrap_or(bytes);
    let tiff = Tiff {
        bytes,
        little_endian: match bytes.get(..4) {
            Some(b"II*\0") => true,
            Some(b"MM\0*") => false,
            _ => return Err(Flaw::damaged("its Exif does not begin like TIFF")),
        },
    };
    let directory = tiff.number(4, 4)?;
    for index in 0..tiff.number(directory, 2)? {
        let entry = directory + 2 + 12 * index;
        let (tag, kind) = (tiff.number(entry, 2)?, tiff.number(entry + 2, 2)?);
        if (tag, kind) != (IMAGE_DESCRIPTION.into(), ASCII.into()) {
            continue;
        }
        let length = tiff.number(entry + 4, 4)?;
        if length > MAX_DESCRIPTION + 1 {
            return Err(Flaw::too_long(length as u64));
        }
        let offset = if length <= 4 {
            entry + 8
        } else {
            tiff.number(entry + 8, 4)?
        };
        let text = tiff.at(offset, length)?;
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        return as_text(text.to_vec()).map(Some);
    }
    Ok(None)
}

struct Tiff<'a> {
    bytes: &'a [u8],
    little_endian: bool,
}

impl Tiff<'_> {
    fn at(&self, offset: usize, length: usize) -> Result<&[u8], Flaw> {
        offset
            .checked_add(length)
            .and_then(|end| self.bytes.get(offset..end))
            .ok_or_else(|| Flaw::damaged("its Exif points beyond its end"))
    }

    fn number(&self, offset: usize, length: usize) -> Result<usize, Flaw> {
        let bytes = self.at(offset, length)?.iter();
        let append = |number, byte: &u8| number << 8 | usize::from(*byte);
        Ok(if self.little_endian {
            bytes.rev().fold(0, append)
        } else {
            bytes.fold(0, append)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_lie_in_the_entry_and_long_ones_behind_it() {
        for length in 0..7 {
            let text = "abcdefg"[..length].to_owned();
            let bytes = write(&text);
            let inline = length < 4;
            assert_eq!(bytes.len(), if inline { START } else { START + length + 1 });
            assert_eq!(read(&bytes).unwrap(), Some(text));
        }
    }

    #[test]
    fn a_text_longer_than_any_is_not_read() {
        let mut bytes = write("a text");
        let most = MAX_DESCRIPTION as u32 + 1;
        // Where the entry has its length, behind the tag and the type.
        bytes[14..18].copy_from_slice(&(most + 1).to_le_bytes());
        bytes.resize(2 * MAX_DESCRIPTION, b'a');
        let Err(Flaw::Damaged(reason)) = read(&bytes) else {
            panic!("it was read")
        };
        assert!(reason.contains("more than"), "{reason}");
        bytes[14..18].copy_from_slice(&most.to_le_bytes());
        assert!(read(&bytes).is_ok());
    }
}
