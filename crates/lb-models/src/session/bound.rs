//! Running a session on inputs and outputs that stay bound to it from run to run.

use std::time::Instant;

use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{IoBinding, NoSelectedOutputs, RunOptions, Session, SessionOutputs};

use super::ComponentSession;
use crate::device::Device;
use crate::error::ModelError;

impl ComponentSession {
    /// A binding of which nothing is bound yet.
    pub(crate) fn binding(&self) -> ort::Result<IoBinding> {
        self.session.create_binding()
    }

    /// Memory for a bound input or output: the CPU's, locked in place where a GPU copies it.
    pub(crate) fn allocator(&self, usage: MemoryType) -> ort::Result<Allocator> {
        match self.device {
            Device::Auto | Device::Cpu => Ok(Allocator::default()),
            Device::Cuda | Device::TensorRt => {
                let (place, kind) = (AllocationDevice::CUDA_PINNED, AllocatorType::Device);
                Allocator::new(&self.session, MemoryInfo::new(place, 0, kind, usage)?)
            }
        }
    }

    /// Runs on bound inputs; the bound outputs are complete when this returns.
    pub(crate) fn run_bound<'b>(
        &'b mut self,
        binding: &'b IoBinding,
    ) -> Result<SessionOutputs<'b>, ModelError> {
        let started = Instant::now();
        let doing = format!("running the {}", self.component);
        let outputs = run(&mut self.session, binding, &self.run_options);
        self.busy += started.elapsed();
        outputs.map_err(ModelError::runtime(doing))
    }
}

fn run<'b>(
    session: &'b mut Session,
    binding: &'b IoBinding,
    options: &RunOptions<NoSelectedOutputs>,
) -> ort::Result<SessionOutputs<'b>> {
    binding.synchronize_inputs()?;
    let outputs = session.run_binding_with_options(binding, options)?;
    binding.synchronize_outputs()?;
    Ok(outputs)
}
