//! Measuring frames in memory and on disk.
#![allow(clippy::unwrap_used)]

mod measure;
