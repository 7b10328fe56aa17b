//! The laws of the tree and of the film, and the ancestor's trees.

mod autosetup;
mod film;
mod profile;
mod spacing;
