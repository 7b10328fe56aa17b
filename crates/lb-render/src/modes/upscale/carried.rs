//! What one window of a film leaves to the next.

use std::collections::BTreeMap;
use std::ops::Range;

use lb_blend::{LevelEnd, Place, TrajectoryStore};

/// Trajectories of keyframes that two windows of one film share, so that each is computed once.
#[derive(Debug)]
pub(crate) struct Carried {
    /// By the keyframe's place in the whole film and its steps.
    ends: BTreeMap<(usize, usize), LevelEnd>,
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
    /// to which it also hands on everything.
    pub(crate) fn window<'a>(
        &'a mut self,
        transitions: Range<usize>,
        store: &'a mut dyn TrajectoryStore,
    ) -> Window<'a> {
        let needed =
            |keyframe: usize| keyframe == transitions.start || (self.looped && keyframe == 0);
        self.ends.retain(|&(keyframe, _), _| needed(keyframe));
        Window {
            carried: self,
            transitions,
            store,
        }
    }

    /// How many of a window's keyframes were computed in an earlier one.
    pub(crate) fn shared(&self, transitions: &Range<usize>) -> usize {
        let first = usize::from(transitions.start > 0);
        let closing = self.looped && transitions.end == self.keyframes && transitions.start > 0;
        first + usize::from(closing)
    }
}

/// A window's store.
pub(crate) struct Window<'a> {
    carried: &'a mut Carried,
    transitions: Range<usize>,
    store: &'a mut dyn TrajectoryStore,
}

impl Window<'_> {
    /// A keyframe's place in the whole film, if another window has it too.
    fn shared(&self, place: Place) -> Option<(usize, usize)> {
        let Place::Keyframe { index, step } = place else {
            return None;
        };
        let keyframe = (self.transitions.start + index) % self.carried.keyframes;
        let outermost = index == 0 || index == self.transitions.len();
        let closing = self.carried.looped && keyframe == 0;
        (outermost || closing).then_some((keyframe, step))
    }
}

impl TrajectoryStore for Window<'_> {
    fn load(&mut self, place: Place) -> Option<LevelEnd> {
        let shared = self.shared(place);
        if let Some(end) = shared.and_then(|shared| self.carried.ends.get(&shared)) {
            return Some(end.clone());
        }
        let end = self.store.load(place)?;
        if let Some(shared) = shared {
            self.carried.ends.insert(shared, end.clone());
        }
        Some(end)
    }

    fn save(&mut self, place: Place, end: &LevelEnd) {
        if let Some(shared) = self.shared(place) {
            self.carried.ends.insert(shared, end.clone());
        }
        self.store.save(place, end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyframe(index: usize) -> Place {
        Place::Keyframe { index, step: 5 }
    }

    fn end(mark: f64) -> LevelEnd {
        LevelEnd {
            fractions: vec![vec![mark]],
            ..Default::default()
        }
    }

    #[test]
    fn a_windows_last_keyframe_is_the_nexts_first() {
        let mut carried = Carried::new(5, false);
        let (nothing, mut also_nothing) = (&mut (), ());
        let mut window = carried.window(0..2, nothing);
        for index in 0..3 {
            assert_eq!(window.load(keyframe(index)), None);
            window.save(keyframe(index), &end(index as f64));
        }
        assert_eq!(carried.shared(&(0..2)), 0);
        assert_eq!(carried.shared(&(2..4)), 1);
        let mut window = carried.window(2..4, &mut also_nothing);
        assert_eq!(window.load(keyframe(0)), Some(end(2.0)));
        assert_eq!(window.load(keyframe(1)), None);
        assert_eq!(window.load(keyframe(2)), None);
    }

    #[test]
    fn a_loop_ends_at_its_first_keyframe() {
        let mut carried = Carried::new(4, true);
        let mut nothing = ();
        let mut window = carried.window(0..2, &mut nothing);
        for index in 0..3 {
            window.save(keyframe(index), &end(index as f64));
        }
        let mut window = carried.window(2..4, &mut nothing);
        assert_eq!(window.load(keyframe(2)), Some(end(0.0)));
        assert_eq!(window.load(keyframe(0)), Some(end(2.0)));
        assert_eq!(carried.shared(&(2..4)), 2);
        // One window over the whole loop: the closing keyframe is the first one's picture.
        assert_eq!(carried.shared(&(0..4)), 0);
    }
}
