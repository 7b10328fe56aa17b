//! The promises that every backend must keep, as one function to call from its tests.

use super::rows::{Rows, film};
use crate::backend::{Backend, PredictRequest};
use crate::latents::{LatentShape, Latents};

/// How much the output of the same row may differ between batches, as a share of the largest value in
/// its output. Kernels choose their order of summation by the batch's size; in half precision that
/// makes about this difference.
pub const TOLERANCE: f32 = 2e-3;

/// Tests that a backend keeps the port's promises. It
///
/// - fills the whole output with finite values,
/// - answers the same request twice with the same bits,
/// - treats a row independently of the other rows and of the split into batches,
/// - depends on latents, concatenated channels, timestep and conditioning,
/// - refuses wrong lengths and works as before afterwards,
/// - reports the batch limit that it was made with,
/// - has picture features of one length that depend on the picture, if it has any,
/// - and computes the same small film under any batch limit.
///
/// `make` creates a backend of the same model with the given batch limit. The shape, the number of
/// concatenated channels (0 for a model that takes latents alone), and the conditioning's tokens and
/// width must be ones that the model takes. Small latents keep the suite quick: it takes about 120
/// rows.
///
/// # Panics
/// If a promise is broken; the message names it.
pub fn conformance(
    make: &mut dyn FnMut(usize) -> Box<dyn Backend>,
    shape: LatentShape,
    concatenated_channels: usize,
    tokens: usize,
    width: usize,
) {
    let rows = Rows::new(shape, concatenated_channels, (tokens, width), 5);
    for limit in [1, 2, 5] {
        assert_eq!(
            make(limit).batch_limit(),
            limit,
            "the batch limit is the one asked for"
        );
    }

    let mut backend = make(rows.count);
    let together = rows.predict(backend.as_mut(), 0..rows.count, 500);
    let again = rows.predict(backend.as_mut(), 0..rows.count, 500);
    assert!(
        together == again,
        "the same request twice gives the same bits"
    );

    let stride = shape.len();
    let mut single = make(1);
    for row in 0..rows.count {
        let alone = rows.predict(single.as_mut(), row..row + 1, 500);
        let company = &together[row * stride..][..stride];
        assert_close(
            &alone,
            company,
            "a row's output does not depend on its company",
        );
        let pair = rows.predict(backend.as_mut(), row..(row + 2).min(rows.count), 500);
        assert_close(
            &pair[..stride],
            company,
            "a row's output does not depend on its place",
        );
    }

    let later = rows.predict(backend.as_mut(), 0..rows.count, 20);
    assert!(later != together, "the output depends on the timestep");
    let changed = rows
        .with_conditioning_of_row(1)
        .predict(backend.as_mut(), 0..1, 500);
    assert!(
        changed != together[..stride],
        "the output depends on the conditioning"
    );
    let changed = rows
        .with_latents_of_row(1)
        .predict(backend.as_mut(), 0..1, 500);
    assert!(
        changed != together[..stride],
        "the output depends on the latents"
    );
    if concatenated_channels > 0 {
        let changed = rows
            .with_concatenated_of_row(1)
            .predict(backend.as_mut(), 0..1, 500);
        assert!(
            changed != together[..stride],
            "the output depends on the concatenated channels"
        );
    }

    refuses_wrong_lengths(backend.as_mut(), &rows);
    let after = rows.predict(backend.as_mut(), 0..rows.count, 500);
    assert!(
        after == together,
        "a refused request leaves the backend as it was"
    );

    features(backend.as_mut(), &rows);
    let whole = film(make(64).as_mut(), &rows);
    for limit in [1, 3] {
        let split = film(make(limit).as_mut(), &rows);
        for (split, whole) in split.iter().zip(&whole) {
            // Differences grow along a trajectory; ten times as much is still far from visible.
            assert_close_within(split, whole, 10.0 * TOLERANCE, "a film at any batch limit");
        }
    }
}

fn refuses_wrong_lengths(backend: &mut dyn Backend, rows: &Rows) {
    let good = rows.request(0..2, 500);
    let length = 2 * rows.shape.len();
    let short_latents = PredictRequest {
        latents: &good.latents[1..],
        ..good
    };
    let short_conditioning = PredictRequest {
        conditioning: &good.conditioning[1..],
        ..good
    };
    let cases = [
        ("latents that are too short", short_latents, length),
        (
            "a conditioning that is too short",
            short_conditioning,
            length,
        ),
        (
            "more concatenated channels than values",
            PredictRequest {
                concatenated_channels: good.concatenated_channels + 1,
                ..good
            },
            length,
        ),
        (
            "fewer values than rows",
            PredictRequest { rows: 3, ..good },
            length,
        ),
        (
            "more values than rows",
            PredictRequest { rows: 1, ..good },
            length,
        ),
        ("no rows", PredictRequest { rows: 0, ..good }, length),
        ("an output that is too short", good, length - 1),
        ("an output that is too long", good, length + 1),
    ];
    for (what, request, length) in cases {
        let mut output = vec![0.0; length];
        assert!(
            backend.predict(&request, &mut output).is_err(),
            "refused: {what}"
        );
    }
}

fn features(backend: &mut dyn Backend, rows: &Rows) {
    let parts = rows.latents.chunks_exact(rows.shape.len()).take(3);
    let pictures: Result<Vec<Latents>, _> = parts
        .map(|part| Latents::from_values(rows.shape, part.to_vec()))
        .collect();
    let pictures = pictures.unwrap_or_else(|error| panic!("{error}"));
    let Ok(features) = backend.picture_features(&pictures) else {
        return; // A backend need not have them.
    };
    assert_eq!(
        features.len(),
        pictures.len(),
        "one feature vector for each picture"
    );
    assert!(
        features
            .iter()
            .all(|vector| vector.len() == features[0].len() && !vector.is_empty()),
        "feature vectors are of one length"
    );
    assert!(features[0] != features[1], "features depend on the picture");
}

fn assert_close(actual: &[f32], expected: &[f32], promise: &str) {
    assert_close_within(actual, expected, TOLERANCE, promise);
}

fn assert_close_within(actual: &[f32], expected: &[f32], tolerance: f32, promise: &str) {
    let largest = expected
        .iter()
        .fold(0.0_f32, |most, value| most.max(value.abs()));
    let differences = actual.iter().zip(expected).map(|(a, e)| (a - e).abs());
    let difference = differences.fold(0.0, f32::max);
    assert!(
        difference <= tolerance * largest,
        "{promise}: differs by {difference}, allowed {tolerance} of {largest}"
    );
}
