//! Small films over a formula, and a store to keep them in.

use std::ops::ControlFlow;
use std::path::Path;

use lb_blend::noise::{initial_latents, standard_normal};
use lb_blend::testing::FakeBackend;
use lb_blend::{
    BlendError, BlendReport, BlendRequest, Blended, BlendedFrame, Conditioning, Film,
    NoiseScheduleConfig, Observer, SamplerKind, StepProgress, Transition, blend,
};
use lb_schedule::BranchingProfile;

use super::super::*;
use crate::store::{Store, StoreOptions};

pub(super) const STEPS: usize = 10;
pub(super) const SHAPE: LatentShape = LatentShape {
    channels: 1,
    height: 2,
    width: 3,
};

pub(super) fn keyframe(seed: u64) -> Keyframe {
    let conditioning = |seed| Conditioning {
        tokens: 1,
        width: 4,
        values: standard_normal(seed, 4),
    };
    Keyframe {
        conditioning: conditioning(100 + seed),
        negative_conditioning: conditioning(0),
        guidance_scale: 3.0,
        initial_latents: initial_latents(seed, SHAPE).unwrap(),
        concatenated: None,
    }
}

pub(super) fn transition(counts: &[usize]) -> Transition {
    Transition {
        profile: BranchingProfile::manual(STEPS, counts, &[0, 3, 7]).unwrap(),
        guidance_damper: 0.5,
    }
}

pub(super) fn film(seeds: &[u64]) -> Film {
    Film {
        keyframes: seeds.iter().map(|&seed| keyframe(seed)).collect(),
        transitions: vec![transition(&[2, 3, 6]); seeds.len() - 1],
    }
}

/// Keeps the film, and stops after so many steps.
#[derive(Default)]
pub(super) struct Watch {
    kept: Blended,
    steps_left: Option<usize>,
}

impl Observer for Watch {
    fn step(&mut self, _: &StepProgress) -> ControlFlow<()> {
        match &mut self.steps_left {
            Some(0) => ControlFlow::Break(()),
            Some(left) => {
                *left -= 1;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Continue(()),
        }
    }

    fn transition(
        &mut self,
        index: usize,
        frames: &[BlendedFrame],
        level_fractions: &[Vec<f64>],
    ) -> ControlFlow<()> {
        self.kept.transition(index, frames, level_fractions)
    }
}

/// What a film is computed with.
#[derive(Clone, Copy, Default)]
pub(super) struct Way {
    pub(super) sampler: SamplerKind,
    pub(super) options: BlendOptions,
    pub(super) unet: u64,
}

impl Way {
    pub(super) fn run(
        &self,
        session: &StoreSession,
        film: &Film,
        steps_left: Option<usize>,
    ) -> (Result<BlendReport, BlendError>, Blended) {
        let sampler = self.sampler.sampler(&NoiseScheduleConfig::default(), STEPS);
        let words = format!("{:?}", self.sampler);
        let origin = TrajectoryOrigin {
            unet: KeyBuilder::new("test").number(self.unet).finish(),
            sampler: &words,
            steps: STEPS,
            measured_by: None,
        };
        let outline = film.outline();
        let mut trajectories =
            FilmTrajectories::new(session, Some(&origin), outline, &self.options);
        let mut watch = Watch {
            steps_left,
            ..Default::default()
        };
        let report = blend(BlendRequest {
            backend: &mut FakeBackend::new(8),
            sampler: sampler.unwrap().as_ref(),
            keyframes: &mut film.keyframes.as_slice(),
            transitions: &film.transitions,
            options: self.options,
            snapshots: &mut trajectories,
            observer: &mut watch,
        });
        if report.is_ok() {
            assert!(trajectories.is_complete() || !session.is_on());
        }
        (report, watch.kept)
    }

    /// A film, and how many model evaluations it took.
    pub(super) fn render(&self, session: &StoreSession, film: &Film) -> (usize, Blended) {
        let (report, kept) = self.run(session, film, None);
        let report = report.unwrap();
        let all = report.model_evaluations + report.reused_evaluations;
        assert_eq!(all, film.cost().model_evaluations);
        (report.model_evaluations, kept)
    }
}

pub(super) fn session(folder: &Path) -> StoreSession {
    StoreSession::new(Some(Store::open(folder, StoreOptions::default()).unwrap()))
}

pub(super) fn fresh(way: Way, film: &Film) -> Blended {
    way.render(&StoreSession::new(None), film).1
}

pub(super) fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let shards = std::fs::read_dir(folder.join("entries")).unwrap();
    let files = shards.flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}
