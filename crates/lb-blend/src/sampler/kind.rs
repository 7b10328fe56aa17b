//! The table of samplers. A new one needs a variant and an entry here, and either a file beside this one or,
//! if it takes DDIM's steps between other timesteps, a function in `visits.rs`.

use super::Sampler;
use super::ddim::DdimSampler;
use super::dpm_solver::DpmSolverSampler;
use super::error::SamplerError;
use super::noise_schedule::NoiseScheduleConfig;
use super::visits::{self, Visits};

lb_schedule::choice! {
    /// The samplers of this crate by name.
    #[derive(Default)]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    #[strum(ascii_case_insensitive)]
    #[non_exhaustive]
    pub enum SamplerKind: "sampler" {
        /// DDIM, which suits most models.
        ///
        /// See [`DdimSampler`].
        #[default]
        #[strum(serialize = "ddim")]
        #[cfg_attr(feature = "serde", serde(rename = "ddim"))]
        Ddim,
        /// DPM-Solver++(2M), which needs fewer steps for the same picture.
        ///
        /// See [`DpmSolverSampler`].
        #[strum(serialize = "dpmpp-2m")]
        #[cfg_attr(feature = "serde", serde(rename = "dpmpp-2m"))]
        DpmSolver,
        /// Euler's method without added noise, for distilled models such as SD-Turbo.
        ///
        /// See [`DdimSampler::euler`].
        #[strum(serialize = "euler")]
        #[cfg_attr(feature = "serde", serde(rename = "euler"))]
        Euler,
        /// TCD without added noise, for consistency models.
        ///
        /// See [`DdimSampler::tcd`].
        #[strum(serialize = "tcd")]
        #[cfg_attr(feature = "serde", serde(rename = "tcd"))]
        Tcd,
    }
}

/// Makes a sampler of this many steps.
type Make = fn(&NoiseScheduleConfig, usize) -> Result<Box<dyn Sampler>, SamplerError>;

impl SamplerKind {
    /// What each sampler is called in the literature, and how it is made.
    fn entry(self) -> (&'static str, Make) {
        match self {
            Self::Ddim => ("DDIM", |config, steps| {
                Ok(Box::new(DdimSampler::new(config, steps)?))
            }),
            Self::DpmSolver => ("DPM-Solver++(2M)", |config, steps| {
                Ok(Box::new(DpmSolverSampler::new(config, steps)?))
            }),
            Self::Euler => ("Euler", |config, steps| {
                Ok(Box::new(DdimSampler::euler(config, steps)?))
            }),
            Self::Tcd => ("TCD", |config, steps| {
                Ok(Box::new(DdimSampler::tcd(config, steps)?))
            }),
        }
    }

    /// What the sampler is called in the literature, for messages.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.entry().0
    }

    /// The sampler of this kind that takes this many steps.
    ///
    /// # Errors
    /// Those of [`DdimSampler::new`], [`DdimSampler::euler`], [`DdimSampler::tcd`] and
    /// [`DpmSolverSampler::new`].
    pub fn sampler(
        self,
        config: &NoiseScheduleConfig,
        steps: usize,
    ) -> Result<Box<dyn Sampler>, SamplerError> {
        (self.entry().1)(config, steps)
    }

    /// Whether its steps can be taken backwards, from a picture to its noise.
    #[must_use]
    pub fn is_invertible(self) -> bool {
        self != Self::DpmSolver
    }

    /// Where the steps start and end, if no step depends on the one before.
    pub(super) fn visits(
        self,
        config: &NoiseScheduleConfig,
        steps: usize,
    ) -> Result<Visits, SamplerError> {
        match self {
            Self::Ddim => visits::ddim(config, steps),
            Self::Euler => visits::euler(config, steps),
            Self::Tcd => visits::tcd(config, steps),
            Self::DpmSolver => Err(SamplerError::MultistepInversion {
                sampler: self.title(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use lb_schedule::Choice as _;

    use super::*;

    #[test]
    fn every_sampler_is_made_with_as_many_steps_as_asked_for() {
        for &kind in SamplerKind::ALL {
            let sampler = kind.sampler(&NoiseScheduleConfig::default(), 7).unwrap();
            assert_eq!(sampler.timesteps().len(), 7, "{kind}");
            assert_eq!(kind.name().parse(), Ok(kind));
            assert!(!kind.title().is_empty() && kind.help().ends_with('.'));
        }
        let error = "heun".parse::<SamplerKind>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "sampler must be one of ddim, dpmpp-2m, euler, tcd; got \"heun\""
        );
    }
}
