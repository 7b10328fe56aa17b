//! Observing a render, and stopping it.

use std::ops::ControlFlow;
use std::path::Path;

use image::RgbImage;
use lb_blend::StepProgress;
use lb_cache::CacheError;

use crate::error::RenderError;
use crate::position::FramePosition;
use crate::summary::Reconstruction;

/// Something that a front end may want to show.
#[derive(Debug)]
#[non_exhaustive]
pub enum RenderEvent<'a> {
    /// A prompt was longer than the text encoder takes, and its end was left out.
    PromptCut {
        /// The whole prompt.
        prompt: &'a str,
        /// The end that the model does not see.
        cut: &'a str,
    },
    /// Something is wrong with the cache. The work goes on without it, or without one entry of it.
    Cache {
        /// What is wrong.
        problem: &'a CacheError,
    },
    /// Weights that the cache does not know yet are read, to recognise them later.
    Weights {
        /// The file.
        path: &'a Path,
        /// Bytes read so far.
        done: u64,
        /// Bytes of the file.
        total: u64,
    },
    /// Some frames of an earlier render carry no position in the film, while others do. They are
    /// taken to lie evenly between their neighbours.
    FramesWithoutPosition {
        /// The first of them.
        first: &'a Path,
        /// How many there are.
        count: usize,
    },
    /// A stage of the work begins.
    Stage(Stage),
    /// The engine took a step.
    Step(&'a StepProgress),
    /// A keyframe of the job is there, before the transitions around it. In a film that is upscaled,
    /// the picture is one of low resolution.
    Keyframe {
        /// The keyframe, counted from 0.
        index: usize,
        /// Its picture.
        picture: &'a RgbImage,
    },
    /// A keyframe that is a picture is there; this is how close it comes to the picture.
    Reconstructed(&'a Reconstruction),
    /// A computed frame of the film is there, and has been written to the outputs. The frames come in
    /// film order: a shared keyframe comes once, and the first keyframe of a loop does not come again
    /// at its end.
    Frame {
        /// Its position in the film.
        position: FramePosition,
        /// Its picture.
        picture: &'a RgbImage,
    },
    /// Computed frames were decoded and handed to the outputs.
    Decoded {
        /// Computed frames so far.
        done: usize,
        /// Computed frames of the film, or of the first stage of a film that is upscaled.
        total: usize,
    },
}

/// The stages of the work, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Stage {
    /// Prompts become conditioning.
    Encoding,
    /// Keyframes that are pictures become the noise that they are made from, for which the denoiser
    /// is loaded. This is left out if there are none, or if the cache has all of it.
    Inverting,
    /// The denoiser and the decoder are loaded. This is left out if the cache has the whole film.
    Loading,
    /// The engine works; frames are decoded and encoded as they come.
    Blending,
    /// The first stage of an upscaled film is complete. Encoding, loading and blending follow once
    /// more, with this many transitions.
    Upscaling {
        /// Pairs of neighbours among the first stage's computed frames.
        transitions: usize,
    },
    /// The last frames are encoded, and the files get their names.
    Finishing,
}

/// Receives every event. [`ControlFlow::Break`] stops the render with
/// [`RenderError::Interrupted`], and nothing is left behind.
///
/// `()` ignores all events.
pub trait RenderObserver {
    /// Something happened.
    fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
        let _ = event;
        ControlFlow::Continue(())
    }
}

impl RenderObserver for () {}

/// An observer's answer as a result.
pub(crate) fn proceed(flow: ControlFlow<()>) -> Result<(), RenderError> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(RenderError::Interrupted),
    }
}
