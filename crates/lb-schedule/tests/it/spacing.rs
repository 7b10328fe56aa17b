//! Laws of fractions, parents and guidance.

use lb_schedule::{
    Guidance, ScheduleError, Spacing, fixed_fractions, parents, perceptual_fractions,
};
use proptest::prelude::*;

fn check_level(fractions: &[f64], count: usize) -> Result<(), TestCaseError> {
    prop_assert_eq!(fractions.len(), count);
    prop_assert_eq!((fractions[0], fractions[count - 1]), (0.0, 1.0));
    prop_assert!(fractions.is_sorted());
    Ok(())
}

/// A level of at least two branches, and a distance for each pair of neighbours.
fn measured_level() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    let distance = prop_oneof![4 => 0.0..100.0, 1 => Just(0.0), 1 => 1e-300..1e300];
    prop::collection::vec((0.0..=1.0, distance), 1..20).prop_map(|pairs| {
        let (mut fractions, distances): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        fractions[0] = 0.0;
        fractions.push(1.0);
        fractions.sort_by(f64::total_cmp);
        (fractions, distances)
    })
}

/// The share of all distance that lies left of a fraction.
fn distance_before(fraction: f64, parents: &[f64], distances: &[f64]) -> f64 {
    let covered = |(pair, distance): (&[f64], &f64)| {
        distance * ((fraction - pair[0]) / (pair[1] - pair[0])).clamp(0.0, 1.0)
    };
    let total: f64 = distances.iter().sum();
    std::iter::zip(parents.windows(2), distances)
        .map(covered)
        .sum::<f64>()
        / total
}

