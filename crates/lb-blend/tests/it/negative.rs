//! Negative conditionings that differ from keyframe to keyframe.

use lb_blend::{BlendOptions, lerp};
use lb_schedule::Spacing;

use crate::altered::Altered;
use crate::scene::{film, made, profile, sampled, sampler};

fn fixed() -> BlendOptions {
    BlendOptions::default().with_spacing(Spacing::Fixed {
        mid_compression: 1.2,
    })
}

#[test]
fn unconditional_rows_run_under_the_mix_of_both_negative_conditionings() {
    let film = film(2);
    let mut calls: Vec<Vec<Vec<f32>>> = Vec::new();
    let mut backend = Altered::nothing(usize::MAX);
    backend.heard = Some(Box::new(|request, _| {
        let rows = request
            .conditioning
            .chunks_exact(request.tokens * request.width);
        calls.push(rows.map(<[f32]>::to_vec).collect());
    }));
    let made = made(&mut backend, &sampler(10), &film, &fixed());
    drop(backend);
    let [left, right] = [0, 1].map(|index| &film.keyframes[index]);
    assert_ne!(left.negative_conditioning, right.negative_conditioning);
    let mut calls = calls.into_iter();
    for _step in 0..10 {
        let unconditional = calls.next().unwrap().split_off(2);
        let negatives = [left, right].map(|at| at.negative_conditioning.values.clone());
        assert_eq!(unconditional, negatives);
    }
    for (level, fractions) in made.level_fractions[0].iter().enumerate().skip(1) {
        let inner = &fractions[1..fractions.len() - 1];
        let mixes = inner.iter().map(|&fraction| {
            let ends = [left, right].map(|at| &at.negative_conditioning.values);
            let mut mixed = vec![f32::NAN; ends[0].len()];
            lerp(ends[0], ends[1], fraction, &mut mixed).unwrap();
            mixed
        });
        let mixes: Vec<_> = mixes.collect();
        for _step in profile().step_range(level) {
            let unconditional = calls.next().unwrap().split_off(inner.len());
            assert_eq!(unconditional, mixes, "level {level}");
        }
    }
    assert!(calls.next().is_none());
}

#[test]
fn a_keyframes_own_negative_conditioning_changes_it_and_what_lies_beside_it() {
    let plain = film(3);
    let mut changed = plain.clone();
    changed.keyframes[2].negative_conditioning.values[0] += 0.5;
    let [plain, changed] =
        [plain, changed].map(|film| sampled(&sampler(10), &film, 64, &fixed()).transitions);
    assert_eq!(changed[0], plain[0]);
    assert_eq!(changed[1][0], plain[1][0]);
    for (changed, plain) in changed[1].iter().zip(&plain[1]).skip(1) {
        assert_ne!(
            changed.latents, plain.latents,
            "fraction {}",
            plain.fraction
        );
    }
}

#[test]
fn without_guidance_it_is_not_used() {
    let with = |shift: f32| {
        let mut film = film(2);
        for keyframe in &mut film.keyframes {
            keyframe.guidance_scale = 1.0;
            keyframe.negative_conditioning.values[0] += shift;
        }
        sampled(&sampler(10), &film, 64, &fixed()).transitions
    };
    assert_eq!(with(0.0), with(3.0));
}
