//! Jobs to files over the bundled model. `cargo xtask test` sets up the runtime and the model.

mod plan;
mod render;
