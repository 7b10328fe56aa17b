//! The noise that becomes a picture.

use std::ops::ControlFlow;

use lb_blend::{DdimInversion, InversionOptions, Inverted, Keyframe, Observer, StepProgress};
use lb_models::Pipeline;

use super::KeyframePictures;
use crate::error::RenderError;
use crate::observe::{RenderEvent, RenderObserver, Stage};
use crate::production::proceed;

/// Puts into the film's keyframes that are pictures the noise that they are made from.
///
/// # Errors
/// Those of [`lb_blend::invert`], and [`RenderError::Interrupted`] once the observer says so.
pub(crate) fn invert(
    pictures: &KeyframePictures,
    keyframes: &mut [Keyframe],
    pipeline: &mut Pipeline,
    steps: usize,
    options: &InversionOptions,
    observer: &mut dyn RenderObserver,
) -> Result<Inverted, RenderError> {
    let mut starts = Vec::with_capacity(pictures.clean.len());
    for (&index, clean) in &pictures.clean {
        starts.push(Keyframe {
            initial_latents: clean.clone(),
            ..keyframes[index].clone()
        });
    }
    if starts.is_empty() {
        return Ok(Inverted::default());
    }
    proceed(observer.event(&RenderEvent::Stage(Stage::Inverting)))?;
    let inversion = DdimInversion::new(pipeline.directory().schedule(), steps)?;
    let mut steps = Steps(observer);
    let mut inverted = lb_blend::invert(pipeline, &inversion, &starts, options, &mut steps)?;
    for (&index, latents) in pictures
        .clean
        .keys()
        .zip(inverted.initial_latents.drain(..))
    {
        keyframes[index].initial_latents = latents;
    }
    Ok(inverted)
}

/// Hands the steps on.
struct Steps<'a>(&'a mut dyn RenderObserver);

impl Observer for Steps<'_> {
    fn step(&mut self, progress: &StepProgress) -> ControlFlow<()> {
        self.0.event(&RenderEvent::Step(progress))
    }
}
