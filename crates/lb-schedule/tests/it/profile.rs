//! Laws of every profile, no matter how it was made, and of its cost.

use lb_schedule::{BranchingProfile, Cost, MAX_BRANCHES, MAX_STEPS, film_cost};
use proptest::prelude::*;

/// Checks the invariant that `BranchingProfile` documents.
fn check_invariant(profile: &BranchingProfile) -> Result<(), TestCaseError> {
    let levels = profile.levels();
    prop_assert!((1..=MAX_STEPS).contains(&profile.steps()));
    prop_assert_eq!((levels[0].injection_step, levels[0].branch_count), (0, 2));
    for pair in levels.windows(2) {
        let share_the_step = profile.steps() == 1 && levels.len() == 2;
        prop_assert!(pair[0].injection_step < pair[1].injection_step || share_the_step);
        prop_assert!(pair[0].branch_count < pair[1].branch_count);
    }
    let last = levels[levels.len() - 1];
    prop_assert!(last.injection_step < profile.steps());
    prop_assert!(last.branch_count <= MAX_BRANCHES);
    prop_assert_eq!(profile.frame_count(), last.branch_count);
    Ok(())
}

fn any_profile() -> impl Strategy<Value = BranchingProfile> {
    let autosetup = (2..200_usize, 2..80_usize, 0.0..=1.0)
        .prop_map(|(steps, frames, depth)| BranchingProfile::autosetup(steps, frames, depth));
    let manual = prop::collection::btree_map(1..50_usize, 3..60_usize, 0..8).prop_map(|levels| {
        let mut counts: Vec<usize> = levels.values().copied().collect();
        counts.sort_unstable();
        counts.dedup();
        let mut injections: Vec<usize> = levels.into_keys().take(counts.len()).collect();
        counts.insert(0, 2);
        injections.insert(0, 0);
        BranchingProfile::manual(50, &counts, &injections)
    });
    prop_oneof![autosetup, manual].prop_map(Result::unwrap)
}

/// The cost as an engine incurs it: the trajectory of every keyframe, then the inner branches of each
/// level step by step.
fn walk(profiles: &[&BranchingProfile], keyframes: usize) -> Cost {
    let mut cost = Cost {
        model_evaluations: keyframes * profiles[0].steps(),
        decodes: keyframes,
    };
    for profile in profiles {
        for (level, at) in profile.levels().iter().enumerate() {
            for _step in profile.step_range(level) {
                cost.model_evaluations += at.branch_count - 2;
            }
        }
        cost.decodes += profile.frame_count() - 2;
    }
    cost
}

proptest! {
    #[test]
    fn autosetup_keeps_what_was_asked(
        steps in 1..=MAX_STEPS,
        frames in 2..=MAX_BRANCHES,
        depth in 0.0..=1.0,
    ) {
        let profile = BranchingProfile::autosetup(steps, frames, depth).unwrap();
        check_invariant(&profile)?;
        prop_assert_eq!((profile.steps(), profile.frame_count()), (steps, frames));
    }

    #[test]
    fn manual_lists_are_kept_or_refused(
        steps in 0..40_usize,
        counts in prop::collection::vec(0..20_usize, 0..4),
        injections in prop::collection::vec(0..40_usize, 0..4),
    ) {
        let increasing = |list: &[usize]| list.windows(2).all(|pair| pair[0] < pair[1]);
        let from_zero = injections.first() == Some(&0);
        let first = if from_zero { 2..=2 } else { 3..=usize::MAX };
        let allowed = steps > 0
            && counts.len() == injections.len()
            && counts.first().is_some_and(|count| first.contains(count))
            && increasing(&counts)
            && (increasing(&injections) || steps == 1 && injections == [0, 0])
            && injections.last().is_some_and(|&last| last < steps);
        let profile = BranchingProfile::manual(steps, &counts, &injections);
        prop_assert_eq!(profile.is_ok(), allowed, "{:?}", profile);
        if let Ok(profile) = profile {
            check_invariant(&profile)?;
            let kept = &profile.levels()[usize::from(!from_zero)..];
            let kept: Vec<_> =
                kept.iter().map(|level| (level.branch_count, level.injection_step)).collect();
            prop_assert_eq!(kept, std::iter::zip(counts, injections).collect::<Vec<_>>());
        }
    }

    #[test]
    fn strengths_are_steps(profile in any_profile()) {
        let (counts, strengths): (Vec<usize>, Vec<f64>) = profile
            .levels()
            .iter()
            .map(|at| (at.branch_count, at.injection_step as f64 / profile.steps() as f64))
            .unzip();
        let by_strength = BranchingProfile::manual_strengths(profile.steps(), &counts, &strengths);
        prop_assert_eq!(by_strength, Ok(profile));
    }

    #[test]
    fn levels_divide_the_steps(profile in any_profile()) {
        check_invariant(&profile)?;
        let mut steps = 0..0;
        for level in 0..profile.levels().len() {
            let range = profile.step_range(level);
            prop_assert_eq!(range.start, steps.end);
            prop_assert!(!range.is_empty());
            steps = range;
        }
        prop_assert_eq!(steps.end, profile.steps());
    }

    #[test]
    fn the_cost_is_that_of_the_walk(profile in any_profile(), transitions in 1..5_usize) {
        prop_assert_eq!(profile.cost(), walk(&[&profile], 2));
        let plain = BranchingProfile::manual(profile.steps(), &[2], &[0]).unwrap();
        let both = [&profile, &plain].into_iter().cycle().take(transitions).collect::<Vec<_>>();
        let film = |looped| film_cost(both.iter().copied(), looped);
        prop_assert_eq!(film(false), walk(&both, transitions + 1));
        prop_assert_eq!(film(true), walk(&both, transitions));
        let one_by_one = profile.steps() * profile.frame_count();
        prop_assert!(profile.cost().model_evaluations <= one_by_one);
    }
}
