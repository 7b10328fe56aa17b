//! What can be refused, one variant per broken rule.

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

/// A noise schedule or a step count that no sampler can follow.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplerError {
    /// The training schedule's length is zero or absurd.
    #[error("num_train_timesteps is {value}, must be in 1..={most}")]
    TrainTimesteps {
        /// What the configuration says.
        value: usize,
        /// The longest schedule accepted.
        most: usize,
    },
    /// More steps than the training schedule has, or none.
    #[error("{steps} steps asked for, must be in 1..={most} (num_train_timesteps)")]
    Steps {
        /// Steps asked for.
        steps: usize,
        /// The training schedule's length.
        most: usize,
    },
    /// `beta_start` or `beta_end` is not in (0, 1), or they are out of order.
    #[error("beta_start {start} and beta_end {end} must satisfy 0 < beta_start <= beta_end < 1")]
    BetaRange {
        /// `beta_start`.
        start: f64,
        /// `beta_end`.
        end: f64,
    },
    /// `trained_betas` has another length than the training schedule.
    #[error("trained_betas has {actual} entries, num_train_timesteps is {expected}")]
    TrainedBetasLength {
        /// Its length.
        actual: usize,
        /// `num_train_timesteps`.
        expected: usize,
    },
    /// An entry of `trained_betas` is not in (0, 1).
    #[error("trained_betas[{index}] is {value}, must be in (0, 1)")]
    TrainedBeta {
        /// Which entry.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// `clip_sample_range` is not a positive number.
    #[error("clip_sample_range is {value}, must be a positive number")]
    ClipRange {
        /// What the configuration says.
        value: f64,
    },
    /// Dynamic thresholding, which is meant for models that work on pixels.
    #[error("thresholding is true; dynamic thresholding is unsuitable for latents and unsupported")]
    Thresholding,
    /// The schedule is pure noise at a step, where the noise alone (epsilon) says nothing about
    /// the picture.
    #[error(
        "the noise schedule has no signal left at timestep {timestep} (rescale_betas_zero_snr): \
         prediction_type must be v_prediction or sample there, not epsilon"
    )]
    NoSignal {
        /// The timestep.
        timestep: u32,
    },
    /// A name that is none of the known values of a `scheduler_config.json` field.
    #[error("{field} {value:?} is unknown, must be one of {allowed}")]
    UnknownName {
        /// The field.
        field: &'static str,
        /// The value found.
        value: String,
        /// The known values.
        allowed: &'static str,
    },
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
    /// The sampler was made for another number of steps than the profile's.
    #[error("the sampler takes {sampler} steps, the branching profile {profile}")]
    StepsDiffer {
        /// The sampler's steps.
        sampler: usize,
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
        /// `initial latents`, `conditioning` or `negative conditioning`.
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
    #[error("{what} of {branch} is not finite at step {step} (timestep {timestep})")]
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
