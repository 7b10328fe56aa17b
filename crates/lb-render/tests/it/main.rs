//! Jobs to files over the bundled model. `cargo xtask test` sets up the runtime and the model.

#![allow(clippy::unwrap_used)]

mod cached_films;
mod earlier_frames;
mod frame_positions;
mod in_memory;
mod modes;
mod picture_keyframes;
mod render;
mod tiny_models;
mod upscale;
