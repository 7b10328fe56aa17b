//! Each broken rule has its own message and costs no model call.

use lb_blend::testing::FakeBackend;
use lb_blend::{
    Backend, BackendError, BlendError, BlendOptions, BlendRequest, DdimSampler, Film, Keyframe,
    LatentShape, NoiseScheduleConfig, PredictRequest, PredictionType, Sampler, SamplerError,
    TimestepSpacing, blend,
};
use lb_schedule::{BranchingProfile, Spacing};

use crate::altered::Altered;
use crate::scene::{SHAPE, film, render, sampler};

fn refused(film: &Film, options: &BlendOptions, sampler: &DdimSampler) -> String {
    let mut backend = FakeBackend::new(8);
    let result = blend(BlendRequest {
        backend: &mut backend,
        sampler,
        keyframes: &mut film.keyframes.as_slice(),
        transitions: &film.transitions,
        options: *options,
        snapshots: &mut (),
        observer: &mut (),
    });
    assert!(backend.calls().is_empty());
    result.unwrap_err().to_string()
}

fn with(change: impl FnOnce(&mut Keyframe)) -> String {
    let mut film = film(3);
    change(&mut film.keyframes[1]);
    refused(&film, &BlendOptions::default(), &sampler(10))
}

#[test]
fn keyframes_must_fit_together() {
    let options = BlendOptions::default();
    for count in [0, 1] {
        let mut film = film(2);
        film.keyframes.truncate(count);
        assert_eq!(
            refused(&film, &options, &sampler(10)),
            format!("{count} keyframes given, a film needs at least 2")
        );
    }
    let shape = LatentShape { width: 4, ..SHAPE };
    let smaller = lb_blend::noise::initial_latents(0, shape).unwrap();
    assert_eq!(
        with(|keyframe| keyframe.initial_latents = smaller),
        "keyframe 1 has latents of shape 2×3×4, keyframe 0 of 2×3×5"
    );
    assert_eq!(
        with(|keyframe| keyframe.conditioning.tokens = 2),
        "keyframe 1: its conditioning is 2×4 (tokens × width), keyframe 0's conditioning 3×4"
    );
    assert_eq!(
        with(|keyframe| keyframe.negative_conditioning.width = 5),
        "keyframe 1: its negative conditioning is 3×5 (tokens × width), \
         keyframe 0's conditioning 3×4"
    );
    let short = with(|keyframe| keyframe.negative_conditioning.values.truncate(11));
    assert_eq!(short, "negative conditioning: 11 values, expected 12");
    assert_eq!(
        with(|keyframe| keyframe.conditioning.values[7] = f32::NAN),
        "keyframe 1: value 7 of its conditioning is NaN, must be finite"
    );
}

#[test]
fn concatenated_channels_must_fit() {
    let noise = |shape| lb_blend::noise::initial_latents(0, shape).unwrap();
    assert_eq!(
        with(|keyframe| keyframe.concatenated = Some(noise(SHAPE))),
        "keyframe 1 has 2 concatenated channels, keyframe 0 has 0"
    );
    let with_all = |change: fn(&mut Keyframe)| {
        let mut film = film(3);
        for keyframe in &mut film.keyframes {
            keyframe.concatenated = Some(noise(SHAPE));
        }
        change(&mut film.keyframes[2]);
        refused(&film, &BlendOptions::default(), &sampler(10))
    };
    assert_eq!(
        with_all(|keyframe| keyframe.concatenated = None),
        "keyframe 2 has 0 concatenated channels, keyframe 0 has 2"
    );
    assert_eq!(
        with_all(|keyframe| {
            let turned = LatentShape {
                channels: 2,
                height: 5,
                width: 3,
            };
            keyframe.concatenated = lb_blend::noise::initial_latents(0, turned).ok();
        }),
        "keyframe 2 has concatenated channels of shape 2×5×3 beside latents of shape 2×3×5; height \
         and width must be the same"
    );
    let infinite = with_all(|keyframe| {
        let values = vec![f32::INFINITY; SHAPE.len()];
        keyframe.concatenated = lb_blend::Latents::from_values(SHAPE, values).ok();
    });
    assert_eq!(
        infinite,
        "keyframe 2: value 0 of its concatenated channels is inf, must be finite"
    );
}

#[test]
fn options_and_steps_must_fit() {
    let message = |options| refused(&film(2), &options, &sampler(10));
    let spacing = Spacing::Fixed {
        mid_compression: -1.0,
    };
    assert!(message(BlendOptions::default().with_spacing(spacing)).contains("-1"));
    assert_eq!(
        refused(&film(2), &BlendOptions::default(), &sampler(12)),
        "the sampler takes 12 steps, the branching profile of transition 0 10"
    );
    let mut backend = FakeBackend::new(0);
    let result = render(&mut backend, &film(2), &BlendOptions::default(), &mut ());
    assert!(matches!(result, Err(BlendError::BatchLimit)));
}

