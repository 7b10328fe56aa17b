//! The forward process: clean values to noised ones, as a model saw them in training.

use super::betas::alphas_cumprod;
use super::config::NoiseScheduleConfig;
use super::error::SamplerError;

/// Values as noisy as the training schedule has them at `timestep`:
/// √ᾱₜ · clean + √(1 − ᾱₜ) · noise (Ho et al. 2020, equation 4), in float32 as diffusers'
/// `add_noise` computes it.
///
/// # Errors
/// Those of [`NoiseScheduleConfig::validate`]; [`SamplerError::Timestep`] for a timestep that the
/// schedule does not have; [`SamplerError::NoiseLength`] if there are not as many values of noise.
pub fn add_noise(
    config: &NoiseScheduleConfig,
    timestep: usize,
    clean: &[f32],
    noise: &[f32],
) -> Result<Vec<f32>, SamplerError> {
    config.validate()?;
    if noise.len() != clean.len() {
        return Err(SamplerError::NoiseLength {
            actual: noise.len(),
            expected: clean.len(),
        });
    }
    let alphas = alphas_cumprod(config);
    let Some(&alpha) = alphas.get(timestep) else {
        return Err(SamplerError::Timestep {
            timestep,
            most: alphas.len() - 1,
        });
    };
    let (signal, noisiness) = (libm::sqrtf(alpha), libm::sqrtf(1.0 - alpha));
    let pairs = clean.iter().zip(noise);
    Ok(pairs
        .map(|(&clean, &noise)| signal * clean + noisiness * noise)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_timesteps_are_noisier() {
        let config = NoiseScheduleConfig::default();
        let at = |timestep| add_noise(&config, timestep, &[1.0, 0.0], &[0.0, 1.0]).unwrap();
        assert!((at(0)[0] - 1.0).abs() < 1e-3 && at(999)[0] < 0.1);
        for pair in [at(0), at(20), at(500), at(999)].windows(2) {
            assert!(pair[0][0] > pair[1][0] && pair[0][1] < pair[1][1]);
        }
        let [signal, noise] = at(500)[..] else {
            panic!("two values")
        };
        assert!((signal * signal + noise * noise - 1.0).abs() < 1e-6);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let config = NoiseScheduleConfig::default();
        let refused = |timestep, noise: &[f32]| {
            let error = add_noise(&config, timestep, &[1.0], noise).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            refused(1000, &[1.0]),
            "timestep 1000 does not exist, must be in 0..=999"
        );
        assert_eq!(refused(0, &[]), "noise: 0 values, expected 1");
    }
}
