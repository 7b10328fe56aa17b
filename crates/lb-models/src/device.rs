//! What models run on: the devices, what each of them needs, and which of them work here.
//!
//! `provider.rs` has a row for each device in one table, and does what ONNX Runtime's execution providers
//! need; `plugin.rs` has another table of those that are libraries of their own, and `tensorrt.rs`, `nvidia.rs`,
//! `compiled.rs` and `shape_profile.rs` are parts of that. [`DeviceProblem`] says why a
//! device cannot be used. How a device is added is one of the recipes in `docs/architecture.md`. Nothing
//! else in this crate depends on which devices there are.

mod compiled;
mod nvidia;
mod plugin;
pub(crate) mod problem;
mod provider;
mod shape_profile;
mod tensorrt;

#[cfg(feature = "testing")]
pub(crate) use plugin::ListedDevices;
pub use problem::DeviceProblem;
pub(crate) use provider::{COMPILING, CallSizing, compiles_here, has_bf16, is_worth_compiling};
pub use provider::{ProviderReport, providers};
pub(crate) use shape_profile::{InputShape, ShapeProfile, TEXT};

lb_schedule::choice! {
    /// The device that a user asks for.
    #[derive(PartialOrd, Ord, Default)]
    #[strum(serialize_all = "lowercase")]
    #[non_exhaustive]
    pub enum Device: "device" {
        /// An NVIDIA GPU through CUDA where one works, else the CPU, with OpenVINO for long films if it is installed.
        #[default]
        Auto,
        /// The processor.
        Cpu,
        /// An NVIDIA GPU, through CUDA.
        Cuda,
        /// An NVIDIA GPU, through TensorRT, with CUDA for what TensorRT does not take.
        TensorRt,
        /// An Intel CPU or GPU, through OpenVINO.
        OpenVino,
        /// A GPU, through WebGPU (untried).
        WebGpu,
        /// A Mac's GPU, through MLX (untried).
        Mlx,
        /// An NVIDIA RTX GPU, through TensorRT for RTX (untried).
        #[strum(serialize = "tensorrt-rtx")]
        TensorRtRtx,
    }
}

#[cfg(test)]
mod tests {
    use lb_schedule::Choice as _;

    use super::*;

    #[test]
    fn names_are_read_back_as_they_are_written() {
        assert_eq!(
            Device::names(),
            "auto, cpu, cuda, tensorrt, openvino, webgpu, mlx, tensorrt-rtx"
        );
        for &device in Device::ALL {
            assert_eq!(device.to_string().parse(), Ok(device));
            assert!(device.help().ends_with('.'), "{device}");
        }
        let error = "gpu".parse::<Device>().unwrap_err().to_string();
        assert!(error.contains("\"gpu\""), "{error}");
    }
}
