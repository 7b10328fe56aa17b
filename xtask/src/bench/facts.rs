//! What `lb render --json` and the reference script report of themselves.

use serde::Deserialize;

/// The line of `lb render --json`, as far as it is needed here.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RenderFacts {
    pub(super) model_evaluations: usize,
    pub(super) seconds: RenderSeconds,
    pub(super) peak_memory: Option<u64>,
    pub(super) transitions: Vec<Tree>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct RenderSeconds {
    pub(super) total: f64,
    pub(super) in_model_sessions: f64,
    pub(super) loading: f64,
    pub(super) outside: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Tree {
    pub(super) steps: usize,
    pub(super) injection_steps: Vec<usize>,
    pub(super) branch_counts: Vec<usize>,
}

/// The line of `reference/render_sequential.py`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct ReferenceFacts {
    pub(super) seconds: ReferenceSeconds,
    pub(super) peak_memory: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct ReferenceSeconds {
    pub(super) imports: f64,
    pub(super) load: f64,
    pub(super) render: f64,
}
