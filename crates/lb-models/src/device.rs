//! Where a model runs, and with how many threads.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use ort::ep::{self, ExecutionProviderDispatch};

use crate::error::ModelError;
use crate::runtime::Runtime;

/// The device that a user asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Device {
    /// CUDA where its provider library lies beside ONNX Runtime, else the CPU.
    #[default]
    Auto,
    /// The CPU provider.
    Cpu,
    /// NVIDIA's GPUs through the CUDA provider.
    Cuda,
    /// NVIDIA's GPUs through TensorRT, with CUDA for what TensorRT does not take.
    TensorRt,
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

/// What an execution provider says of itself, for `lb doctor`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderReport {
    /// The device that needs this provider.
    pub device: Device,
    /// `None` where the provider can be asked for, else the reason why it cannot.
    pub missing: Option<String>,
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

/// A device that was settled on: never [`Device::Auto`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ChosenDevice {
    pub(crate) device: Device,
    /// Why `auto` did not choose a GPU.
    pub(crate) note: Option<String>,
}

pub(crate) fn choose(runtime: Runtime, asked: Device) -> Result<ChosenDevice, ModelError> {
    match asked {
        Device::Cpu => Ok(ChosenDevice {
            device: Device::Cpu,
            note: None,
        }),
        Device::Auto => Ok(match why_missing(runtime, Device::Cuda) {
            None => ChosenDevice {
                device: Device::Cuda,
                note: None,
            },
            Some(reason) => ChosenDevice {
                device: Device::Cpu,
                note: Some(reason),
            },
        }),
        Device::Cuda | Device::TensorRt => match why_missing(runtime, asked) {
            None => Ok(ChosenDevice {
                device: asked,
                note: None,
            }),
            Some(reason) => Err(ModelError::DeviceUnavailable {
                device: asked.to_string(),
                reason,
            }),
        },
    }
}

/// The providers to register for a device, most wanted first; a failure is an error, because a
/// session that falls back to the CPU in silence is a hundred times slower than what was asked.
pub(crate) fn execution_providers(device: Device) -> Vec<ExecutionProviderDispatch> {
    let cuda = || {
        ep::CUDA::default()
            .with_tf32(false)
            .build()
            .error_on_failure()
    };
    match device {
        Device::Auto | Device::Cpu => Vec::new(),
        Device::Cuda => vec![cuda()],
        Device::TensorRt => {
            vec![
                ep::TensorRT::default()
                    .with_fp16(true)
                    .build()
                    .error_on_failure(),
                cuda(),
            ]
        }
    }
}

fn why_missing(runtime: Runtime, device: Device) -> Option<String> {
    use ort::ep::ExecutionProvider;
    let (built_in, library) = match device {
        Device::Auto | Device::Cpu => return None,
        Device::Cuda => (ep::CUDA::is_available(), "onnxruntime_providers_cuda"),
        Device::TensorRt => (
            ep::TensorRT::is_available(),
            "onnxruntime_providers_tensorrt",
        ),
    };
    if !matches!(built_in, Ok(true)) {
        return Some(format!(
            "{} is a build without {device}",
            runtime.library().display()
        ));
    }
    let file = format!(
        "{}{library}{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    let beside = runtime
        .library()
        .parent()
        .unwrap_or(Path::new("."))
        .join(&file);
    if !beside.is_file() {
        return Some(format!("{} is not there", beside.display()));
    }
    None
}

/// How sessions are made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SessionOptions {
    /// Where to run.
    pub device: Device,
    /// Threads inside one operator; `None` lets ONNX Runtime take every physical core.
    pub threads: Option<usize>,
}

impl SessionOptions {
    /// Most threads that may be asked for.
    pub const MOST_THREADS: usize = 1024;

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for zero threads or more than [`Self::MOST_THREADS`].
    pub fn validate(&self) -> Result<(), ModelError> {
        match self.threads {
            Some(threads) if threads == 0 || threads > Self::MOST_THREADS => {
                Err(ModelError::Setting {
                    setting: "threads",
                    found: threads.to_string(),
                    allowed: "1 to 1024",
                })
            }
            _ => Ok(()),
        }
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
    fn no_threads_at_all_is_refused() {
        let options = SessionOptions {
            threads: Some(0),
            ..Default::default()
        };
        assert!(
            options
                .validate()
                .unwrap_err()
                .to_string()
                .contains("threads is 0")
        );
    }
}
