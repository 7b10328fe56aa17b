//! Computes a branch by its definition: by itself, recursively, without engine or batch.

use lb_blend::testing::FakeBackend;
use lb_blend::{Backend, Conditioning, PredictRequest, Sampler, lerp, slerp};
use lb_schedule::{Guidance, parents};

use crate::scene::{SHAPE, keyframes, profile};

/// The state of a branch at the end of a level.
pub(crate) struct Alone {
    pub(crate) latents: Vec<f32>,
    /// The clean latents predicted at the level's last step (x̂₀).
    pub(crate) clean: Vec<f32>,
}

/// Computes the branch of the scene's first transition at `fraction` of `level`. `levels` are the
/// fractions of all levels down to it.
pub(crate) fn branch(
    sampler: &dyn Sampler,
    levels: &[Vec<f64>],
    level: usize,
    fraction: f64,
    guidance: Guidance,
) -> Alone {
    let ends = keyframes(2);
    let mut latents = vec![f32::NAN; ends[0].initial_latents.values().len()];
    let mut clean = latents.clone();
    if level == 0 {
        latents.copy_from_slice(ends[fraction as usize].initial_latents.values());
    } else {
        let above = &levels[level - 1];
        let parents = parents(above, fraction).unwrap();
        let [left, right] = [parents.left, parents.right]
            .map(|parent| branch(sampler, levels, level - 1, above[parent], guidance));
        slerp(&left.latents, &right.latents, parents.mix, &mut latents).unwrap();
        lerp(&left.clean, &right.clean, parents.mix, &mut clean).unwrap();
    }
    let mix = |[left, right]: [&Conditioning; 2]| {
        let mut mixed = left.values.clone();
        lerp(&left.values, &right.values, fraction, &mut mixed).unwrap();
        mixed
    };
    let positive = mix([0, 1].map(|index| &ends[index].conditioning));
    let negative = mix([0, 1].map(|index| &ends[index].negative_conditioning));

    let scale = guidance.at(fraction) as f32;
    for step in profile().step_range(level) {
        let conditionings = [&positive[..], &negative];
        guided_step(
            sampler,
            step,
            &mut latents,
            &mut clean,
            conditionings,
            scale,
        );
    }
    Alone { latents, clean }
}

/// Takes one guided step of a branch under two conditionings, as the engine does.
pub(crate) fn guided_step(
    sampler: &dyn Sampler,
    step: usize,
    latents: &mut [f32],
    clean: &mut [f32],
    [positive, negative]: [&[f32]; 2],
    scale: f32,
) {
    let answer = |conditioning: &[f32]| {
        let request = PredictRequest {
            rows: 1,
            shape: SHAPE,
            latents,
            concatenated_channels: 0,
            concatenated: &[],
            timestep: sampler.timesteps()[step],
            tokens: 3,
            width: 4,
            conditioning,
            loras: 0,
            lora_strengths: &[],
        };
        let mut output = vec![f32::NAN; latents.len()];
        FakeBackend::new(1).predict(&request, &mut output).unwrap();
        output
    };
    let (conditional, unconditional) = (answer(positive), answer(negative));
    let pairs = unconditional.iter().zip(&conditional);
    let output: Vec<f32> = pairs.map(|(u, c)| u + scale * (c - u)).collect();
    sampler.step(step, latents, &output, clean).unwrap();
}
