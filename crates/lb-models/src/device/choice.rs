//! Which device can be used, told by trying it.

use ort::ep::{self, ExecutionProvider};
use ort::session::Session;
use ort::value::Tensor;

use super::problem::DeviceProblem;
use super::{Device, execution_providers, nvidia};
use crate::error::ModelError;
use crate::runtime::Runtime;

/// What an execution provider says of itself, for `lb doctor`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderReport {
    /// The device that needs this provider.
    pub device: Device,
    /// `None` where something was computed with the provider, else the reason why it could not be.
    pub missing: Option<DeviceProblem>,
}

/// What this runtime can run on: the CPU, CUDA, TensorRT, in this order.
#[must_use]
pub fn providers(runtime: Runtime) -> Vec<ProviderReport> {
    [Device::Cpu, Device::Cuda, Device::TensorRt]
        .map(|device| ProviderReport {
            device,
            missing: why_missing(runtime, device),
        })
        .into()
}

impl Device {
    /// The device that is meant on this machine, never [`Device::Auto`]. It has been tried out. If
    /// `auto` does not become a GPU, the log says why.
    ///
    /// # Errors
    /// [`ModelError::DeviceUnavailable`] for a device that does not work.
    pub(crate) fn settle(self, runtime: Runtime) -> Result<Self, ModelError> {
        match self {
            Self::Cpu => Ok(Self::Cpu),
            Self::Auto => match why_missing(runtime, Self::Cuda) {
                None => Ok(Self::Cuda),
                Some(problem) => {
                    tracing::info!("rendering on the CPU: {problem}");
                    Ok(Self::Cpu)
                }
            },
            Self::Cuda | Self::TensorRt => match why_missing(runtime, self) {
                None => Ok(self),
                Some(reason) => Err(ModelError::DeviceUnavailable {
                    device: self.to_string(),
                    reason,
                }),
            },
        }
    }
}

/// Looks for what the device needs, step by step, and loads NVIDIA's libraries on the way: nothing
/// for the CPU, and no gigabyte of CUDA where there is no driver to run it.
fn why_missing(runtime: Runtime, device: Device) -> Option<DeviceProblem> {
    let refused = || {
        let refusal = try_out(runtime, device).err()?;
        Some(DeviceProblem::of_refusal(&refusal.to_string()))
    };
    let (built_in, provider) = match device {
        Device::Auto | Device::Cpu => return refused(),
        Device::Cuda => (ep::CUDA::is_available(), "onnxruntime_providers_cuda"),
        Device::TensorRt => (
            ep::TensorRT::is_available(),
            "onnxruntime_providers_tensorrt",
        ),
    };
    let library = runtime.library();
    if !matches!(built_in, Ok(true)) {
        return Some(DeviceProblem::NotBuiltIn {
            library: library.into(),
            device,
        });
    }
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let provider = library.with_file_name(format!("{prefix}{provider}{suffix}"));
    if !provider.is_file() {
        return Some(DeviceProblem::NoProvider { library: provider });
    }
    if let Err(reason) = nvidia::load_driver() {
        return Some(DeviceProblem::NoDriver { reason });
    }
    if let Err(reason) = nvidia::load_cuda(library) {
        return Some(DeviceProblem::NoCuda { reason });
    }
    Some(refused()?.with(nvidia::sees_gpu(), nvidia::driver_version()))
}

/// Computes something with the provider. That loads its library with all that it links to, starts
/// the GPU and cuDNN, and runs a kernel: whatever is missing or too old is named by who misses it,
/// before `auto` relies on it.
fn try_out(runtime: Runtime, device: Device) -> ort::Result<()> {
    let mut session = Session::builder(runtime.environment())?
        .with_execution_providers(execution_providers(device, None, false))?
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
