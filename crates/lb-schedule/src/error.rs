//! What can be wrong with a request: one variant for each rule.
#![allow(missing_docs)] // The messages say what the fields of each variant are.

use crate::choice::UnknownChoice;
use crate::film::{MAX_FILM_FRAMES, MAX_FRAMES_PER_SECOND, MAX_SECONDS, MIN_FRAMES_PER_SECOND};
use crate::guidance::MAX_GUIDANCE_SCALE;
use crate::profile::{MAX_BRANCHES, MAX_STEPS};
use crate::spacing::{MAX_MID_COMPRESSION, MIN_MID_COMPRESSION};

/// A rule of the tree or of the film that a request broke.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The number of inference steps is 0 or more than [`MAX_STEPS`].
    #[error("steps must be 1 to {MAX_STEPS}, got {steps}")]
    StepsOutOfRange { steps: usize },
    /// The number of computed frames is below 2 or above [`MAX_BRANCHES`].
    #[error("computed frames must be 2 to {MAX_BRANCHES}, got {frames}")]
    FramesOutOfRange { frames: usize },
    /// The depth strength is outside `[0, 1]`, or not a number.
    #[error("depth strength must be 0 to 1, got {value}")]
    DepthStrengthOutOfRange { value: f64 },
    /// More than two computed frames were asked of a single step, at which nothing can be injected.
    #[error(
        "a single step leaves none to inject branches at: with 1 step frames must be 2, got {frames}"
    )]
    NoStepForInjection { frames: usize },

    /// A manual profile has no levels.
    #[error("branch counts and injections are empty: give at least one level")]
    NoLevels,
    /// The branch counts and the injections of a manual profile are not equally many.
    #[error(
        "branch counts and injections must be equally many, got {branch_counts} counts and \
         {injections} injections"
    )]
    ListLengthsDiffer {
        branch_counts: usize,
        injections: usize,
    },
    /// The level injected at step 0 does not have two branches.
    #[error(
        "the level at injection 0 holds the 2 keyframes: its branch count must be 2, got {branch_count}"
    )]
    FirstLevelNotTwo { branch_count: usize },
    /// A branch count is below 2 or above [`MAX_BRANCHES`].
    #[error("branch counts must be 2 to {MAX_BRANCHES}, got {branch_count}")]
    BranchCountOutOfRange { branch_count: usize },
    /// A branch count is not greater than the one before.
    #[error(
        "branch counts must increase from level to level, got {branch_count} after {previous} \
         (a list whose injections do not start at 0 follows 2 branches at step 0)"
    )]
    BranchCountsNotIncreasing {
        branch_count: usize,
        previous: usize,
    },
    /// An injection is not one of the steps.
    #[error("injection steps must be below the {steps} steps, got {injection_step}")]
    InjectionOutOfRange { injection_step: usize, steps: usize },
    /// An injection is not later than the one before.
    #[error(
        "injections must increase, got step {injection_step} after step {previous} \
         (strengths are rounded to whole steps)"
    )]
    InjectionsNotIncreasing {
        injection_step: usize,
        previous: usize,
    },
    /// An injection strength is outside `[0, 1)`, or not a number.
    #[error("injection strengths must be at least 0 and below 1, got {value}")]
    InjectionStrengthOutOfRange { value: f64 },
    /// An injection strength is rounded to the end of the last step.
    #[error(
        "injection strength {value} of {steps} steps rounds to step {steps}, after the last one"
    )]
    InjectionStrengthAfterLastStep { value: f64, steps: usize },

    /// The mid compression is out of range, or not a number.
    #[error("mid compression must be {MIN_MID_COMPRESSION} to {MAX_MID_COMPRESSION}, got {value}")]
    MidCompressionOutOfRange { value: f64 },
    /// The fractions of a level do not start at 0, do not end at 1, or decrease.
    #[error(
        "a level's fractions start at 0, end at 1 and never decrease: number {index} is {value}"
    )]
    NotALevel { index: usize, value: f64 },
    /// There are fewer than two branches, which make no level.
    #[error("a level has at least 2 branches, got {branch_count} fractions")]
    LevelTooSmall { branch_count: usize },
    /// There is not one distance for each pair of neighbouring branches.
    #[error("{branch_count} branches have {} distances between neighbours, got {distances}", branch_count - 1)]
    DistanceCount {
        distances: usize,
        branch_count: usize,
    },
    /// A distance between branches is negative, infinite, or not a number.
    #[error("distances must be finite and not negative, got {value} after branch {index}")]
    InvalidDistance { index: usize, value: f64 },
    /// A fraction lies outside the level above, or is not a number.
    #[error("fraction {value} lies outside the level above, which spans {first} to {last}")]
    FractionOutsideLevel { value: f64, first: f64, last: f64 },
    /// There is not one list of fractions for each level of the profile.
    #[error("the profile has {expected} levels, got fractions for {levels}")]
    LevelCount { levels: usize, expected: usize },
    /// There is not one fraction for each branch of a level.
    #[error("level {level} has {expected} branches, got {fractions} fractions")]
    FractionCount {
        level: usize,
        fractions: usize,
        expected: usize,
    },

    /// A guidance scale is out of range, or not a number.
    #[error("guidance scale must be 1 (no guidance) to {MAX_GUIDANCE_SCALE}, got {value}")]
    GuidanceScaleOutOfRange { value: f64 },
    /// A guidance damper is outside `[0, 1]`, or not a number.
    #[error("guidance damper must be 0 (none in the middle) to 1 (constant), got {value}")]
    GuidanceDamperOutOfRange { value: f64 },

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

    /// The frames per second are out of range, or not a number.
    #[error(
        "frames per second must be {MIN_FRAMES_PER_SECOND} to {MAX_FRAMES_PER_SECOND}, got {value}"
    )]
    FramesPerSecondOutOfRange { value: f64 },
    /// The seconds of a transition are not above 0, too many, or not a number.
    #[error("seconds per transition must be above 0 and at most {MAX_SECONDS}, got {value}")]
    SecondsOutOfRange { value: f64 },
    /// The seconds of a hold are negative, too many, or not a number.
    #[error("seconds of a hold must be 0 to {MAX_SECONDS}, got {value}")]
    HoldOutOfRange { value: f64 },
    /// The length of the whole film is not above 0, or not a number.
    #[error("seconds of the whole film must be above 0, got {value}")]
    FilmSecondsOutOfRange { value: f64 },
    /// The holds leave no time for the transitions.
    #[error(
        "a film of {film_seconds} s has no time for its transitions: keyframes alone are held for \
         {held_seconds} s"
    )]
    HoldsFillFilm {
        film_seconds: f64,
        held_seconds: f64,
    },
    /// A transition is so short that it has fewer than two film frames.
    #[error(
        "a transition needs at least 2 film frames, one for each keyframe: {seconds} s at \
         {frames_per_second} frames per second make {frames}"
    )]
    TransitionTooShort {
        frames_per_second: f64,
        seconds: f64,
        frames: usize,
    },
    /// A film has no transitions.
    #[error("a film needs at least 1 transition, that is 2 keyframes")]
    NoTransitions,
    /// The number of transitions does not fit the number of keyframes.
    #[error(
        "{keyframes} keyframes are joined by {} transitions, or by {keyframes} in a loop; got \
         {transitions}",
        keyframes.saturating_sub(1)
    )]
    TransitionCount {
        keyframes: usize,
        transitions: usize,
    },
    /// A film has too many frames.
    #[error(
        "a film may have {MAX_FILM_FRAMES} frames at most: {seconds} s at {frames_per_second} \
         frames per second are more"
    )]
    FilmTooLong {
        seconds: f64,
        frames_per_second: f64,
    },
    /// A transition has fewer than 2 or more than [`MAX_BRANCHES`] computed frames.
    #[error("a transition has 2 to {MAX_BRANCHES} computed frames, got {frames}")]
    ComputedFramesOutOfRange { frames: usize },
    /// The positions of computed frames do not lead from 0 to 1, or decrease.
    #[error(
        "positions of computed frames start at 0, end at 1 and never decrease: number {index} is \
         {value}"
    )]
    InvalidPosition { index: usize, value: f64 },
    /// A distance between computed frames is negative, infinite, or not a number.
    #[error("distances must be finite and not negative, got {value} after computed frame {index}")]
    InvalidFrameDistance { index: usize, value: f64 },
    /// There is not one list of positions for each transition.
    #[error("the film has {transitions} transitions, got positions for {found}")]
    PositionLists { transitions: usize, found: usize },
}
