//! Why a film is not computed, with one variant for each broken rule.
//! ([`SamplerError`](crate::SamplerError) lists those of samplers.)

use crate::backend::BackendError;
use crate::film::Branch;
use crate::latents::{LatentShape, ShapeError};

/// What a [`KeyframeSource`](crate::KeyframeSource) returns when it cannot make a keyframe.
///
/// It wraps the source's own error and shows that error's message and cause as they are.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct KeyframeError(Box<dyn std::error::Error + Send + Sync>);

impl KeyframeError {
    /// Wraps an error or a message.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }

    /// Returns the wrapped error, so that its own type can be looked for with `downcast`.
    #[must_use]
    pub fn into_inner(self) -> Box<dyn std::error::Error + Send + Sync> {
        self.0
    }
}

/// Why a film was not computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the values in the message")]
pub enum BlendError {
    #[error("{count} keyframes given, a film needs at least 2")]
    TooFewKeyframes { count: usize },
    #[error(
        "{transitions} transitions given for {keyframes} keyframes, a film has one fewer than \
         keyframes, or as many for a loop; stills have none"
    )]
    TransitionCount {
        transitions: usize,
        keyframes: usize,
    },
    #[error(
        "the sampler takes {sampler} steps, the branching profile of transition {transition} \
         {profile}"
    )]
    StepsDiffer {
        sampler: usize,
        transition: usize,
        profile: usize,
    },
    #[error("keyframe {keyframe} has latents of shape {actual}, keyframe 0 of {expected}")]
    KeyframeShape {
        keyframe: usize,
        actual: LatentShape,
        expected: LatentShape,
    },
    #[error("keyframe {keyframe} has {actual} concatenated channels, keyframe 0 has {expected}")]
    ConcatenatedChannels {
        keyframe: usize,
        actual: usize,
        expected: usize,
    },
    #[error(
        "keyframe {keyframe} has concatenated channels of shape {actual} beside latents of shape \
         {latents}; height and width must be the same"
    )]
    ConcatenatedSize {
        keyframe: usize,
        actual: LatentShape,
        latents: LatentShape,
    },
    #[error("keyframe {keyframe} has the strengths of {actual} LoRAs, keyframe 0 of {expected}")]
    LoraStrengths {
        keyframe: usize,
        actual: usize,
        expected: usize,
    },
    /// A conditioning has other dimensions than the first keyframe's. `which` is `conditioning` or
    /// `negative conditioning`; the pairs are tokens and width.
    #[error(
        "keyframe {keyframe}: its {which} is {}×{} (tokens × width), keyframe 0's conditioning \
         {}×{}", actual.0, actual.1, expected.0, expected.1
    )]
    ConditioningShape {
        keyframe: usize,
        which: &'static str,
        actual: (usize, usize),
        expected: (usize, usize),
    },
    /// A value of a keyframe is NaN or infinite. `which` names the list that it stands in.
    #[error("keyframe {keyframe}: value {index} of its {which} is {value}, must be finite")]
    KeyframeNotFinite {
        keyframe: usize,
        which: &'static str,
        index: usize,
        value: f32,
    },
    #[error(
        "keyframe {keyframe} has a guidance scale of {actual}, its source had announced {announced}"
    )]
    GuidanceScale {
        keyframe: usize,
        actual: f64,
        announced: f64,
    },
    #[error("the backend's batch limit is 0, must be at least 1")]
    BatchLimit,
    #[error("NaN or infinity in {what} of {branch} at step {step} (timestep {timestep})")]
    NotFinite {
        what: &'static str,
        branch: Branch,
        step: usize,
        timestep: u32,
    },
    #[error("an inversion of {found} iterations a step; 0 to {most} are allowed")]
    Iterations { found: usize, most: usize },
    #[error("the backend's picture features: {rule}, got {actual} where {expected} were expected")]
    PictureFeatures {
        rule: &'static str,
        actual: usize,
        expected: usize,
    },
    #[error(
        "the backend's channel weights: {channels} numbers that are finite and not negative \
         were expected, got {weights:?}"
    )]
    ChannelWeights { channels: usize, weights: Vec<f64> },
    #[error("interrupted")]
    Interrupted,
    /// A length or a mix does not fit.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A rule about guidance, spacing or trees is broken.
    #[error(transparent)]
    Schedule(#[from] lb_schedule::ScheduleError),
    /// The model failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// A keyframe could not be made.
    #[error(transparent)]
    Keyframe(#[from] KeyframeError),
}
