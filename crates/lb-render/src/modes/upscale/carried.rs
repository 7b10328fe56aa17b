//! What one window of a film leaves to the next.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;

use lb_blend::{Keyframe, Snapshot, SnapshotKey, SnapshotStore};

/// Trajectories of keyframes that two windows of one film share, so that each is computed once.
#[derive(Debug)]
pub(crate) struct Carried {
    /// By the keyframe's place in the whole film and its steps.
    ends: BTreeMap<(usize, usize), Snapshot>,
    /// Keyframes of the whole film.
    keyframes: usize,
    looped: bool,
}

impl Carried {
    /// Of a film with so many keyframes.
    pub(crate) fn new(keyframes: usize, looped: bool) -> Self {
        Self {
            ends: BTreeMap::new(),
            keyframes,
            looped,
        }
    }

    /// The store of the window over these transitions. What it does not have it takes from `store`,
    /// to which it also hands on everything. `taken` grows by the steps of every keyframe that an
    /// earlier window had: they were counted there.
    pub(crate) fn window<'a>(
        &'a mut self,
        transitions: Range<usize>,
        store: &'a mut dyn SnapshotStore,
        taken: &'a Cell<usize>,
    ) -> Window<'a> {
        let needed =
            |keyframe: usize| keyframe == transitions.start || (self.looped && keyframe == 0);
        self.ends.retain(|&(keyframe, _), _| needed(keyframe));
        Window {
            carried: self,
            transitions,
            store,
            taken,
        }
    }
}

/// A window's store.
pub(crate) struct Window<'a> {
    carried: &'a mut Carried,
    transitions: Range<usize>,
    store: &'a mut dyn SnapshotStore,
    taken: &'a Cell<usize>,
}

impl Window<'_> {
    /// A keyframe's place in the whole film, if another window has it too.
    fn shared(&self, place: SnapshotKey) -> Option<(usize, usize)> {
        let SnapshotKey::Keyframe { index, step } = place else {
            return None;
        };
        let keyframe = (self.transitions.start + index) % self.carried.keyframes;
        let outermost = index == 0 || index == self.transitions.len();
        let closing = self.carried.looped && keyframe == 0;
        (outermost || closing).then_some((keyframe, step))
    }
}

impl SnapshotStore for Window<'_> {
    fn keyframe(&mut self, index: usize, keyframe: &Keyframe) {
        self.store.keyframe(index, keyframe);
    }

    fn load(&mut self, place: SnapshotKey) -> Option<Snapshot> {
        let shared = self.shared(place);
        if let Some((keyframe, step)) = shared
            && let Some(end) = self.carried.ends.get(&(keyframe, step))
        {
            let later = (keyframe, step + 1)..=(keyframe, usize::MAX);
            if self.carried.ends.range(later).next().is_none() {
                self.taken.set(self.taken.get() + step);
            }
            return Some(end.clone());
        }
        let end = self.store.load(place)?;
        if let Some(shared) = shared {
            self.carried.ends.insert(shared, end.clone());
        }
        Some(end)
    }

    fn save(&mut self, place: SnapshotKey, end: &Snapshot) {
        if let Some(shared) = self.shared(place) {
            self.carried.ends.insert(shared, end.clone());
        }
        self.store.save(place, end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyframe(index: usize) -> SnapshotKey {
        SnapshotKey::Keyframe { index, step: 5 }
    }

    fn end(mark: f64) -> Snapshot {
        Snapshot {
            fractions: vec![vec![mark]],
            ..Default::default()
        }
    }

    #[test]
    fn a_windows_last_keyframe_is_the_nexts_first() {
        let mut carried = Carried::new(5, false);
        let (mut nothing, taken) = ((), Cell::new(0));
        let mut window = carried.window(0..2, &mut nothing, &taken);
        for index in 0..3 {
            assert_eq!(window.load(keyframe(index)), None);
            window.save(keyframe(index), &end(index as f64));
        }
        assert_eq!(taken.get(), 0);
        let mut window = carried.window(2..4, &mut nothing, &taken);
        assert_eq!(window.load(keyframe(0)), Some(end(2.0)));
        assert_eq!(window.load(keyframe(1)), None);
        assert_eq!(window.load(keyframe(2)), None);
        assert_eq!(taken.get(), 5);
    }

    #[test]
    fn a_loop_ends_at_its_first_keyframe() {
        let mut carried = Carried::new(4, true);
        let (mut nothing, taken) = ((), Cell::new(0));
        let mut window = carried.window(0..2, &mut nothing, &taken);
        for index in 0..3 {
            window.save(keyframe(index), &end(index as f64));
        }
        let mut window = carried.window(2..4, &mut nothing, &taken);
        assert_eq!(window.load(keyframe(2)), Some(end(0.0)));
        assert_eq!(window.load(keyframe(0)), Some(end(2.0)));
        assert_eq!(taken.get(), 10);
    }
}
