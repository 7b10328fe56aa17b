//! Crossfeed: trajectories are drawn towards each other while they are denoised.

use lb_schedule::{CrossfeedCurve, parents};

use super::batch::Batch;
use super::level::Level;
use crate::error::BlendError;
use crate::latents::Latents;
use crate::mix::{lerp, slerp};
use crate::snapshot::Snapshot;

/// Draws a keyframe of the batch towards the state of the keyframe before it at the same step.
pub(super) fn crossfeed_keyframe(
    batch: &mut Batch,
    branch: usize,
    before: &Snapshot,
    coefficient: f64,
) -> Result<(), BlendError> {
    let latents = before.latents[0].values();
    let predicted = before.predicted_clean[0].values();
    Ok(batch.crossfeed(branch, (latents, predicted), coefficient)?)
}

/// Draws a level's branches, which started at step `start` and are about to take `step`, towards
/// the mixes of their parents at that step.
///
/// A parent is not denoised beyond its own level. It is continued without asking the model: along
/// its last prediction, as DDIM would continue if the model's prediction stayed the same. `alphas`
/// are the sampler's ᾱ at every step.
pub(super) fn crossfeed_parents(
    batch: &mut Batch,
    above: &Level,
    fractions: &[f64],
    curve: CrossfeedCurve,
    alphas: &[f64],
    (start, step): (usize, usize),
) -> Result<(), BlendError> {
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
        batch.crossfeed(branch, (&mixed, &predicted), coefficient)?;
    }
    Ok(())
}

/// A deterministic DDIM step from one noise level to another under a constant prediction (Song et
/// al. 2020, equation 12 with σ = 0): x' = √ᾱ'·x̂₀ + √(1 − ᾱ')·ε, where ε = (x − √ᾱ·x̂₀)/√(1 − ᾱ)
/// is the noise that follows from x and x̂₀.
struct Jump {
    of_latents: f64,
    of_clean: f64,
}

impl Jump {
    /// The step from the share of signal ᾱ `now` to the share `next`.
    fn between(now: f64, next: f64) -> Self {
        // Latents without noise have none to continue with.
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
