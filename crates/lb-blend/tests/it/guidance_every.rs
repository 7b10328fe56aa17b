//! Films whose guidance is computed at every Nth step, and reused between.

use lb_blend::testing::FakeBackend;
use lb_blend::{BlendOptions, Film, Snapshot, SnapshotKey, Transition};
use lb_schedule::{BranchingProfile, Spacing};
use proptest::prelude::*;

use crate::keeping::{Kept, Studio};
use crate::scene::{film, keyframes, made, quiet_film, render, sampled, sampler};

fn every(steps: usize) -> BlendOptions {
    BlendOptions::default().with_guidance_every(steps)
}

/// The rows of every call with this option and without a batch limit.
fn called(film: &Film, options: &BlendOptions) -> Vec<usize> {
    let mut backend = FakeBackend::new(usize::MAX);
    render(&mut backend, film, options, &mut ()).unwrap();
    backend.calls().iter().map(|call| call.rows).collect()
}

#[test]
fn between_computed_steps_a_guided_branch_is_one_row() {
    assert_eq!(
        called(&film(2), &every(2)),
        // Keyframes; levels of 1, 3 and 7 inner branches from steps 3, 5 and 8.
        [&[4, 2].repeat(5)[..], &[2, 1, 6, 3, 6, 14, 7]].concat()
    );
    let once = [&[4][..], &[2; 9], &[2, 1, 6, 3, 3, 14, 7]].concat();
    for steps in [10, 11, 1000] {
        assert_eq!(called(&film(2), &every(steps)), once);
    }
}

#[test]
fn it_changes_guided_films_alone_and_no_batch_limit_changes_it() {
    let plain = quiet_film(8, 3, &BlendOptions::default());
    assert_eq!(quiet_film(8, 3, &every(1)), plain);
    let reused = quiet_film(64, 3, &every(3));
    assert_eq!(quiet_film(1, 3, &every(3)).transitions, reused.transitions);
    assert_ne!(reused.transitions, plain.transitions);
    assert_eq!(
        reused.report.model_evaluations,
        plain.report.model_evaluations
    );
    let mut unguided = film(3);
    for keyframe in &mut unguided.keyframes {
        keyframe.guidance_scale = 1.0;
    }
    let made = |options| sampled(&sampler(10), &unguided, 8, &options);
    assert_eq!(made(every(3)), made(BlendOptions::default()));
}

/// The damper takes the middle to a guidance scale of 1, where a row would be spared if the branch could not
/// move away before the next step.
#[test]
fn a_branch_in_the_unguided_middle_keeps_a_difference() {
    let mut damped = film(2);
    damped.transitions[0].guidance_damper = 0.0;
    for spacing in [
        Spacing::Perceptual,
        Spacing::Fixed {
            mid_compression: 1.0,
        },
    ] {
        let options = every(2).with_spacing(spacing);
        assert_eq!(called(&damped, &options), called(&film(2), &every(2)));
    }
}

#[test]
fn a_number_out_of_range_is_refused() {
    for steps in [0, 1001] {
        let refused = every(steps).validate().unwrap_err().to_string();
        assert!(refused.contains(&format!("got {steps}")), "{refused}");
    }
}

/// A snapshot that has too few differences, or more than there are, is another film's.
#[test]
fn snapshots_have_the_differences_that_are_reused() {
    let (film, sampler) = (film(2), sampler(10));
    let studio = |options| Studio {
        sampler: &sampler,
        film: &film,
        options,
    };
    let whole = studio(every(2)).render(64, Kept::new());
    let plain = studio(every(1)).render(64, Kept::new());
    let outline = film.outline();
    for (&key, snapshot) in &whole.store.kept {
        let kept = snapshot.guidance_differences.len();
        assert_eq!(
            kept,
            outline.guidance_differences(key, &every(2)),
            "{key:?}"
        );
        let expected = match key {
            SnapshotKey::Keyframe { step, .. } => usize::from(step < 10),
            SnapshotKey::Level { .. } => 0,
        };
        assert_eq!(kept, expected, "{key:?}");
        assert_eq!(plain.store.kept[&key].guidance_differences, []);
    }
    let key = SnapshotKey::Keyframe { index: 1, step: 6 };
    let damaged = |damage: fn(&mut Snapshot)| {
        let mut kept = whole.store.kept.clone();
        damage(kept.get_mut(&key).unwrap());
        let resumed = studio(every(2)).render(64, kept);
        assert!(resumed.blended == whole.blended);
        assert!(resumed.store.saved.contains(&key));
    };
    damaged(|snapshot| snapshot.guidance_differences.clear());
    damaged(|snapshot| {
        let more = snapshot.guidance_differences[0].clone();
        snapshot.guidance_differences.push(more);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The forecast counts every row and every call, whatever is guided and how strongly.
    #[test]
    fn rows_are_known_beforehand(
        every_steps in 2_usize..13,
        scales in prop::collection::vec(prop_oneof![Just(1.0), Just(4.0)], 2..5),
        damper in prop_oneof![Just(0.0), Just(0.5), Just(1.0)],
        limit in 1_usize..20,
        inner in 2_usize..9,
        start in 1_usize..9,
    ) {
        let mut keyframes = keyframes(scales.len());
        for (keyframe, &scale) in keyframes.iter_mut().zip(&scales) {
            keyframe.guidance_scale = scale;
        }
        let profile = BranchingProfile::manual(10, &[2, 2 + inner], &[0, start]).unwrap();
        let transitions = vec![Transition::new(profile, damper); scales.len() - 1];
        let film = Film::new(keyframes, transitions);
        let options = every(every_steps);
        let mut backend = FakeBackend::new(limit);
        let report = made(&mut backend, &sampler(10), &film, &options).report;
        let rows: usize = backend.calls().iter().map(|call| call.rows).sum();
        prop_assert_eq!(report.predicted_rows, rows);
        let outline = film.outline();
        prop_assert_eq!(outline.forecast(&options).rows, rows);
        let mut calls: Vec<usize> = backend.calls().iter().map(|call| call.rows).collect();
        let mut planned = Vec::new();
        for batch in outline.batches(limit, &options) {
            let parts = [vec![limit; batch.rows / limit], vec![batch.rows % limit]].concat();
            let parts = parts.into_iter().filter(|&rows| rows > 0);
            planned.extend(parts.collect::<Vec<_>>().repeat(batch.steps));
        }
        calls.sort_unstable();
        planned.sort_unstable();
        prop_assert_eq!(calls, planned);
        let bounds = outline.call_rows(limit, &options);
        let within = bounds.fewest..=bounds.most;
        prop_assert!(backend.calls().iter().all(|call| within.contains(&call.rows)));
    }
}
