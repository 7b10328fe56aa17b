//! Where a model runs, with how many threads and in which precision.

mod choice;
mod nvidia;
mod options;
mod placement;
mod problem;
mod shapes;
mod tensorrt;

use std::fmt;
use std::str::FromStr;

use lb_export::{GraphForm, Precision};
use ort::ep::{self, ExecutionProviderDispatch};

pub use self::choice::{ProviderReport, providers};
pub use self::options::SessionOptions;
pub(crate) use self::options::SettledOptions;
pub(crate) use self::placement::PlacementRecorder;
pub use self::problem::DeviceProblem;
pub(crate) use self::shapes::{InputShape, ShapeProfile};
pub(crate) use self::tensorrt::Engine;
use crate::error::ModelError;

/// The device that a user asks for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Device {
    /// CUDA where it works, else the CPU.
    #[default]
    Auto,
    /// The CPU provider.
    Cpu,
    /// NVIDIA's GPUs through the CUDA provider.
    Cuda,
    /// NVIDIA's GPUs through TensorRT, with CUDA for what TensorRT does not take.
    TensorRt,
}

impl Device {
    /// What models compute in on this device where the user does not say: half the bits on a GPU,
    /// which is faster at them and has less memory.
    pub(crate) fn precision(self) -> Precision {
        match self {
            Self::Auto | Self::Cpu => Precision::Float32,
            Self::Cuda | Self::TensorRt => Precision::Float16,
        }
    }

    /// The operators that graphs for this device are written in. TensorRT's parser knows none of
    /// ONNX Runtime's own: a graph with them would be cut into dozens of engines.
    pub(crate) fn graph_form(self) -> GraphForm {
        match self {
            Self::Auto | Self::Cpu | Self::Cuda => GraphForm::OnnxRuntime,
            Self::TensorRt => GraphForm::Standard,
        }
    }
}

impl FromStr for Device {
    type Err = ModelError;

    fn from_str(name: &str) -> Result<Self, ModelError> {
        match name {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            "tensorrt" => Ok(Self::TensorRt),
            other => Err(ModelError::UnknownDevice {
                found: other.into(),
            }),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
        })
    }
}

/// The providers to register for a device, most wanted first; a failure is an error, because a
/// session that falls back to the CPU in silence is a hundred times slower than what was asked.
/// `records_graphs`: whether runs may be recorded as CUDA graphs.
pub(crate) fn execution_providers(
    device: Device,
    engine: Option<&Engine>,
    records_graphs: bool,
) -> Vec<ExecutionProviderDispatch> {
    let cuda = || {
        let provider = ep::CUDA::default().with_tf32(false);
        match records_graphs {
            true => provider.with_cuda_graph(true),
            false => provider,
        }
        .build()
        .error_on_failure()
    };
    match device {
        Device::Auto | Device::Cpu => Vec::new(),
        Device::Cuda => vec![cuda()],
        Device::TensorRt => vec![tensorrt::provider(engine), cuda()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_as_they_are_written() {
        for device in [Device::Auto, Device::Cpu, Device::Cuda, Device::TensorRt] {
            assert_eq!(device.to_string().parse::<Device>().unwrap(), device);
        }
        assert!(
            "gpu"
                .parse::<Device>()
                .unwrap_err()
                .to_string()
                .contains("`gpu`")
        );
    }

    #[test]
    fn only_gpus_compute_in_half_precision_unasked() {
        assert_eq!(Device::Cpu.precision(), Precision::Float32);
        assert_eq!(Device::Cuda.precision(), Precision::Float16);
        assert_eq!(Device::TensorRt.precision(), Precision::Float16);
    }

    #[test]
    fn only_tensorrt_needs_onnxs_own_operators() {
        assert_eq!(Device::Cpu.graph_form(), GraphForm::OnnxRuntime);
        assert_eq!(Device::Cuda.graph_form(), GraphForm::OnnxRuntime);
        assert_eq!(Device::TensorRt.graph_form(), GraphForm::Standard);
    }
}
