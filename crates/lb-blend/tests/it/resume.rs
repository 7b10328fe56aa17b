//! Films that continue from a snapshot store: the same bits, and nothing computed twice.

use lb_blend::{
    BlendError, BlendOptions, Film, LatentShape, Latents, Snapshot, SnapshotKey, Transition,
};
use lb_schedule::BranchingProfile;
use proptest::prelude::*;

use crate::keeping::{Kept, Studio};
use crate::scene::{film, keyframes, sampler, samplers};

/// A loop of three keyframes whose transitions have trees of their own.
fn looped() -> Film {
    let trees: [(&[usize], &[usize]); 3] = [
        (&[2, 3, 5, 9], &[0, 3, 5, 8]),
        (&[2, 4], &[0, 6]),
        (&[2, 3, 4], &[0, 5, 9]),
    ];
    let transitions = trees.map(|(counts, injections)| Transition {
        profile: BranchingProfile::manual(10, counts, injections).unwrap(),
        guidance_damper: 0.5,
    });
    Film {
        keyframes: keyframes(3),
        transitions: transitions.to_vec(),
    }
}

#[test]
fn a_film_interrupted_at_any_save_continues_to_the_same_bits() {
    for sampler in samplers() {
        for (film, limit) in [(looped(), 64), (looped(), 3), (film(4), 5)] {
            let studio = Studio {
                sampler: sampler.as_ref(),
                film: &film,
                options: BlendOptions::default(),
            };
            let whole = studio.render(limit, Kept::new());
            let cost = film.cost().model_evaluations;
            assert_eq!(whole.result.unwrap().model_evaluations, cost);
            let saves = whole.store.saved.len();
            for last_save in 1..=saves {
                let crashed = studio.crash(limit, last_save);
                let kept = crashed.store.kept;
                assert_eq!(kept.len(), last_save);
                if last_save < saves {
                    assert!(matches!(crashed.result, Err(BlendError::Interrupted)));
                }
                let resumed = studio.render(limit, kept.clone());
                assert!(resumed.blended == whole.blended, "after save {last_save}");
                let report = resumed.result.unwrap();
                assert_eq!(report.reused_evaluations, studio.spared(&kept));
                assert_eq!(report.model_evaluations + report.reused_evaluations, cost);
                let again = resumed
                    .store
                    .saved
                    .iter()
                    .find(|key| kept.contains_key(key));
                assert_eq!(again, None, "computed again after save {last_save}");
                assert_eq!(resumed.store.kept, whole.store.kept);
            }
        }
    }
}

#[test]
fn a_resumed_film_is_as_far_as_it_was() {
    let (film, sampler) = (film(3), sampler(10));
    let studio = Studio {
        sampler: &sampler,
        film: &film,
        options: BlendOptions::default(),
    };
    let crashed = studio.crash(64, 14);
    let before = crashed.steps.last().unwrap().model_evaluations;
    let resumed = studio.render(64, crashed.store.kept);
    let first = resumed.steps[0];
    assert!(first.model_evaluations <= before && before < first.model_evaluations + 7);
    let last = resumed.steps.last().unwrap();
    assert_eq!(last.model_evaluations, film.cost().model_evaluations);
    assert_eq!(last.total_model_evaluations, film.cost().model_evaluations);
}

#[test]
fn a_keyframe_appended_costs_itself_and_one_transition() {
    let sampler = sampler(10);
    let [short, long] = [3, 4].map(film);
    let studio = |film| Studio {
        sampler: &sampler,
        film,
        options: BlendOptions::default(),
    };
    let kept = studio(&short).render(64, Kept::new()).store.kept;
    let report = studio(&long).render(64, kept).result.unwrap();
    let cost = |film: &Film| film.cost().model_evaluations;
    assert_eq!(report.model_evaluations, cost(&long) - cost(&short));
}

type Damage = fn(&mut Snapshot);

const DAMAGES: [(&str, Damage); 8] = [
    ("a branch too few", |end| {
        end.latents.pop();
    }),
    ("a prediction too many", |end| {
        let last = end.predicted_clean[0].clone();
        end.predicted_clean.push(last);
    }),
    ("another shape", |end| {
        let shape = LatentShape {
            channels: 2,
            height: 5,
            width: 3,
        };
        let values = end.latents[0].values().to_vec();
        end.latents[0] = Latents::from_values(shape, values).unwrap();
    }),
    ("NaN in latents", |end| {
        poison(&mut end.latents[0], f32::NAN)
    }),
    ("infinity in a prediction", |end| {
        poison(&mut end.predicted_clean[0], f32::INFINITY);
    }),
    ("one level too many", |end| {
        end.fractions.push(vec![0.0, 1.0])
    }),
    ("a level of another size", |end| {
        match end.fractions.last_mut() {
            Some(last) => last.insert(1, 0.0),
            None => end.fractions.push(vec![0.0, 1.0]),
        }
    }),
    ("fractions out of order", |end| {
        match end.fractions.last_mut() {
            Some(last) => last[1] = f64::NAN,
            None => end.fractions.push(vec![0.0, 1.0]),
        }
    }),
];

fn poison(latents: &mut Latents, value: f32) {
    let mut values = latents.values().to_vec();
    values[7] = value;
    *latents = Latents::from_values(latents.shape(), values).unwrap();
}

#[test]
fn impossible_snapshots_are_computed_again() {
    let (film, sampler) = (film(2), sampler(10));
    let studio = Studio {
        sampler: &sampler,
        film: &film,
        options: BlendOptions::default(),
    };
    let whole = studio.render(64, Kept::new());
    for &key in whole.store.kept.keys() {
        for (damage, apply) in DAMAGES {
            let mut kept = whole.store.kept.clone();
            // The film would continue from a deeper level instead.
            if let SnapshotKey::Level { level, .. } = key {
                kept.retain(
                    |other, _| !matches!(other, SnapshotKey::Level { level: l, .. } if *l > level),
                );
            }
            apply(kept.get_mut(&key).unwrap());
            let resumed = studio.render(64, kept);
            assert!(resumed.result.is_ok(), "{key:?} with {damage}");
            assert!(resumed.blended == whole.blended, "{key:?} with {damage}");
            let saved = &resumed.store.saved;
            assert!(
                saved.contains(&key),
                "{key:?} with {damage} was not computed again"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any part of the snapshots may be missing, under any batch limit.
    #[test]
    fn any_part_of_a_store_will_do(
        chosen in prop::collection::vec(any::<bool>(), 64),
        limit in 1_usize..20,
        every in 1_usize..6,
    ) {
        let (film, [_, solver]) = (looped(), samplers());
        let options = BlendOptions::default().with_guidance_every(every);
        let studio = Studio { sampler: solver.as_ref(), film: &film, options };
        let whole = studio.render(64, Kept::new());
        prop_assert!(whole.store.kept.len() <= chosen.len());
        let pairs = whole.store.kept.iter().zip(chosen);
        let kept: Kept = pairs
            .filter(|(_, chosen)| *chosen)
            .map(|((key, end), _)| (*key, end.clone()))
            .collect();
        let resumed = studio.render(limit, kept.clone());
        prop_assert!(resumed.blended == whole.blended);
        let report = resumed.result.unwrap();
        prop_assert_eq!(report.reused_evaluations, studio.spared(&kept));
        let all = report.model_evaluations + report.reused_evaluations;
        prop_assert_eq!(all, film.cost().model_evaluations);
        prop_assert!(resumed.store.saved.iter().all(|key| !kept.contains_key(key)));
    }
}
