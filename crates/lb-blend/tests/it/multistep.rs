//! What a multistep sampler needs from the engine, and how accurate it is.

use lb_blend::noise::standard_normal;
use lb_blend::{
    BlendOptions, DpmSolverSampler, NoiseScheduleConfig, PredictionType, Sampler, SamplerError,
    SamplerKind, TimestepSpacing,
};
use lb_schedule::{BranchingProfile, Spacing};

use crate::scene::{Made, film, film_along, sampled, samplers};

const EVEN: Spacing = Spacing::Fixed {
    mid_compression: 1.0,
};

fn middle(film: &Made) -> &[f32] {
    let frames = &film.transitions[0];
    let frame = &frames[frames.len() / 2];
    assert_eq!(frame.fraction, 0.5);
    frame.latents.values()
}

/// The branch at 0.5 starts again at every level, from itself alone.
#[test]
fn a_branch_at_its_parents_fraction_continues_as_the_parent() {
    let options = BlendOptions::default().with_spacing(EVEN);
    let undisturbed = BranchingProfile::manual(10, &[2, 3], &[0, 3]).unwrap();
    for sampler in samplers() {
        let injected = sampled(sampler.as_ref(), &film(2), 8, &options);
        let alone = sampled(sampler.as_ref(), &film_along(&undisturbed, 2), 8, &options);
        assert_eq!(middle(&injected), middle(&alone));
    }
}

#[test]
fn a_film_depends_neither_on_the_batch_limit_nor_on_the_run() {
    let [_, solver] = samplers();
    let film = |limit| sampled(solver.as_ref(), &film(2), limit, &BlendOptions::default());
    let whole = film(usize::MAX);
    for limit in [1, 3, 8] {
        assert_eq!(film(limit).transitions, whole.transitions, "limit {limit}");
    }
    assert_eq!(film(8), film(8));
}

#[test]
fn the_first_step_reads_no_history() {
    for sampler in samplers() {
        let walked = |before: f32| {
            let (mut latents, mut clean) = ([0.3, -1.2], [before; 2]);
            sampler
                .step(0, &mut latents, &[0.5, 0.1], &mut clean)
                .unwrap();
            (latents, clean)
        };
        assert_eq!(walked(f32::NAN), walked(0.0));
    }
}

/// ᾱ at a timestep, which a sampler that visits all timesteps under v = 0 reveals.
fn signal_at(timestep: u32) -> f64 {
    let config = NoiseScheduleConfig {
        timestep_spacing: Some(TimestepSpacing::Trailing),
        ..Default::default()
    };
    let probe = DpmSolverSampler::new(&config, 1000).unwrap();
    let mut signal = [f32::NAN];
    let step = 999 - timestep as usize;
    probe.step(step, &mut [1.0], &[0.0], &mut signal).unwrap();
    f64::from(signal[0])
}

/// For normally distributed data (variance 0.25) the perfect model and the exact trajectory are
/// known. Half way down, the error of a method of order 2 is a quarter as large with twice the steps.
#[test]
fn the_solver_is_of_second_order_and_ddim_of_first() {
    let config = NoiseScheduleConfig {
        prediction_type: PredictionType::Sample,
        timestep_spacing: Some(TimestepSpacing::Trailing),
        ..Default::default()
    };
    let deviation_at = |timestep| {
        let signal = signal_at(timestep);
        (0.25 * signal * signal + 1.0 - signal * signal).sqrt()
    };
    let error = |kind: SamplerKind, steps| {
        let sampler = kind.sampler(&config, steps).unwrap();
        let (mut latents, mut clean) = ([1.0_f32], [f32::NAN]);
        for (index, &timestep) in sampler.timesteps()[..steps / 2].iter().enumerate() {
            let gain = 0.25 * signal_at(timestep) / deviation_at(timestep).powi(2);
            let output = [(gain * f64::from(latents[0])) as f32];
            sampler
                .step(index, &mut latents, &output, &mut clean)
                .unwrap();
        }
        let arrived = sampler.timesteps()[steps / 2];
        (f64::from(latents[0]) - deviation_at(arrived) / deviation_at(999)).abs()
    };
    for (kind, order) in [(SamplerKind::Ddim, 1), (SamplerKind::DpmSolver, 2)] {
        let measured = (error(kind, 20) / error(kind, 40)).log2();
        assert!(
            (measured - f64::from(order)).abs() < 0.3,
            "{kind} is of order {measured:.2}"
        );
    }
    let [ddim, solver] = [SamplerKind::Ddim, SamplerKind::DpmSolver].map(|kind| error(kind, 20));
    assert!(5.0 * solver < ddim, "{solver} against DDIM's {ddim}");
}

#[test]
fn every_number_of_steps_walks_or_is_refused() {
    let latents = standard_normal(5, 4);
    for spacing in ["leading", "linspace", "trailing"] {
        let config = NoiseScheduleConfig {
            timestep_spacing: Some(spacing.parse().unwrap()),
            ..Default::default()
        };
        for steps in 1..=1000 {
            let sampler = match DpmSolverSampler::new(&config, steps) {
                Ok(sampler) => sampler,
                Err(error) => {
                    assert_eq!((spacing, steps), ("leading", 1000), "{error}");
                    continue;
                }
            };
            let (mut latents, mut clean) = (latents.clone(), vec![f32::NAN; 4]);
            for index in 0..steps {
                let output = latents.iter().map(|x| 0.5 * x).collect::<Vec<_>>();
                sampler
                    .step(index, &mut latents, &output, &mut clean)
                    .unwrap();
            }
            assert!(
                latents.iter().all(|value| value.abs() < 10.0),
                "{spacing} {steps}"
            );
            assert_eq!(latents, clean, "the walk ends without noise");
        }
    }
}

#[test]
fn what_the_solver_cannot_walk_is_refused() {
    let refused = |steps, change: fn(&mut NoiseScheduleConfig)| {
        let mut config = NoiseScheduleConfig::default();
        change(&mut config);
        DpmSolverSampler::new(&config, steps).unwrap_err()
    };
    for steps in [0, 1001] {
        assert_eq!(
            refused(steps, |_| ()),
            SamplerError::Steps { steps, most: 1000 }
        );
    }
    let leading = refused(1000, |config| {
        config.timestep_spacing = Some(TimestepSpacing::Leading);
    });
    assert_eq!(
        leading.to_string(),
        "1000 steps asked for, must be at most 999 for DPM-Solver++ under leading \
         timestep_spacing, which divides num_train_timesteps by steps + 1"
    );
    let no_signal = refused(10, |config| {
        config.rescale_betas_zero_snr = true;
        config.prediction_type = PredictionType::Epsilon;
    });
    assert_eq!(no_signal, SamplerError::NoSignal { timestep: 999 });
    let no_noise = refused(10, |config| {
        config.trained_betas = Some(vec![1e-12; 1000]);
    });
    assert_eq!(no_noise, SamplerError::NoNoise { timestep: 999 });
}
