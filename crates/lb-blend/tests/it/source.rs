//! Keyframes that are made when the engine asks for them.

use std::cell::RefCell;
use std::ops::ControlFlow;

use lb_blend::noise::initial_latents;
use lb_blend::testing::FakeBackend;
use lb_blend::{
    BlendError, BlendOptions, BlendReport, BlendRequest, Blended, BlendedFrame, Film, FilmOutline,
    Keyframe, KeyframeError, KeyframeSource, LatentShape, Observer, Snapshot, SnapshotKey,
    SnapshotStore, StepProgress, Transition, blend,
};
use lb_schedule::{BranchingProfile, CrossfeedCurve};

use crate::scene::{film, go_on, quiet_film, sampled, sampler};

/// What happened, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Event {
    Made(usize),
    Noted(usize),
    Loaded(SnapshotKey),
    Finished(usize),
    Transition(usize),
}

type Log = RefCell<Vec<Event>>;

/// Makes keyframes from a function of their index.
struct Source<'a, F> {
    count: usize,
    make: F,
    log: &'a Log,
}

impl<F: Fn(usize) -> Result<Keyframe, KeyframeError>> KeyframeSource for Source<'_, F> {
    fn count(&self) -> usize {
        self.count
    }

    fn guidance_scale(&self, _: usize) -> f64 {
        4.0
    }

    fn keyframe(&mut self, index: usize) -> Result<Keyframe, KeyframeError> {
        self.log.borrow_mut().push(Event::Made(index));
        (self.make)(index)
    }
}

struct Store<'a>(&'a Log);

impl SnapshotStore for Store<'_> {
    fn keyframe(&mut self, index: usize, _: &Keyframe) {
        self.0.borrow_mut().push(Event::Noted(index));
    }

    fn load(&mut self, key: SnapshotKey) -> Option<Snapshot> {
        self.0.borrow_mut().push(Event::Loaded(key));
        None
    }

    fn save(&mut self, _: SnapshotKey, _: &Snapshot) {}
}

struct Watch<'a> {
    log: &'a Log,
    blended: Blended,
    last: Option<StepProgress>,
}

impl Observer for Watch<'_> {
    fn step(&mut self, progress: &StepProgress) -> ControlFlow<()> {
        self.last = Some(*progress);
        go_on()
    }

    fn keyframe(&mut self, index: usize, _: &lb_blend::Latents) -> ControlFlow<()> {
        self.log.borrow_mut().push(Event::Finished(index));
        go_on()
    }

    fn transition(
        &mut self,
        index: usize,
        frames: &[BlendedFrame],
        fractions: &[Vec<f64>],
    ) -> ControlFlow<()> {
        self.log.borrow_mut().push(Event::Transition(index));
        self.blended.transition(index, frames, fractions)
    }
}

struct Run {
    result: Result<BlendReport, BlendError>,
    blended: Blended,
    last: Option<StepProgress>,
    log: Vec<Event>,
}

fn pulled(
    make: impl Fn(usize) -> Result<Keyframe, KeyframeError>,
    count: usize,
    transitions: &[Transition],
    batch_limit: usize,
    options: BlendOptions,
) -> Run {
    let log = Log::default();
    let mut watch = Watch {
        log: &log,
        blended: Blended::default(),
        last: None,
    };
    let steps = transitions[0].profile.steps();
    let result = blend(BlendRequest {
        backend: &mut FakeBackend::new(batch_limit),
        sampler: &sampler(steps),
        keyframes: &mut Source {
            count,
            make,
            log: &log,
        },
        transitions,
        options,
        snapshots: &mut Store(&log),
        observer: &mut watch,
    });
    Run {
        result,
        blended: watch.blended,
        last: watch.last,
        log: log.take(),
    }
}

fn pulled_film(film: &Film, batch_limit: usize, options: BlendOptions) -> Run {
    let make = |index: usize| Ok(film.keyframes[index].clone());
    let count = film.keyframes.len();
    pulled(make, count, &film.transitions, batch_limit, options)
}

#[test]
fn a_source_gives_the_film_of_its_keyframes() {
    let mut looped = film(5);
    looped.transitions.push(looped.transitions[0].clone());
    for film in [film(5), looped] {
        for limit in [3, 5, 64] {
            let options = BlendOptions::default();
            let kept = sampled(&sampler(10), &film, limit, &options);
            let run = pulled_film(&film, limit, options);
            assert_eq!(run.result.unwrap(), kept.report);
            assert_eq!(run.blended.transitions, kept.transitions);
            assert_eq!(run.blended.level_fractions, kept.level_fractions);
        }
    }
}

