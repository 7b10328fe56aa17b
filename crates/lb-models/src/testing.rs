//! For tests of this crate and of those above it (feature `testing`; nothing that renders has a use
//! for it): any graph on named tensors, and tiny models of every kind.

mod graph;
mod tiny_model;

pub use graph::{GraphSession, NamedTensor, TensorValues, placement};
pub use tiny_model::{copy_folder, write_tiny_model};
