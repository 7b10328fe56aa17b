//! Rendering jobs with the bundled model and with tiny ones. `cargo xtask test` sets up the runtime.

#![allow(clippy::unwrap_used)]

mod cached_films;
mod earlier_frames;
mod frame_positions;
mod in_memory;
mod modes;
mod picture_keyframes;
mod render;
mod stills;
mod tiny_models;
mod upscale;
