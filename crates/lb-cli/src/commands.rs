//! The commands. Each has a file with its arguments and what it does.

pub(crate) mod cache;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod import;
pub(crate) mod man;
pub(crate) mod measure;
pub(crate) mod models;
pub(crate) mod plan;
pub(crate) mod pull;
pub(crate) mod render;
pub(crate) mod seeds;
pub(crate) mod show;
pub(crate) mod studio;
pub(crate) mod upscale;
