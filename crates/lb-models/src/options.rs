//! How models run: what a user chooses, and what that means on this machine.

use std::path::PathBuf;

use lb_checkpoint::Component;
use lb_export::{ExportOptions, Precision};

use crate::device::{COMPILING, Device, is_worth_compiling};
use crate::error::ModelError;
use crate::tiles::DecodeTiling;

/// How sessions are made.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SessionOptions {
    /// The device to run on.
    pub device: Device,
    /// Threads inside one operator, 1 to [`Self::MOST_THREADS`]; `None` lets ONNX Runtime take every
    /// physical core.
    pub threads: Option<usize>,
    /// The precision in which models compute; `None` takes 16-bit floats on a GPU and 32-bit floats on a
    /// CPU, except with [`Device::OpenVino`], which then computes in 16 bits (bf16 or fp16) where the device
    /// has instructions for it. An ONNX file that is used in place of weights is run as it was exported.
    pub precision: Option<Precision>,
    /// Folder where TensorRT and OpenVINO keep what they compile, which takes seconds to minutes for a
    /// large model; `None` compiles it again for every session. It is made when it is first needed.
    pub engine_cache: Option<PathBuf>,
    /// Whether the UNet's kernels are recorded once for every size of call and then replayed (CUDA
    /// graphs), on [`Device::Cuda`]; other devices have nothing like it. This saves launching them one
    /// by one, which takes longer than running them if pictures and calls are small. Replays are
    /// compared with launched kernels before they are trusted. `true` by default.
    pub cuda_graphs: bool,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            device: Device::default(),
            threads: None,
            precision: None,
            engine_cache: None,
            cuda_graphs: true,
        }
    }
}

impl SessionOptions {
    /// Most threads that may be asked for.
    pub const MOST_THREADS: usize = 1024;

    /// Sessions on a device, with the default of everything else.
    #[must_use]
    pub fn new(device: Device) -> Self {
        Self {
            device,
            ..Self::default()
        }
    }

    /// The same with this many threads inside one operator.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self {
            threads: Some(threads),
            ..self
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for zero threads or more than [`Self::MOST_THREADS`].
    pub fn validate(&self) -> Result<(), ModelError> {
        if let Some(threads) = self.threads
            && (threads == 0 || threads > Self::MOST_THREADS)
        {
            return Err(ModelError::setting("threads", threads, "1 to 1024"));
        }
        Ok(())
    }

    /// The device that compiles models first and may be worth it for this much work: rows that the UNet predicts
    /// times the pixels of a row's latents. `None` for less work, and where the user has chosen a device or a
    /// precision. Only [`ModelPool::device_for`](crate::ModelPool::device_for) knows whether this machine has it.
    #[must_use]
    pub fn compiling_device(&self, work: u64) -> Option<Device> {
        let is_open = self.device == Device::Auto && self.precision.is_none();
        (is_open && is_worth_compiling(work)).then_some(COMPILING)
    }

    /// These options with every choice made. `device` is what [`Self::device`] was settled as.
    pub(crate) fn on(&self, device: Device) -> SettledOptions {
        let provider = device.provider();
        SettledOptions {
            device,
            threads: self.threads,
            precision: self.precision.unwrap_or(provider.precision),
            engine_cache: self.engine_cache.clone(),
            cuda_graphs: self.cuda_graphs && provider.records_graphs,
            may_narrow: self.precision.is_none() && provider.narrows,
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
    /// Whether the device may compute a 32-bit graph in narrower numbers.
    pub(crate) may_narrow: bool,
}

impl SettledOptions {
    /// The options of one component: those of the CPU for an encoder that the device leaves to it.
    pub(crate) fn of(&self, component: Component) -> Self {
        let is_encoder = matches!(component, Component::TextEncoder | Component::VaeEncoder);
        match is_encoder && self.device.provider().leaves_encoders {
            true => Self {
                device: Device::Cpu,
                precision: Device::Cpu.provider().precision,
                may_narrow: false,
                ..self.clone()
            },
            false => self.clone(),
        }
    }

    /// How graphs are written for these sessions.
    pub(crate) fn export(&self) -> ExportOptions {
        ExportOptions::new(self.precision, self.device.provider().graph_form)
    }
}

/// How a [`Pipeline`](crate::Pipeline) runs.
///
/// ```
/// use lb_models::{Device, PipelineOptions, Precision, SessionOptions};
///
/// let mut options = PipelineOptions::from(SessionOptions::new(Device::Cpu).with_threads(4));
/// options.session.precision = Some(Precision::Float16);
/// options.batch_limit = Some(8);
/// options.validate()?;
/// # Ok::<(), lb_models::ModelError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PipelineOptions {
    /// Device, precision and threads of its sessions.
    pub session: SessionOptions,
    /// Most rows of one model call, 1 to 4096; `None` chooses by the size of the latents.
    pub batch_limit: Option<usize>,
    /// Noise on an upscaler's picture of low resolution, as a timestep of its schedule: the more
    /// noise, the more the model invents. Other kinds of model do not use it.
    pub noise_level: usize,
    /// When and how latents are decoded in tiles.
    pub tiling: DecodeTiling,
}

impl Default for PipelineOptions {
    fn default() -> Self {
        Self {
            session: SessionOptions::default(),
            batch_limit: None,
            noise_level: Self::DEFAULT_NOISE_LEVEL,
            tiling: DecodeTiling::default(),
        }
    }
}

impl From<SessionOptions> for PipelineOptions {
    /// The default on sessions of these options.
    fn from(session: SessionOptions) -> Self {
        Self {
            session,
            ..Self::default()
        }
    }
}

impl PipelineOptions {
    /// The default of diffusers' `StableDiffusionUpscalePipeline`.
    pub const DEFAULT_NOISE_LEVEL: usize = 20;

    /// Checks the ranges that do not depend on the model.
    ///
    /// # Errors
    /// [`ModelError::Setting`] for a batch limit of 0 or above 4096, and those of
    /// [`SessionOptions::validate`] and [`DecodeTiling::validate`].
    pub fn validate(&self) -> Result<(), ModelError> {
        self.session.validate()?;
        self.tiling.validate()?;
        match self.batch_limit {
            Some(limit) if limit == 0 || limit > 4096 => {
                Err(ModelError::setting("batch limit", limit, "1 to 4096"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_threads_are_refused() {
        let options = SessionOptions {
            threads: Some(0),
            ..Default::default()
        };
        let refusal = options.validate().unwrap_err().to_string();
        assert!(refusal.contains("threads is 0"), "{refusal}");
    }

    #[test]
    fn only_cuda_has_cuda_graphs_and_they_can_be_switched_off() {
        let records = |device, cuda_graphs| {
            let options = SessionOptions {
                cuda_graphs,
                ..SessionOptions::new(device)
            };
            options.on(device).cuda_graphs
        };
        assert!(SessionOptions::default().cuda_graphs);
        assert!(records(Device::Cuda, true));
        assert!(!records(Device::Cuda, false));
        assert!(!records(Device::Cpu, true));
        assert!(!records(Device::TensorRt, true));
    }
}
