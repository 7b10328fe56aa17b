//! Rhythms of synthetic tracks whose beats are known, written to files and read back.

#![allow(clippy::unwrap_used)]

mod files;
mod synthetic;
mod tracks;
