//! The laws of the tree and of the film, and the trees of the method's first implementation.
#![allow(clippy::unwrap_used)]

mod autosetup;
mod camera;
mod film;
mod profile;
#[cfg(feature = "serde")]
mod serde;
mod spacing;
