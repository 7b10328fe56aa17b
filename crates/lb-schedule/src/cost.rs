//! Cost: the work of a tree and of a whole film, known before anything is rendered.

use std::ops::Add;

use crate::profile::BranchingProfile;

/// The work of a transition or a film.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Cost {
    /// The number of model evaluations. One evaluation is one branch at one step, whether it is
    /// guided or not.
    pub model_evaluations: usize,
    /// The number of latents that are decoded into pictures. These are the computed frames.
    pub decodes: usize,
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            model_evaluations: self
                .model_evaluations
                .saturating_add(other.model_evaluations),
            decodes: self.decodes.saturating_add(other.decodes),
        }
    }
}

impl BranchingProfile {
    /// The cost of one transition alone, its two keyframes included.
    ///
    /// The branches at fractions 0 and 1 are the keyframes' trajectories in every level. They are
    /// counted once, not once per level.
    #[must_use]
    pub fn cost(&self) -> Cost {
        film_cost([self], false)
    }

    /// The cost of the branches of a level between the keyframes. Level 0 and levels that do not exist
    /// have none. Only the branches of the last level are decoded.
    #[must_use]
    pub fn inner_cost(&self, level: usize) -> Cost {
        let inner = self.levels().get(level).map_or(0, |at| at.branch_count - 2);
        let is_last = level + 1 == self.levels().len();
        Cost {
            model_evaluations: inner.saturating_mul(self.step_range(level).len()),
            decodes: if is_last { inner } else { 0 },
        }
    }
}

/// The cost of a film whose transitions have these profiles.
///
/// A film of n transitions has n + 1 keyframes, or n if it is `looped`, because then its last transition
/// ends at its first keyframe. A keyframe that two transitions share is computed once. A film without
/// transitions costs nothing. Numbers too large for a `usize` saturate.
///
/// All transitions of a film have the same number of steps. If these profiles differ in it, every
/// keyframe is counted with the largest number, so that the order of the transitions never changes the
/// cost.
pub fn film_cost<'a>(
    profiles: impl IntoIterator<Item = &'a BranchingProfile>,
    looped: bool,
) -> Cost {
    let mut inner = Cost::default();
    let (mut transitions, mut steps) = (0_usize, 0);
    for profile in profiles {
        for level in 0..profile.levels().len() {
            inner = inner + profile.inner_cost(level);
        }
        transitions += 1;
        steps = steps.max(profile.steps());
    }
    let keyframes = match transitions {
        0 => 0,
        _ => transitions + usize::from(!looped),
    };
    inner + keyframes_cost(keyframes, steps)
}

/// The cost of keyframes of this many steps, without any transition.
#[must_use]
pub fn keyframes_cost(keyframes: usize, steps: usize) -> Cost {
    Cost {
        model_evaluations: keyframes.saturating_mul(steps),
        decodes: keyframes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_by_hand() {
        // Two keyframes run for 10 steps, 1 branch for steps 3..6, 5 for 6..9 and 8 for 9..10.
        let profile = BranchingProfile::manual(10, &[2, 3, 7, 10], &[0, 3, 6, 9]).unwrap();
        assert_eq!(
            profile.cost(),
            Cost {
                model_evaluations: 20 + 3 + 15 + 8,
                decodes: 10
            }
        );
    }

    #[test]
    fn shared_keyframes_are_counted_once() {
        let coarse = BranchingProfile::manual(10, &[2, 4], &[0, 5]).unwrap();
        let fine = BranchingProfile::manual(10, &[2, 3, 9], &[0, 2, 8]).unwrap();
        let shared = keyframes_cost(1, 10);
        let film = film_cost([&coarse, &fine], false);
        assert_eq!(film + shared, coarse.cost() + fine.cost());
        let back = film_cost([&coarse, &fine, &coarse], false);
        let looped = film_cost([&coarse, &fine, &coarse], true);
        assert_eq!(looped + shared, back);
        assert_eq!(film_cost([], false), Cost::default());
        assert_eq!(film_cost([], true), Cost::default());
    }

    #[test]
    fn the_order_of_transitions_does_not_change_the_cost() {
        let short = BranchingProfile::manual(10, &[2, 4], &[0, 5]).unwrap();
        let long = BranchingProfile::manual(30, &[2, 3, 9], &[0, 2, 8]).unwrap();
        for looped in [false, true] {
            let cost = film_cost([&short, &long, &short], looped);
            assert_eq!(cost, film_cost([&short, &short, &long], looped));
            assert_eq!(cost, film_cost([&long, &short, &short], looped));
        }
    }

    #[test]
    fn a_level_costs_its_inner_branches() {
        let profile = BranchingProfile::manual(10, &[2, 3, 9], &[0, 2, 8]).unwrap();
        let costs = [0, 1, 2, 3].map(|level| profile.inner_cost(level));
        let cost = |model_evaluations, decodes| Cost {
            model_evaluations,
            decodes,
        };
        assert_eq!(costs, [cost(0, 0), cost(6, 0), cost(14, 7), cost(0, 0)]);
    }
}