proptest! {
    #[test]
    fn fixed_spacing_is_a_mirrored_level(count in 2..300_usize, compression in 0.1..=10.0) {
        let spacing = Spacing::Fixed { mid_compression: compression };
        prop_assert_eq!(spacing.validate(), Ok(()));
        let fractions = fixed_fractions(count, compression).unwrap();
        check_level(&fractions, count)?;
        for (fraction, mirrored) in fractions.iter().zip(fractions.iter().rev()) {
            prop_assert!((fraction + mirrored - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn more_compression_is_nearer_to_the_middle(count in 3..100_usize, compression in 0.2..5.0) {
        let loose = fixed_fractions(count, compression).unwrap();
        let dense = fixed_fractions(count, compression * 1.5).unwrap();
        for (loose, dense) in loose.iter().zip(&dense) {
            prop_assert!((dense - 0.5).abs() <= (loose - 0.5).abs());
        }
    }

    #[test]
    fn perceptual_spacing_is_a_level((above, distances) in measured_level(), count in 2..60_usize) {
        check_level(&perceptual_fractions(count, &above, &distances).unwrap(), count)?;
    }

    #[test]
    fn perceptual_spacing_shares_the_distance_evenly(
        widths in prop::collection::vec(0.1..1.0, 2..20),
        seed in prop::collection::vec(0.1..10.0, 20),
        count in 2..60_usize,
    ) {
        let total: f64 = widths.iter().sum();
        let mut above = vec![0.0];
        above.extend(widths.iter().scan(0.0, |sum, width| { *sum += width / total; Some(*sum) }));
        above[widths.len()] = 1.0;
        let distances = &seed[..widths.len()];
        let fractions = perceptual_fractions(count, &above, distances).unwrap();
        for (branch, &fraction) in fractions.iter().enumerate() {
            let expected = branch as f64 / (count - 1) as f64;
            let share = distance_before(fraction, &above, distances);
            prop_assert!((share - expected).abs() < 1e-9, "{share} instead of {expected}");
        }
    }

    #[test]
    fn only_ratios_of_distances_count((above, distances) in measured_level(), power in -20..20) {
        let scaled: Vec<f64> = distances.iter().map(|d| d * f64::from(power).exp2()).collect();
        prop_assert_eq!(
            perceptual_fractions(9, &above, &scaled),
            perceptual_fractions(9, &above, &distances)
        );
    }

    #[test]
    fn equal_change_is_even_spacing(count in 2..40_usize, parents in 2..20_usize) {
        let above = fixed_fractions(parents, 1.0).unwrap();
        let fractions = perceptual_fractions(count, &above, &vec![3.7; parents - 1]).unwrap();
        for (fraction, even) in fractions.iter().zip(fixed_fractions(count, 1.0).unwrap()) {
            prop_assert!((fraction - even).abs() < 1e-12);
        }
    }

    #[test]
    fn bad_measurements_are_refused(
        (above, mut distances) in measured_level(),
        at in any::<prop::sample::Index>(),
        bad in prop::sample::select(vec![f64::NAN, f64::INFINITY, -1.0]),
    ) {
        let index = at.index(distances.len());
        distances[index] = bad;
        let refused = perceptual_fractions(5, &above, &distances);
        let named =
            matches!(refused, Err(ScheduleError::InvalidDistance { index: i, .. }) if i == index);
        prop_assert!(named);
        distances.push(1.0);
        let refused = perceptual_fractions(5, &above, &distances);
        prop_assert!(matches!(refused, Err(ScheduleError::DistanceCount { .. })), "{:?}", refused);
    }

    #[test]
    fn unordered_parents_are_refused(
        (mut above, distances) in measured_level(),
        at in any::<prop::sample::Index>(),
        bad in prop::sample::select(vec![f64::NAN, -0.1, 1.1]),
    ) {
        let index = at.index(above.len());
        above[index] = bad;
        let refused = perceptual_fractions(5, &above, &distances);
        prop_assert!(matches!(refused, Err(ScheduleError::NotALevel { .. })), "{:?}", refused);
    }

    #[test]
    fn parents_bracket_the_child((above, _) in measured_level(), fraction in 0.0..=1.0) {
        let found = parents(&above, fraction).unwrap();
        let (left, right) = (above[found.left], above[found.right]);
        prop_assert!(left <= fraction && fraction <= right);
        prop_assert!(found.right - found.left <= 1);
        prop_assert!((0.0..=1.0).contains(&found.mix));
        prop_assert!((left + found.mix * (right - left) - fraction).abs() < 1e-15);
    }

    #[test]
    fn a_branch_is_its_own_parent((above, _) in measured_level(), at in any::<prop::sample::Index>()) {
        let fraction = above[at.index(above.len())];
        let found = parents(&above, fraction).unwrap();
        prop_assert_eq!(found.left, found.right);
        prop_assert_eq!((above[found.left], found.mix), (fraction, 0.0));
    }

    #[test]
    fn guidance_falls_to_the_middle(
        scale in 1.0..=100.0,
        damper in 0.0..=1.0,
        fraction in 0.0..=1.0,
    ) {
        let guidance = Guidance::new(scale, damper);
        prop_assert_eq!(guidance.validate(), Ok(()));
        prop_assert_eq!((guidance.at(0.0), guidance.at(1.0)), (scale, scale));
        let here = guidance.at(fraction);
        let formula =
            scale - (scale - 1.0) * (1.0 - damper) * (1.0 - (2.0 * fraction - 1.0).abs());
        prop_assert!((here - formula).abs() < 1e-12);
        prop_assert!(guidance.at(0.5) - 1e-12 <= here && here <= scale + 1e-12);
        prop_assert_eq!(Guidance::new(1.0, damper).at(fraction), 1.0);
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    for value in [0.0, -1.0, 10.1, f64::NAN, f64::INFINITY] {
        let refused = Spacing::Fixed {
            mid_compression: value,
        }
        .validate();
        assert!(
            matches!(refused, Err(ScheduleError::MidCompressionOutOfRange { .. })),
            "{value}"
        );
    }
    for scale in [0.9, 100.1, f64::NAN] {
        let refused = Guidance::new(scale, 0.5).validate();
        assert!(
            matches!(refused, Err(ScheduleError::GuidanceScaleOutOfRange { .. })),
            "{scale}"
        );
    }
    for damper in [-0.1, 1.1, f64::NAN] {
        let refused = Guidance::new(4.0, damper).validate();
        assert!(
            matches!(refused, Err(ScheduleError::GuidanceDamperOutOfRange { .. })),
            "{damper}"
        );
    }
    for count in [0, 1, 10_001] {
        let refused = perceptual_fractions(count, &[0.0, 1.0], &[1.0]);
        assert_eq!(
            refused,
            Err(ScheduleError::BranchCountOutOfRange {
                branch_count: count
            })
        );
    }
    let lonely = perceptual_fractions(3, &[0.0], &[]);
    assert_eq!(
        lonely,
        Err(ScheduleError::LevelTooSmall { branch_count: 1 })
    );
}
