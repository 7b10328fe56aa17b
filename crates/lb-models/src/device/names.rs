//! The devices, under the names that users know them by.

use lb_schedule::{Choice, UnknownChoice};
use strum::{Display, EnumMessage, EnumString, IntoStaticStr, VariantArray};

/// The device that a user asks for.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Default,
    VariantArray,
    IntoStaticStr,
    Display,
    EnumString,
    EnumMessage,
)]
#[strum(serialize_all = "lowercase")]
#[strum(parse_err_ty = UnknownChoice, parse_err_fn = UnknownChoice::of::<Device>)]
#[non_exhaustive]
pub enum Device {
    /// An NVIDIA GPU through CUDA where one works, else the CPU.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA GPU, through CUDA.
    Cuda,
    /// An NVIDIA GPU, through TensorRT, with CUDA for what TensorRT does not take.
    TensorRt,
}

impl Choice for Device {
    const WHAT: &'static str = "device";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_as_they_are_written() {
        assert_eq!(Device::names(), "auto, cpu, cuda, tensorrt");
        for &device in Device::ALL {
            assert_eq!(device.to_string().parse(), Ok(device));
            assert!(device.help().ends_with('.'), "{device}");
        }
        let error = "gpu".parse::<Device>().unwrap_err().to_string();
        assert!(error.contains("\"gpu\""), "{error}");
    }
}
