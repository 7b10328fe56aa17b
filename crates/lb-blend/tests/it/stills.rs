//! Stills: keyframes without transitions.

use std::ops::ControlFlow;

use lb_blend::testing::FakeBackend;
use lb_blend::{
    BlendError, BlendOptions, BlendReport, BlendRequest, Film, FilmOutline, Latents, Observer,
    blend,
};
use lb_schedule::{Crossfeed, CrossfeedCurve};

use crate::keeping::{Kept, Studio};
use crate::scene::{film, go_on, keyframes, render, sampler};

/// The latents of the keyframes, in the order in which they are reported.
#[derive(Default)]
struct Finished(Vec<Latents>);

impl Observer for Finished {
    fn keyframe(&mut self, index: usize, latents: &Latents) -> ControlFlow<()> {
        assert_eq!(index, self.0.len());
        self.0.push(latents.clone());
        go_on()
    }
}

/// The finished keyframes of a film, and what they took.
pub(crate) fn computed(
    film: &Film,
    limit: usize,
    options: &BlendOptions,
) -> (Vec<Latents>, BlendReport) {
    let (mut finished, mut backend) = (Finished::default(), FakeBackend::new(limit));
    let report = render(&mut backend, film, options, &mut finished).unwrap();
    (finished.0, report)
}

fn stills(count: usize) -> Film {
    Film::new(keyframes(count), Vec::new())
}

#[test]
fn stills_are_the_keyframes_of_a_film() {
    let options = BlendOptions::default();
    let (in_film, _) = computed(&film(3), 64, &options);
    for limit in [1, 4, 64] {
        let (alone, report) = computed(&stills(3), limit, &options);
        assert_eq!(alone, in_film, "batch limit {limit}");
        assert_eq!(report.model_evaluations, 30);
    }
    let (single, report) = computed(&stills(1), 64, &options);
    assert_eq!(single, in_film[..1]);
    assert_eq!(report.model_evaluations, 10);
}

#[test]
fn stills_are_computed_in_batches() {
    let rows = |limit| {
        let mut backend = FakeBackend::new(limit);
        let film = stills(20);
        render(&mut backend, &film, &BlendOptions::default(), &mut ()).unwrap();
        let rows: Vec<usize> = backend.calls().iter().map(|call| call.rows).collect();
        rows
    };
    // Two rows each: sixteen keyframes in ten steps, and then the other four.
    assert_eq!(rows(64), [[32; 10], [8; 10]].concat());
    assert_eq!(rows(10), [[10; 10]; 4].concat());
}

#[test]
fn the_cost_is_that_of_the_steps() {
    let film = stills(5);
    let outline = FilmOutline::new(&[], [4.0; 5]).with_steps(10);
    assert!(!outline.is_joined() && !outline.is_looped());
    assert_eq!(outline.steps(), 10);
    let forecast = outline.forecast(&BlendOptions::default());
    assert_eq!((forecast.model_evaluations, forecast.rows), (50, 100));
    assert_eq!(forecast.decodes, 5);
    let (_, report) = computed(&film, 64, &BlendOptions::default());
    assert_eq!(report.model_evaluations, forecast.model_evaluations);
    assert_eq!(report.predicted_rows, forecast.rows);
    let called = outline.call_rows(64, &BlendOptions::default());
    assert_eq!((called.fewest, called.usual, called.most), (2, 10, 10));
}

#[test]
fn stills_take_nothing_over_from_each_other() {
    let options = BlendOptions::default();
    let curve = CrossfeedCurve {
        power: 0.9,
        range: 0.8,
        decay: 0.9,
    };
    let fed = options.with_crossfeed(Crossfeed::new(curve, curve));
    // Two groups, so that a keyframe whose neighbour is gone is among them.
    let alone = computed(&stills(20), 64, &options);
    assert_eq!(computed(&stills(20), 64, &fed), alone);
    assert_ne!(
        computed(&film(3), 64, &fed).0,
        computed(&film(3), 64, &options).0
    );
}

#[test]
fn stills_that_are_in_a_store_are_not_computed_again() {
    let sampler = sampler(10);
    let some = stills(3);
    let studio = |film| Studio {
        sampler: &sampler,
        film,
        options: BlendOptions::default(),
    };
    let first = studio(&some).render(64, Kept::new());
    let more = stills(5);
    let second = studio(&more).render(64, first.store.kept);
    let report = second.result.unwrap();
    assert_eq!(
        (report.reused_evaluations, report.model_evaluations),
        (30, 20)
    );
}

#[test]
fn there_must_be_a_keyframe() {
    let none = Film::default();
    let mut backend = FakeBackend::new(4);
    let refused = blend(BlendRequest {
        backend: &mut backend,
        sampler: &sampler(10),
        keyframes: &mut none.keyframes.as_slice(),
        transitions: &none.transitions,
        options: BlendOptions::default(),
        snapshots: &mut (),
        observer: &mut (),
    });
    assert!(matches!(
        refused,
        Err(BlendError::TooFewKeyframes { count: 0 })
    ));
}
