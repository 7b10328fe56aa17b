//! One module a subcommand.

pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod plan;
pub(crate) mod render;
