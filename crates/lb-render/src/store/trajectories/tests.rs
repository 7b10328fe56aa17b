//! Whole films over a formula instead of a model: what is found again, and what is not.

mod scene;

use lb_blend::noise::initial_latents;
use lb_blend::{Film, SamplerKind};
use lb_schedule::{BranchingProfile, CrossfeedCurve, Spacing};

use self::scene::*;
use super::*;

#[test]
fn stopped_after_any_step_a_film_goes_on_where_it_was() {
    for sampler in [SamplerKind::Ddim, SamplerKind::DpmSolver] {
        let way = Way {
            sampler,
            ..Default::default()
        };
        let film = film(&[1, 2, 3]);
        let whole = fresh(way, &film);
        for stop in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let (report, _) = way.run(&session(folder.path()), &film, Some(stop));
            if report.is_ok() {
                assert!(stop > 20);
                break;
            }
            let (_, kept) = way.render(&session(folder.path()), &film);
            assert_eq!(kept, whole, "{sampler:?}, stopped after {stop} steps");
            let (evaluations, kept) = way.render(&session(folder.path()), &film);
            assert_eq!((evaluations, kept), (0, whole.clone()));
        }
    }
}

#[test]
fn an_appended_keyframe_costs_itself_and_one_transition() {
    let folder = tempfile::tempdir().unwrap();
    let way = Way::default();
    let (short, long) = (film(&[1, 2]), film(&[1, 2, 3]));
    way.render(&session(folder.path()), &short);
    let (evaluations, kept) = way.render(&session(folder.path()), &long);
    let more = long.cost().model_evaluations - short.cost().model_evaluations;
    assert_eq!(evaluations, more);
    assert_eq!(kept, fresh(way, &long));
    let mut looped = film(&[1, 2, 3]);
    looped.transitions.push(transition(&[2, 3, 6]));
    let (evaluations, kept) = way.render(&session(folder.path()), &looped);
    assert_eq!(
        evaluations,
        4 + 4 * 3,
        "the inner branches of one transition"
    );
    assert_eq!(kept, fresh(way, &looped));
}

#[test]
fn a_change_costs_what_depends_on_it() {
    let way = Way::default();
    let inner = 4 + 4 * 3;
    let changed = |change: &dyn Fn(&mut Film)| {
        let folder = tempfile::tempdir().unwrap();
        let mut film = film(&[1, 2, 3, 4]);
        way.render(&session(folder.path()), &film);
        change(&mut film);
        let (evaluations, kept) = way.render(&session(folder.path()), &film);
        assert_eq!(kept, fresh(way, &film));
        evaluations
    };
    assert_eq!(changed(&|_| {}), 0);
    let keyframe_and_both_sides = STEPS + 2 * inner;
    for change in [
        &(|film: &mut Film| film.keyframes[1] = keyframe(9)) as &dyn Fn(&mut Film),
        &|film| film.keyframes[1].guidance_scale = 3.5,
        &|film| film.keyframes[1].negative_conditioning.values[3] += 1e-3,
        &|film| film.keyframes[1].conditioning.values[0] += 1e-3,
        &|film| film.keyframes[1].initial_latents = initial_latents(9, SHAPE).unwrap(),
    ] {
        assert_eq!(changed(change), keyframe_and_both_sides);
    }
    assert_eq!(
        changed(&|film| film.transitions[2].guidance_damper = 0.4),
        inner
    );
    assert_eq!(
        changed(&|film| film.transitions[0] = transition(&[2, 3, 7])),
        5 * 3
    );
    assert_eq!(
        changed(&|film| film.transitions[0] = transition(&[2, 4, 6])),
        8 + 12
    );
    assert_eq!(changed(&|film| film.keyframes.swap(0, 1)), 2 * inner);
    // A level that begins or ends elsewhere is another one.
    for injections in [[0, 2, 7], [0, 3, 6]] {
        let profile = BranchingProfile::manual(STEPS, &[2, 3, 6], &injections).unwrap();
        let inner = profile.inner_cost(1) + profile.inner_cost(2);
        let evaluations = changed(&|film| film.transitions[0].profile = profile.clone());
        assert!(evaluations >= inner.model_evaluations, "{evaluations}");
    }
}

