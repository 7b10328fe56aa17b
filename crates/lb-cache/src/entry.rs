//! The bytes of an entry: a header, the payload, and a checksum over both.
//!
//! ```text
//!  0  magic    8 bytes  "lb-cache"
//!  8  version  u32      of this layout
//! 12  key      32 bytes the entry's own name
//! 44  length   u64      of the payload, in bytes
//! 52  payload
//!     checksum 32 bytes SHA-256 of everything before it
//! ```
//!
//! Numbers are little-endian. Before memory is allocated, the length in the header is compared with that
//! of the file and with what the caller can use.

use std::fs::File;
use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use crate::key::{EntryKind, Key};

const MAGIC: &[u8; 8] = b"lb-cache";
const VERSION: u32 = 1;
const HEADER: usize = 52;
const CHECKSUM: usize = 32;

/// How the results of one kind become payloads, and payloads become results.
///
/// An implementation contains what is known about a result in advance, such as its shape, and checks
/// payloads against it: a forged entry must not contain anything that a computation could not return.
pub trait CacheEntry {
    /// The result.
    type Value;

    /// The kind of result, which is part of the keys.
    const KIND: EntryKind;

    /// The length in bytes of the longest possible payload. A longer one is not read.
    fn longest_payload(&self) -> usize;

    /// The payload of a result.
    fn encode(&self, value: &Self::Value) -> Vec<u8>;

    /// The result that a payload holds.
    ///
    /// # Errors
    /// [`Damage::Content`] for a payload that does not hold what its key promises.
    fn decode(&self, payload: &[u8]) -> Result<Self::Value, Damage>;
}

impl<E: CacheEntry> CacheEntry for &E {
    type Value = E::Value;
    const KIND: EntryKind = E::KIND;

    fn longest_payload(&self) -> usize {
        E::longest_payload(self)
    }

    fn encode(&self, value: &E::Value) -> Vec<u8> {
        E::encode(self, value)
    }

    fn decode(&self, payload: &[u8]) -> Result<E::Value, Damage> {
        E::decode(self, payload)
    }
}

