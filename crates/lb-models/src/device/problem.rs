//! Why a device cannot be used.

use std::path::PathBuf;

use super::Device;

/// Why a device cannot be used: the first thing that is missing. They are looked for in this order.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the values in the message")]
pub enum DeviceProblem {
    /// ONNX Runtime was built without the device.
    #[error("{} is a build without {device}", library.display())]
    NotBuiltIn { library: PathBuf, device: Device },
    /// ONNX Runtime was built with the device, but the provider's library is not beside its own, at the
    /// path that is given.
    #[error("{} is not there", library.display())]
    NoProvider { library: PathBuf },
    /// NVIDIA's driver is not installed, or cannot be seen from inside a container. The reason is the
    /// system's message.
    #[error("there is no NVIDIA driver: {reason}")]
    NoDriver { reason: String },
    /// A library of CUDA or cuDNN cannot be found or loaded. The reason is the message of the system or
    /// of the provider.
    #[error("CUDA or cuDNN is missing: {reason}")]
    NoCuda { reason: String },
    /// A library of TensorRT cannot be found or loaded. The reason is the provider's message.
    #[error("TensorRT is missing: {reason}")]
    NoTensorRt { reason: String },
    /// The plugin with the device's provider is in none of the folders in which it is looked for.
    #[error("{package} is not installed{}", sought(searched))]
    NoPlugin {
        package: &'static str,
        device: Device,
        searched: Vec<PathBuf>,
    },
    /// ONNX Runtime cannot load the plugin. The reason is its message.
    #[error("{} cannot be loaded: {reason}", library.display())]
    PluginUnusable { library: PathBuf, reason: String },
    /// The plugin does not list a device of this machine. `found` is what ONNX Runtime lists for all providers.
    #[error(
        "{device} runs on {runs_on}, and its plugin lists none here; ONNX Runtime lists {found}"
    )]
    NotListed {
        device: Device,
        runs_on: &'static str,
        found: String,
    },
    /// The result of a convolution on the device was wrong.
    #[error("a convolution on {device} gave {found} where the result is {expected}")]
    ComputesWrong {
        device: Device,
        found: String,
        expected: String,
    },
    /// All libraries are there, but the provider does not work with this machine or its drivers. The reason
    /// is the provider's message, and what the system shows of a GPU and a driver.
    #[error("{reason}")]
    Refused { device: Device, reason: String },
}

/// Where something was looked for and not found, in one line.
fn sought(paths: &[PathBuf]) -> String {
    let paths = paths.iter().map(|path| path.display().to_string());
    match paths.collect::<Vec<_>>().join(" or ") {
        none if none.is_empty() => " beside ONNX Runtime".into(),
        folders => format!(": it is not in {folders}"),
    }
}

/// ONNX Runtime's message without the positions in its sources, and without the name of its status.
pub(super) fn own_words(message: &str) -> String {
    let words = match message.find("CUDA failure ") {
        Some(start) => message[start..].split(" ; ").next(),
        None => message.split(" : FAIL : ").nth(1),
    };
    words.unwrap_or(message).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_in_source_files_are_left_out() {
        assert_eq!(own_words("anything else"), "anything else");
        let message = "/onnxruntime_src/core/cuda_call.cc:146 onnxruntime::CudaCall(ERRTYPE) [with \
                       THRW = true] CUDA failure 100: no CUDA-capable device is detected ; \
                       GPU=-1 ; hostname=vm ; expr=cudaSetDevice(info_.device_id);";
        assert_eq!(
            own_words(message),
            "CUDA failure 100: no CUDA-capable device is detected"
        );
    }
}
