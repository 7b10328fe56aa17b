//! What a user says of the sessions, and what it comes to on this machine.

use std::path::PathBuf;

use lb_export::{ExportOptions, Precision};

use super::Device;
use crate::error::ModelError;

/// How sessions are made.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SessionOptions {
    /// Where to run.
    pub device: Device,
    /// Threads inside one operator; `None` lets ONNX Runtime take every physical core.
    pub threads: Option<usize>,
    /// What models compute in; `None` takes 16-bit floats on a GPU and 32-bit floats on a CPU. An
    /// ONNX file that stands in for the weights is run as it was exported.
    pub precision: Option<Precision>,
    /// Folder where TensorRT keeps the engines that it builds, which takes minutes for a large
    /// model; `None` builds them anew for every session. Made when it is first needed.
    pub engine_cache: Option<PathBuf>,
    /// Whether the UNet's kernels are recorded once for every size of batch and then replayed
    /// (CUDA graphs), with [`Device::Cuda`] alone. It spares launching them one by one, which small
    /// pictures and small batches wait for. Replays are compared with launched kernels before they
    /// are trusted.
    pub cuda_graphs: bool,
}

impl SessionOptions {
    /// Most threads that may be asked for.
    pub const MOST_THREADS: usize = 1024;

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for zero threads or more than [`Self::MOST_THREADS`], and for CUDA
    /// graphs on a device that has none.
    pub fn validate(&self) -> Result<(), ModelError> {
        if let Some(threads) = self.threads
            && (threads == 0 || threads > Self::MOST_THREADS)
        {
            return Err(ModelError::Setting {
                setting: "threads",
                found: threads.to_string(),
                allowed: "1 to 1024",
            });
        }
        if self.cuda_graphs && matches!(self.device, Device::Cpu | Device::TensorRt) {
            return Err(ModelError::Setting {
                setting: "device of CUDA graphs",
                found: self.device.to_string(),
                allowed: "cuda, or auto",
            });
        }
        Ok(())
    }

    /// These options with every choice made. `device` is what [`Self::device`] was settled as.
    pub(crate) fn on(&self, device: Device) -> SettledOptions {
        SettledOptions {
            device,
            threads: self.threads,
            precision: self.precision.unwrap_or(device.precision()),
            engine_cache: self.engine_cache.clone(),
            cuda_graphs: self.cuda_graphs && device == Device::Cuda,
        }
    }
}

/// [`SessionOptions`] with every choice made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SettledOptions {
    /// Never [`Device::Auto`].
    pub(crate) device: Device,
    pub(crate) threads: Option<usize>,
    pub(crate) precision: Precision,
    pub(crate) engine_cache: Option<PathBuf>,
    pub(crate) cuda_graphs: bool,
}

impl SettledOptions {
    /// How graphs are written for these sessions.
    pub(crate) fn export(&self) -> ExportOptions {
        ExportOptions {
            precision: self.precision,
            form: self.device.graph_form(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn cuda_graphs_are_cudas() {
        let asked = |device| SessionOptions {
            device,
            cuda_graphs: true,
            ..Default::default()
        };
        for device in [Device::Auto, Device::Cuda] {
            asked(device).validate().unwrap();
        }
        for device in [Device::Cpu, Device::TensorRt] {
            let refusal = asked(device).validate().unwrap_err().to_string();
            assert!(refusal.contains(&device.to_string()), "{refusal}");
        }
    }
}
