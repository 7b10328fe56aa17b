//! Whole films with a formula instead of a model: which results are found in the cache.

use std::ops::ControlFlow;
use std::path::Path;

use lb_blend::noise::{initial_latents, standard_normal};
use lb_blend::testing::FakeBackend;
use lb_blend::{
    BlendError, BlendReport, BlendRequest, Blended, BlendedFrame, Conditioning, Film,
    InversionOptions, Observer, StepProgress, Transition, blend,
};
use lb_cache::{Cache, EntryKind};
use lb_schedule::{BranchingProfile, CrossfeedCurve, Spacing};

use super::super::inversion_key;
use super::*;

fn test_key(name: &str) -> Key {
    Key::of(EntryKind::new("test", 1), name)
}

fn unet(name: &str) -> UnetKeys {
    let [changed, plain] = [test_key(name), test_key(&format!("{name} without LoRAs"))];
    UnetKeys { changed, plain }
}

fn denoising(sampler: SamplerKind, steps: usize) -> Denoising {
    Denoising {
        sampler,
        schedule: NoiseScheduleConfig::default(),
        steps,
        guidance_rescale: GuidanceRescale::OFF,
        guidance_every: 1,
    }
}

const STEPS: usize = 10;
const SHAPE: LatentShape = LatentShape {
    channels: 1,
    height: 2,
    width: 3,
};

fn keyframe(seed: u64) -> Keyframe {
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
        lora_strengths: vec![1.0],
    }
}

fn transition(counts: &[usize]) -> Transition {
    Transition {
        profile: BranchingProfile::manual(STEPS, counts, &[0, 3, 7]).unwrap(),
        guidance_damper: 0.5,
    }
}

fn film(seeds: &[u64]) -> Film {
    Film {
        keyframes: seeds.iter().map(|&seed| keyframe(seed)).collect(),
        transitions: vec![transition(&[2, 3, 6]); seeds.len() - 1],
    }
}

/// Collects the film, and stops after a number of steps.
#[derive(Default)]
struct Watch {
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

/// The settings with which a film is computed.
#[derive(Clone, Copy, Default)]
struct Way {
    sampler: SamplerKind,
    options: BlendOptions,
    unet: &'static str,
}

impl Way {
    fn run(
        &self,
        cache: &Rc<LenientCache>,
        film: &Film,
        steps_left: Option<usize>,
    ) -> (Result<BlendReport, BlendError>, Blended) {
        let denoising = denoising(self.sampler, STEPS);
        let sampler = self.sampler.sampler(&denoising.schedule, STEPS);
        let unet = Some(unet(self.unet));
        let outline = film.outline();
        let mut snapshots =
            CachedSnapshots::new(cache, unet, None, outline, &self.options, &denoising);
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
            snapshots: &mut snapshots,
            observer: &mut watch,
        });
        if report.is_ok() {
            assert!(snapshots.are_complete() || !cache.is_on());
        }
        (report, watch.kept)
    }

    /// Renders a film, and returns the number of model evaluations with it.
    fn render(&self, cache: &Rc<LenientCache>, film: &Film) -> (usize, Blended) {
        let (report, kept) = self.run(cache, film, None);
        let report = report.unwrap();
        let all = report.model_evaluations + report.reused_evaluations;
        assert_eq!(all, film.cost().model_evaluations);
        (report.model_evaluations, kept)
    }
}

fn cache_in(folder: &Path) -> Rc<LenientCache> {
    Rc::new(LenientCache::new(Some(
        Cache::open(folder, Cache::DEFAULT_LIMIT).unwrap(),
    )))
}

fn fresh(way: Way, film: &Film) -> Blended {
    way.render(&Rc::new(LenientCache::new(None)), film).1
}

fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let shards = std::fs::read_dir(folder.join("entries")).unwrap();
    let files = shards.flat_map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn a_film_that_was_stopped_continues_from_the_cache() {
    for sampler in [SamplerKind::Ddim, SamplerKind::DpmSolver] {
        let way = Way {
            sampler,
            ..Default::default()
        };
        let film = film(&[1, 2, 3]);
        let whole = fresh(way, &film);
        for stop in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let (report, _) = way.run(&cache_in(folder.path()), &film, Some(stop));
            if report.is_ok() {
                assert!(stop > 20);
                break;
            }
            let (_, kept) = way.render(&cache_in(folder.path()), &film);
            assert_eq!(kept, whole, "{sampler:?}, stopped after {stop} steps");
            let (evaluations, kept) = way.render(&cache_in(folder.path()), &film);
            assert_eq!((evaluations, kept), (0, whole.clone()));
        }
    }
}

