//! A snapshot store in memory whose program can die, and films that continue from what it kept.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::rc::Rc;

use lb_blend::testing::FakeBackend;
use lb_blend::{
    BlendError, BlendOptions, BlendReport, BlendRequest, Blended, BlendedFrame, Film, Latents,
    Observer, Sampler, Snapshot, SnapshotKey, SnapshotStore, StepProgress, blend,
};

use crate::scene::go_on;

pub(crate) type Kept = BTreeMap<SnapshotKey, Snapshot>;

/// Keeps everything in memory, until the save after which the program dies.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) kept: Kept,
    /// The keys that were saved, in order.
    pub(crate) saved: Vec<SnapshotKey>,
    /// The number of saves after which the program dies.
    last_save: Option<usize>,
    dead: Rc<Cell<bool>>,
}

impl Memory {
    pub(crate) fn with(kept: Kept) -> Self {
        Self {
            kept,
            ..Default::default()
        }
    }
}

impl SnapshotStore for Memory {
    fn load(&mut self, key: SnapshotKey) -> Option<Snapshot> {
        self.kept.get(&key).cloned()
    }

    fn save(&mut self, key: SnapshotKey, end: &Snapshot) {
        if self.dead.get() {
            return;
        }
        self.saved.push(key);
        self.kept.insert(key, end.clone());
        self.dead.set(Some(self.saved.len()) == self.last_save);
    }
}

/// Keeps the film, and stops at the first event after the store died.
struct Mortal {
    dead: Rc<Cell<bool>>,
    blended: Blended,
    steps: Vec<StepProgress>,
}

impl Mortal {
    fn flow(&self) -> ControlFlow<()> {
        if self.dead.get() {
            return ControlFlow::Break(());
        }
        go_on()
    }
}

impl Observer for Mortal {
    fn step(&mut self, progress: &StepProgress) -> ControlFlow<()> {
        self.steps.push(*progress);
        self.flow()
    }

    fn keyframe(&mut self, _: usize, _: &Latents) -> ControlFlow<()> {
        self.flow()
    }

    fn transition(
        &mut self,
        index: usize,
        frames: &[BlendedFrame],
        fractions: &[Vec<f64>],
    ) -> ControlFlow<()> {
        self.blended.transition(index, frames, fractions)
    }
}

/// The outcome of a film that may have been interrupted.
pub(crate) struct Run {
    pub(crate) result: Result<BlendReport, BlendError>,
    pub(crate) blended: Blended,
    pub(crate) steps: Vec<StepProgress>,
    pub(crate) store: Memory,
}

/// What a film is rendered with.
pub(crate) struct Studio<'a> {
    pub(crate) sampler: &'a dyn Sampler,
    pub(crate) film: &'a Film,
    pub(crate) options: BlendOptions,
}

impl Studio<'_> {
    /// Renders on a fake backend with this batch limit, continuing from what was kept.
    pub(crate) fn render(&self, batch_limit: usize, kept: Kept) -> Run {
        self.render_with(batch_limit, Memory::with(kept))
    }

    /// Renders with an empty store that dies at its n-th save.
    pub(crate) fn crash(&self, batch_limit: usize, last_save: usize) -> Run {
        let store = Memory {
            last_save: Some(last_save),
            ..Default::default()
        };
        self.render_with(batch_limit, store)
    }

    fn render_with(&self, batch_limit: usize, mut store: Memory) -> Run {
        let mut observer = Mortal {
            dead: Rc::clone(&store.dead),
            blended: Blended::default(),
            steps: Vec::new(),
        };
        let mut backend = FakeBackend::new(batch_limit);
        let result = blend(BlendRequest {
            backend: &mut backend,
            sampler: self.sampler,
            keyframes: &mut self.film.keyframes.as_slice(),
            transitions: &self.film.transitions,
            options: self.options,
            snapshots: &mut store,
            observer: &mut observer,
        });
        Run {
            result,
            blended: observer.blended,
            steps: observer.steps,
            store,
        }
    }

    /// The model evaluations that these snapshots spare, counted by hand.
    pub(crate) fn spared(&self, kept: &Kept) -> usize {
        let (keyframes, transitions) = (self.film.keyframes.len(), &self.film.transitions);
        let mut spared = 0;
        for index in 0..keyframes {
            let mut steps = BTreeSet::new();
            for (number, transition) in transitions.iter().enumerate() {
                if number == index || (number + 1) % keyframes == index {
                    // Inner branches move beside the keyframes after every step.
                    steps.extend(transition.profile.step_range(0).end..=transition.profile.steps());
                }
            }
            let curve = self.options.crossfeed.keyframes;
            let mixes = |&step: &usize| curve.coefficient(step, 0, 10) > 0.0;
            steps.extend((0..10).filter(mixes));
            let mut before = 0;
            for step in steps {
                if kept.contains_key(&SnapshotKey::Keyframe { index, step }) {
                    spared += step - before;
                }
                before = step;
            }
        }
        for (transition, at) in transitions.iter().enumerate() {
            let levels = 1..at.profile.levels().len();
            let kept =
                |&level: &usize| kept.contains_key(&SnapshotKey::Level { transition, level });
            if let Some(deepest) = levels.rev().find(kept) {
                for level in 1..=deepest {
                    let inner = at.profile.levels()[level].branch_count - 2;
                    spared += inner * at.profile.step_range(level).len();
                }
            }
        }
        spared
    }
}
