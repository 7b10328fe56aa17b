//! The API with the real worker and the bundled models. `cargo xtask test` sets up the runtime.

#![allow(clippy::unwrap_used)]

mod acts;
mod add_ons;
mod client;
mod devices;
mod documents;
mod events;
mod guard;
mod imports;
mod limits;
mod memory;
mod modes;
mod projects;
mod prompts;
mod visitors;
