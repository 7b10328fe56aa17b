//! Job files and plans as other crates use them.

#![allow(clippy::unwrap_used)]

mod job_file;
mod plan;
