//! What can be wrong with a request, one variant per rule.

use crate::choice::UnknownChoice;
use crate::film::TimingError;
use crate::guidance::MAX_GUIDANCE_SCALE;
use crate::profile::{MAX_BRANCHES, MAX_STEPS};
use crate::spacing::{MAX_MID_COMPRESSION, MIN_MID_COMPRESSION};

/// A rule of the tree or of the film that a request broke.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The number of inference steps is 0 or more than [`MAX_STEPS`].
    #[error("steps must be 1 to {MAX_STEPS}, got {steps}")]
    StepsOutOfRange {
        /// The steps asked for.
        steps: usize,
    },
    /// A number of computed frames below 2 or above [`MAX_BRANCHES`].
    #[error("computed frames must be 2 to {MAX_BRANCHES}, got {frames}")]
    FramesOutOfRange {
        /// The frames asked for.
        frames: usize,
    },
    /// A depth strength outside `[0, 1]`, or not a number.
    #[error("depth strength must be 0 to 1, got {value}")]
    DepthStrengthOutOfRange {
        /// The depth strength asked for.
        value: f64,
    },
    /// More than two frames were asked of a single step, at which nothing can be injected.
    #[error(
        "a single step leaves none to inject branches at: with 1 step frames must be 2, got {frames}"
    )]
    NoStepForInjection {
        /// The frames asked for.
        frames: usize,
    },

    /// A manual profile without levels.
    #[error("branch counts and injections are empty: give at least one level")]
    NoLevels,
    /// Manual branch counts and injections of different length.
    #[error(
        "branch counts and injections must be equally many, got {branch_counts} counts and \
         {injections} injections"
    )]
    ListLengthsDiffer {
        /// How many branch counts were given.
        branch_counts: usize,
        /// How many injection steps or strengths were given.
        injections: usize,
    },
    /// The level injected at step 0 does not have two branches.
    #[error(
        "the level at injection 0 holds the 2 keyframes: its branch count must be 2, got {branch_count}"
    )]
    FirstLevelNotTwo {
        /// The branch count given for injection 0.
        branch_count: usize,
    },
    /// A branch count below 2 or above [`MAX_BRANCHES`].
    #[error("branch counts must be 2 to {MAX_BRANCHES}, got {branch_count}")]
    BranchCountOutOfRange {
        /// The branch count given.
        branch_count: usize,
    },
    /// A branch count that is not greater than the one before.
    #[error(
        "branch counts must increase from level to level, got {branch_count} after {previous} \
         (a list whose injections do not start at 0 follows 2 branches at step 0)"
    )]
    BranchCountsNotIncreasing {
        /// The branch count given.
        branch_count: usize,
        /// The branch count of the level above.
        previous: usize,
    },
    /// An injection at or after the last step.
    #[error("injection steps must be below the {steps} steps, got {injection_step}")]
    InjectionOutOfRange {
        /// The injection step given.
        injection_step: usize,
        /// The steps of the profile.
        steps: usize,
    },
    /// An injection that is not later than the one before.
    #[error(
        "injections must increase, got step {injection_step} after step {previous} \
         (strengths are rounded to whole steps)"
    )]
    InjectionsNotIncreasing {
        /// The injection step given, or the step the strength stands for.
        injection_step: usize,
        /// The injection step of the level above.
        previous: usize,
    },
    /// An injection strength outside `[0, 1)`, or not a number.
    #[error("injection strengths must be at least 0 and below 1, got {value}")]
    InjectionStrengthOutOfRange {
        /// The strength given.
        value: f64,
    },
    /// An injection strength that rounds to the end of the last step.
    #[error(
        "injection strength {value} of {steps} steps rounds to step {steps}, after the last one"
    )]
    InjectionStrengthAfterLastStep {
        /// The strength given.
        value: f64,
        /// The steps of the profile.
        steps: usize,
    },

    /// A mid compression out of range, or not a number.
    #[error("mid compression must be {MIN_MID_COMPRESSION} to {MAX_MID_COMPRESSION}, got {value}")]
    MidCompressionOutOfRange {
        /// The mid compression given.
        value: f64,
    },
    /// Fractions that are no level's: they must start at 0, end at 1, and never decrease.
    #[error(
        "a level's fractions start at 0, end at 1 and never decrease: number {index} is {value}"
    )]
    NotALevel {
        /// The first fraction that broke the rule, counted from 0.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// Fractions of too few branches to be a level.
    #[error("a level has at least 2 branches, got {branch_count} fractions")]
    LevelTooSmall {
        /// How many fractions were given.
        branch_count: usize,
    },
    /// Not one distance for each pair of neighbours.
    #[error("{branch_count} branches have {} distances between neighbours, got {distances}", branch_count - 1)]
    DistanceCount {
        /// How many distances were given.
        distances: usize,
        /// How many branches the level above has (at least 2).
        branch_count: usize,
    },
    /// A distance that is negative, infinite, or not a number.
    #[error("distances must be finite and not negative, got {value} after branch {index}")]
    InvalidDistance {
        /// The branch on the left of the distance, counted from 0.
        index: usize,
        /// The distance given.
        value: f64,
    },
    /// A fraction that the level above does not reach, or not a number.
    #[error("fraction {value} lies outside the level above, which spans {first} to {last}")]
    FractionOutsideLevel {
        /// The fraction given.
        value: f64,
        /// The first fraction of the level above.
        first: f64,
        /// The last fraction of the level above.
        last: f64,
    },
    /// Not one list of fractions for each level of the profile.
    #[error("the profile has {expected} levels, got fractions for {levels}")]
    LevelCount {
        /// How many levels' fractions were given.
        levels: usize,
        /// How many levels the profile has.
        expected: usize,
    },
    /// Not one fraction for each branch of a level.
    #[error("level {level} has {expected} branches, got {fractions} fractions")]
    FractionCount {
        /// The level, counted from 0.
        level: usize,
        /// How many fractions were given.
        fractions: usize,
        /// How many branches the level has.
        expected: usize,
    },

    /// A guidance scale out of range, or not a number.
    #[error("guidance scale must be 1 (no guidance) to {MAX_GUIDANCE_SCALE}, got {value}")]
    GuidanceScaleOutOfRange {
        /// The guidance scale given.
        value: f64,
    },
    /// A guidance damper outside `[0, 1]`, or not a number.
    #[error("guidance damper must be 0 (none in the middle) to 1 (constant), got {value}")]
    GuidanceDamperOutOfRange {
        /// The guidance damper given.
        value: f64,
    },

    /// A setting of a crossfeed curve outside `[0, 1]`, or not a number.
    #[error("{which} crossfeed {setting} must be 0 to 1, got {value}")]
    CrossfeedOutOfRange {
        /// `keyframe` or `parental`.
        which: &'static str,
        /// `power`, `range` or `decay`.
        setting: &'static str,
        /// The value given.
        value: f64,
    },

    /// A name that no value of a [`Choice`](crate::Choice) has.
    #[error(transparent)]
    UnknownChoice(#[from] UnknownChoice),

    /// A rule of film timing.
    #[error(transparent)]
    Timing(#[from] TimingError),
}
