//! Files on disk, handled with care.
//!
//! ```text
//!  reading   path ─► is it a regular file? ─► open ─► is it still? ─► bytes, up to a limit
//!  writing   StagedFile::create ─► bytes under a hidden name ─► complete ─► publish: one rename
//! ```
//!
//! - [`open`], [`read`] and [`read_text`] take regular files only. A pipe would wait for its writer,
//!   and a device may never end.
//! - [`StagedFile`] and [`StagedFolder`] collect an output under a temporary name in the folder that
//!   it belongs to, and give it its name by renaming. An output that fails or is dropped leaves
//!   nothing behind, and what a killed program has left there is removed with the next output; [`write()`]
//!   does all of it for bytes that are there already. Nothing is replaced that was not to be, however late
//!   it comes, and neither devices nor links ever are: [`resolve_destination`] follows a link to the file
//!   that is replaced.
//! - [`TemporaryFolder`] is a folder under a temporary name, for outputs that have folders in them.
//! - [`open_no_follow`] and [`open_lock`] open the files of a store, such as a cache, but no links under
//!   their names.
//! - [`FileIdentity`] tells whether a file is the one that was seen before, without reading it.
//! - [`content_hash`] reads a file to recognise its content.
//! - [`contained()`] runs a decoder of foreign files, whose panics become errors.
//! - [`natural_order`] compares names, with the numbers in them by their value.
//! - [`is_portable_name`] tells whether every system can have a file of a name.
//!
//! ```
//! use std::io::Write as _;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("frame_0000.png");
//! let mut output = lb_files::StagedFile::create(&path, false)?;
//! output.write_all(b"pixels")?;
//! assert!(!path.exists(), "the name is not taken yet");
//! assert_eq!(output.complete()?, 6);
//! output.publish()?;
//! assert_eq!(lb_files::read(&path, 100)?, b"pixels");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod contained;
mod content_hash;
mod destination;
mod error;
mod identity;
mod natural_order;
mod no_follow;
mod portable_name;
mod regular;
mod rename;
mod staged;
mod temporary;

pub use contained::contained;
pub use content_hash::content_hash;
pub use destination::{resolve_destination, validate_destination};
pub use error::FileError;
pub use identity::FileIdentity;
pub use natural_order::{natural_order, sort_naturally};
pub use no_follow::{open_lock, open_no_follow};
pub use portable_name::{is_device, is_portable_name};
pub use regular::{open, read, read_text, validate_regular};
pub use staged::{
    StagedFile, StagedFolder, UnfinishedOutput, replace_by, temporary_file_beside, write,
};
pub use temporary::{
    TemporaryFolder, is_temporary, is_vacant, remove_if_abandoned, temporary_file_in,
};

pub use tempfile::NamedTempFile;

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
