//! The conformance suite passes a sound backend and catches flawed ones.

use std::panic::catch_unwind;

use lb_blend::testing::{FakeBackend, conformance};
use lb_blend::{Backend, BackendError, PredictRequest};

use crate::scene::SHAPE;

#[test]
fn the_fake_conforms() {
    for channels in [0, 3] {
        let make = |limit| -> Box<dyn Backend> { Box::new(FakeBackend::new(limit)) };
        conformance(&mut { make }, SHAPE, channels, 3, 4);
    }
}

/// A fake backend with one flaw.
struct Flawed {
    inner: FakeBackend,
    flaw: Flaw,
    calls: u32,
}

#[derive(Clone, Copy, Debug)]
enum Flaw {
    LeavesTheEnd,
    LeaksBetweenRows,
    IgnoresConditioning,
    IgnoresConcatenated,
    MixesConcatenated,
    IgnoresTimestep,
    IsRandom,
    AcceptsAnything,
    ForgetsItsLimit,
}

impl Backend for Flawed {
    fn batch_limit(&self) -> usize {
        match self.flaw {
            Flaw::ForgetsItsLimit => 1,
            _ => self.inner.batch_limit(),
        }
    }

    fn predict(
        &mut self,
        request: &PredictRequest<'_>,
        output: &mut [f32],
    ) -> Result<(), BackendError> {
        self.calls += 1;
        let (mut request, zeros) = (*request, vec![0.0; 1000]);
        let reversed: Vec<f32> = request.concatenated.iter().rev().copied().collect();
        match self.flaw {
            Flaw::IgnoresConditioning => {
                request.conditioning = &zeros[..request.conditioning.len()];
            }
            Flaw::IgnoresConcatenated => {
                request.concatenated = &zeros[..request.concatenated.len()];
            }
            Flaw::MixesConcatenated => request.concatenated = &reversed,
            Flaw::IgnoresTimestep => request.timestep = 7,
            Flaw::AcceptsAnything if request.validate(output).is_err() => return Ok(()),
            _ => {}
        }
        let kept = output[output.len() - 1];
        self.inner.predict(&request, output)?;
        match self.flaw {
            Flaw::LeavesTheEnd => output[output.len() - 1] = kept,
            Flaw::LeaksBetweenRows => output[0] += 0.1 * request.rows as f32,
            Flaw::IsRandom => output[0] += 1e-6 * self.calls as f32,
            _ => {}
        }
        Ok(())
    }
}

#[test]
fn flaws_are_found() {
    let expectations = [
        (Flaw::LeavesTheEnd, "the whole output is written"),
        (Flaw::LeaksBetweenRows, "does not depend on its company"),
        (Flaw::IgnoresConditioning, "depends on the conditioning"),
        (
            Flaw::IgnoresConcatenated,
            "depends on the concatenated channels",
        ),
        (Flaw::MixesConcatenated, "does not depend on its company"),
        (Flaw::IgnoresTimestep, "depends on the timestep"),
        (Flaw::IsRandom, "the same request twice"),
        (Flaw::AcceptsAnything, "refused: latents that are too short"),
        (Flaw::ForgetsItsLimit, "the batch limit"),
    ];
    for (flaw, promise) in expectations {
        let found = catch_unwind(|| {
            let make = |limit| -> Box<dyn Backend> {
                Box::new(Flawed {
                    inner: FakeBackend::new(limit),
                    flaw,
                    calls: 0,
                })
            };
            conformance(&mut { make }, SHAPE, 1, 3, 4);
        });
        let panic = found.expect_err(&format!("{flaw:?} must be found"));
        let message = panic.downcast_ref::<String>().cloned();
        let message = message
            .or(panic.downcast_ref::<&str>().map(ToString::to_string))
            .unwrap();
        assert!(message.contains(promise), "{flaw:?}: {message}");
    }
}
