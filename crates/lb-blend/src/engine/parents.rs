//! Crossfeed from parents to children: what the parents would be at a step that they do not take.

use lb_schedule::parents;

use super::Walk;
use super::transition::Level;
use crate::error::BlendError;
use crate::latents::Latents;
use crate::mix::{lerp, slerp};

impl Walk<'_> {
    /// Draws a level's branches, which began at step `start` and are about to take `step`, towards
    /// the mixes of their parents at that step.
    ///
    /// A parent is not denoised beyond its own level. It is continued without asking the model:
    /// along its last prediction, as DDIM would go on if the model kept saying the same.
    pub(super) fn crossfeed_parents(
        &mut self,
        above: &Level,
        fractions: &[f64],
        start: usize,
        step: usize,
    ) -> Result<(), BlendError> {
        let alphas = self.sampler.alphas_cumprod();
        let curve = self.options.crossfeed.parents;
        let coefficient = curve.coefficient(step, start, alphas.len());
        if coefficient == 0.0 {
            return Ok(());
        }
        let jump = Jump::between(alphas[start], alphas[step]);
        let continued: Vec<Vec<f32>> = std::iter::zip(&above.latents, &above.predicted_clean)
            .map(|(latents, clean)| jump.continued(latents, clean))
            .collect();
        let mut mixed = continued[0].clone();
        let mut predicted = mixed.clone();
        for (branch, &fraction) in fractions.iter().enumerate() {
            let parents = parents(above.level_fractions(), fraction)?;
            let (left, right) = (&continued[parents.left], &continued[parents.right]);
            slerp(left, right, parents.mix, &mut mixed)?;
            let clean = |parent: usize| above.predicted_clean[parent].values();
            let (left, right) = (clean(parents.left), clean(parents.right));
            lerp(left, right, parents.mix, &mut predicted)?;
            self.batch
                .crossfeed(branch, (&mixed, &predicted), coefficient)?;
        }
        Ok(())
    }
}

/// A deterministic DDIM step from one noise level to another under a prediction that stays what it
/// is (Song et al. 2020, equation 12 with σ = 0): x' = √ᾱ'·x̂₀ + √(1 − ᾱ')·ε, where ε is the noise
/// that x and x̂₀ leave, (x − √ᾱ·x̂₀)/√(1 − ᾱ).
struct Jump {
    of_latents: f64,
    of_clean: f64,
}

impl Jump {
    /// From the share of signal ᾱ `now` to `next`.
    fn between(now: f64, next: f64) -> Self {
        // Latents without noise have none to go on with.
        let of_latents = if now < 1.0 {
            libm::sqrt((1.0 - next) / (1.0 - now))
        } else {
            0.0
        };
        Self {
            of_latents,
            of_clean: libm::sqrt(next) - of_latents * libm::sqrt(now),
        }
    }

    fn continued(&self, latents: &Latents, clean: &Latents) -> Vec<f32> {
        let pairs = latents.values().iter().zip(clean.values());
        pairs
            .map(|(&x, &clean)| {
                (self.of_latents * f64::from(x) + self.of_clean * f64::from(clean)) as f32
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_keeps_signal_and_noise_apart() {
        let (now, next): (f64, f64) = (0.3, 0.7);
        let jump = Jump::between(now, next);
        let (clean, noise) = (1.5, -0.4);
        let at = |alpha: f64| alpha.sqrt() * clean + (1.0 - alpha).sqrt() * noise;
        let jumped = jump.of_latents * at(now) + jump.of_clean * clean;
        assert!((jumped - at(next)).abs() < 1e-12);
        let stay = Jump::between(now, now);
        assert_eq!((stay.of_latents, stay.of_clean), (1.0, 0.0));
    }

    #[test]
    fn without_noise_it_stays_finite() {
        let jump = Jump::between(1.0, 1.0);
        assert_eq!((jump.of_latents, jump.of_clean), (0.0, 1.0));
    }
}
