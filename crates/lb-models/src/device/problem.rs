//! What a GPU lacks.

use std::path::PathBuf;

use super::Device;

/// Why a device cannot be used: the first that is missing of what it needs, in this order.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceProblem {
    /// ONNX Runtime was built without the device.
    #[error("{} is a build without {device}", library.display())]
    NotBuiltIn {
        /// ONNX Runtime's library.
        library: PathBuf,
        /// The device.
        device: Device,
    },
    /// ONNX Runtime was built with the device, but the provider's library is not beside its own.
    #[error("{} is not there", library.display())]
    NoProvider {
        /// Where the provider's library should be.
        library: PathBuf,
    },
    /// NVIDIA's driver is not installed, or cannot be seen from inside a container.
    #[error("there is no NVIDIA driver: {reason}")]
    NoDriver {
        /// The system's words.
        reason: String,
    },
    /// A library of CUDA or cuDNN is not to be found, or cannot be loaded.
    #[error("CUDA or cuDNN is missing: {reason}")]
    NoCuda {
        /// The system's words, or the provider's.
        reason: String,
    },
    /// A library of TensorRT is not to be found, or cannot be loaded.
    #[error("TensorRT is missing: {reason}")]
    NoTensorRt {
        /// The provider's words.
        reason: String,
    },
    /// All libraries are there, and the provider does not work with this GPU or this driver.
    #[error("{reason}")]
    Refused {
        /// The provider's words, and what the system shows of a GPU and a driver.
        reason: String,
    },
}

impl DeviceProblem {
    /// Reads ONNX Runtime's words about a provider that could not be had.
    pub(super) fn of_refusal(message: &str) -> Self {
        let reason = own_words(message);
        let says_any = |signs: &[&str]| signs.iter().any(|sign| reason.contains(sign));
        if says_any(&["libnvinfer", "libnvonnxparser"]) {
            Self::NoTensorRt { reason }
        } else if says_any(&["cannot open shared object file", "library was not found"]) {
            Self::NoCuda { reason }
        } else {
            Self::Refused { reason }
        }
    }

    /// Adds to a refusal what else is known of the GPU.
    pub(super) fn with(self, sees_gpu: bool, driver: Option<String>) -> Self {
        let Self::Refused { mut reason } = self else {
            return self;
        };
        if let Some(version) = driver {
            reason.push_str(&format!("; the driver is {version}"));
        }
        if !sees_gpu {
            reason.push_str("; no NVIDIA GPU is visible in /dev");
        }
        Self::Refused { reason }
    }
}

/// ONNX Runtime's message without the places in its sources, and without the name of its status.
fn own_words(message: &str) -> String {
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
    fn what_is_missing_is_told_without_source_files() {
        let message = "/onnxruntime_src/core/provider_bridge_ort.cc:2043 onnxruntime::Provider& \
                       Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library a.so with \
                       error: libcudart.so.13: cannot open shared object file\n";
        let problem = DeviceProblem::of_refusal(message);
        assert_eq!(
            problem.to_string(),
            "CUDA or cuDNN is missing: Failed to load library a.so with error: libcudart.so.13: \
             cannot open shared object file"
        );
        assert_eq!(own_words("anything else"), "anything else");
        let message = "/onnxruntime_src/core/cuda_call.cc:146 onnxruntime::CudaCall(ERRTYPE) [with \
                       THRW = true] CUDA failure 100: no CUDA-capable device is detected ; \
                       GPU=-1 ; hostname=vm ; expr=cudaSetDevice(info_.device_id);";
        assert_eq!(
            own_words(message),
            "CUDA failure 100: no CUDA-capable device is detected"
        );
    }

    #[test]
    fn tensorrts_libraries_are_not_cudas() {
        let words = "Failed to load library libonnxruntime_providers_tensorrt.so with error: \
                     libnvinfer.so.10: cannot open shared object file: No such file or directory";
        let problem = DeviceProblem::of_refusal(words);
        assert!(
            matches!(problem, DeviceProblem::NoTensorRt { .. }),
            "{problem}"
        );
    }

    #[test]
    fn a_refusal_tells_the_driver_and_whether_a_gpu_is_visible() {
        let words = "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version";
        let refused = DeviceProblem::of_refusal(words);
        assert_eq!(refused.clone().with(true, None), refused);
        assert_eq!(
            refused.with(false, Some("535.104.05".into())).to_string(),
            format!("{words}; the driver is 535.104.05; no NVIDIA GPU is visible in /dev")
        );
        let other = DeviceProblem::NoDriver {
            reason: "none".into(),
        };
        assert_eq!(other.clone().with(false, None), other);
    }
}
