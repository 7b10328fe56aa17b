//! One entry as bytes: a header, the payload, a checksum over both.
//!
//! ```text
//!  0  magic    8 bytes  "lb-store"
//!  8  version  u32      of this layout
//! 12  kind     u32      what the payload is
//! 16  key      32 bytes the entry's own name
//! 48  length   u64      of the payload, in bytes
//! 56  payload
//!     checksum 32 bytes SHA-256 of all before
//! ```
//!
//! Numbers are little-endian. Nothing is believed before it is checked: a length is compared with
//! the file's own and with what the caller can use before anything is allocated.

use std::fs::File;
use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use super::key::Key;

const MAGIC: &[u8; 8] = b"lb-store";
const VERSION: u32 = 1;
const HEADER: usize = 56;
const CHECKSUM: usize = 32;

/// What a payload is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum EntryKind {
    /// The hash of a file that is too large to be read at every start.
    Digest = 1,
    /// A prompt's conditioning.
    Conditioning = 2,
    /// Where branches stand after a level.
    Trajectory = 3,
    /// A decoded picture.
    Frame = 4,
    /// An encoded picture, or what stands beside the latents.
    Latents = 5,
}

/// What is wrong with an entry.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Damage {
    /// Not even a header.
    #[error("it is cut short: {found} bytes are less than a header and a checksum")]
    Short {
        /// Length of the file.
        found: u64,
    },
    /// The header says another length than the file has.
    #[error("its header speaks of {said} bytes, and there are {found}")]
    Length {
        /// What the header says.
        said: u64,
        /// What lies between header and checksum.
        found: u64,
    },
    /// More than the caller can have a use for.
    #[error("it has {found} bytes, where at most {most} make sense")]
    Large {
        /// Length of the payload.
        found: u64,
        /// What was allowed.
        most: u64,
    },
    /// Not an entry, or one of another layout, kind or name.
    #[error("its header is not that of the entry that was looked for")]
    Header,
    /// Bytes have changed.
    #[error("its checksum is wrong")]
    Checksum,
    /// The checksum is right, the content is not what the key promises.
    #[error("{0}")]
    Content(&'static str),
}

/// Bytes of an entry with a payload of this length.
pub(super) fn entry_length(payload: usize) -> u64 {
    (HEADER + payload + CHECKSUM) as u64
}

fn header(kind: EntryKind, key: &Key, payload: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..16].copy_from_slice(&(kind as u32).to_le_bytes());
    header[16..48].copy_from_slice(key.bytes());
    header[48..].copy_from_slice(&payload.to_le_bytes());
    header
}

pub(super) fn write(
    file: &mut impl Write,
    kind: EntryKind,
    key: &Key,
    payload: &[u8],
) -> io::Result<()> {
    let header = header(kind, key, payload.len() as u64);
    let checksum = Sha256::new().chain_update(header).chain_update(payload);
    file.write_all(&header)?;
    file.write_all(payload)?;
    file.write_all(&checksum.finalize())?;
    file.flush()
}

/// The payload of the entry in `file`, or what is wrong with it.
pub(super) fn read(
    file: &mut File,
    kind: EntryKind,
    key: &Key,
    most: u64,
) -> io::Result<Result<Vec<u8>, Damage>> {
    let length = file.metadata()?.len();
    let Some(payload) = length.checked_sub((HEADER + CHECKSUM) as u64) else {
        return Ok(Err(Damage::Short { found: length }));
    };
    if payload > most {
        let found = payload;
        return Ok(Err(Damage::Large { found, most }));
    }
    let mut found = [0; HEADER];
    file.read_exact(&mut found)?;
    if found[..48] != header(kind, key, payload)[..48] {
        return Ok(Err(Damage::Header));
    }
    let mut said = [0; 8];
    said.copy_from_slice(&found[48..]);
    let said = u64::from_le_bytes(said);
    if said != payload {
        let found = payload;
        return Ok(Err(Damage::Length { said, found }));
    }
    let mut content = vec![0; payload as usize];
    let mut checksum = [0; CHECKSUM];
    file.read_exact(&mut content)?;
    file.read_exact(&mut checksum)?;
    let expected = Sha256::new().chain_update(found).chain_update(&content);
    if expected.finalize()[..] == checksum {
        Ok(Ok(content))
    } else {
        Ok(Err(Damage::Checksum))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom};

    use super::*;
    use crate::store::key::KeyBuilder;

    fn key() -> Key {
        KeyBuilder::new("test").finish()
    }

    fn entry() -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, EntryKind::Frame, &key(), b"a payload").unwrap();
        bytes
    }

    fn read_back(bytes: &[u8], most: u64) -> Result<Vec<u8>, Damage> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        read(&mut file, EntryKind::Frame, &key(), most).unwrap()
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(entry().len() as u64, entry_length(9));
        assert_eq!(read_back(&entry(), 9).unwrap(), b"a payload");
        assert_eq!(
            read_back(&entry(), 8),
            Err(Damage::Large { found: 9, most: 8 })
        );
    }

    #[test]
    fn every_flipped_bit_and_every_length_is_found() {
        let whole = entry();
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(read_back(&bytes, 1000).is_err(), "bit {bit}");
        }
        for length in 0..whole.len() {
            assert!(read_back(&whole[..length], 1000).is_err(), "{length} bytes");
        }
        assert!(read_back(&[&whole[..], b"more"].concat(), 1000).is_err());
    }

    #[test]
    fn an_absurd_length_is_refused() {
        let mut bytes = entry();
        bytes[48..56].copy_from_slice(&u64::MAX.to_le_bytes());
        let said = u64::MAX;
        assert_eq!(
            read_back(&bytes, 1000),
            Err(Damage::Length { said, found: 9 })
        );
    }

    #[test]
    fn an_entry_under_anothers_name_is_refused() {
        let mut bytes = Vec::new();
        let other = KeyBuilder::new("other").finish();
        write(&mut bytes, EntryKind::Frame, &other, b"a payload").unwrap();
        assert_eq!(read_back(&bytes, 1000), Err(Damage::Header));
        bytes.clear();
        write(&mut bytes, EntryKind::Digest, &key(), b"a payload").unwrap();
        assert_eq!(read_back(&bytes, 1000), Err(Damage::Header));
    }

    #[test]
    fn a_full_disk_is_an_error_wherever_it_fills() {
        struct Full(usize);
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let taken = bytes.len().min(self.0);
                self.0 -= taken;
                match taken {
                    0 => Err(io::ErrorKind::StorageFull.into()),
                    some => Ok(some),
                }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let length = entry().len();
        for room in 0..length {
            let error = write(&mut Full(room), EntryKind::Frame, &key(), b"a payload").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{room} bytes");
        }
        assert!(write(&mut Full(length), EntryKind::Frame, &key(), b"a payload").is_ok());
    }
}
