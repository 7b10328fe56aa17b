//! Long films: keyframes in groups, transitions with trees of their own, loops, bounded memory.

use lb_blend::{BlendOptions, Film, Transition};
use lb_schedule::BranchingProfile;

use crate::scene::{Made, film, keyframes, profile, quiet_film, sampled, sampler, samplers};

fn transition(counts: &[usize], injections: &[usize]) -> Transition {
    Transition {
        profile: BranchingProfile::manual(10, counts, injections).unwrap(),
        guidance_damper: 0.3,
    }
}

/// A loop of five keyframes whose transitions differ in everything.
fn varied() -> Film {
    let mut film = Film {
        keyframes: keyframes(5),
        transitions: vec![
            transition(&[2, 3, 5, 9], &[0, 3, 5, 8]),
            transition(&[2], &[0]),
            transition(&[2, 4], &[0, 7]),
            transition(&[2, 3, 4, 5], &[0, 1, 2, 9]),
            transition(&[2, 6], &[0, 4]),
        ],
    };
    for (scale, keyframe) in [4.0, 1.0, 1.0, 2.5, 6.0]
        .into_iter()
        .zip(&mut film.keyframes)
    {
        keyframe.guidance_scale = scale;
    }
    film
}

fn rendered(film: &Film, limit: usize) -> Made {
    sampled(&sampler(10), film, limit, &BlendOptions::default())
}

#[test]
fn groups_change_no_bit() {
    for sampler in samplers() {
        let at = |limit| sampled(sampler.as_ref(), &varied(), limit, &BlendOptions::default());
        let whole = at(64);
        for limit in [1, 2, 3, 5, usize::MAX] {
            let made = at(limit);
            assert_eq!(made.transitions, whole.transitions, "batch limit {limit}");
            assert_eq!(
                made.level_fractions, whole.level_fractions,
                "batch limit {limit}"
            );
        }
    }
}

#[test]
fn each_transition_is_what_it_would_be_alone() {
    let film = varied();
    assert!(film.is_looped());
    let whole = rendered(&film, 64);
    assert_eq!(whole.transitions.len(), 5);
    for (index, transition) in film.transitions.iter().enumerate() {
        let alone = Film {
            keyframes: vec![
                film.keyframes[index].clone(),
                film.keyframes[(index + 1) % 5].clone(),
            ],
            transitions: vec![transition.clone()],
        };
        let alone = rendered(&alone, 64);
        assert_eq!(
            whole.transitions[index], alone.transitions[0],
            "transition {index}"
        );
        assert_eq!(whole.level_fractions[index], alone.level_fractions[0]);
    }
    let (first, last) = (&whole.transitions[0][0], &whole.transitions[4][5]);
    assert_eq!(first.latents, last.latents, "a loop ends where it began");
}

#[test]
fn a_loop_of_two_leads_there_and_back() {
    let mut film = film(2);
    film.transitions.push(film.transitions[0].clone());
    let there_and_back = rendered(&film, 64);
    assert_eq!(
        there_and_back.report.model_evaluations,
        film.cost().model_evaluations
    );
    assert_eq!(
        film.cost().model_evaluations,
        2 * 10 + 2 * (2 + 3 * 3 + 7 * 2)
    );
    assert_eq!(
        there_and_back.transitions[0],
        quiet_film(64, 2, &BlendOptions::default()).transitions[0]
    );
}

#[test]
fn the_cost_of_different_trees_is_known_beforehand() {
    for limit in [1, 64] {
        let report = rendered(&varied(), limit).report;
        assert_eq!(report.model_evaluations, varied().cost().model_evaluations);
        assert_eq!(report.reused_evaluations, 0);
    }
}

/// Snapshots are held for one group, the keyframe before it, and a loop's first.
#[test]
fn what_is_held_does_not_grow_with_the_film() {
    for (limit, group) in [(1, 1), (2, 1), (4, 2), (7, 3), (64, 7), (usize::MAX, 7)] {
        for count in [15, 24, 40] {
            // Each keyframe is recorded after steps 3 to 10.
            let mut film = film(count);
            let held = rendered(&film, limit).report.most_snapshots_held;
            assert_eq!(
                held,
                8 * (group + 1),
                "{count} keyframes, batch limit {limit}"
            );
            film.transitions.push(film.transitions[0].clone());
            let held = rendered(&film, limit).report.most_snapshots_held;
            assert_eq!(
                held,
                8 * (group + 2),
                "a loop of {count}, batch limit {limit}"
            );
        }
    }
}

/// Calls of 80 rows would give the same frames, but need more memory.
#[test]
fn a_long_film_needs_no_larger_calls() {
    let widest = 2 * (profile().frame_count() - 2);
    let mut backend = lb_blend::testing::FakeBackend::new(usize::MAX);
    crate::scene::made(
        &mut backend,
        &sampler(10),
        &film(40),
        &BlendOptions::default(),
    );
    assert_eq!(
        backend.calls().iter().map(|call| call.rows).max(),
        Some(widest)
    );
    let rows = film(40)
        .outline()
        .call_rows(usize::MAX, &BlendOptions::default());
    assert_eq!(rows.most, widest);
}

#[test]
fn every_keyframe_has_its_own_guidance() {
    let with = |scales: [f64; 2]| {
        let mut film = film(2);
        for (scale, keyframe) in scales.into_iter().zip(&mut film.keyframes) {
            keyframe.guidance_scale = scale;
        }
        rendered(&film, 64).transitions.remove(0)
    };
    let (weak, strong, mixed) = (with([2.0, 2.0]), with([6.0, 6.0]), with([2.0, 6.0]));
    assert_eq!(mixed[0], weak[0]);
    assert_eq!(mixed[8], strong[8]);
    assert_ne!(mixed[8], weak[8]);
}
