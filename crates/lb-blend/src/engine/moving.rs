//! At which steps the branches of a level are spaced again, and so move.

use std::collections::BTreeSet;

use lb_schedule::{BranchingProfile, Spacing};

/// Perceptual spacing moves branches as often as in a film of this many steps, however many steps
/// there are.
///
/// Each move computes branches from their neighbours and sharpens them a little. At every one of 60
/// or 100 steps this was seen to add up to flecks and broken shapes; at 20 steps it was measured to
/// keep just the contrast that fixed spacing keeps.
const MOVING_STEPS: usize = 20;

fn interval(profile: &BranchingProfile) -> usize {
    (profile.steps() / MOVING_STEPS).max(1)
}

/// How much of what moving adds to the norm of noisy latents is taken back: 0 for nothing, 1 for
/// all of it.
///
/// The arc between two branches has their norm, and the bend of the curve lengthens it: that is
/// more noise than the model expects, and the model makes contrast of it. Films that move their
/// branches as often as those of 20 steps need the contrast. Where the number of steps is no
/// multiple of 20, branches move more often, at 30 steps before every one of them: without this
/// correction the backgrounds of such films turned white around the shapes.
pub(super) fn norm_restraint(profile: &BranchingProfile) -> f64 {
    let moves = profile.steps() as f64 / interval(profile) as f64;
    (1.0 - MOVING_STEPS as f64 / moves).max(0.0)
}

/// The steps of a level before which the fractions of its branches are decided.
///
/// The level's first step is always among them. Under fixed spacing it is the only one. Perceptual
/// spacing moves the branches at others, too, and in the last level once more before the last step,
/// where the finished pictures are nearly known.
pub(super) fn spacing_steps(
    profile: &BranchingProfile,
    level: usize,
    spacing: Spacing,
) -> BTreeSet<usize> {
    let steps = profile.step_range(level);
    let mut spaced = BTreeSet::from([steps.start]);
    if spacing == Spacing::Perceptual {
        spaced.extend(steps.clone().step_by(interval(profile)));
        if level + 1 == profile.levels().len() {
            spaced.extend(steps.last());
        }
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spaced(steps: usize, injection: usize, spacing: Spacing) -> Vec<usize> {
        let middle = (injection + steps) / 2;
        let profile = BranchingProfile::manual(steps, &[2, 4, 6], &[0, injection, middle]).unwrap();
        let levels = [1, 2].map(|level| spacing_steps(&profile, level, spacing));
        levels.into_iter().flatten().collect()
    }

    #[test]
    fn a_short_film_moves_its_branches_before_every_step() {
        assert_eq!(spaced(12, 6, Spacing::Perceptual), [6, 7, 8, 9, 10, 11]);
        let fixed = Spacing::Fixed {
            mid_compression: 1.0,
        };
        assert_eq!(spaced(12, 6, fixed), [6, 9]);
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
        assert_eq!(spaced(100, 81, Spacing::Perceptual), [81, 86, 90, 95, 99]);
    }
}
