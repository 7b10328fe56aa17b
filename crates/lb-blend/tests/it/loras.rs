//! Strengths of LoRAs: what the backend is asked with for every row.

use std::collections::BTreeSet;

use lb_blend::testing::FakeBackend;
use lb_blend::{Backend, BackendError, BlendOptions, PredictRequest};
use lb_schedule::Spacing;

use crate::scene::{film, render};

/// Keeps the strengths of all rows, in thousandths.
struct Listener {
    inner: FakeBackend,
    rows: Vec<[i32; 2]>,
}

impl Backend for Listener {
    fn batch_limit(&self) -> usize {
        self.inner.batch_limit()
    }

    fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), BackendError> {
        self.inner.predict(request, output)?;
        assert_eq!(request.loras, 2);
        let (rows, _) = request.lora_strengths.as_chunks();
        let thousandths = |strength: f32| (1000.0 * strength).round() as i32;
        self.rows
            .extend(rows.iter().map(|row: &[f32; 2]| row.map(thousandths)));
        Ok(())
    }
}

#[test]
fn every_branch_has_the_mix_of_both_keyframes_strengths_with_and_without_conditioning() {
    let mut film = film(2);
    film.keyframes[0].lora_strengths = vec![1.0, 0.0];
    film.keyframes[1].lora_strengths = vec![-1.0, 0.8];
    let options = BlendOptions::default().with_spacing(Spacing::Fixed {
        mid_compression: 1.0,
    });
    // A limit that splits levels between the rows with conditioning and those without.
    for limit in [3, 64] {
        let mut backend = Listener {
            inner: FakeBackend::new(limit),
            rows: Vec::new(),
        };
        render(&mut backend, &film, &options, &mut ()).unwrap();
        // The last level has nine branches, at eighths.
        let expected = (0..=8).map(|eighth| [1000 - 250 * eighth, 100 * eighth]);
        let found: BTreeSet<[i32; 2]> = backend.rows.iter().copied().collect();
        assert_eq!(found, expected.collect());
        for strengths in found {
            let rows = backend.rows.iter().filter(|row| **row == strengths);
            assert!(rows.count().is_multiple_of(2), "{strengths:?}");
        }
    }
}

#[test]
fn keyframes_have_the_strengths_of_as_many_loras_and_all_are_finite() {
    let refused = |strengths: [Vec<f32>; 2]| {
        let mut film = film(2);
        for (keyframe, strengths) in film.keyframes.iter_mut().zip(strengths) {
            keyframe.lora_strengths = strengths;
        }
        let mut backend = FakeBackend::new(8);
        let rendered = render(&mut backend, &film, &BlendOptions::default(), &mut ());
        rendered.unwrap_err().to_string()
    };
    assert_eq!(
        refused([vec![1.0], vec![]]),
        "keyframe 1 has the strengths of 0 LoRAs, keyframe 0 of 1"
    );
    assert_eq!(
        refused([vec![1.0], vec![f32::NAN]]),
        "keyframe 1: value 0 of its strengths of LoRAs is NaN, must be finite"
    );
}