/// What is wrong with an entry.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "the fields are the values in the message, in bytes"
)]
pub enum Damage {
    /// The file is too short for an entry.
    #[error("it is cut short: {found} bytes are less than a header and a checksum")]
    Short { found: u64 },
    /// The length in the header is not that of the file.
    #[error("its header declares {declared} bytes, but there are {found}")]
    Length { declared: u64, found: u64 },
    /// The payload is longer than the caller can use.
    #[error("it has {found} bytes, but at most {most} are possible")]
    Large { found: u64, most: u64 },
    /// The file is not an entry, or one with another key.
    #[error("its header is not that of the entry that was looked for")]
    Header,
    /// The entry has the layout of another version of this library.
    #[error("it was written by another version, whose layout is {found} and not {VERSION}")]
    Version { found: u32 },
    /// Bytes have changed since the entry was written.
    #[error("its checksum is wrong")]
    Checksum,
    /// The checksum is right, but the content is not what the key promises.
    #[error("{0}")]
    Content(&'static str),
}

/// The length in bytes of an entry with a payload of this length.
pub(crate) fn entry_length(payload: usize) -> u64 {
    (HEADER + payload + CHECKSUM) as u64
}

fn header(key: &Key, payload: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header[12..44].copy_from_slice(key.bytes());
    header[44..].copy_from_slice(&payload.to_le_bytes());
    header
}

pub(crate) fn write(file: &mut impl Write, key: &Key, payload: &[u8]) -> io::Result<()> {
    let header = header(key, payload.len() as u64);
    let checksum = Sha256::new().chain_update(header).chain_update(payload);
    file.write_all(&header)?;
    file.write_all(payload)?;
    file.write_all(&checksum.finalize())?;
    file.flush()
}

/// The payload of the entry in `file`, or what is wrong with it.
pub(crate) fn read(file: &mut File, key: &Key, most: u64) -> io::Result<Result<Vec<u8>, Damage>> {
    let (header, payload) = match read_header(file, key)? {
        Ok(read) => read,
        Err(damage) => return Ok(Err(damage)),
    };
    if payload > most {
        let found = payload;
        return Ok(Err(Damage::Large { found, most }));
    }
    let mut content = vec![0; payload as usize];
    file.read_exact(&mut content)?;
    let expected = Sha256::new().chain_update(header).chain_update(&content);
    Ok(compare_checksum(file, expected)?.map(|()| content))
}

/// What is wrong with the entry in `file`, which may be of any length, if anything is.
pub(crate) fn check(file: &mut File, key: &Key) -> io::Result<Result<(), Damage>> {
    let (header, payload) = match read_header(file, key)? {
        Ok(read) => read,
        Err(damage) => return Ok(Err(damage)),
    };
    let mut expected = Sha256::new().chain_update(header);
    let mut block = vec![0; 1 << 16];
    let mut left = payload;
    while left > 0 {
        let length = left.min(block.len() as u64) as usize;
        file.read_exact(&mut block[..length])?;
        expected.update(&block[..length]);
        left -= length as u64;
    }
    compare_checksum(file, expected)
}

/// The header, and the length of the payload, which is that of the file and that in the header.
fn read_header(file: &mut File, key: &Key) -> io::Result<Result<([u8; HEADER], u64), Damage>> {
    let length = file.metadata()?.len();
    let Some(payload) = length.checked_sub((HEADER + CHECKSUM) as u64) else {
        return Ok(Err(Damage::Short { found: length }));
    };
    let mut found = [0; HEADER];
    file.read_exact(&mut found)?;
    let expected = header(key, payload);
    if found[..8] != expected[..8] || found[12..44] != expected[12..44] {
        return Ok(Err(Damage::Header));
    }
    let mut version = [0; 4];
    version.copy_from_slice(&found[8..12]);
    let version = u32::from_le_bytes(version);
    if version != VERSION {
        return Ok(Err(Damage::Version { found: version }));
    }
    let mut declared = [0; 8];
    declared.copy_from_slice(&found[44..]);
    let declared = u64::from_le_bytes(declared);
    if declared != payload {
        let found = payload;
        return Ok(Err(Damage::Length { declared, found }));
    }
    Ok(Ok((found, payload)))
}

fn compare_checksum(file: &mut File, expected: Sha256) -> io::Result<Result<(), Damage>> {
    let mut checksum = [0; CHECKSUM];
    file.read_exact(&mut checksum)?;
    Ok(match expected.finalize()[..] == checksum {
        true => Ok(()),
        false => Err(Damage::Checksum),
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom};

    use super::*;

    fn key() -> Key {
        Key::of(EntryKind::new("test", 1), "a key")
    }

    fn entry() -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, &key(), b"a payload").unwrap();
        bytes
    }

    fn read_back(bytes: &[u8], most: u64) -> Result<Vec<u8>, Damage> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let read = read(&mut file, &key(), most).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let checked = check(&mut file, &key()).unwrap();
        if !matches!(read, Err(Damage::Large { .. })) {
            assert_eq!(read.as_ref().err(), checked.as_ref().err());
        }
        read
    }

    #[test]
    fn an_entry_in_another_layout_is_told_from_a_damaged_one() {
        let mut bytes = entry();
        bytes[8] = 9;
        assert_eq!(read_back(&bytes, 1000), Err(Damage::Version { found: 9 }));
    }

    #[test]
    fn an_entry_is_read_back() {
        assert_eq!(entry().len() as u64, entry_length(9));
        assert_eq!(read_back(&entry(), 9).unwrap(), b"a payload");
        assert_eq!(
            read_back(&entry(), 8),
            Err(Damage::Large { found: 9, most: 8 })
        );
    }

    #[test]
    fn every_flipped_bit_and_every_wrong_length_is_noticed() {
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
        bytes[44..52].copy_from_slice(&u64::MAX.to_le_bytes());
        let declared = u64::MAX;
        assert_eq!(
            read_back(&bytes, 1000),
            Err(Damage::Length { declared, found: 9 })
        );
    }

    #[test]
    fn an_entry_under_the_name_of_another_is_refused() {
        let mut bytes = Vec::new();
        let other = Key::of(EntryKind::new("other", 1), "a key");
        write(&mut bytes, &other, b"a payload").unwrap();
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
            let error = write(&mut Full(room), &key(), b"a payload").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{room} bytes");
        }
        assert!(write(&mut Full(length), &key(), b"a payload").is_ok());
    }
}