#[test]
fn each_keyframe_is_made_once_and_no_earlier_than_its_group() {
    let mut looped = film(6);
    looped.transitions.push(looped.transitions[0].clone());
    for (film, transitions) in [(film(6), 5), (looped, 6)] {
        // Groups of two keyframes.
        let log = pulled_film(&film, 4, BlendOptions::default()).log;
        let events = log.iter().filter(|at| !matches!(at, Event::Loaded(_)));
        let mut expected = Vec::new();
        for first in [0, 2, 4] {
            for index in [first, first + 1] {
                expected.extend([Event::Made(index), Event::Noted(index)]);
            }
            for index in [first, first + 1] {
                expected.push(Event::Finished(index));
                expected.extend(index.checked_sub(1).map(Event::Transition));
            }
        }
        expected.extend((5..transitions).map(Event::Transition));
        assert_eq!(events.copied().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_store_knows_a_keyframe_before_it_is_asked_for_what_depends_on_it() {
    let mut options = BlendOptions::default();
    options.crossfeed.keyframes = CrossfeedCurve {
        power: 0.4,
        range: 0.6,
        decay: 0.5,
    };
    let log = pulled_film(&film(5), 4, options).log;
    let mut known = 0;
    for event in log {
        match event {
            Event::Noted(index) => {
                assert_eq!(index, known, "noted in order");
                known += 1;
            }
            Event::Loaded(SnapshotKey::Keyframe { index, .. }) => assert!(index < known),
            Event::Loaded(SnapshotKey::Level { transition, .. }) => assert!(transition + 1 < known),
            _ => {}
        }
    }
    assert_eq!(known, 5);
}

#[test]
fn an_error_of_a_source_is_returned_as_it_is() {
    let film = film(4);
    let make = |index: usize| match index {
        2 => {
            let missing = std::io::Error::other("frame 2 is gone");
            Err(KeyframeError::new(missing))
        }
        _ => Ok(film.keyframes[index].clone()),
    };
    let run = pulled(make, 4, &film.transitions, 4, BlendOptions::default());
    assert_eq!(
        run.blended.transitions.len(),
        1,
        "what came before is final"
    );
    let whole = quiet_film(4, 4, &BlendOptions::default());
    assert_eq!(run.blended.transitions[0], whole.transitions[0]);
    let error = run.result.unwrap_err();
    assert_eq!(error.to_string(), "frame 2 is gone");
    let BlendError::Keyframe(error) = error else {
        panic!("{error:?}")
    };
    assert!(error.into_inner().downcast::<std::io::Error>().is_ok());
}

#[test]
fn keyframes_are_validated_when_they_arrive() {
    let film = film(4);
    let refused = |change: fn(&mut Keyframe)| {
        let make = |index: usize| {
            let mut keyframe = film.keyframes[index].clone();
            if index == 2 {
                change(&mut keyframe);
            }
            Ok(keyframe)
        };
        let run = pulled(make, 4, &film.transitions, 4, BlendOptions::default());
        assert!(!run.log.contains(&Event::Noted(2)));
        run.result.unwrap_err().to_string()
    };
    assert_eq!(
        refused(|at| at.initial_latents = initial_latents(0, LatentShape::new(1, 1, 1)).unwrap()),
        "keyframe 2 has latents of shape 1×1×1, keyframe 0 of 2×3×5"
    );
    assert_eq!(
        refused(|at| at.conditioning.values[3] = f32::NAN),
        "keyframe 2: value 3 of its conditioning is NaN, must be finite"
    );
    assert_eq!(
        refused(|at| at.guidance_scale = 5.0),
        "keyframe 2 has a guidance scale of 5, its source had announced 4"
    );
}

/// A second stage has as many: each pair of neighbouring computed frames is a transition of its own there.
#[test]
fn thousands_of_keyframes_need_the_memory_of_a_few() {
    let profile = BranchingProfile::manual(4, &[2, 3], &[0, 2]).unwrap();
    let held = [500, 2000].map(|count| {
        let transitions = vec![Transition::new(profile.clone(), 1.0); count];
        let patterns = film(3).keyframes;
        let make = |index: usize| Ok(patterns[index % 3].clone());
        let run = pulled(make, count, &transitions, 64, BlendOptions::default());
        let report = run.result.unwrap();
        let outline = FilmOutline::new(&transitions, vec![4.0; count]);
        let cost = outline.cost();
        assert_eq!(cost.model_evaluations, count * (4 + 2));
        assert_eq!(report.model_evaluations, cost.model_evaluations);
        assert_eq!(
            report.predicted_rows,
            outline.forecast(&BlendOptions::default()).rows
        );
        let last = run.last.unwrap();
        assert_eq!(last.model_evaluations, last.total_model_evaluations);
        assert_eq!(last.total_model_evaluations, cost.model_evaluations);
        assert_eq!(run.blended.transitions.len(), count);
        let made = run.log.iter().filter(|at| matches!(at, Event::Made(_)));
        assert_eq!(made.count(), count);
        report.most_snapshots_held
    });
    assert_eq!(held[0], held[1]);
}
