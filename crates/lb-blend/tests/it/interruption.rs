//! What an observer sees, and how it stops a film.

use std::ops::ControlFlow;

use lb_blend::testing::FakeBackend;
use lb_blend::{BlendError, BlendOptions, BlendedFrame, Latents, Observer, Phase, StepProgress};

use crate::scene::{film, go_on, profile, quiet_film};

/// Writes everything down, and breaks off at the n-th event.
struct Recorder {
    break_at: usize,
    events: Vec<Event>,
}

#[derive(Clone, PartialEq, Debug)]
enum Event {
    Step(StepProgress),
    Keyframes(Vec<Latents>),
    Transition(usize, Vec<BlendedFrame>),
}

impl Recorder {
    fn until(break_at: usize) -> Self {
        Self {
            break_at,
            events: Vec::new(),
        }
    }

    fn record(&mut self, event: Event) -> ControlFlow<()> {
        self.events.push(event);
        if self.events.len() == self.break_at {
            ControlFlow::Break(())
        } else {
            go_on()
        }
    }
}

impl Observer for Recorder {
    fn step(&mut self, progress: &StepProgress) -> ControlFlow<()> {
        self.record(Event::Step(*progress))
    }

    fn keyframes(&mut self, latents: &[Latents]) -> ControlFlow<()> {
        self.record(Event::Keyframes(latents.to_vec()))
    }

    fn transition(&mut self, index: usize, frames: &[BlendedFrame]) -> ControlFlow<()> {
        self.record(Event::Transition(index, frames.to_vec()))
    }
}

#[test]
fn everything_is_told_in_order() {
    let mut recorder = Recorder::until(usize::MAX);
    let options = BlendOptions::default();
    let film = film(&mut FakeBackend::new(7), 3, &options, &mut recorder).unwrap();
    // Ten keyframe steps, the keyframes, then seven steps and an end for each transition.
    let events = &recorder.events;
    assert_eq!(events.len(), 10 + 1 + 2 * (7 + 1));
    let ends = [
        &film.transitions[0][0],
        &film.transitions[1][0],
        &film.transitions[1][8],
    ];
    assert_eq!(
        events[10],
        Event::Keyframes(ends.map(|frame| frame.latents.clone()).to_vec())
    );
    assert_eq!(
        events[18],
        Event::Transition(0, film.transitions[0].clone())
    );
    assert_eq!(
        events[26],
        Event::Transition(1, film.transitions[1].clone())
    );

    let total = profile().film_cost(3).model_evaluations;
    let first = StepProgress {
        phase: Phase::Keyframes,
        branches: 3,
        step: 1,
        steps: 10,
        model_evaluations: 3,
        total_model_evaluations: total,
    };
    assert_eq!(events[0], Event::Step(first));
    let last = StepProgress {
        phase: Phase::Transition { index: 1, level: 3 },
        branches: 7,
        step: 10,
        model_evaluations: total,
        ..first
    };
    assert_eq!(events[25], Event::Step(last));
}

#[test]
fn breaking_off_at_any_event_stops_there() {
    for break_at in 1..=27 {
        let mut recorder = Recorder::until(break_at);
        let mut backend = FakeBackend::new(usize::MAX);
        let result = film(&mut backend, 3, &BlendOptions::default(), &mut recorder);
        assert!(
            matches!(result, Err(BlendError::Interrupted)),
            "{break_at}: {result:?}"
        );
        assert_eq!(recorder.events.len(), break_at);
        let steps = recorder
            .events
            .iter()
            .filter(|event| matches!(event, Event::Step(_)));
        assert_eq!(
            backend.calls().len(),
            steps.count(),
            "no model call after the break"
        );
    }
}

#[test]
fn what_was_finished_before_a_break_is_final() {
    let whole = quiet_film(usize::MAX, 3, &BlendOptions::default());
    let mut recorder = Recorder::until(19);
    let options = BlendOptions::default();
    film(
        &mut FakeBackend::new(usize::MAX),
        3,
        &options,
        &mut recorder,
    )
    .unwrap_err();
    assert_eq!(
        recorder.events[18],
        Event::Transition(0, whole.transitions[0].clone())
    );
}
