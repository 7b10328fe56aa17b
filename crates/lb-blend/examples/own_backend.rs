//! Blending over a model of one's own. The model's conditioning is two numbers, p and r, and its
//! picture is the superellipse |x|ᵖ + |y|ᵖ = rᵖ. A star (p below 1) becomes a square (p large).
//!
//!     cargo run -p lb-blend --example own_backend
#![allow(clippy::print_stdout, reason = "an example shows what it made")]

use lb_blend::noise::initial_latents;
use lb_blend::{
    Backend, BackendError, BlendError, BlendOptions, BlendRequest, Blended, Conditioning,
    DdimSampler, Keyframe, LatentShape, NoiseScheduleConfig, PredictRequest, PredictionType,
    Transition, blend,
};
use lb_schedule::BranchingProfile;

const SHAPE: LatentShape = LatentShape::new(1, 9, 17);

struct Superellipse;

impl Backend for Superellipse {
    fn batch_limit(&self) -> usize {
        16
    }

    fn predict(
        &mut self,
        ask: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), BackendError> {
        ask.validate(output).map_err(BackendError::new)?;
        let pictures = output.chunks_exact_mut(SHAPE.len());
        for (row, picture) in ask.conditioning.chunks_exact(2).zip(pictures) {
            for (index, clean) in picture.iter_mut().enumerate() {
                let y = (index / SHAPE.width) as f32 / 4.0 - 1.0;
                let x = (index % SHAPE.width) as f32 / 8.0 - 1.0;
                let size = (x.abs().powf(row[0]) + y.abs().powf(row[0])).powf(1.0 / row[0]);
                *clean = (4.0 * (row[1] - size)).tanh(); // 1 inside, −1 outside
            }
        }
        Ok(())
    }
}

fn keyframe(power: f32, radius: f32, seed: u64) -> Result<Keyframe, BlendError> {
    let conditioning = Conditioning::new(1, 2, vec![power, radius])?;
    let noise = initial_latents(seed, SHAPE)?;
    Ok(Keyframe::new(
        conditioning.clone(),
        conditioning,
        1.0,
        noise,
    ))
}

/// All computed frames side by side.
pub(crate) fn pictures() -> Result<String, Box<dyn std::error::Error>> {
    let schedule = NoiseScheduleConfig {
        prediction_type: PredictionType::Sample,
        set_alpha_to_one: true,
        ..Default::default()
    };
    let tree = BranchingProfile::manual(10, &[2, 3, 4], &[0, 4, 7])?;
    let mut film = Blended::default();
    blend(BlendRequest {
        backend: &mut Superellipse,
        sampler: &DdimSampler::new(&schedule, tree.steps())?,
        keyframes: &mut vec![keyframe(0.6, 1.0, 0)?, keyframe(6.0, 0.8, 1)?],
        transitions: &[Transition::new(tree, 1.0)],
        options: BlendOptions::default(),
        snapshots: &mut (),
        observer: &mut film,
    })?;
    let shade = |value: &f32| [' ', '·', '+', '#'][((2.0 * value + 2.0) as usize).min(3)];
    let mut text = String::new();
    for line in 0..SHAPE.height {
        for frame in &film.transitions[0] {
            let values = &frame.latents.values()[line * SHAPE.width..][..SHAPE.width];
            text.extend(values.iter().map(shade).chain([' ']));
        }
        text.push('\n');
    }
    Ok(text)
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    print!("{}", pictures()?);
    Ok(())
}
