//! Blending over a model of one's own: here one whose every conditioning is two numbers, and whose
//! every picture is the superellipse |x|ᵖ + |y|ᵖ = rᵖ with those numbers as p and r. A star (p below
//! 1) becomes a square (p large).
//!
//!     cargo run -p lb-blend --example own_backend
#![allow(clippy::print_stdout, reason = "an example shows what it made")]

use lb_blend::noise::initial_latents;
use lb_blend::{
    Backend, BackendError, BlendOptions, Blended, Conditioning, DdimSampler, Film, Keyframe,
    LatentShape, NoiseScheduleConfig, PredictRequest, PredictionType, ShapeError, Transition,
    blend,
};
use lb_schedule::BranchingProfile;

const SHAPE: LatentShape = LatentShape {
    channels: 1,
    height: 9,
    width: 17,
};

struct Superellipse;

impl Backend for Superellipse {
    fn batch_limit(&self) -> usize {
        16
    }

    fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), BackendError> {
        request.check(output).map_err(BackendError::new)?;
        let pictures = output.chunks_exact_mut(SHAPE.len());
        for (row, picture) in request.conditioning.chunks_exact(2).zip(pictures) {
            let (power, radius) = (row[0], row[1]);
            for (index, clean) in picture.iter_mut().enumerate() {
                let y = (index / SHAPE.width) as f32 / 4.0 - 1.0;
                let x = (index % SHAPE.width) as f32 / 8.0 - 1.0;
                let size = (x.abs().powf(power) + y.abs().powf(power)).powf(1.0 / power);
                *clean = (4.0 * (radius - size)).tanh(); // 1 inside, −1 outside
            }
        }
        Ok(())
    }
}

fn keyframe(power: f32, radius: f32, seed: u64) -> Result<Keyframe, ShapeError> {
    let conditioning = Conditioning {
        tokens: 1,
        width: 2,
        values: vec![power, radius],
    };
    let negative = conditioning.clone(); // unused at guidance scale 1
    Ok(Keyframe {
        conditioning,
        negative,
        guidance_scale: 1.0,
        initial_latents: initial_latents(seed, SHAPE)?,
        concatenated: None,
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = NoiseScheduleConfig {
        prediction_type: PredictionType::Sample,
        set_alpha_to_one: true,
        ..Default::default()
    };
    let sampler = DdimSampler::new(&config, 10)?;
    let film = Film {
        keyframes: vec![keyframe(0.6, 1.0, 0)?, keyframe(6.0, 0.8, 1)?],
        transitions: vec![Transition {
            profile: BranchingProfile::manual(10, &[2, 3, 4], &[0, 4, 7])?,
            guidance_damper: 1.0,
        }],
    };
    let (options, mut blended) = (BlendOptions::default(), Blended::default());
    let report = blend(
        &mut Superellipse,
        &sampler,
        &film,
        &options,
        &mut (),
        &mut blended,
    )?;

    for row in 0..SHAPE.height {
        for frame in &blended.transitions[0] {
            let values = &frame.latents.values()[row * SHAPE.width..][..SHAPE.width];
            let shade = |value: &f32| [' ', '·', '+', '#'][((2.0 * value + 2.0) as usize).min(3)];
            print!("{}  ", values.iter().map(shade).collect::<String>());
        }
        println!();
    }
    println!("{report:?}");
    Ok(())
}