#[test]
fn transitions_must_fit_the_keyframes() {
    let with = |change: fn(&mut Film)| {
        let mut film = film(3);
        change(&mut film);
        refused(&film, &BlendOptions::default(), &sampler(10))
    };
    let counted = |transitions| {
        format!(
            "{transitions} transitions given for 3 keyframes, a film has one fewer than keyframes, \
             or as many for a loop; stills have none"
        )
    };
    assert_eq!(with(|film| film.transitions.truncate(1)), counted(1));
    let doubled = with(|film| film.transitions.extend(film.transitions.clone()));
    assert_eq!(doubled, counted(4));
    assert_eq!(
        with(|film| {
            film.transitions[1].profile = BranchingProfile::manual(12, &[2], &[0]).unwrap();
        }),
        "the sampler takes 10 steps, the branching profile of transition 1 12"
    );
    assert!(with(|film| film.transitions[1].guidance_damper = f64::NAN).contains("NaN"));
    assert!(with(|film| film.keyframes[2].guidance_scale = 0.5).contains("0.5"));
}

#[test]
fn a_model_that_answers_nan_is_located() {
    // The model returns `value` in one row of one call.
    let broken = |call: usize, row: usize, value: f32| {
        let mut calls = 0;
        let mut backend = Altered::nothing(usize::MAX);
        backend.heard = Some(Box::new(|request, output| {
            calls += 1;
            if calls == call {
                output[row * request.shape.len() + 3] = value;
            }
        }));
        let result = render(&mut backend, &film(3), &BlendOptions::default(), &mut ());
        drop(backend);
        assert_eq!(calls, call, "nothing is computed with it");
        result.unwrap_err().to_string()
    };
    assert_eq!(
        broken(4, 2, f32::NAN),
        "NaN or infinity in the model's output for the conditioning of keyframe 2 at step 4 \
             (timestep 601)"
    );
    // In the second call of the first inner level this is its only branch's unconditional row.
    assert_eq!(
        broken(12, 1, f32::INFINITY),
        "NaN or infinity in the model's output for the negative conditioning of the branch at \
         fraction 0.6832 of level 1, transition 0 at step 5 (timestep 501)"
    );
    let overflow = broken(1, 0, f32::MAX);
    assert_eq!(
        overflow,
        "NaN or infinity in the denoised latents of keyframe 0 at step 1 (timestep 901)"
    );
}

#[test]
fn a_backend_that_fails_is_quoted() {
    struct Failing;
    impl Backend for Failing {
        fn batch_limit(&self) -> usize {
            1
        }
        fn predict(&mut self, _: &PredictRequest<'_>, _: &mut [f32]) -> Result<(), BackendError> {
            Err(BackendError::new("the graphics card is gone"))
        }
    }
    let error = render(&mut Failing, &film(2), &BlendOptions::default(), &mut ()).unwrap_err();
    assert!(matches!(error, BlendError::Backend(_)));
    assert_eq!(error.to_string(), "the graphics card is gone");
}

#[test]
fn samplers_refuse_what_they_cannot_walk() {
    let config = NoiseScheduleConfig::default();
    for steps in [0, 1001] {
        assert_eq!(
            DdimSampler::new(&config, steps).unwrap_err().to_string(),
            format!("{steps} steps asked for, must be in 1..=1000 (num_train_timesteps)")
        );
    }
    let pure_noise = NoiseScheduleConfig {
        rescale_betas_zero_snr: true,
        timestep_spacing: Some(TimestepSpacing::Trailing),
        prediction_type: PredictionType::Epsilon,
        ..config.clone()
    };
    let error = DdimSampler::new(&pure_noise, 20).unwrap_err();
    assert_eq!(error, SamplerError::NoSignal { timestep: 999 });
    let no_signal_left = NoiseScheduleConfig {
        beta_start: 0.5,
        beta_end: 0.9,
        prediction_type: PredictionType::Epsilon,
        ..config.clone()
    };
    let error = DdimSampler::euler(&no_signal_left, 20).unwrap_err();
    assert_eq!(error, SamplerError::NoSignal { timestep: 999 });

    let sampler = DdimSampler::new(&config, 5).unwrap();
    let refused = |index, output: &[f32], clean: &mut [f32]| {
        sampler
            .step(index, &mut [0.0; 3], output, clean)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(5, &[0.0; 3], &mut [0.0; 3]).contains("step 5 does not exist"));
    assert!(refused(0, &[0.0; 2], &mut [0.0; 3]).contains("the model's output: 2 values"));
    assert!(refused(0, &[0.0; 3], &mut [0.0; 4]).contains("predicted clean latents: 4 values"));
}
