//! Running a session on inputs and outputs that stay bound to it from run to run.

use std::time::Instant;

use ort::logging::LogLevel;
use ort::session::{IoBinding, NoSelectedOutputs, RunOptions};

use super::ComponentSession;
use crate::device::Device;
use crate::error::ModelError;

/// Runs of calls of one size by a CUDA graph of their own: the first records it, all others replay
/// it (`gpu_graph_id`).
pub(crate) struct GraphRuns(RunOptions<NoSelectedOutputs>);

/// The number of no graph: kernels are launched one by one, and nothing is recorded.
const NO_GRAPH: i32 = -1;

impl ComponentSession {
    /// A binding of which nothing is bound yet.
    pub(crate) fn binding(&self) -> ort::Result<IoBinding> {
        self.session.create_binding()
    }

    /// Where bound tensors are wanted.
    pub(crate) fn device(&self) -> Device {
        self.device
    }

    /// Whether runs can be recorded and replayed.
    pub(crate) fn records_graphs(&self) -> bool {
        self.records_graphs
    }

    /// Runs by a new graph; `number` from 1 on, another one for each.
    pub(crate) fn graph(&self, number: u16) -> Result<GraphRuns, ModelError> {
        run_options(Some(number.into()))
            .map(GraphRuns)
            .map_err(ModelError::runtime("preparing a CUDA graph"))
    }

    /// Runs on bound inputs, by a graph if there is one; the bound outputs are complete when this
    /// returns.
    pub(crate) fn run_bound(
        &mut self,
        binding: &IoBinding,
        graph: Option<&GraphRuns>,
    ) -> Result<(), ModelError> {
        let started = Instant::now();
        let options = graph.map_or(&self.run_options, |graph| &graph.0);
        let ran = self
            .session
            .run_binding_with_options(binding, options)
            .map(drop)
            .and_then(|()| binding.synchronize_outputs());
        self.times.running += started.elapsed();
        let doing = format!("running the {}", self.component);
        let ran = ran.map_err(ModelError::runtime(doing));
        self.has_failed |= ran.as_ref().is_err_and(super::spoils);
        ran
    }
}

/// Runs say only what goes wrong, whatever the session told while it was made. `graph`: which graph
/// runs record and replay, where the session records any.
fn run_options(graph: Option<i32>) -> ort::Result<RunOptions<NoSelectedOutputs>> {
    let mut options = RunOptions::new()?;
    options.set_log_level(LogLevel::Warning)?;
    if let Some(graph) = graph {
        options.set("gpu_graph_id", graph.to_string())?;
    }
    Ok(options)
}

/// What runs without a graph of their own are told.
pub(super) fn plain_run_options(
    records_graphs: bool,
) -> ort::Result<RunOptions<NoSelectedOutputs>> {
    run_options(records_graphs.then_some(NO_GRAPH))
}
