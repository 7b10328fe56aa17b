//! Properties that hold for all numbers.

use lb_blend::noise::standard_normal;
use lb_blend::{
    DdimSampler, NoiseScheduleConfig, PredictionType, Sampler, SamplerKind, TimestepSpacing, lerp,
    slerp,
};
use lb_schedule::Choice as _;
use proptest::prelude::*;

fn slerped(left: &[f32], right: &[f32], mix: f64) -> Vec<f32> {
    let mut result = vec![f32::NAN; left.len()];
    slerp(left, right, mix, &mut result).unwrap();
    result
}

fn norm(values: &[f32]) -> f64 {
    values
        .iter()
        .map(|&value| f64::from(value).powi(2))
        .sum::<f64>()
        .sqrt()
}

fn distance(left: &[f32], right: &[f32]) -> f64 {
    norm(
        &left
            .iter()
            .zip(right)
            .map(|(l, r)| l - r)
            .collect::<Vec<_>>(),
    )
}

fn vectors() -> impl Strategy<Value = (Vec<f32>, Vec<f32>)> {
    (2_usize..40).prop_flat_map(|length| {
        let vector = || prop::collection::vec(-4.0_f32..4.0, length);
        (vector(), vector())
    })
}

proptest! {
    #[test]
    fn slerp_keeps_the_length_of_unit_vectors((left, right) in vectors(), mix in 0.0..=1.0) {
        prop_assume!(norm(&left) > 0.1 && norm(&right) > 0.1);
        let unit = |values: &[f32]| -> Vec<f32> {
            values.iter().map(|value| (f64::from(*value) / norm(values)) as f32).collect()
        };
        let (left, right) = (unit(&left), unit(&right));
        let dot: f64 = left.iter().zip(&right).map(|(l, r)| f64::from(l * r)).sum();
        prop_assume!(dot.abs() < 0.999);
        prop_assert!((norm(&slerped(&left, &right, mix)) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn slerp_shares_the_angle((left, right) in vectors(), mix in 0.0..=1.0) {
        // Between vectors of equal length, half of the way to a mix is the mix at half the fraction.
        prop_assume!(norm(&left) > 0.1 && norm(&right) > 0.1);
        let scale = (norm(&left) / norm(&right)) as f32;
        let right: Vec<f32> = right.iter().map(|value| value * scale).collect();
        let dot: f64 = left.iter().zip(&right).map(|(l, r)| f64::from(l * r)).sum();
        prop_assume!((dot / norm(&left).powi(2)).abs() < 0.99 && mix > 0.05);
        let at_mix = slerped(&left, &right, mix);
        let halves = slerped(&left, &at_mix, 0.5);
        prop_assert!(distance(&halves, &slerped(&left, &right, mix / 2.0)) < 1e-4 * norm(&left));
    }

    #[test]
    fn mixes_are_symmetric_and_end_at_their_ends((left, right) in vectors(), mix in 0.0..=1.0) {
        let there = slerped(&left, &right, mix);
        let back = slerped(&right, &left, 1.0 - mix);
        prop_assert!(distance(&there, &back) <= 1e-5 * (norm(&left) + norm(&right)));
        prop_assert_eq!(&slerped(&left, &right, 0.0), &left);
        prop_assert_eq!(&slerped(&left, &right, 1.0), &right);
        prop_assert!(there.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn slerp_scales_with_its_ends((left, right) in vectors(), mix in 0.0..=1.0) {
        let double = |values: &[f32]| values.iter().map(|value| 2.0 * value).collect::<Vec<_>>();
        let scaled = slerped(&double(&left), &double(&right), mix);
        prop_assert_eq!(scaled, double(&slerped(&left, &right, mix)));
    }

    #[test]
    fn a_line_stays_between_its_ends((left, right) in vectors(), mix in 0.0..=1.0) {
        let mut result = vec![f32::NAN; left.len()];
        lerp(&left, &right, mix, &mut result).unwrap();
        for ((value, l), r) in result.iter().zip(&left).zip(&right) {
            prop_assert!(l.min(*r) <= *value && *value <= l.max(*r));
        }
    }

    #[test]
    fn noise_is_of_unit_variance(seed: u64) {
        let noise = standard_normal(seed, 4096);
        let mean = noise.iter().sum::<f32>() / 4096.0;
        prop_assert!(mean.abs() < 0.08, "mean {}", mean);
        prop_assert!((norm(&noise) / 64.0 - 1.0).abs() < 0.06, "norm {}", norm(&noise));
    }

    /// A model that knows the answer arrives there from any noise, with every prediction type.
    #[test]
    fn samplers_find_what_the_model_knows(
        steps in 1_usize..60, seed: u64, prediction in 0..3, spacing in 0..3, kind in 0..SamplerKind::ALL.len(),
    ) {
        let config = NoiseScheduleConfig {
            prediction_type: [
                PredictionType::Epsilon, PredictionType::VPrediction, PredictionType::Sample,
            ][prediction as usize],
            timestep_spacing: Some([
                TimestepSpacing::Leading, TimestepSpacing::Linspace, TimestepSpacing::Trailing,
            ][spacing as usize]),
            ..Default::default()
        };
        // A sampler that visits all timesteps under v = 0 reveals √ᾱ.
        let probe = NoiseScheduleConfig {
            prediction_type: PredictionType::VPrediction, steps_offset: 0,
            timestep_spacing: Some(TimestepSpacing::Leading), ..config.clone()
        };
        let probe = DdimSampler::new(&probe, 1000).unwrap();
        let kind = SamplerKind::ALL[kind];
        let steps = if kind == SamplerKind::Tcd { steps.min(50) } else { steps };
        let sampler = kind.sampler(&config, steps).unwrap();
        let known = standard_normal(seed, 16);
        let mut latents = standard_normal(seed ^ 1, 16);
        let mut clean = vec![f32::NAN; 16];
        for (index, &timestep) in sampler.timesteps().iter().enumerate() {
            let mut signal = [f32::NAN];
            probe.step(999 - timestep as usize, &mut [1.0], &[0.0], &mut signal).unwrap();
            let signal = f64::from(signal[0]);
            prop_assert!((sampler.alphas_cumprod()[index] - signal * signal).abs() < 1e-6);
            let noise = (1.0 - signal * signal).sqrt();
            let output: Vec<f32> = latents.iter().zip(&known).map(|(&x, &clean)| {
                let clean = f64::from(clean);
                let epsilon = (f64::from(x) - signal * clean) / noise;
                (match prediction {
                    0 => epsilon,
                    1 => signal * epsilon - noise * clean,
                    _ => clean,
                }) as f32
            }).collect();
            sampler.step(index, &mut latents, &output, &mut clean).unwrap();
            prop_assert!(distance(&clean, &known) < 1e-3 * norm(&known), "x̂₀ at step {}", index);
        }
    }
}