#[test]
fn an_appended_keyframe_costs_one_trajectory_and_one_transition() {
    let folder = tempfile::tempdir().unwrap();
    let way = Way::default();
    let (short, long) = (film(&[1, 2]), film(&[1, 2, 3]));
    way.render(&cache_in(folder.path()), &short);
    let (evaluations, kept) = way.render(&cache_in(folder.path()), &long);
    let more = long.cost().model_evaluations - short.cost().model_evaluations;
    assert_eq!(evaluations, more);
    assert_eq!(kept, fresh(way, &long));
    let mut looped = film(&[1, 2, 3]);
    looped.transitions.push(transition(&[2, 3, 6]));
    let (evaluations, kept) = way.render(&cache_in(folder.path()), &looped);
    assert_eq!(
        evaluations,
        4 + 4 * 3,
        "the inner branches of one transition"
    );
    assert_eq!(kept, fresh(way, &looped));
}

#[test]
fn a_change_only_costs_the_results_that_depend_on_it() {
    let way = Way::default();
    let inner = 4 + 4 * 3;
    let changed = |change: &dyn Fn(&mut Film)| {
        let folder = tempfile::tempdir().unwrap();
        let mut film = film(&[1, 2, 3, 4]);
        way.render(&cache_in(folder.path()), &film);
        change(&mut film);
        let (evaluations, kept) = way.render(&cache_in(folder.path()), &film);
        assert_eq!(kept, fresh(way, &film));
        evaluations
    };
    assert_eq!(changed(&|_| {}), 0);
    let keyframe_and_both_sides = STEPS + 2 * inner;
    for change in [
        &(|film: &mut Film| film.keyframes[1] = keyframe(9)) as &dyn Fn(&mut Film),
        &|film| film.keyframes[1].guidance_scale = 3.5,
        &|film| film.keyframes[1].negative_conditioning.values[3] += 1e-3,
        &|film| film.keyframes[1].conditioning.values[0] += 1e-3,
        &|film| film.keyframes[1].lora_strengths = vec![0.5],
        &|film| film.keyframes[1].initial_latents = initial_latents(9, SHAPE).unwrap(),
    ] {
        assert_eq!(changed(change), keyframe_and_both_sides);
    }
    assert_eq!(
        changed(&|film| film.transitions[2].guidance_damper = 0.4),
        inner
    );
    assert_eq!(
        changed(&|film| film.transitions[0] = transition(&[2, 3, 7])),
        5 * 3
    );
    assert_eq!(
        changed(&|film| film.transitions[0] = transition(&[2, 4, 6])),
        8 + 12
    );
    assert_eq!(changed(&|film| film.keyframes.swap(0, 1)), 2 * inner);
    // A level that begins or ends at another step has another key.
    for injections in [[0, 2, 7], [0, 3, 6]] {
        let profile = BranchingProfile::manual(STEPS, &[2, 3, 6], &injections).unwrap();
        let inner = profile.inner_cost(1) + profile.inner_cost(2);
        let evaluations = changed(&|film| film.transitions[0].profile = profile.clone());
        assert!(evaluations >= inner.model_evaluations, "{evaluations}");
    }
}

#[test]
fn every_input_changes_the_keys() {
    let cache = Rc::new(LenientCache::new(None));
    let unet = unet("unet");
    let keys = |measured_by, denoising: &Denoising, film: &Film| {
        let options = BlendOptions::default();
        let outline = film.outline();
        let mut snapshots = CachedSnapshots::new(
            &cache,
            Some(unet),
            measured_by,
            outline,
            &options,
            denoising,
        );
        for (index, keyframe) in film.keyframes.iter().enumerate() {
            snapshots.keyframe(index, keyframe);
        }
        let (index, step, transition, level) = (0, 3, 0, 1);
        let asked = [
            SnapshotKey::Keyframe { index, step },
            SnapshotKey::Level { transition, level },
        ];
        asked.map(|snapshot| snapshots.key_and_entry(snapshot).unwrap().0)
    };
    let (ddim, film) = (denoising(SamplerKind::Ddim, STEPS), film(&[1, 2]));
    let [keyframe, level] = keys(None, &ddim, &film);
    let measured = keys(Some(test_key("decoder")), &ddim, &film);
    assert_eq!(measured[0], keyframe, "nothing is measured for a keyframe");
    assert_ne!(measured[1], level);
    let mut with_channels = film.clone();
    with_channels.keyframes[0].concatenated = Some(initial_latents(5, SHAPE).unwrap());
    let mut clipped = ddim.clone();
    clipped.schedule.clip_sample = true;
    let mut rescaled = ddim.clone();
    rescaled.guidance_rescale = GuidanceRescale::new(0.7).unwrap();
    let mut every_other = ddim.clone();
    every_other.guidance_every = 2;
    for other in [
        keys(None, &rescaled, &film),
        keys(None, &every_other, &film),
        keys(None, &denoising(SamplerKind::DpmSolver, STEPS), &film),
        keys(None, &denoising(SamplerKind::Ddim, 2 * STEPS), &film),
        keys(None, &clipped, &film),
        keys(None, &ddim, &with_channels),
    ] {
        assert!(other[0] != keyframe && other[1] != level);
    }
}

