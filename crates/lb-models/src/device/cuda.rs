//! NVIDIA's GPUs, with CUDA and cuDNN.

use lb_export::Precision;
use ort::ep::{self, ExecutionProvider as _, ExecutionProviderDispatch};
use ort::memory::AllocationDevice;

use super::names::Device;
use super::nvidia;
use super::problem::DeviceProblem;
use super::provider::{ExecutionProvider, Registration};
use crate::error::ModelError;
use crate::runtime::Runtime;

/// ONNX Runtime's CUDA provider.
pub(super) struct Cuda;

impl ExecutionProvider for Cuda {
    /// A GPU is faster with half the bits, and has less memory.
    fn precision(&self) -> Precision {
        Precision::Float16
    }

    fn memory(&self) -> Option<AllocationDevice<'static>> {
        Some(AllocationDevice::CUDA)
    }

    fn records_graphs(&self) -> bool {
        true
    }

    fn look_for_requirements(&self, runtime: Runtime) -> Result<(), DeviceProblem> {
        let is_built_in = ep::CUDA::is_available();
        nvidia::look_for(
            runtime,
            Device::Cuda,
            is_built_in,
            "onnxruntime_providers_cuda",
        )
    }

    fn explain(&self, refusal: &str) -> DeviceProblem {
        nvidia::explain(refusal)
    }

    fn register(
        &self,
        session: Option<&Registration<'_>>,
    ) -> Result<Vec<ExecutionProviderDispatch>, ModelError> {
        let records_graphs = session.is_some_and(|session| session.records_graphs);
        Ok(vec![provider(records_graphs)])
    }

    fn retreat(
        &self,
        session: &mut Registration<'_>,
        component: &str,
        refusal: &str,
    ) -> Option<String> {
        if !session.records_graphs || !refuses_graphs(refusal) {
            return None;
        }
        session.records_graphs = false;
        Some(format!(
            "the {component} cannot be run as CUDA graphs: {refusal}"
        ))
    }
}

/// The provider itself, which TensorRT also needs.
pub(super) fn provider(records_graphs: bool) -> ExecutionProviderDispatch {
    let mut provider = ep::CUDA::default().with_tf32(false);
    if records_graphs {
        provider = provider.with_cuda_graph(true);
    }
    // A session that falls back to the CPU in silence is a hundred times slower than what the user
    // asked for.
    provider.build().error_on_failure()
}

/// Whether a session was refused because not all of it can be recorded.
fn refuses_graphs(refusal: &str) -> bool {
    refusal.contains("graph capture feature")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_that_cannot_be_recorded_is_distinguished_from_other_refusals() {
        // ONNX Runtime 1.31's message.
        let refusal = "This session cannot use the graph capture feature as requested by the user \
                       as all compute graph nodes have not been partitioned to the \
                       CUDAExecutionProvider";
        assert!(refuses_graphs(refusal));
        assert!(!refuses_graphs(
            "Failed to allocate memory for requested buffer"
        ));
    }
}
