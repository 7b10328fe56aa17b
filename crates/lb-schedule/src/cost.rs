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
        self.film_cost(2)
    }

    /// The cost of a film of `keyframes` keyframes, with this profile for every transition between
    /// neighbours. A keyframe that two transitions share is computed once.
    ///
    /// One keyframe is one picture, without a transition. Numbers too large for a `usize` saturate.
    pub fn film_cost(&self, keyframes: usize) -> Cost {
        let transitions = keyframes.saturating_sub(1);
        let inner_evaluations: usize = self
            .levels()
            .iter()
            .enumerate()
            .map(|(level, at)| (at.branch_count - 2) * self.step_range(level).len())
            .sum();
        let inner_decodes = self.frame_count() - 2;
        Cost {
            model_evaluations: keyframes
                .saturating_mul(self.steps())
                .saturating_add(transitions.saturating_mul(inner_evaluations)),
            decodes: keyframes.saturating_add(transitions.saturating_mul(inner_decodes)),
        }
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
        let profile = BranchingProfile::manual(10, &[2, 4], &[0, 5]).unwrap();
        let one = profile.cost();
        let two = profile.film_cost(3);
        let shared = Cost {
            model_evaluations: profile.steps(),
            decodes: 1,
        };
        assert_eq!(two + shared, one + one);
        assert_eq!(profile.film_cost(1), shared);
        assert_eq!(profile.film_cost(0), Cost::default());
        assert_eq!(profile.film_cost(usize::MAX).model_evaluations, usize::MAX);
    }
}
