//! Pictures to noise and back again.

use std::ops::ControlFlow;

use lb_blend::testing::FakeBackend;
use lb_blend::{
    BlendError, BlendOptions, BlendRequest, DdimInversion, InversionOptions, Inverted, Keyframe,
    Latents, NoiseScheduleConfig, Observer, Phase, PredictionType, SamplerError, SamplerKind,
    StepProgress, blend, invert, relative_error,
};
use lb_schedule::Choice as _;

use crate::altered::Altered;
use crate::scene;

const STEPS: usize = 10;

/// Keyframes with clean latents instead of noise, each under its own guidance.
fn pictures(count: usize) -> Vec<Keyframe> {
    let mut pictures = scene::keyframes(count);
    for (picture, scale) in pictures.iter_mut().zip([1.0, 4.0, 2.0, 1.5]) {
        picture.guidance_scale = scale;
    }
    pictures
}

fn config(prediction_type: PredictionType) -> NoiseScheduleConfig {
    NoiseScheduleConfig {
        prediction_type,
        ..Default::default()
    }
}

fn inverted(
    pictures: &[Keyframe],
    config: &NoiseScheduleConfig,
    iterations: usize,
    batch_limit: usize,
) -> Inverted {
    let inversion = DdimInversion::new(config, STEPS).unwrap();
    let options = InversionOptions::new(iterations);
    let mut backend = FakeBackend::new(batch_limit);
    let inverted = invert(&mut backend, &inversion, pictures, &options, &mut ()).unwrap();
    let rows: usize = backend.calls().iter().map(|call| call.rows).sum();
    assert_eq!(inverted.predicted_rows, rows);
    assert_eq!(inverted.predict_calls, backend.calls().len());
    let evaluations = options.model_evaluations(pictures.len(), STEPS);
    assert_eq!(inverted.model_evaluations, evaluations);
    inverted
}

/// The keyframes that are made from this noise.
fn denoised(
    pictures: &[Keyframe],
    noise: &[Latents],
    config: &NoiseScheduleConfig,
) -> Vec<Latents> {
    let mut film = scene::film(pictures.len());
    film.keyframes = pictures.to_vec();
    for (keyframe, noise) in film.keyframes.iter_mut().zip(noise) {
        keyframe.initial_latents = noise.clone();
    }
    #[derive(Default)]
    struct Keyframes(Vec<Latents>);
    impl Observer for Keyframes {
        fn keyframe(&mut self, _: usize, latents: &Latents) -> ControlFlow<()> {
            self.0.push(latents.clone());
            scene::go_on()
        }
    }
    let mut found = Keyframes::default();
    let sampler = SamplerKind::Ddim.sampler(config, STEPS).unwrap();
    let report = blend(BlendRequest {
        backend: &mut FakeBackend::new(64),
        sampler: sampler.as_ref(),
        keyframes: &mut film.keyframes,
        transitions: &film.transitions,
        options: BlendOptions::default(),
        snapshots: &mut (),
        observer: &mut found,
    });
    report.unwrap();
    found.0
}

/// The largest relative error of all pictures after inversion and denoising.
fn round_trip(config: &NoiseScheduleConfig, iterations: usize) -> f64 {
    let pictures = pictures(4);
    let noise = inverted(&pictures, config, iterations, 64).initial_latents;
    let back = denoised(&pictures, &noise, config);
    let errors = back
        .iter()
        .zip(&pictures)
        .map(|(back, picture)| relative_error(back, &picture.initial_latents).unwrap());
    errors.fold(0.0, f64::max)
}

#[test]
fn enough_iterations_bring_every_picture_back() {
    for prediction in [PredictionType::Epsilon, PredictionType::VPrediction] {
        let config = config(prediction);
        let errors = [0, 1, 2, 3].map(|iterations| round_trip(&config, iterations));
        for pair in errors.windows(2) {
            assert!(pair[1] < 0.7 * pair[0], "{prediction:?}: {errors:?}");
        }
        let error = round_trip(&config, 30);
        assert!(error < 1e-4, "{prediction:?}: {error}");
    }
}

#[test]
fn the_company_of_other_pictures_changes_nothing() {
    let (pictures, config) = (pictures(4), config(PredictionType::VPrediction));
    let together = inverted(&pictures, &config, 2, 64);
    for limit in [1, 2, 3] {
        let split = inverted(&pictures, &config, 2, limit);
        assert_eq!(split.initial_latents, together.initial_latents, "{limit}");
    }
    let alone = inverted(&pictures[2..3], &config, 2, 64);
    assert_eq!(alone.initial_latents[0], together.initial_latents[2]);
    assert_eq!(inverted(&[], &config, 2, 64), Inverted::default());
}

#[test]
fn a_latent_that_no_step_moves_is_its_own_noise_but_for_the_scale() {
    // If the model predicts 0, DDIM scales by √(ᾱ_end / ᾱ_start), and its inversion by the inverse.
    let config = config(PredictionType::Epsilon);
    let inversion = DdimInversion::new(&config, STEPS).unwrap();
    let (mut latents, zero) = (vec![1.0f32, -2.0], [0.0; 2]);
    for step in 0..STEPS {
        let known = latents.clone();
        inversion
            .estimate(step, &known, &zero, &mut latents)
            .unwrap();
    }
    let sampler = SamplerKind::Ddim.sampler(&config, STEPS).unwrap();
    let mut clean = [0.0; 2];
    for step in 0..STEPS {
        sampler.step(step, &mut latents, &zero, &mut clean).unwrap();
    }
    assert!((latents[0] - 1.0).abs() < 1e-5 && (latents[1] + 2.0).abs() < 1e-5);
}

