//! Input channels that are not denoised: how they are mixed at a fraction.

use lb_blend::noise::initial_latents;
use lb_blend::{BlendOptions, LatentShape, Latents, slerp};
use lb_schedule::Spacing;

use crate::altered::Altered;
use crate::scene::{self, Made, SHAPE, made, profile, quiet_film, sampler};

const CHANNELS: usize = 3;

/// Fixed spacing, under which a level's branches see the same mix at all its steps.
fn fixed() -> BlendOptions {
    BlendOptions::default().with_spacing(Spacing::Fixed {
        mid_compression: 1.2,
    })
}

fn film(concatenated: [Latents; 2], batch_limit: usize) -> (Made, Vec<Vec<Vec<f32>>>) {
    let mut film = scene::film(2);
    for (keyframe, concatenated) in film.keyframes.iter_mut().zip(concatenated) {
        keyframe.concatenated = Some(concatenated);
    }
    let mut calls = Vec::new();
    let mut backend = Altered::nothing(batch_limit);
    backend.heard = Some(Box::new(|request, _| {
        assert_eq!(request.concatenated_channels, CHANNELS);
        let stride = request.concatenated.len() / request.rows;
        let rows = request.concatenated.chunks_exact(stride);
        calls.push(rows.map(<[f32]>::to_vec).collect());
    }));
    let made = made(&mut backend, &sampler(10), &film, &fixed());
    drop(backend);
    (made, calls)
}

fn channels(seed: u64) -> Latents {
    let shape = LatentShape {
        channels: CHANNELS,
        ..SHAPE
    };
    initial_latents(seed, shape).unwrap()
}

fn zeros() -> Latents {
    let shape = channels(0).shape();
    Latents::from_values(shape, vec![0.0; shape.len()]).unwrap()
}

#[test]
fn a_branch_sees_the_slerp_at_its_fraction_in_both_halves() {
    let (left, right) = (channels(1), channels(2));
    let (film, calls) = film([left.clone(), right.clone()], usize::MAX);
    let mut calls = calls.into_iter();
    for _step in 0..10 {
        let [l, r] = [left.values(), right.values()].map(<[f32]>::to_vec);
        assert_eq!(calls.next().unwrap(), [l.clone(), r.clone(), l, r]);
    }
    for (level, fractions) in film.level_fractions[0].iter().enumerate().skip(1) {
        let inner = &fractions[1..fractions.len() - 1];
        let mixes = inner.iter().map(|&fraction| {
            let mut mixed = vec![f32::NAN; left.values().len()];
            slerp(left.values(), right.values(), fraction, &mut mixed).unwrap();
            mixed
        });
        let mixes: Vec<_> = mixes.collect();
        for _step in profile().step_range(level) {
            assert_eq!(
                calls.next().unwrap(),
                [&mixes[..], &mixes[..]].concat(),
                "level {level}"
            );
        }
    }
    assert!(calls.next().is_none());
}

#[test]
fn what_both_keyframes_have_is_copied() {
    let (_, calls) = film([channels(3), channels(3)], usize::MAX);
    for row in calls.into_iter().flatten() {
        assert_eq!(row, channels(3).values());
    }
}

#[test]
fn the_batch_limit_changes_nothing() {
    let whole = film([channels(1), channels(2)], usize::MAX).0;
    for limit in [1, 3] {
        let split = film([channels(1), channels(2)], limit).0;
        assert_eq!(split.transitions, whole.transitions);
    }
}

#[test]
fn they_steer_the_film_and_zeros_steer_nothing() {
    let without = quiet_film(usize::MAX, 2, &fixed());
    let with = film([channels(1), channels(2)], usize::MAX).0;
    assert_ne!(with.transitions, without.transitions);
    let neutral = film([zeros(), zeros()], usize::MAX).0;
    assert_eq!(neutral.transitions, without.transitions);
}
