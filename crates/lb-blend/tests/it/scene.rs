//! Small films to look at.

use std::ops::ControlFlow;

use lb_blend::noise::{initial_latents, standard_normal};
use lb_blend::testing::FakeBackend;
use lb_blend::{
    Backend, BlendError, BlendOptions, Blended, Conditioning, DdimSampler, Keyframe, LatentShape,
    NoiseScheduleConfig, Observer, Sampler, SamplerKind, blend,
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

/// `count` keyframes, all different.
pub(crate) fn keyframes(count: usize) -> Vec<Keyframe> {
    let keyframe = |seed| Keyframe {
        conditioning: conditioning(100 + seed),
        negative: conditioning(200 + seed),
        initial_latents: initial_latents(seed, SHAPE).unwrap(),
        concatenated: None,
    };
    (0..count as u64).map(keyframe).collect()
}

/// 10 steps; 2, 3, 5 and 9 branches.
pub(crate) fn profile() -> BranchingProfile {
    BranchingProfile::manual(10, &[2, 3, 5, 9], &[0, 3, 5, 8]).unwrap()
}

pub(crate) fn sampler(steps: usize) -> DdimSampler {
    DdimSampler::new(&NoiseScheduleConfig::default(), steps).unwrap()
}

/// One of each kind, of 10 steps.
pub(crate) fn samplers() -> [Box<dyn Sampler>; 2] {
    let config = NoiseScheduleConfig::default();
    [SamplerKind::Ddim, SamplerKind::DpmSolver].map(|kind| kind.sampler(&config, 10).unwrap())
}

pub(crate) fn guided(scale: f64, damper: f64) -> BlendOptions {
    BlendOptions {
        guidance: Guidance { scale, damper },
        ..Default::default()
    }
}

/// The film of `count` keyframes along [`profile`].
pub(crate) fn film(
    backend: &mut dyn Backend,
    count: usize,
    options: &BlendOptions,
    observer: &mut dyn Observer,
) -> Result<Blended, BlendError> {
    blend(
        backend,
        &sampler(10),
        &profile(),
        &keyframes(count),
        options,
        observer,
    )
}

/// The film of two keyframes along a profile of 10 steps, by a fake and this sampler.
pub(crate) fn sampled_film(
    sampler: &dyn Sampler,
    profile: &BranchingProfile,
    batch_limit: usize,
    options: &BlendOptions,
) -> Blended {
    let mut backend = FakeBackend::new(batch_limit);
    let keyframes = keyframes(2);
    blend(&mut backend, sampler, profile, &keyframes, options, &mut ()).unwrap()
}

/// The film of [`film`], by a fake with this batch limit and nobody watching.
pub(crate) fn quiet_film(batch_limit: usize, count: usize, options: &BlendOptions) -> Blended {
    film(&mut FakeBackend::new(batch_limit), count, options, &mut ()).unwrap()
}

pub(crate) fn go_on() -> ControlFlow<()> {
    ControlFlow::Continue(())
}
