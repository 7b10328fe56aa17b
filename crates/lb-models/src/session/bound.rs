//! Running a session on inputs and outputs that stay bound to it from run to run.

use std::time::Instant;

use ort::session::IoBinding;

use super::ComponentSession;
use crate::device::Device;
use crate::error::ModelError;

/// How a run with CUDA graphs goes, in ONNX Runtime's words for it: the number of a graph, which
/// is recorded when that number first comes and replayed from then on (`gpu_graph_id`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct GraphNumber(i32);

impl GraphNumber {
    /// Every kernel launched by itself: nothing recorded, nothing replayed.
    pub(crate) const NONE: Self = Self(-1);

    pub(crate) fn new(number: u16) -> Self {
        // 0 is what runs without a number get.
        Self(i32::from(number) + 1)
    }
}

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

    /// Runs on bound inputs; the bound outputs are complete when this returns.
    pub(crate) fn run_bound(
        &mut self,
        binding: &IoBinding,
        graph: GraphNumber,
    ) -> Result<(), ModelError> {
        let started = Instant::now();
        let ran = self.run_recorded(binding, graph);
        self.busy += started.elapsed();
        let doing = format!("running the {}", self.component);
        ran.map_err(ModelError::runtime(doing))
    }

    fn run_recorded(&mut self, binding: &IoBinding, graph: GraphNumber) -> ort::Result<()> {
        if self.records_graphs {
            self.run_options.set("gpu_graph_id", graph.0.to_string())?;
        }
        self.session
            .run_binding_with_options(binding, &self.run_options)?;
        binding.synchronize_outputs()
    }
}
