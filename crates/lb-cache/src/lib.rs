//! A cache on disk for results that are expensive to compute. After a crash, or after a change that
//! does not concern a result, it is found here and not computed again.
//!
//! ```text
//!  what a result depends on ── ContentKey ──▶ Key ──▶ entries/3f/9a0c…  header, payload, checksum
//!  result ── CacheEntry::encode ──▶ payload ───────────▲
//!  result ◀─ CacheEntry::decode ─── payload ◀──────────┘
//! ```
//!
//! An entry's name is the [`Key`] of everything that its content depends on. Therefore an entry never
//! changes and is never out of date. It is written under a temporary name and then renamed, so that
//! readers see the whole entry or none, even if they are other processes that share the folder.
//! Nothing is synchronised to the disk, because that would take longer than computing most results:
//! after a power failure the newest entries may be missing or damaged. A checksum finds the damaged
//! ones; they are removed, and their results are computed again.
//!
//! The files are opened themselves and not through links, and what else lies in the folder is left alone.
//!
//! [`Cache`] is the folder, [`LenientCache`] a cache whose failures do not stop the work, and [`CacheCheck`]
//! what is found when every entry is read.
//!
//! ```
//! use lb_cache::{Cache, CacheEntry, CacheError, Damage, EntryKind, Key, LenientCache};
//!
//! /// Lengths of texts.
//! struct Lengths;
//!
//! impl CacheEntry for Lengths {
//!     type Value = u64;
//!     const KIND: EntryKind = EntryKind::new("length", 1);
//!
//!     fn longest_payload(&self) -> usize {
//!         8
//!     }
//!     fn encode(&self, length: &u64) -> Vec<u8> {
//!         length.to_le_bytes().to_vec()
//!     }
//!     fn decode(&self, payload: &[u8]) -> Result<u64, Damage> {
//!         let bytes = payload.try_into().map_err(|_| Damage::Content("it is not 8 bytes long"))?;
//!         Ok(u64::from_le_bytes(bytes))
//!     }
//! }
//!
//! let folder = tempfile::tempdir()?;
//! let cache = LenientCache::new(Some(Cache::open(folder.path(), Cache::DEFAULT_LIMIT)?));
//! let lengths = |texts: &[&str]| {
//!     let keys: Vec<Option<Key>> = texts.iter().map(|text| Some(Key::of(Lengths::KIND, text))).collect();
//!     cache.memoize(&Lengths, &keys, |missing| -> Result<_, CacheError> {
//!         Ok(missing.iter().map(|&index| texts[index].len() as u64).collect())
//!     })
//! };
//! assert_eq!(lengths(&["one", "three"])?.found, 0);
//! let lengths = lengths(&["three", "thirteen"])?;
//! assert_eq!((lengths.values, lengths.found), (vec![5, 8], 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod cache;
mod check;
mod entry;
mod error;
mod eviction;
mod file_hash;
mod key;
mod lenient;

pub use cache::Cache;
pub use check::{CacheCheck, CacheContents, FaultyEntry};
pub use entry::{CacheEntry, Damage};
pub use error::CacheError;
pub use eviction::CacheUsage;
pub use file_hash::FileHashProgress;
pub use key::{ContentKey, EntryKind, Key, KeyHasher};
pub use lenient::{LenientCache, Memoized};

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
