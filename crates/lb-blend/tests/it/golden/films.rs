//! Whole films, compared bit by bit: their numbers may not change unless somebody means to change them.

use lb_blend::noise::initial_latents;
use lb_blend::{BlendOptions, Film, Latents, SpacingDistance, Transition};
use lb_schedule::{BranchingProfile, Crossfeed, CrossfeedCurve, Spacing};

use crate::scene::{Made, SHAPE, keyframes, sampled, samplers};

fn transition(counts: &[usize], injections: &[usize], guidance_damper: f64) -> Transition {
    Transition {
        profile: BranchingProfile::manual(10, counts, injections).unwrap(),
        guidance_damper,
    }
}

/// Four keyframes of different scales under different trees, back to the first one.
fn looped() -> Film {
    let mut film = Film {
        keyframes: keyframes(4),
        transitions: vec![
            transition(&[2, 3, 5, 9], &[0, 3, 5, 8], 0.5),
            transition(&[2], &[0], 0.5),
            transition(&[2, 4], &[0, 7], 0.0),
            transition(&[2, 3, 7], &[0, 2, 9], 1.0),
        ],
    };
    let scales = [4.0, 1.0, 2.5, 6.0];
    for (keyframe, scale) in film.keyframes.iter_mut().zip(scales) {
        keyframe.guidance_scale = scale;
    }
    film
}

fn with_channels(mut film: Film) -> Film {
    for (keyframe, seed) in film.keyframes.iter_mut().zip([7, 7, 8, 9]) {
        let channels: Latents = initial_latents(seed, SHAPE.with_channels(3)).unwrap();
        keyframe.concatenated = Some(channels);
    }
    film
}

fn crossfed() -> Crossfeed {
    let curve = |power| CrossfeedCurve {
        power,
        range: 0.6,
        decay: 0.3,
    };
    Crossfeed::new(curve(0.4), curve(0.25))
}

/// FNV-1a over the bits of every fraction and every value.
fn fingerprint(made: &Made) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for &byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for fraction in made.level_fractions.iter().flatten().flatten() {
        add(&fraction.to_bits().to_le_bytes());
    }
    for frame in made.transitions.iter().flatten() {
        add(&frame.fraction.to_bits().to_le_bytes());
        for value in frame.latents.values() {
            add(&value.to_bits().to_le_bytes());
        }
    }
    hash
}

/// The hashes of the films for each sampler and each spacing, without and with crossfeed, without and
/// with concatenated channels.
const FINGERPRINTS: [u64; 16] = [
    0xda7f_6698_693a_a1a8,
    0x59be_12bf_8387_660b,
    0xb385_98e0_842b_c83a,
    0x4351_e705_c929_45ef,
    0x24e4_675b_5ec1_87b5,
    0xc034_8a70_d254_46ff,
    0xaab9_f163_9a04_2ed9,
    0x40a3_de6e_926e_3cf8,
    0x925c_53cc_04f5_cf0d,
    0x12e6_14ae_8c8a_c662,
    0x48d5_10f4_1a7c_9ec3,
    0x9586_b5d8_1060_de22,
    0xf7f8_7cc5_54b2_cd12,
    0x0c3c_2d88_d9c5_34ca,
    0x7ada_65bf_b901_0190,
    0xe337_52ab_fe96_f949,
];

#[test]
fn films_keep_their_bits() {
    let fixed = Spacing::Fixed {
        mid_compression: 1.2,
    };
    let mut found = Vec::new();
    for sampler in samplers() {
        for spacing in [fixed, Spacing::Perceptual] {
            for crossfeed in [Crossfeed::default(), crossfed()] {
                let options = BlendOptions::default()
                    .with_spacing(spacing)
                    .with_crossfeed(crossfeed)
                    .with_distance(SpacingDistance::Pictures);
                for film in [looped(), with_channels(looped())] {
                    let made = sampled(sampler.as_ref(), &film, 64, &options);
                    let split = sampled(sampler.as_ref(), &film, 3, &options);
                    assert_eq!(split.transitions, made.transitions);
                    found.push(fingerprint(&made));
                }
            }
        }
    }
    assert_eq!(found, FINGERPRINTS);
}
