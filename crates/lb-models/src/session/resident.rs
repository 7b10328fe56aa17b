//! Tensors that keep their place from run to run, on a GPU too.

use std::fmt::Debug;

use ort::memory::{AllocationDevice, Allocator};
use ort::session::IoBinding;
use ort::value::{PrimitiveTensorElementType, Tensor};

use crate::device::Device;

/// A bound input or output: values that the CPU writes and reads, and on a GPU their twin there,
/// which is what the session sees.
pub(crate) struct Resident<T: PrimitiveTensorElementType + Debug> {
    host: Tensor<T>,
    /// Not from the memory of the session that it is bound to: what a CUDA graph works in is free
    /// again, for the session, once the graph is recorded.
    twin: Option<Tensor<T>>,
}

impl<T: PrimitiveTensorElementType + Debug + Copy + Default> Resident<T> {
    /// All values are zero.
    pub(crate) fn new(device: Device, sides: &[usize]) -> ort::Result<Self> {
        let mut host = Tensor::new(&Allocator::default(), sides.to_vec())?;
        host.extract_tensor_mut().1.fill(T::default());
        let twin = match device {
            Device::Auto | Device::Cpu => None,
            Device::Cuda | Device::TensorRt => Some(host.to(AllocationDevice::CUDA, 0)?),
        };
        Ok(Self { host, twin })
    }

    fn seen(&self) -> &Tensor<T> {
        self.twin.as_ref().unwrap_or(&self.host)
    }

    pub(crate) fn bind_input(&self, binding: &mut IoBinding, name: &str) -> ort::Result<()> {
        binding.bind_input(name, self.seen())
    }

    pub(crate) fn bind_output(&mut self, binding: &mut IoBinding, name: &str) -> ort::Result<()> {
        binding.bind_output(name, self.twin.as_mut().unwrap_or(&mut self.host))
    }

    /// The values as they were last written or received.
    pub(crate) fn values(&self) -> &[T] {
        self.host.extract_tensor().1
    }

    /// The values to write; a session sees them after [`send`](Self::send).
    pub(crate) fn values_mut(&mut self) -> &mut [T] {
        self.host.extract_tensor_mut().1
    }

    /// Gives a GPU what was written.
    pub(crate) fn send(&mut self) -> ort::Result<()> {
        match &mut self.twin {
            Some(twin) => self.host.copy_into(twin),
            None => Ok(()),
        }
    }

    /// Gets from a GPU what a session wrote.
    pub(crate) fn receive(&mut self) -> ort::Result<&[T]> {
        if let Some(twin) = &self.twin {
            twin.copy_into(&mut self.host)?;
        }
        Ok(self.values())
    }
}
