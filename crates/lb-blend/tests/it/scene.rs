//! Small films for the tests.

use std::ops::ControlFlow;

use lb_blend::noise::{initial_latents, standard_normal};
use lb_blend::testing::FakeBackend;
use lb_blend::{
    Backend, BlendError, BlendOptions, BlendReport, BlendRequest, Blended, BlendedFrame,
    Conditioning, DdimSampler, Film, Keyframe, LatentShape, NoiseScheduleConfig, Observer, Sampler,
    SamplerKind, Transition, blend,
};
use lb_schedule::{BranchingProfile, Guidance};

pub(crate) const SHAPE: LatentShape = LatentShape {
    channels: 2,
    height: 3,
    width: 5,
};
const TOKENS: usize = 3;
const WIDTH: usize = 4;

fn conditioning(seed: u64) -> Conditioning {
    let values = standard_normal(seed, TOKENS * WIDTH);
    Conditioning {
        tokens: TOKENS,
        width: WIDTH,
        values,
    }
}

/// `count` keyframes that differ in everything but guidance.
pub(crate) fn keyframes(count: usize) -> Vec<Keyframe> {
    let keyframe = |seed| Keyframe {
        conditioning: conditioning(100 + seed),
        negative_conditioning: conditioning(200 + seed),
        guidance_scale: 4.0,
        initial_latents: initial_latents(seed, SHAPE).unwrap(),
        concatenated: None,
        lora_strengths: Vec::new(),
    };
    (0..count as u64).map(keyframe).collect()
}

/// A tree of 10 steps with 2, 3, 5 and 9 branches.
pub(crate) fn profile() -> BranchingProfile {
    BranchingProfile::manual(10, &[2, 3, 5, 9], &[0, 3, 5, 8]).unwrap()
}

pub(crate) fn sampler(steps: usize) -> DdimSampler {
    DdimSampler::new(&NoiseScheduleConfig::default(), steps).unwrap()
}

/// One sampler of each kind, of 10 steps.
pub(crate) fn samplers() -> [Box<dyn Sampler>; 2] {
    let config = NoiseScheduleConfig::default();
    [SamplerKind::Ddim, SamplerKind::DpmSolver].map(|kind| kind.sampler(&config, 10).unwrap())
}

/// A film of `count` keyframes whose transitions have this profile.
pub(crate) fn film_along(profile: &BranchingProfile, count: usize) -> Film {
    let transition = Transition {
        profile: profile.clone(),
        guidance_damper: 0.5,
    };
    Film {
        keyframes: keyframes(count),
        transitions: vec![transition; count.saturating_sub(1)],
    }
}

/// A film of `count` keyframes whose transitions have the profile of [`profile`].
pub(crate) fn film(count: usize) -> Film {
    film_along(&profile(), count)
}

/// The same film with this guidance for all keyframes and transitions.
pub(crate) fn guided(mut film: Film, guidance: Guidance) -> Film {
    for keyframe in &mut film.keyframes {
        keyframe.guidance_scale = guidance.scale;
    }
    for transition in &mut film.transitions {
        transition.guidance_damper = guidance.damper;
    }
    film
}

/// Computes a film of 10 steps by DDIM without snapshots.
pub(crate) fn render(
    backend: &mut dyn Backend,
    film: &Film,
    options: &BlendOptions,
    observer: &mut dyn Observer,
) -> Result<BlendReport, BlendError> {
    blend(BlendRequest {
        backend,
        sampler: &sampler(10),
        keyframes: &mut film.keyframes.as_slice(),
        transitions: &film.transitions,
        options: *options,
        snapshots: &mut (),
        observer,
    })
}

/// A computed film and its report.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Made {
    pub(crate) transitions: Vec<Vec<BlendedFrame>>,
    pub(crate) level_fractions: Vec<Vec<Vec<f64>>>,
    pub(crate) report: BlendReport,
}

/// Computes a film on a fake backend with this batch limit.
pub(crate) fn sampled(
    sampler: &dyn Sampler,
    film: &Film,
    batch_limit: usize,
    options: &BlendOptions,
) -> Made {
    made(&mut FakeBackend::new(batch_limit), sampler, film, options)
}

/// Computes a film on this backend.
pub(crate) fn made(
    backend: &mut dyn Backend,
    sampler: &dyn Sampler,
    film: &Film,
    options: &BlendOptions,
) -> Made {
    let mut blended = Blended::default();
    let report = blend(BlendRequest {
        backend,
        sampler,
        keyframes: &mut film.keyframes.as_slice(),
        transitions: &film.transitions,
        options: *options,
        snapshots: &mut (),
        observer: &mut blended,
    });
    let report = report.unwrap();
    Made {
        transitions: blended.transitions,
        level_fractions: blended.level_fractions,
        report,
    }
}

/// Computes the film of [`film`] by DDIM on a fake backend with this batch limit.
pub(crate) fn quiet_film(batch_limit: usize, count: usize, options: &BlendOptions) -> Made {
    sampled(&sampler(10), &film(count), batch_limit, options)
}

pub(crate) fn go_on() -> ControlFlow<()> {
    ControlFlow::Continue(())
}
