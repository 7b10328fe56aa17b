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
    /// The difference that guidance made when it was last computed.
    difference: Vec<f32>,
}

/// Computes the branch of the scene's first transition at `fraction` of `level`. `levels` are the
/// fractions of all levels down to it.
pub(crate) fn branch(
    sampler: &dyn Sampler,
    levels: &[Vec<f64>],
    level: usize,
    fraction: f64,
    guidance: Guidance,
    guidance_every: usize,
) -> Alone {
    let ends = keyframes(2);
    let mut latents = vec![f32::NAN; ends[0].initial_latents.values().len()];
    let (mut clean, mut difference) = (latents.clone(), latents.clone());
    if level == 0 {
        latents.copy_from_slice(ends[fraction as usize].initial_latents.values());
    } else {
        let above = &levels[level - 1];
        let parents = parents(above, fraction).unwrap();
        let [left, right] = [parents.left, parents.right].map(|parent| {
            let fraction = above[parent];
            branch(
                sampler,
                levels,
                level - 1,
                fraction,
                guidance,
                guidance_every,
            )
        });
        slerp(&left.latents, &right.latents, parents.mix, &mut latents).unwrap();
        lerp(&left.clean, &right.clean, parents.mix, &mut clean).unwrap();
        // A keyframe, which is its own parent, keeps its difference.
        let (left, right) = (&left.difference, &right.difference);
        lerp(left, right, parents.mix, &mut difference).unwrap();
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
        let first = match fraction {
            0.0 | 1.0 => 0,
            _ => profile().step_range(level).start,
        };
        let computes = (step - first).is_multiple_of(guidance_every);
        let reused = (&mut difference[..], computes);
        let (latents, clean) = (&mut latents, &mut clean);
        guided_step_that_reuses(sampler, step, latents, clean, reused, conditionings, scale);
    }
    Alone {
        latents,
        clean,
        difference,
    }
}

/// Takes one guided step of a branch under two conditionings, as the engine does.
pub(crate) fn guided_step(
    sampler: &dyn Sampler,
    step: usize,
    latents: &mut [f32],
    clean: &mut [f32],
    conditionings: [&[f32]; 2],
    scale: f32,
) {
    let reused = (&mut latents.to_vec()[..], true);
    guided_step_that_reuses(sampler, step, latents, clean, reused, conditionings, scale);
}

/// Takes one step with guidance that is computed, or that is the last difference.
pub(crate) fn guided_step_that_reuses(
    sampler: &dyn Sampler,
    step: usize,
    latents: &mut [f32],
    clean: &mut [f32],
    (difference, computes): (&mut [f32], bool),
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
    let conditional = answer(positive);
    let output: Vec<f32> = match computes {
        true => {
            let unconditional = answer(negative);
            let pairs = || unconditional.iter().zip(&conditional);
            for (kept, (u, c)) in difference.iter_mut().zip(pairs()) {
                *kept = c - u;
            }
            pairs().map(|(u, c)| u + scale * (c - u)).collect()
        }
        false => {
            let pairs = conditional.iter().zip(&*difference);
            pairs.map(|(c, kept)| c + (scale - 1.0) * kept).collect()
        }
    };
    sampler.step(step, latents, &output, clean).unwrap();
}
