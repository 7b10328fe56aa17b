//! For tests of this crate and of backends (feature `testing`): a strict fake backend, and the
//! conformance suite that every backend must pass.

mod conformance;
mod fake;
mod rows;

pub use conformance::{TOLERANCE, conformance};
pub use fake::{Call, FakeBackend};