#[test]
fn names_tell_apart_what_makes_a_difference() {
    let session = StoreSession::new(None);
    let names = |origin: &TrajectoryOrigin<'_>, film: &Film| {
        let options = BlendOptions::default();
        let trajectories = FilmTrajectories::new(&session, Some(origin), film.outline(), &options)
            .with_keyframes(&film.keyframes);
        let (index, step, transition, level) = (0, 3, 0, 1);
        let places = [
            SnapshotKey::Keyframe { index, step },
            SnapshotKey::Level { transition, level },
        ];
        places.map(|place| trajectories.key(place).unwrap())
    };
    let unet = KeyBuilder::new("unet").finish();
    let origin = |sampler, steps, measured_by| TrajectoryOrigin {
        unet,
        sampler,
        steps,
        measured_by,
    };
    let (plain, film) = (origin("ddim", STEPS, None), film(&[1, 2]));
    let [keyframe, level] = names(&plain, &film);
    let decoder = KeyBuilder::new("decoder").finish();
    let measured = names(&origin("ddim", STEPS, Some(decoder)), &film);
    assert_eq!(measured[0], keyframe, "nothing is measured for a keyframe");
    assert_ne!(measured[1], level);
    let mut with_channels = film.clone();
    with_channels.keyframes[0].concatenated = Some(initial_latents(5, SHAPE).unwrap());
    for other in [
        names(&origin("dpmpp-2m", STEPS, None), &film),
        names(&origin("ddim", 2 * STEPS, None), &film),
        names(&plain, &with_channels),
    ] {
        assert!(other[0] != keyframe && other[1] != level);
    }
}

#[test]
fn an_inversion_has_a_name_for_every_number_of_iterations() {
    let unet = KeyBuilder::new("unet").finish();
    let name = |sampler, steps, iterations| {
        let options = InversionOptions { iterations };
        inversion_key(&unet, sampler, steps, &options, &keyframe(1))
    };
    let one = name("ddim", STEPS, 2);
    for other in [
        name("ddim", STEPS, 3),
        name("ddim", STEPS + 1, 2),
        name("other", STEPS, 2),
    ] {
        assert_ne!(other, one);
    }
}

#[test]
fn another_model_sampler_or_spacing_finds_only_what_it_shares() {
    let folder = tempfile::tempdir().unwrap();
    let film = film(&[1, 2]);
    let all = film.cost().model_evaluations;
    let way = Way::default();
    way.render(&session(folder.path()), &film);
    let spacing = Spacing::Fixed {
        mid_compression: 1.2,
    };
    let options = BlendOptions {
        spacing,
        ..Default::default()
    };
    let sampler = SamplerKind::DpmSolver;
    for (other, cost) in [
        (Way { unet: 1, ..way }, all),
        (Way { sampler, ..way }, all),
        (Way { options, ..way }, all - 2 * STEPS),
    ] {
        let (evaluations, kept) = other.render(&session(folder.path()), &film);
        assert_eq!(evaluations, cost);
        assert_eq!(kept, fresh(other, &film));
    }
}

#[test]
fn any_damaged_entry_is_told_and_computed_again() {
    let way = Way::default();
    let film = film(&[1, 2, 3]);
    let whole = fresh(way, &film);
    let folder = tempfile::tempdir().unwrap();
    way.render(&session(folder.path()), &film);
    let files = entries(folder.path());
    // Each keyframe is recorded after every step beside which branches move, each transition after
    // its inner levels.
    assert_eq!(files.len(), 3 * 8 + 2 * 2);
    let mut told = 0;
    for file in files {
        let good = std::fs::read(&file).unwrap();
        let mut bytes = good.clone();
        bytes[good.len() / 2] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let session = session(folder.path());
        let (evaluations, kept) = way.render(&session, &film);
        assert_eq!(kept, whole);
        // An inner level is not even read where the one below it is there.
        let notices = session.take_notices();
        assert_eq!(notices.is_empty(), evaluations == 0, "{notices:?}");
        told += notices.len();
        std::fs::write(&file, good).unwrap();
    }
    assert_eq!(told, 3 * 8 + 2);
}

#[test]
fn under_crossfeed_a_keyframe_depends_on_those_before_it() {
    let mut way = Way::default();
    way.options.crossfeed.keyframes = CrossfeedCurve {
        power: 0.5,
        range: 0.6,
        decay: 0.2,
    };
    let folder = tempfile::tempdir().unwrap();
    let film = film(&[1, 2, 3]);
    way.render(&session(folder.path()), &film);
    let inner = 4 + 4 * 3;
    for (index, cost) in [(2, STEPS + inner), (0, 3 * STEPS + 2 * inner)] {
        let mut changed = film.clone();
        changed.keyframes[index] = keyframe(9);
        let (evaluations, kept) = way.render(&session(folder.path()), &changed);
        assert_eq!(evaluations, cost, "keyframe {index}");
        assert_eq!(kept, fresh(way, &changed));
    }
    // Without it only the first keyframe is the same.
    let (evaluations, kept) = Way::default().render(&session(folder.path()), &film);
    assert_eq!(evaluations, 2 * STEPS + 2 * inner);
    assert_eq!(kept, fresh(Way::default(), &film));
}
