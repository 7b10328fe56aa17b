//! `lb studio`: the page on which films are made, and the HTTP API beneath it.
//!
//! ```text
//!  browser ── HTTP ─► guard ─► handlers ─► projects on disk
//!     ▲               (host, origin,  │     film.toml, pictures, frames, films
//!     │                session)       └───► queue on disk
//!     │                                        │ one task at a time
//!     │                                        ▼
//!     └── events ◄── log ◄── pictures ◄──── worker: Renderer, models that stay loaded
//! ```
//!
//! Everything about films comes from [`lb_render`]. This crate adds a queue on a single worker thread that owns
//! the models, projects as folders on disk, a log of events that clients read, and HTTP. The page, which is part
//! of the program, uses nothing but the API, and [`openapi`] describes it.
//!
//! - **Projects.** A project is a job file with its pictures, and what was computed for it. A change names the
//!   revision that it was made from, so that two pages cannot overwrite each other's work.
//! - **Acts.** A task computes a keyframe, a transition, a film, or stills of several seeds. Each is a job of
//!   [`lb_render`] with the same cache, so that a film computes only what no earlier task has. Keys, which are
//!   hashes of everything that a picture depends on, say what is there already.
//! - **Nothing is lost.** The queue is on disk. A task that a killed program has left goes on when the program
//!   comes back, from the results in the cache, and gives the same bytes.
//! - **Events.** A slow reader never slows the worker, and a reader that was away gets what it has missed.
//! - **Safety.** The guard keeps other sites and other hosts out. Ids and hashes become paths, and no other text
//!   of a client does.
//!
//! This crate neither prints nor reads the environment.
//!
//! ```
//! let description = lb_studio::openapi();
//! assert!(description.contains("\"/api/projects/{id}/plan\""));
//! ```

#![forbid(unsafe_code)]

mod access;
mod add_ons;
mod api;
mod device;
mod error;
mod events;
mod film;
mod film_files;
mod frames;
mod guard;
mod hidden_paths;
mod ids;
mod import;
mod job_document;
mod limits;
mod models;
mod page;
mod pictures;
mod projects;
mod queue;
mod server;
mod shared;
mod studio;
mod upload;
mod watcher;
mod work;
mod worker;

pub use access::sign_in_page;
pub use api::openapi;
pub use studio::{Studio, StudioError, StudioOptions};

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
