//! What can be wrong with a request: one variant for each rule.
#![allow(missing_docs)] // The messages say what the fields of each variant are.

use crate::choice::UnknownChoice;
use crate::frame_rate::{FrameRate, FrameRateError};
use crate::limits::{
    MAX_BRANCHES, MAX_FILM_FRAMES, MAX_GUIDANCE_SCALE, MAX_MID_COMPRESSION, MAX_ROTATION,
    MAX_SECONDS, MAX_STEPS, MAX_ZOOM, MIN_MID_COMPRESSION,
};

/// A rule of the tree or of the film that a request broke.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    #[error("steps must be 1 to {MAX_STEPS}, got {steps}")]
    StepsOutOfRange { steps: usize },
    #[error("computed frames must be 2 to {MAX_BRANCHES}, got {frames}")]
    FramesOutOfRange { frames: usize },
    #[error("depth strength must be 0 to 1, got {value}")]
    DepthStrengthOutOfRange { value: f64 },

    #[error("branch counts and injections are empty: give at least one level")]
    NoLevels,
    #[error(
        "branch counts and injections must be equally many, got {branch_counts} counts and \
         {injections} injections"
    )]
    ListLengthsDiffer {
        branch_counts: usize,
        injections: usize,
    },
    #[error(
        "the level at injection 0 holds the 2 keyframes: its branch count must be 2, got {branch_count}"
    )]
    FirstLevelNotTwo { branch_count: usize },
    #[error("branch counts must be 2 to {MAX_BRANCHES}, got {branch_count}")]
    BranchCountOutOfRange { branch_count: usize },
    #[error(
        "branch counts must increase from level to level, got {branch_count} after {previous} \
         (if injections do not start at 0, 2 branches at step 0 come before them)"
    )]
    BranchCountsNotIncreasing {
        branch_count: usize,
        previous: usize,
    },
    #[error("injection steps must be below the number of steps ({steps}), got {injection_step}")]
    InjectionOutOfRange { injection_step: usize, steps: usize },
    #[error(
        "injections must increase, got step {injection_step} after step {previous} \
         (strengths are rounded to whole steps)"
    )]
    InjectionsNotIncreasing {
        injection_step: usize,
        previous: usize,
    },
    #[error("injection strengths must be at least 0 and below 1, got {value}")]
    InjectionStrengthOutOfRange { value: f64 },
    #[error(
        "injection strength {value} of {steps} steps rounds to step {steps}, after the last one"
    )]
    InjectionStrengthAfterLastStep { value: f64, steps: usize },

    #[error("mid compression must be {MIN_MID_COMPRESSION} to {MAX_MID_COMPRESSION}, got {value}")]
    MidCompressionOutOfRange { value: f64 },
    #[error(
        "a level's fractions must start at 0, end at 1 and never decrease, got {value} at index {index}"
    )]
    NotALevel { index: usize, value: f64 },
    #[error("a level has at least 2 branches, got {branch_count} fractions")]
    LevelTooSmall { branch_count: usize },
    #[error("{branch_count} branches have {} distances between neighbours, got {distances}", branch_count - 1)]
    DistanceCount {
        distances: usize,
        branch_count: usize,
    },
    #[error("distances must be finite and not negative, got {value} after branch {index}")]
    InvalidDistance { index: usize, value: f64 },
    #[error("fraction {value} lies outside the level above, which spans {first} to {last}")]
    FractionOutsideLevel { value: f64, first: f64, last: f64 },
    #[error("the profile has {expected} levels, got fractions for {levels}")]
    LevelCount { levels: usize, expected: usize },
    #[error("level {level} has {expected} branches, got {fractions} fractions")]
    FractionCount {
        level: usize,
        fractions: usize,
        expected: usize,
    },

    #[error("guidance scale must be 1 (no guidance) to {MAX_GUIDANCE_SCALE}, got {value}")]
    GuidanceScaleOutOfRange { value: f64 },
    #[error(
        "guidance damper must be 0 (no guidance in the middle) to 1 (constant guidance), got {value}"
    )]
    GuidanceDamperOutOfRange { value: f64 },
    #[error("guidance rescale must be 0 (off) to 1, got {value}")]
    GuidanceRescaleOutOfRange { value: f64 },
    #[error("guidance every N steps: N must be 1 (every step) to {MAX_STEPS}, got {value}")]
    GuidanceEveryOutOfRange { value: usize },

    /// A number of a crossfeed curve is outside `[0, 1]`, or not a number. `which` is `keyframe` or
    /// `parental`, and `setting` is `power`, `range` or `decay`.
    #[error("{which} crossfeed {setting} must be 0 to 1, got {value}")]
    CrossfeedOutOfRange {
        which: &'static str,
        setting: &'static str,
        value: f64,
    },

    /// No value of a [`Choice`](crate::Choice) has the given name.
    #[error(transparent)]
    UnknownChoice(#[from] UnknownChoice),

    /// A frame rate is out of range, or its text cannot be read.
    #[error(transparent)]
    FrameRate(#[from] FrameRateError),
    #[error("seconds per transition must be above 0 and at most {MAX_SECONDS}, got {value}")]
    SecondsOutOfRange { value: f64 },
    /// A list of this many numbers is no [`Pace`](crate::Pace).
    #[error(
        "a pace has up to {} numbers from 0 to 1 that never fall, of which the last is 1; the {found} that are \
         given are none",
        crate::Pace::MOST_VALUES
    )]
    Pace { found: usize },
    #[error("seconds of a hold must be 0 to {MAX_SECONDS}, got {value}")]
    HoldOutOfRange { value: f64 },
    #[error("seconds of the whole film must be above 0, got {value}")]
    FilmSecondsOutOfRange { value: f64 },
    #[error(
        "a film of {film_seconds} s has no time for its transitions: keyframes alone are held for \
         {held_seconds} s"
    )]
    HoldsFillFilm {
        film_seconds: f64,
        held_seconds: f64,
    },
    #[error(
        "a transition needs at least 2 film frames, one for each keyframe: {seconds} s at \
         {frame_rate} frames per second make {frames}"
    )]
    TransitionTooShort {
        frame_rate: FrameRate,
        seconds: f64,
        frames: usize,
    },
    #[error("a film needs at least 1 transition, that is 2 keyframes")]
    NoTransitions,
    #[error(
        "{keyframes} keyframes are joined by {} transitions, or by {keyframes} in a loop; got \
         {transitions}",
        keyframes.saturating_sub(1)
    )]
    TransitionCount {
        keyframes: usize,
        transitions: usize,
    },
    #[error(
        "a film may have {MAX_FILM_FRAMES} frames at most: {seconds} s at {frame_rate} \
         frames per second are more"
    )]
    FilmTooLong { seconds: f64, frame_rate: FrameRate },
    #[error("a transition has 2 to {MAX_BRANCHES} computed frames, got {frames}")]
    ComputedFramesOutOfRange { frames: usize },
    #[error(
        "distances must be finite and not negative, got {value} from computed frame {left} to {right}"
    )]
    InvalidFrameDistance {
        left: usize,
        right: usize,
        value: f64,
    },
    #[error("the film has {transitions} transitions, got the motion of {found}")]
    MotionCount { transitions: usize, found: usize },
    #[error("a zoom must be 1 to {MAX_ZOOM}, where 1 shows the whole picture; got {value}")]
    ZoomOutOfRange { value: f64 },
    #[error(
        "a pan must be -1 to 1 in each direction, where -1 and 1 are the edges of the picture; got {value}"
    )]
    PanOutOfRange { value: f64 },
    #[error("a rotation must be -{MAX_ROTATION} to {MAX_ROTATION} degrees, got {value}")]
    RotationOutOfRange { value: f64 },
    #[error(
        "a pan needs a zoom above 1: with a zoom of 1 the whole picture is shown, and there is no room to move"
    )]
    PanWithoutZoom,
    #[error("the film has {keyframes} keyframes, got the camera at {found}")]
    CameraKeyframes { keyframes: usize, found: usize },
    #[error(
        "a loop must end with the pan with which it begins: give it to keyframes instead of the whole film, \
         or give one pan"
    )]
    PanOpensLoop,
    #[error(
        "a loop must end with the rotation with which it begins: turn by a multiple of 360 degrees instead \
         of {degrees}, or give rotations to keyframes instead of the whole film"
    )]
    RotationOpensLoop { degrees: f64 },
    #[error(
        "the camera would look past the edges of the picture in film frame {film_frame}: turned by \
         {rotation} degrees, a picture of {width}x{height} needs a zoom of at least {needed}, and has {zoom}"
    )]
    CameraPastEdge {
        film_frame: usize,
        rotation: f64,
        width: usize,
        height: usize,
        zoom: f64,
        needed: f64,
    },
}
