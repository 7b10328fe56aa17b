//! Which sampler, by name.

use super::config::NoiseScheduleConfig;
use super::error::SamplerError;
use super::{DdimSampler, DpmSolverSampler, Sampler};

/// The samplers of this crate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SamplerKind {
    /// [`DdimSampler`].
    #[default]
    Ddim,
    /// [`DpmSolverSampler`].
    DpmSolver,
}

impl SamplerKind {
    /// The walk of `steps` steps.
    ///
    /// # Errors
    /// Those of [`DdimSampler::new`] and [`DpmSolverSampler::new`].
    pub fn sampler(
        self,
        config: &NoiseScheduleConfig,
        steps: usize,
    ) -> Result<Box<dyn Sampler>, SamplerError> {
        Ok(match self {
            Self::Ddim => Box::new(DdimSampler::new(config, steps)?),
            Self::DpmSolver => Box::new(DpmSolverSampler::new(config, steps)?),
        })
    }
}

impl std::fmt::Display for SamplerKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Ddim => "DDIM",
            Self::DpmSolver => "DPM-Solver++(2M)",
        })
    }
}
