//! Watching a render, and stopping it.

use std::ops::ControlFlow;
use std::path::Path;

use image::RgbImage;
use lb_blend::StepProgress;

use crate::store::StoreError;
use crate::summary::Reconstruction;

/// Something that a front end may want to show.
#[derive(Debug)]
#[non_exhaustive]
pub enum RenderEvent<'a> {
    /// A prompt was longer than the text encoder: its end was left out.
    PromptCut {
        /// The prompt as it was given.
        prompt: &'a str,
        /// The end that the model does not see.
        cut: &'a str,
    },
    /// Something is wrong with the store; the work goes on without it, or without one entry of it.
    Cache {
        /// What it is.
        problem: &'a StoreError,
    },
    /// Weights that the store does not know yet are read, to be known again.
    Weights {
        /// The file.
        path: &'a Path,
        /// Bytes read so far.
        done: u64,
        /// Bytes of the file.
        total: u64,
    },
    /// Frames of an earlier render say nothing of where in the film they stand, as others do. They
    /// are taken to stand evenly between their neighbours.
    FramesWithoutPlace {
        /// The first of them.
        first: &'a Path,
        /// How many there are.
        count: usize,
    },
    /// A stage of the work begins.
    Stage(Stage),
    /// The engine took a step.
    Step(&'a StepProgress),
    /// A keyframe is there, before the transitions around it.
    Keyframe {
        /// Which one, from 0.
        index: usize,
        /// Its picture.
        picture: &'a RgbImage,
    },
    /// A keyframe that is a picture is there; this is how close it comes.
    Reconstructed(&'a Reconstruction),
    /// Computed frames were decoded and handed to the writers.
    Decoded {
        /// Computed frames so far.
        done: usize,
        /// Computed frames of the film.
        total: usize,
    },
}

/// The stages of a render, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Prompts become conditioning.
    Encoding,
    /// Keyframes' pictures become the noise that they are made from; the denoiser is loaded for
    /// it. Left out where there are none, or the store has all of it.
    Inverting,
    /// Denoiser and decoder are loaded; left out where the store has all of the film.
    Loading,
    /// The engine works; frames are decoded and encoded as they come.
    Blending,
    /// The first stage of an upscaled film is complete; encoding, loading and blending begin anew,
    /// with this many transitions.
    Upscaling {
        /// Neighbours among the first stage's computed frames.
        transitions: usize,
    },
    /// The last frames are encoded and the files get their names.
    Finishing,
}

/// Told of every event; [`ControlFlow::Break`] stops the render with
/// [`RenderError::Interrupted`](crate::RenderError::Interrupted), leaving nothing behind.
///
/// `()` watches nothing.
pub trait RenderObserver {
    /// Something happened.
    fn event(&mut self, event: &RenderEvent<'_>) -> ControlFlow<()> {
        let _ = event;
        ControlFlow::Continue(())
    }
}

impl RenderObserver for () {}
