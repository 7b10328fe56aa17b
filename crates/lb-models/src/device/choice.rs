//! Which device can be used, told by trying it.

use std::path::Path;

use ort::ep::{self, ExecutionProvider};
use ort::session::Session;

use super::{Device, execution_providers};
use crate::error::ModelError;
use crate::runtime::Runtime;

/// What an execution provider says of itself, for `lb doctor`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProviderReport {
    /// The device that needs this provider.
    pub device: Device,
    /// `None` where a session was made with the provider, else the reason why it could not be.
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
pub(super) struct ChosenDevice {
    pub(super) device: Device,
    /// Why `auto` did not choose a GPU.
    pub(super) note: Option<String>,
}

pub(super) fn choose(runtime: Runtime, asked: Device) -> Result<ChosenDevice, ModelError> {
    let chosen = |device, note| Ok(ChosenDevice { device, note });
    match asked {
        Device::Cpu => chosen(Device::Cpu, None),
        Device::Auto => match why_missing(runtime, Device::Cuda) {
            None => chosen(Device::Cuda, None),
            reason => chosen(Device::Cpu, reason),
        },
        Device::Cuda | Device::TensorRt => match why_missing(runtime, asked) {
            None => chosen(asked, None),
            Some(reason) => Err(ModelError::DeviceUnavailable {
                device: asked.to_string(),
                reason,
            }),
        },
    }
}

fn why_missing(runtime: Runtime, device: Device) -> Option<String> {
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
    let refusal = try_out(runtime, device).err()?;
    let reason = own_words(&refusal.to_string());
    Some(match sees_nvidia() {
        true => reason,
        false => format!("{reason}; no NVIDIA GPU is visible either (no /dev/nvidia0)"),
    })
}

/// Makes a session with the provider. That loads its library with all that it links to, and starts
/// the GPU: whatever is missing or too old is named by who misses it.
fn try_out(runtime: Runtime, device: Device) -> ort::Result<Session> {
    Session::builder(runtime.environment())?
        .with_execution_providers(execution_providers(device, None, false))?
        .commit_from_memory(IDENTITY)
}

/// An ONNX file: one `Identity` from `x` to `y`, each one 32-bit float.
const IDENTITY: &[u8] = b"\x08\x08\x3a\x37\x0a\x10\x0a\x01x\x12\x01y\x22\x08Identity\x12\x01p\
    \x5a\x0f\x0a\x01x\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x01\
    \x62\x0f\x0a\x01y\x12\x0a\x0a\x08\x08\x01\x12\x04\x0a\x02\x08\x01\x42\x02\x10\x11";

/// ONNX Runtime's message without the place in its sources and the name of its status.
fn own_words(message: &str) -> String {
    let words = message.split_once(" : FAIL : ");
    words.map_or(message, |(_, words)| words).trim().to_owned()
}

/// Whether the system shows an NVIDIA GPU. Where it cannot be told, it is not denied.
fn sees_nvidia() -> bool {
    // Under Windows' Linux a GPU is /dev/dxg.
    let devices = ["/dev/nvidia0", "/dev/dxg"];
    !cfg!(target_os = "linux") || devices.iter().any(|device| Path::new(device).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_without_source_files() {
        let message = "/onnxruntime_src/core/provider_bridge_ort.cc:2043 onnxruntime::Provider& \
                       Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library a.so with \
                       error: libcudart.so.13: cannot open shared object file\n";
        assert_eq!(
            own_words(message),
            "Failed to load library a.so with error: libcudart.so.13: cannot open shared object file"
        );
        assert_eq!(own_words("anything else"), "anything else");
    }
}
