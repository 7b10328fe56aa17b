//! Jobs to files over the bundled model. `cargo xtask test` sets up the runtime and the model.

#![allow(clippy::unwrap_used)]

mod plan;
mod render;
