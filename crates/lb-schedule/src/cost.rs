//! What a tree costs.

use std::ops::Add;

use crate::profile::BranchingProfile;

/// The work of a transition or a film, known before it is rendered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Cost {
    /// One branch at one step, its conditional and unconditional halves together.
    pub model_evaluations: usize,
    /// Latents decoded into pictures: the computed frames.
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
    /// Every level's branches at fraction 0 and 1 are the keyframes' own trajectories. They are
    /// counted once, not once per level.
    pub fn cost(&self) -> Cost {
        film_cost([self], false)
    }

    /// The cost of a level's branches between the keyframes; none for level 0 and for a level that
    /// does not exist. Only the last level's are decoded.
    pub fn inner_cost(&self, level: usize) -> Cost {
        let inner = self.levels().get(level).map_or(0, |at| at.branch_count - 2);
        let is_last = level + 1 == self.levels().len();
        Cost {
            model_evaluations: inner.saturating_mul(self.step_range(level).len()),
            decodes: if is_last { inner } else { 0 },
        }
    }
}

/// The cost of a film whose transitions have these profiles, all of the same steps.
///
/// A film of n transitions has n + 1 keyframes, or n if it is `looped`: then its last transition
/// ends at its first keyframe. A keyframe that two transitions share is computed once. No
/// transitions cost nothing. Numbers too large for a `usize` saturate.
pub fn film_cost<'a>(
    profiles: impl IntoIterator<Item = &'a BranchingProfile>,
    looped: bool,
) -> Cost {
    let mut cost = Cost::default();
    let mut last_steps = None;
    for profile in profiles {
        cost = cost + keyframe_cost(profile.steps());
        for level in 0..profile.levels().len() {
            cost = cost + profile.inner_cost(level);
        }
        last_steps = Some(profile.steps());
    }
    match last_steps {
        Some(steps) if !looped => cost + keyframe_cost(steps),
        _ => cost,
    }
}

fn keyframe_cost(steps: usize) -> Cost {
    Cost {
        model_evaluations: steps,
        decodes: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_by_hand() {
        // Two keyframes over 10 steps, 1 branch over steps 3..6, 5 over 6..9, 8 over 9..10.
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
        let shared = keyframe_cost(10);
        let film = film_cost([&coarse, &fine], false);
        assert_eq!(film + shared, coarse.cost() + fine.cost());
        let back = film_cost([&coarse, &fine, &coarse], false);
        let looped = film_cost([&coarse, &fine, &coarse], true);
        assert_eq!(looped + shared, back);
        assert_eq!(film_cost([], false), Cost::default());
        assert_eq!(film_cost([], true), Cost::default());
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
