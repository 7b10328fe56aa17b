//! Observing a render, and stopping it.

use std::ops::ControlFlow;
use std::path::Path;

use image::RgbImage;
use lb_blend::StepProgress;
use lb_cache::CacheError;
use lb_models::UnseenWord;

use crate::embedding_notes::EmbeddingNote;
use crate::error::RenderError;
use crate::position::FramePosition;
use crate::sampling::LateStart;
use crate::summary::Reconstruction;

/// An event that a front end may want to show.
#[derive(Debug)]
#[non_exhaustive]
#[allow(missing_docs)] // The fields say what they are by their names.
pub enum RenderEvent<'a> {
    /// A prompt was longer than the text encoder takes, and its end was left out.
    PromptCut {
        prompt: &'a str,
        /// The end that the model does not see.
        cut: &'a str,
    },
    /// A prompt or negative prompt has words that were in none of the captions that the model was trained
    /// on. This is known only of models whose directory lists their words.
    UnseenWords {
        /// The model's name.
        model: &'a str,
        prompt: &'a str,
        /// At least one word, in the prompt's order.
        words: &'a [UnseenWord],
    },
    /// An embedding is used by no prompt, or a word of a prompt looks like an embedding that is not there.
    Embedding(&'a EmbeddingNote<'a>),
    /// Sampling starts far from the last timestep, so that pictures of few steps come out pale or as noise.
    LateStart(LateStart),
    /// There is a problem with the cache. The work continues without the cache or without one entry.
    Cache { problem: &'a CacheError },
    /// Weights whose hash is not in the cache yet are read to hash them.
    Weights {
        path: &'a Path,
        /// Bytes read so far.
        done: u64,
        /// Bytes of the file.
        total: u64,
    },
    /// Some frames of an earlier render carry no position in the film, while others do. They are
    /// spaced evenly between their neighbours.
    FramesWithoutPosition { first: &'a Path, count: usize },
    /// A stage of the work begins.
    Stage(Stage),
    /// The engine took a step.
    Step(&'a StepProgress),
    /// A keyframe of the job is finished, before the transitions around it. In a film that is upscaled,
    /// the picture has low resolution.
    Keyframe {
        /// The keyframe, counted from 0.
        index: usize,
        picture: &'a RgbImage,
    },
    /// A keyframe that is a picture is finished; this is how close it comes to the picture.
    Reconstructed(&'a Reconstruction),
    /// A computed frame of the film is finished and has been passed to the outputs. Frames are reported
    /// in film order and a shared keyframe once; the first keyframe of a loop is not reported again at
    /// the end.
    Frame {
        position: FramePosition,
        picture: &'a RgbImage,
    },
    /// Pictures, which are computed frames or in-betweens, were decoded and passed to the outputs.
    Decoded {
        /// Pictures so far.
        done: usize,
        /// Pictures of the film, or of the first stage of a film that is upscaled.
        total: usize,
    },
}

/// The stages of the work, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Stage {
    /// Prompts are encoded.
    Encoding,
    /// Keyframes that are pictures are inverted to noise, for which the UNet is loaded. This stage is
    /// left out if there are none, or if all results are in the cache.
    Inverting,
    /// The UNet and the decoder are loaded. This stage is left out if the whole film is in the cache.
    Loading,
    /// The engine works; frames are decoded and encoded as soon as they are finished.
    Blending,
    /// The first stage of an upscaled film is complete. Encoding, loading and blending follow again.
    Upscaling {
        /// The number of transitions of the second stage: of pairs of neighbouring computed frames.
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
    /// Called for every event.
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