#[test]
fn progress_is_reported_and_the_work_can_be_stopped() {
    struct Counting(Vec<StepProgress>, usize);
    impl Observer for Counting {
        fn step(&mut self, progress: &StepProgress) -> ControlFlow<()> {
            self.0.push(*progress);
            match self.0.len() == self.1 {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }
    let config = config(PredictionType::VPrediction);
    let inversion = DdimInversion::new(&config, STEPS).unwrap();
    let run = |stop| {
        let mut counting = Counting(Vec::new(), stop);
        let options = InversionOptions::new(1);
        let backend = &mut FakeBackend::new(2);
        let result = invert(backend, &inversion, &pictures(3), &options, &mut counting);
        (result, counting.0)
    };
    let (result, reported) = run(usize::MAX);
    assert!(result.is_ok());
    let last = reported[reported.len() - 1];
    assert_eq!(
        (last.phase, last.step, last.steps),
        (Phase::Inversion, 10, 10)
    );
    assert_eq!(
        (last.model_evaluations, last.total_model_evaluations),
        (60, 60)
    );
    let (result, reported) = run(3);
    assert!(matches!(result, Err(BlendError::Interrupted)));
    assert_eq!(reported.len(), 3);
}

#[test]
fn what_cannot_be_inverted_is_refused() {
    let config = config(PredictionType::VPrediction);
    let inversion = DdimInversion::new(&config, STEPS).unwrap();
    let refused = |pictures: &[Keyframe], iterations, limit| {
        let options = InversionOptions::new(iterations);
        let backend = &mut FakeBackend::new(limit);
        let result = invert(backend, &inversion, pictures, &options, &mut ());
        result.unwrap_err().to_string()
    };
    assert_eq!(
        refused(&pictures(1), 101, 64),
        "an inversion of 101 iterations a step; 0 to 100 are allowed"
    );
    assert_eq!(
        refused(&pictures(1), 0, 0),
        "the backend's batch limit is 0, must be at least 1"
    );
    let mut infinite = pictures(2);
    infinite[1].conditioning.values[3] = f32::INFINITY;
    assert_eq!(
        refused(&infinite, 0, 64),
        "keyframe 1: value 3 of its conditioning is inf, must be finite"
    );
    let forgetful = NoiseScheduleConfig {
        prediction_type: PredictionType::Sample,
        set_alpha_to_one: true,
        ..config
    };
    let error = DdimInversion::new(&forgetful, STEPS).unwrap_err();
    assert!(
        matches!(error, SamplerError::NotInvertible { timestep: 1 }),
        "{error}"
    );
}

#[test]
fn a_picture_that_breaks_the_model_is_counted_among_all() {
    let inversion = DdimInversion::new(&NoiseScheduleConfig::default(), STEPS).unwrap();
    let options = InversionOptions::new(0);
    // The four pictures form groups of two; the second group's first step is call 11.
    let unguided: Vec<Keyframe> = scene::keyframes(4)
        .into_iter()
        .map(|picture| Keyframe {
            guidance_scale: 1.0,
            ..picture
        })
        .collect();
    let mut calls = 0;
    let mut backend = Altered::nothing(2);
    backend.heard = Some(Box::new(|_, output| {
        calls += 1;
        if calls == STEPS + 1 {
            output[0] = f32::NAN;
        }
    }));
    let refused = invert(&mut backend, &inversion, &unguided, &options, &mut ());
    let message = refused.unwrap_err().to_string();
    assert!(
        message.contains("keyframe 2 at step 1"),
        "the first of the second group: {message}"
    );
}

#[test]
fn latents_that_are_equal_do_not_differ() {
    let zeros = Latents::from_values(scene::SHAPE, vec![0.0; scene::SHAPE.len()]).unwrap();
    assert_eq!(relative_error(&zeros, &zeros).unwrap(), 0.0);
    let noise = &scene::keyframes(1)[0].initial_latents;
    assert_eq!(relative_error(noise, &zeros).unwrap(), f64::INFINITY);
    assert_eq!(relative_error(&zeros, noise).unwrap(), 1.0);
}

#[test]
fn every_sampler_that_can_be_inverted_is_taken_back_step_by_step() {
    let config = config(PredictionType::VPrediction);
    for &kind in SamplerKind::ALL {
        if !kind.is_invertible() {
            let error = DdimInversion::of(kind, &config, STEPS).unwrap_err();
            assert!(error.to_string().contains("cannot be inverted"), "{error}");
            continue;
        }
        let inversion = DdimInversion::of(kind, &config, STEPS).unwrap();
        let sampler = kind.sampler(&config, STEPS).unwrap();
        let output = [0.3f32, -0.7];
        for step in 0..STEPS {
            let (start, mut latents, mut back) = ([1.0f32, -2.0], [1.0f32, -2.0], [0.0; 2]);
            sampler
                .step(step, &mut latents, &output, &mut back)
                .unwrap();
            let backwards = STEPS - 1 - step;
            inversion
                .solve(backwards, &latents, &output, &mut back)
                .unwrap();
            for (back, start) in back.iter().zip(start) {
                assert!((back - start).abs() < 1e-4, "{kind}, step {step}: {back}");
            }
        }
    }
}
