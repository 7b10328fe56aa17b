//! The fractions that the engine chooses for a level's branches.

use lb_blend::{BackendError, BlendOptions, BlendedFrame, Latents, SpacingDistance};
use lb_schedule::{BranchingProfile, Spacing, fixed_fractions};

use crate::altered::Altered;
use crate::scene::{film, film_along, made, quiet_film, render, sampler};

fn fractions(frames: &[BlendedFrame]) -> Vec<f64> {
    frames.iter().map(|frame| frame.fraction).collect()
}

/// The coefficient of variation of the distances between neighbouring frames.
pub(crate) fn unevenness(frames: &[BlendedFrame]) -> f64 {
    let distance = |pair: &[BlendedFrame]| {
        let values = pair[0]
            .latents
            .values()
            .iter()
            .zip(pair[1].latents.values());
        values
            .map(|(a, b)| f64::from(a - b).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    let distances: Vec<f64> = frames.windows(2).map(distance).collect();
    let mean = distances.iter().sum::<f64>() / distances.len() as f64;
    let variance = distances
        .iter()
        .map(|distance| (distance - mean).powi(2))
        .sum::<f64>();
    (variance / distances.len() as f64).sqrt() / mean
}

#[test]
fn fixed_spacing_is_fixed() {
    let spacing = Spacing::Fixed {
        mid_compression: 1.2,
    };
    let film = quiet_film(8, 2, &BlendOptions::default().with_spacing(spacing));
    assert_eq!(
        fractions(&film.transitions[0]),
        fixed_fractions(9, 1.2).unwrap()
    );
}

#[test]
fn perceptual_spacing_evens_out_the_changes() {
    let even = Spacing::Fixed {
        mid_compression: 1.0,
    };
    let fixed = quiet_film(8, 2, &BlendOptions::default().with_spacing(even));
    let perceptual = quiet_film(8, 2, &BlendOptions::default());
    let [fixed, perceptual] = [fixed, perceptual].map(|film| unevenness(&film.transitions[0]));
    assert!(perceptual < 0.7 * fixed, "{perceptual} against {fixed}");
}

#[test]
fn pictures_can_be_what_is_measured() {
    let options = BlendOptions::default().with_distance(SpacingDistance::Pictures);
    let [pictures, latents] =
        [options, BlendOptions::default()].map(|options| quiet_film(8, 2, &options));
    let [pictures, latents] = [pictures, latents].map(|film| fractions(&film.transitions[0]));
    assert_ne!(pictures, latents);
}

/// Between two branches there is nothing to decide, so no picture is decoded for it.
#[test]
fn two_pictures_are_not_looked_at() {
    let profile = BranchingProfile::manual(10, &[2, 3], &[0, 9]).unwrap();
    let options = BlendOptions::default().with_distance(SpacingDistance::Pictures);
    let mut backend = Altered::nothing(usize::MAX);
    backend.features = Some(Box::new(|_| panic!("asked for features")));
    let film = made(
        &mut backend,
        &sampler(10),
        &film_along(&profile, 2),
        &options,
    );
    assert_eq!(fractions(&film.transitions[0]), [0.0, 0.5, 1.0]);
}

type FeaturesOf = fn(&[Latents]) -> Result<Vec<Vec<f32>>, BackendError>;

#[test]
fn picture_features_that_do_not_compare_are_refused() {
    let refused = |features: FeaturesOf| {
        let options = BlendOptions::default().with_distance(SpacingDistance::Pictures);
        let mut backend = Altered::nothing(usize::MAX);
        backend.features = Some(Box::new(features));
        render(&mut backend, &film(2), &options, &mut ())
            .unwrap_err()
            .to_string()
    };
    let unsupported = refused(|_| Err(BackendError::unsupported("distances between pictures")));
    assert_eq!(
        unsupported,
        "this backend does not support distances between pictures"
    );
    assert_eq!(
        refused(|_| Ok(vec![vec![1.0]])),
        "the backend's picture features: one vector for each picture, got 1 where 9 were expected"
    );
    let ragged = refused(|pictures| Ok((0..pictures.len()).map(|i| vec![0.5; i + 1]).collect()));
    assert!(
        ragged.contains("all vectors of one length, got 2 where 1"),
        "{ragged}"
    );
    let nan = refused(|pictures| Ok(vec![vec![f32::NAN]; pictures.len()]));
    assert!(nan.contains("all values finite, got 0 where 1"), "{nan}");
}

/// A fake backend with these channel weights.
fn weighing(weights: &[f64]) -> Altered<'static> {
    let mut backend = Altered::nothing(usize::MAX);
    backend.channel_weights = Some(weights.to_vec());
    backend
}

#[test]
fn channels_have_the_weights_of_the_backend() {
    let fractions = |weights: [f64; 2]| {
        let options = BlendOptions::default();
        let film = made(&mut weighing(&weights), &sampler(10), &film(2), &options);
        fractions(&film.transitions[0])
    };
    let plain = fractions([1.0, 1.0]);
    assert_eq!(plain, fractions([4.0, 4.0]), "only ratios count");
    assert_ne!(plain, fractions([1.0, 0.0]));
    for bad in [vec![1.0], vec![1.0, -1.0], vec![f64::NAN, 1.0]] {
        let options = BlendOptions::default();
        let refused = render(&mut weighing(&bad), &film(2), &options, &mut ()).unwrap_err();
        let message = refused.to_string();
        assert!(
            message.starts_with("the backend's channel weights: 2 numbers"),
            "{message}"
        );
    }
}
