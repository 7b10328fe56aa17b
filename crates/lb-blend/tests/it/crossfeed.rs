//! Crossfeed: how trajectories are drawn towards each other.

mod by_hand;

use lb_blend::testing::FakeBackend;
use lb_blend::{BlendOptions, Film};
use lb_schedule::{BranchingProfile, Crossfeed, CrossfeedCurve, Spacing};

use crate::keeping::{Kept, Studio};
use crate::scene::{Made, film, film_along, quiet_film, render, sampled, sampler, samplers};

fn curve(power: f64, range: f64, decay: f64) -> CrossfeedCurve {
    CrossfeedCurve {
        power,
        range,
        decay,
    }
}

fn between_keyframes(keyframes: CrossfeedCurve) -> BlendOptions {
    let mut crossfeed = Crossfeed::default();
    crossfeed.keyframes = keyframes;
    BlendOptions::default().with_crossfeed(crossfeed)
}

fn from_parents(parents: CrossfeedCurve) -> BlendOptions {
    let mut crossfeed = Crossfeed::default();
    crossfeed.parents = parents;
    let spacing = Spacing::Fixed {
        mid_compression: 1.2,
    };
    BlendOptions::default()
        .with_crossfeed(crossfeed)
        .with_spacing(spacing)
}

fn distance(left: &[f32], right: &[f32]) -> f64 {
    let squares = left
        .iter()
        .zip(right)
        .map(|(l, r)| f64::from(l - r).powi(2));
    squares.sum::<f64>().sqrt()
}

#[test]
fn no_power_or_no_range_is_no_crossfeed() {
    let without = quiet_film(8, 3, &BlendOptions::default());
    for off in [
        curve(0.0, 1.0, 1.0),
        curve(1.0, 0.0, 1.0),
        curve(1.0, 0.1, 1.0),
    ] {
        let crossfeed = Crossfeed::new(off, off);
        let options = BlendOptions::default().with_crossfeed(crossfeed);
        assert_eq!(quiet_film(8, 3, &options), without, "{off:?}");
    }
}

#[test]
fn more_power_brings_keyframes_closer() {
    let apart = |power| {
        let made = quiet_film(8, 2, &between_keyframes(curve(power, 1.0, 1.0)));
        let frames = &made.transitions[0];
        distance(frames[0].latents.values(), frames[8].latents.values())
    };
    let distances = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0].map(apart);
    assert!(
        distances.is_sorted_by(|near, far| near > far),
        "{distances:?}"
    );
    assert!(distances[5] < 0.5 * distances[0], "{distances:?}");
}

#[test]
fn more_power_keeps_a_branch_nearer_to_its_parents() {
    // Without crossfeed the branch is independent from step 2 on.
    let profile = BranchingProfile::manual(10, &[2, 3], &[0, 2]).unwrap();
    let frames = |power| {
        let options = from_parents(curve(power, 1.0, 1.0));
        sampled(&sampler(10), &film_along(&profile, 2), 8, &options)
            .transitions
            .remove(0)
    };
    let follows = frames(1.0).swap_remove(1);
    let away = |power| distance(frames(power)[1].latents.values(), follows.latents.values());
    let distances = [0.0, 0.25, 0.5, 0.75].map(away);
    assert!(
        distances.is_sorted_by(|near, far| near > far),
        "{distances:?}"
    );
}

fn both() -> BlendOptions {
    let crossfeed = Crossfeed::new(curve(0.6, 0.7, 0.5), curve(0.4, 0.9, 0.8));
    BlendOptions::default().with_crossfeed(crossfeed)
}

fn long() -> Film {
    let mut film = film(5);
    film.transitions.push(film.transitions[0].clone());
    film.transitions[2].profile = BranchingProfile::manual(10, &[2, 4], &[0, 4]).unwrap();
    film
}

#[test]
fn groups_and_calls_change_no_bit() {
    for sampler in samplers() {
        let at = |limit| sampled(sampler.as_ref(), &long(), limit, &both());
        let whole: Made = at(64);
        assert_eq!(
            whole.report.model_evaluations,
            long().cost().model_evaluations
        );
        for limit in [1, 2, 3, 5, usize::MAX] {
            assert_eq!(
                at(limit).transitions,
                whole.transitions,
                "batch limit {limit}"
            );
        }
    }
}

#[test]
fn it_continues_from_any_save() {
    for sampler in samplers() {
        let film = long();
        let studio = Studio {
            sampler: sampler.as_ref(),
            film: &film,
            options: both(),
        };
        for limit in [3, 64] {
            let whole = studio.render(limit, Kept::new());
            for last_save in 1..=whole.store.saved.len() {
                let kept = studio.crash(limit, last_save).store.kept;
                let resumed = studio.render(limit, kept.clone());
                assert!(resumed.blended == whole.blended, "after save {last_save}");
                let report = resumed.result.unwrap();
                assert_eq!(report.reused_evaluations, studio.spared(&kept));
                let all = report.model_evaluations + report.reused_evaluations;
                assert_eq!(all, film.cost().model_evaluations);
                assert!(
                    resumed
                        .store
                        .saved
                        .iter()
                        .all(|key| !kept.contains_key(key))
                );
            }
        }
    }
}

#[test]
fn an_appended_keyframe_still_costs_itself_and_one_transition() {
    let sampler = sampler(10);
    let [short, long] = [3, 4].map(film);
    let studio = |film| Studio {
        sampler: &sampler,
        film,
        options: both(),
    };
    let kept = studio(&short).render(64, Kept::new()).store.kept;
    let report = studio(&long).render(64, kept).result.unwrap();
    let cost = |film: &Film| film.cost().model_evaluations;
    assert_eq!(report.model_evaluations, cost(&long) - cost(&short));
}

/// Snapshots of the range's steps are held for a group and the keyframe before it, not for a whole
/// film.
#[test]
fn what_is_held_does_not_grow_with_the_film() {
    // There are snapshots after steps 3 to 10 for transitions, and after 1 to 6 for the next
    // keyframe.
    let (alone, crossfed) = (8, 10);
    for (limit, group) in [(1, 1), (4, 2), (64, 7)] {
        for count in [15, 24, 40] {
            let mut film = film(count);
            let held = |film: &Film| {
                let made = sampled(&sampler(10), film, limit, &both());
                made.report.most_snapshots_held
            };
            assert_eq!(
                held(&film),
                (group + 1) * crossfed,
                "{count}, limit {limit}"
            );
            film.transitions.push(film.transitions[0].clone());
            assert_eq!(
                held(&film),
                (group + 1) * crossfed + alone,
                "{count}, limit {limit}"
            );
        }
    }
}

#[test]
fn a_power_beyond_one_is_refused() {
    let mut backend = FakeBackend::new(8);
    let options = between_keyframes(curve(1.1, 0.5, 0.5));
    let error = render(&mut backend, &film(2), &options, &mut ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "keyframe crossfeed power must be 0 to 1, got 1.1"
    );
    assert!(backend.calls().is_empty());
}