#[test]
fn an_inversion_has_a_key_for_every_number_of_iterations() {
    let unet = unet("unet");
    let key = |sampler, steps, iterations| {
        let options = InversionOptions::new(iterations);
        inversion_key(&unet, &denoising(sampler, steps), &options, &keyframe(1))
    };
    let one = key(SamplerKind::Ddim, STEPS, 2);
    let mut rescaled = denoising(SamplerKind::Ddim, STEPS);
    rescaled.guidance_rescale = GuidanceRescale::new(0.7).unwrap();
    for other in [
        inversion_key(&unet, &rescaled, &InversionOptions::new(2), &keyframe(1)),
        key(SamplerKind::Ddim, STEPS, 3),
        key(SamplerKind::Ddim, STEPS + 1, 2),
        key(SamplerKind::DpmSolver, STEPS, 2),
    ] {
        assert_ne!(other, one);
    }
}

#[test]
fn another_model_sampler_or_spacing_finds_only_common_results() {
    let folder = tempfile::tempdir().unwrap();
    let film = film(&[1, 2]);
    let all = film.cost().model_evaluations;
    let way = Way::default();
    way.render(&cache_in(folder.path()), &film);
    let spacing = Spacing::Fixed {
        mid_compression: 1.2,
    };
    let options = BlendOptions::default().with_spacing(spacing);
    let sampler = SamplerKind::DpmSolver;
    for (other, cost) in [
        (
            Way {
                unet: "other",
                ..way
            },
            all,
        ),
        (Way { sampler, ..way }, all),
        (Way { options, ..way }, all - 2 * STEPS),
    ] {
        let (evaluations, kept) = other.render(&cache_in(folder.path()), &film);
        assert_eq!(evaluations, cost);
        assert_eq!(kept, fresh(other, &film));
    }
}

#[test]
fn any_damaged_entry_is_reported_and_computed_again() {
    let way = Way::default();
    let film = film(&[1, 2, 3]);
    let whole = fresh(way, &film);
    let folder = tempfile::tempdir().unwrap();
    way.render(&cache_in(folder.path()), &film);
    let files = entries(folder.path());
    // Each keyframe is recorded after every step beside which branches move, each transition after
    // its inner levels.
    assert_eq!(files.len(), 3 * 8 + 2 * 2);
    let mut reported = 0;
    for file in files {
        let good = std::fs::read(&file).unwrap();
        let mut bytes = good.clone();
        bytes[good.len() / 2] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let cache = cache_in(folder.path());
        let (evaluations, kept) = way.render(&cache, &film);
        assert_eq!(kept, whole);
        // An inner level is not read if the level below it is in the cache.
        let problems = cache.take_problems();
        assert_eq!(problems.is_empty(), evaluations == 0, "{problems:?}");
        reported += problems.len();
        std::fs::write(&file, good).unwrap();
    }
    assert_eq!(reported, 3 * 8 + 2);
}

#[test]
fn under_crossfeed_a_keyframe_depends_on_those_before_it() {
    let mut way = Way::default();
    way.options.crossfeed.keyframes = CrossfeedCurve {
        power: 0.5,
        range: 0.6,
        decay: 0.2,
    };
    let folder = tempfile::tempdir().unwrap();
    let film = film(&[1, 2, 3]);
    way.render(&cache_in(folder.path()), &film);
    let inner = 4 + 4 * 3;
    for (index, cost) in [(2, STEPS + inner), (0, 3 * STEPS + 2 * inner)] {
        let mut changed = film.clone();
        changed.keyframes[index] = keyframe(9);
        let (evaluations, kept) = way.render(&cache_in(folder.path()), &changed);
        assert_eq!(evaluations, cost, "keyframe {index}");
        assert_eq!(kept, fresh(way, &changed));
    }
    // Without crossfeed, only the first keyframe is the same.
    let (evaluations, kept) = Way::default().render(&cache_in(folder.path()), &film);
    assert_eq!(evaluations, 2 * STEPS + 2 * inner);
    assert_eq!(kept, fresh(Way::default(), &film));
}
