//! What an observer sees, and how it stops a film.

use std::ops::ControlFlow;

use lb_blend::testing::FakeBackend;
use lb_blend::{BlendError, BlendOptions, BlendedFrame, Latents, Observer, Phase, StepProgress};

use crate::scene::{Made, film, go_on, quiet_film, render};

/// Records all events, and stops the film at the n-th.
struct Recorder {
    break_at: usize,
    events: Vec<Event>,
}

#[derive(Clone, PartialEq, Debug)]
enum Event {
    Step(StepProgress),
    Keyframe(usize, Latents),
    Transition(usize, Vec<BlendedFrame>, Vec<Vec<f64>>),
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

    fn keyframe(&mut self, index: usize, latents: &Latents) -> ControlFlow<()> {
        self.record(Event::Keyframe(index, latents.clone()))
    }

    fn transition(
        &mut self,
        index: usize,
        frames: &[BlendedFrame],
        level_fractions: &[Vec<f64>],
    ) -> ControlFlow<()> {
        let (frames, fractions) = (frames.to_vec(), level_fractions.to_vec());
        self.record(Event::Transition(index, frames, fractions))
    }
}

fn finished(film: &Made, index: usize) -> Event {
    let frames = film.transitions[index].clone();
    Event::Transition(index, frames, film.level_fractions[index].clone())
}

#[test]
fn everything_is_reported_in_order() {
    let mut recorder = Recorder::until(usize::MAX);
    let options = BlendOptions::default();
    let made = quiet_film(5, 3, &options);
    render(&mut FakeBackend::new(5), &film(3), &options, &mut recorder).unwrap();
    // Two keyframes fit into five rows. So their ten steps come first, then both keyframes, then
    // seven steps and the end of their transition; then the third keyframe and the second
    // transition.
    let events = &recorder.events;
    assert_eq!(events.len(), 10 + 2 + (7 + 1) + 10 + 1 + (7 + 1));
    let keyframe =
        |index: usize, frame: &BlendedFrame| Event::Keyframe(index, frame.latents.clone());
    assert_eq!(events[10], keyframe(0, &made.transitions[0][0]));
    assert_eq!(events[11], keyframe(1, &made.transitions[1][0]));
    assert_eq!(events[19], finished(&made, 0));
    assert_eq!(events[30], keyframe(2, &made.transitions[1][8]));
    assert_eq!(events[38], finished(&made, 1));

    let total = film(3).cost().model_evaluations;
    let step = |event: &Event| match event {
        Event::Step(at) => {
            assert_eq!((at.steps, at.total_model_evaluations), (10, total));
            (at.phase, at.branches, at.step, at.model_evaluations)
        }
        _ => panic!("{event:?} is no step"),
    };
    assert_eq!(step(&events[0]), (Phase::Keyframes, 2, 1, 2));
    let phase = Phase::Transition { index: 1, level: 3 };
    assert_eq!(step(&events[37]), (phase, 7, 10, total));
}

#[test]
fn a_break_at_any_event_stops_the_film_there() {
    for break_at in 1..=29 {
        let mut recorder = Recorder::until(break_at);
        let mut backend = FakeBackend::new(usize::MAX);
        let result = render(
            &mut backend,
            &film(3),
            &BlendOptions::default(),
            &mut recorder,
        );
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
    let mut recorder = Recorder::until(20);
    let (mut backend, options) = (FakeBackend::new(usize::MAX), BlendOptions::default());
    render(&mut backend, &film(3), &options, &mut recorder).unwrap_err();
    assert_eq!(recorder.events[19], finished(&whole, 0));
}
