//! The definition of a branch: computed by itself, recursively, without engine or batch.

use lb_blend::testing::FakeBackend;
use lb_blend::{Backend, Conditioning, PredictRequest, Sampler, lerp, slerp};
use lb_schedule::{Guidance, parents};

use crate::scene::{keyframes, profile};

/// A branch at the end of a level.
pub(crate) struct Alone {
    pub(crate) latents: Vec<f32>,
    /// x̂₀ at the level's last step.
    pub(crate) clean: Vec<f32>,
}

/// The branch of the scene's first transition at `fraction` of `level`; `levels` are the fractions
/// of all levels down to it.
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
    let negative = mix([0, 1].map(|index| &ends[index].negative));

    let (scale, mut backend) = (guidance.at(fraction) as f32, FakeBackend::new(2));
    for step in profile().step_range(level) {
        let request = PredictRequest {
            rows: 2,
            shape: ends[0].initial_latents.shape(),
            latents: &[&latents[..], &latents[..]].concat(),
            concatenated_channels: 0,
            concatenated: &[],
            timestep: sampler.timesteps()[step],
            tokens: 3,
            width: 4,
            conditioning: &[&positive[..], &negative[..]].concat(),
        };
        let mut output = vec![f32::NAN; 2 * latents.len()];
        backend.predict(&request, &mut output).unwrap();
        let (conditional, unconditional) = output.split_at(latents.len());
        let pairs = unconditional.iter().zip(conditional);
        let guided: Vec<f32> = pairs.map(|(u, c)| u + scale * (c - u)).collect();
        sampler
            .step(step, &mut latents, &guided, &mut clean)
            .unwrap();
    }
    Alone { latents, clean }
}
