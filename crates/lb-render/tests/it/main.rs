//! Jobs to files over the bundled model. `cargo xtask test` sets up the runtime and the model.

#![allow(clippy::unwrap_used)]

mod earlier_frames;
mod frame_places;
mod modes;
mod picture_keyframes;
mod render;
mod reuse;
mod tiny_models;
mod upscale;
