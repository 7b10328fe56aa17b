//! At which steps the branches of a level are placed.

use std::collections::BTreeSet;

use lb_schedule::{BranchingProfile, Spacing};

/// Perceptual spacing moves branches as often as in a film of so many steps, however many there are.
///
/// Each move computes branches anew from their neighbours and sharpens them a little. At every one of
/// 60 or 100 steps that was seen to add up to flecks and broken shapes; at 20 steps it was measured to
/// keep just the contrast that fixed spacing keeps.
const MOVING_STEPS: usize = 20;

fn interval(profile: &BranchingProfile) -> usize {
    (profile.steps() / MOVING_STEPS).max(1)
}

/// How much of what moving adds to the norm of noisy latents is taken back: 0 for nothing, 1 for
/// all of it.
///
/// The arc between two branches has their norm, and the bend of the curve lengthens it: more noise
/// than the model expects, of which it makes contrast. Films that move their branches as often as
/// those of 20 steps need it. Where steps are no multiple of 20 branches move more often, at 30
/// before every step: without this their backgrounds turned white around the shapes.
pub(super) fn norm_restraint(profile: &BranchingProfile) -> f64 {
    let moves = profile.steps() as f64 / interval(profile) as f64;
    (1.0 - MOVING_STEPS as f64 / moves).max(0.0)
}

/// The steps of a level, from the one at which it begins, before which its branches are placed.
///
/// Fixed spacing places them once. Perceptual spacing moves them on, and in the last level once more
/// before the last step, where the finished pictures are nearly known.
pub(super) fn placements(
    profile: &BranchingProfile,
    level: usize,
    spacing: Spacing,
) -> BTreeSet<usize> {
    let steps = profile.step_range(level);
    let mut placed = BTreeSet::from([steps.start]);
    if spacing == Spacing::Perceptual {
        placed.extend(steps.clone().step_by(interval(profile)));
        if level + 1 == profile.levels().len() {
            placed.extend(steps.last());
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(steps: usize, injection: usize, spacing: Spacing) -> Vec<usize> {
        let middle = (injection + steps) / 2;
        let profile = BranchingProfile::manual(steps, &[2, 4, 6], &[0, injection, middle]).unwrap();
        let levels = [1, 2].map(|level| placements(&profile, level, spacing));
        levels.into_iter().flatten().collect()
    }

    #[test]
    fn a_short_film_moves_its_branches_before_every_step() {
        assert_eq!(placed(12, 6, Spacing::Perceptual), [6, 7, 8, 9, 10, 11]);
        let fixed = Spacing::Fixed {
            mid_compression: 1.0,
        };
        assert_eq!(placed(12, 6, fixed), [6, 9]);
    }

    #[test]
    fn the_norm_is_restrained_where_branches_move_more_often_than_in_20_steps() {
        let restraint = |steps| {
            let profile = BranchingProfile::manual(steps, &[2, 4], &[0, steps / 2]).unwrap();
            norm_restraint(&profile)
        };
        assert_eq!([12, 20, 40, 60, 100].map(restraint), [0.0; 5]);
        assert!((restraint(30) - 1.0 / 3.0).abs() < 1e-12);
        assert!((restraint(50) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn a_long_film_moves_them_no_more_often_and_before_its_last_step() {
        assert_eq!(placed(100, 81, Spacing::Perceptual), [81, 86, 90, 95, 99]);
    }
}
