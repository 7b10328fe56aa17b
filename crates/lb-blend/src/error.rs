//! What can be refused, one variant per broken rule. (The sampler has its own list.)

use crate::latents::LatentShape;
use crate::observe::Branch;

/// A length or a number that does not fit.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// A list is longer or shorter than the shapes say.
    #[error("{what}: {actual} values, expected {expected}")]
    Length {
        /// Which list.
        what: &'static str,
        /// Its length.
        actual: usize,
        /// The length it must have.
        expected: usize,
    },
    /// A shape without any value.
    #[error("latents of shape {shape} have no values")]
    Empty {
        /// The shape.
        shape: LatentShape,
    },
    /// A request without any row.
    #[error("a request has no rows, must have at least 1")]
    NoRows,
    /// A step that a sampler does not have.
    #[error("step {index} does not exist, the sampler takes {steps} steps, counted from 0")]
    Step {
        /// The step.
        index: usize,
        /// How many there are.
        steps: usize,
    },
    /// A mix outside [0, 1].
    #[error("mix {mix} is not in [0, 1]")]
    Mix {
        /// The mix.
        mix: f64,
    },
}

impl ShapeError {
    pub(crate) fn check_length(
        what: &'static str,
        actual: usize,
        expected: usize,
    ) -> Result<(), Self> {
        if actual == expected {
            Ok(())
        } else {
            Err(Self::Length {
                what,
                actual,
                expected,
            })
        }
    }
}

/// What a backend reports when it cannot do what it was asked.
///
/// Wraps the backend's own error, whose message and source it shows as they are.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BackendError(Box<dyn std::error::Error + Send + Sync>);

impl BackendError {
    /// Wraps an error, or a message.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }

    /// The error of a backend that has no such operation.
    pub fn unsupported(operation: &str) -> Self {
        Self::new(format!("this backend does not support {operation}"))
    }

    /// The wrapped error, to look for the backend's own type in.
    pub fn get_ref(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self.0.as_ref()
    }
}

/// Why a film was not computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlendError {
    /// A film needs two ends.
    #[error("{count} keyframes given, a film needs at least 2")]
    TooFewKeyframes {
        /// How many there were.
        count: usize,
    },
    /// Transitions that do not join the keyframes.
    #[error(
        "{transitions} transitions given for {keyframes} keyframes, a film has one fewer than \
         keyframes, or as many for a loop"
    )]
    TransitionCount {
        /// How many transitions there were.
        transitions: usize,
        /// How many keyframes.
        keyframes: usize,
    },
    /// The sampler was made for another number of steps than a profile's.
    #[error(
        "the sampler takes {sampler} steps, the branching profile of transition {transition} \
         {profile}"
    )]
    StepsDiffer {
        /// The sampler's steps.
        sampler: usize,
        /// Which transition.
        transition: usize,
        /// The profile's steps.
        profile: usize,
    },
    /// A keyframe's latents have another shape than the first keyframe's.
    #[error("keyframe {keyframe} has latents of shape {actual}, keyframe 0 of {expected}")]
    KeyframeShape {
        /// Which keyframe.
        keyframe: usize,
        /// Its latents' shape.
        actual: LatentShape,
        /// The first keyframe's.
        expected: LatentShape,
    },
    /// A keyframe has more or fewer concatenated channels than the first keyframe.
    #[error("keyframe {keyframe} has {actual} concatenated channels, keyframe 0 has {expected}")]
    ConcatenatedChannels {
        /// Which keyframe.
        keyframe: usize,
        /// Its channels, 0 where it has none.
        actual: usize,
        /// The first keyframe's.
        expected: usize,
    },
    /// A keyframe's concatenated channels have another height or width than its latents.
    #[error(
        "keyframe {keyframe} has concatenated channels of shape {actual} beside latents of shape \
         {latents}; height and width must be the same"
    )]
    ConcatenatedSize {
        /// Which keyframe.
        keyframe: usize,
        /// The concatenated channels' shape.
        actual: LatentShape,
        /// The latents'.
        latents: LatentShape,
    },
    /// A conditioning has another shape than the first keyframe's.
    #[error(
        "keyframe {keyframe}: its {which} is {}×{} (tokens × width), keyframe 0's conditioning \
         {}×{}", actual.0, actual.1, expected.0, expected.1
    )]
    ConditioningShape {
        /// Which keyframe.
        keyframe: usize,
        /// `conditioning` or `negative conditioning`.
        which: &'static str,
        /// Its tokens and width.
        actual: (usize, usize),
        /// The first conditioning's tokens and width.
        expected: (usize, usize),
    },
    /// A value of a keyframe is NaN or infinite.
    #[error("keyframe {keyframe}: value {index} of its {which} is {value}, must be finite")]
    KeyframeNotFinite {
        /// Which keyframe.
        keyframe: usize,
        /// `initial latents`, `concatenated channels`, `conditioning` or `negative conditioning`.
        which: &'static str,
        /// Where in it.
        index: usize,
        /// The value.
        value: f32,
    },
    /// The backend says that it can take no rows at all.
    #[error("the backend's batch limit is 0, must be at least 1")]
    BatchLimit,
    /// NaN or infinity while denoising.
    #[error("NaN or infinity in {what} of {branch} at step {step} (timestep {timestep})")]
    NotFinite {
        /// The model's output (for which conditioning), or the latents after the step.
        what: &'static str,
        /// Whose.
        branch: Branch,
        /// The denoising step, counted from 1.
        step: usize,
        /// The timestep that the model was given.
        timestep: u32,
    },
    /// More refinements of an inversion than can help.
    #[error("an inversion of {found} iterations a step; 0 to {most} are allowed")]
    Iterations {
        /// How many were asked for.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// Picture features that do not compare.
    #[error("the backend's picture features: {rule}, got {actual} where {expected} were expected")]
    PictureFeatures {
        /// The rule.
        rule: &'static str,
        /// What came.
        actual: usize,
        /// What had to come.
        expected: usize,
    },
    /// Weights of latent channels that are none.
    #[error(
        "the backend's channel weights: {channels} numbers that are finite and not negative \
         were expected, got {weights:?}"
    )]
    ChannelWeights {
        /// Channels of the latents.
        channels: usize,
        /// What came.
        weights: Vec<f64>,
    },
    /// The observer asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A length or a mix that does not fit.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Guidance, spacing or the tree.
    #[error(transparent)]
    Schedule(#[from] lb_schedule::ScheduleError),
    /// The model.
    #[error(transparent)]
    Backend(#[from] BackendError),
}
