//! All devices in one table, and which of them work on this machine.

use ort::session::Session;
use ort::value::Tensor;

use super::cpu::Cpu;
use super::cuda::Cuda;
use super::names::Device;
use super::problem::DeviceProblem;
use super::provider::ExecutionProvider;
use super::tensorrt::TensorRt;
use crate::error::ModelError;
use crate::runtime::Runtime;

/// Every device with its provider, in the order in which [`providers`] reports them.
static PROVIDERS: [(Device, &dyn ExecutionProvider); 3] = [
    (Device::Cpu, &Cpu),
    (Device::Cuda, &Cuda),
    (Device::TensorRt, &TensorRt),
];

/// The devices that [`Device::Auto`] tries, most wanted first. Where none of them works it becomes
/// the CPU.
const AUTOMATIC: [Device; 1] = [Device::Cuda];

/// Whether a device can be used, for `lb doctor`.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ProviderReport {
    /// The device.
    pub device: Device,
    /// Why it cannot be used; `None` if something was computed on it.
    pub missing: Option<DeviceProblem>,
}

/// Tries out every device: the CPU, CUDA, TensorRT, in this order.
#[must_use]
pub fn providers(runtime: Runtime) -> Vec<ProviderReport> {
    let report = |&(device, provider): &(Device, &dyn ExecutionProvider)| ProviderReport {
        device,
        missing: try_out(runtime, provider).err(),
    };
    PROVIDERS.iter().map(report).collect()
}

impl Device {
    /// What there is to know about this device; the CPU's for [`Self::Auto`].
    pub(crate) fn provider(self) -> &'static dyn ExecutionProvider {
        let found = PROVIDERS.iter().find(|(device, _)| *device == self);
        found.map_or(&Cpu, |(_, provider)| *provider)
    }

    /// The device that is meant on this machine, never [`Self::Auto`]. It has been tried out, except
    /// for the CPU. If `auto` becomes the CPU, the log says why.
    ///
    /// # Errors
    /// [`ModelError::DeviceUnavailable`] for a device that does not work.
    pub(crate) fn settle(self, runtime: Runtime) -> Result<Self, ModelError> {
        match self {
            Self::Cpu => Ok(Self::Cpu),
            Self::Auto => {
                for device in AUTOMATIC {
                    match try_out(runtime, device.provider()) {
                        Ok(()) => return Ok(device),
                        Err(problem) => tracing::info!("rendering on the CPU: {problem}"),
                    }
                }
                Ok(Self::Cpu)
            }
            asked => match try_out(runtime, asked.provider()) {
                Ok(()) => Ok(asked),
                Err(reason) => Err(ModelError::DeviceUnavailable {
                    device: asked.to_string(),
                    reason,
                }),
            },
        }
    }
}

/// Looks for what the device needs, then computes something on it. That loads the provider's library
/// with all that it links to, starts the device, and runs a kernel, so that everything that is missing
/// or too old is noticed before `auto` relies on it.
fn try_out(runtime: Runtime, provider: &dyn ExecutionProvider) -> Result<(), DeviceProblem> {
    provider.look_for_requirements(runtime)?;
    let providers = provider.register(None).map_err(|error| error.to_string());
    let computed = providers.and_then(|providers| {
        let computed = convolve(runtime, providers);
        computed.map_err(|error| error.to_string())
    });
    computed.map_err(|refusal| provider.explain(&refusal))
}

fn convolve(
    runtime: Runtime,
    providers: Vec<ort::ep::ExecutionProviderDispatch>,
) -> ort::Result<()> {
    let mut session = Session::builder(runtime.environment())?
        .with_execution_providers(providers)?
        .commit_from_memory(CONVOLUTION)?;
    let picture = Tensor::from_array(([1_usize, 8, 8, 8], vec![0.0_f32; 8 * 8 * 8]))?;
    let weights = Tensor::from_array(([8_usize, 8, 3, 3], vec![0.0_f32; 8 * 8 * 3 * 3]))?;
    session.run(ort::inputs!["x" => picture, "w" => weights])?;
    Ok(())
}

/// An ONNX file: one `Conv` of `x` (1, 8, 8, 8) with the weights `w` (8, 8, 3, 3) to `y`, in 32-bit
/// floats. Even TensorRT leaves it to CUDA, as it is less than the smallest engine.
const CONVOLUTION: &[u8] = b"\x08\x08\x3a\x6b\
    \x0a\x0f\x0a\x01x\x0a\x01w\x12\x01y\x22\x04Conv\x12\x01p\
    \x5a\x1b\x0a\x01x\x12\x16\x0a\x14\x08\x01\x12\x10\
    \x0a\x02\x08\x01\x0a\x02\x08\x08\x0a\x02\x08\x08\x0a\x02\x08\x08\
    \x5a\x1b\x0a\x01w\x12\x16\x0a\x14\x08\x01\x12\x10\
    \x0a\x02\x08\x08\x0a\x02\x08\x08\x0a\x02\x08\x03\x0a\x02\x08\x03\
    \x62\x1b\x0a\x01y\x12\x16\x0a\x14\x08\x01\x12\x10\
    \x0a\x02\x08\x01\x0a\x02\x08\x08\x0a\x02\x08\x06\x0a\x02\x08\x06\
    \x42\x02\x10\x11";

#[cfg(test)]
mod tests {
    use lb_export::{GraphForm, Precision};
    use lb_schedule::Choice as _;

    use super::*;

    #[test]
    fn every_device_but_auto_has_a_line_in_the_table() {
        let listed: Vec<Device> = PROVIDERS.iter().map(|(device, _)| *device).collect();
        let named = Device::ALL.iter().filter(|device| **device != Device::Auto);
        assert!(named.eq(&listed));
    }

    #[test]
    fn only_gpus_compute_in_half_precision_unless_asked() {
        let precision = |device: Device| device.provider().precision();
        assert_eq!(precision(Device::Cpu), Precision::Float32);
        assert_eq!(precision(Device::Cuda), Precision::Float16);
        assert_eq!(precision(Device::TensorRt), Precision::Float16);
    }

    #[test]
    fn only_tensorrt_needs_onnxs_own_operators() {
        let form = |device: Device| device.provider().graph_form();
        assert_eq!(form(Device::Cpu), GraphForm::OnnxRuntime);
        assert_eq!(form(Device::Cuda), GraphForm::OnnxRuntime);
        assert_eq!(form(Device::TensorRt), GraphForm::Standard);
    }
}
