//! What can be wrong with a film's timing, one variant per rule.

use super::timeline::{MAX_FILM_FRAMES, MAX_FRAMES_PER_SECOND, MAX_SECONDS, MIN_FRAMES_PER_SECOND};
use crate::profile::MAX_BRANCHES;

/// A rule of film timing that a request broke.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TimingError {
    /// Frames per second out of range, or not a number.
    #[error(
        "frames per second must be {MIN_FRAMES_PER_SECOND} to {MAX_FRAMES_PER_SECOND}, got {value}"
    )]
    FramesPerSecondOutOfRange {
        /// The frames per second given.
        value: f64,
    },
    /// Seconds of a transition not above 0, too many, or not a number.
    #[error("seconds per transition must be above 0 and at most {MAX_SECONDS}, got {value}")]
    SecondsOutOfRange {
        /// The seconds given.
        value: f64,
    },
    /// Seconds of a hold negative, too many, or not a number.
    #[error("seconds of a hold must be 0 to {MAX_SECONDS}, got {value}")]
    HoldOutOfRange {
        /// The seconds given.
        value: f64,
    },
    /// A length of the whole film that is not above 0, or not a number.
    #[error("seconds of the whole film must be above 0, got {value}")]
    FilmSecondsOutOfRange {
        /// The seconds given.
        value: f64,
    },
    /// The holds leave no time for the transitions.
    #[error(
        "a film of {film_seconds} s has no time for its transitions: keyframes alone are held for \
         {held_seconds} s"
    )]
    HoldsFillFilm {
        /// The length asked for.
        film_seconds: f64,
        /// All holds together.
        held_seconds: f64,
    },
    /// A transition of fewer than two film frames.
    #[error(
        "a transition needs at least 2 film frames, one for each keyframe: {seconds} s at \
         {frames_per_second} frames per second make {frames}"
    )]
    TransitionTooShort {
        /// The frames per second given.
        frames_per_second: f64,
        /// The seconds of the transition, after fitting it into the film.
        seconds: f64,
        /// The film frames that they make.
        frames: usize,
    },
    /// A film without transitions.
    #[error("a film needs at least 1 transition, that is 2 keyframes")]
    NoTransitions,
    /// Transitions that do not join the keyframes.
    #[error(
        "{keyframes} keyframes are joined by {} transitions, or by {keyframes} in a loop; got \
         {transitions}",
        keyframes.saturating_sub(1)
    )]
    TransitionCount {
        /// How many keyframes the film has.
        keyframes: usize,
        /// How many transitions were given.
        transitions: usize,
    },
    /// A film of too many frames.
    #[error(
        "a film may have {MAX_FILM_FRAMES} frames at most: {seconds} s at {frames_per_second} \
         frames per second are more"
    )]
    FilmTooLong {
        /// The length of the film.
        seconds: f64,
        /// The frames per second given.
        frames_per_second: f64,
    },
    /// A transition of fewer than 2 or absurdly many computed frames.
    #[error("a transition has 2 to {MAX_BRANCHES} computed frames, got {frames}")]
    ComputedFramesOutOfRange {
        /// The computed frames of the transition.
        frames: usize,
    },
    /// Positions that do not lead from 0 to 1.
    #[error(
        "positions of computed frames start at 0, end at 1 and never decrease: number {index} is \
         {value}"
    )]
    InvalidPosition {
        /// The first position that broke the rule, counted from 0.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// A distance that is negative, infinite, or not a number.
    #[error("distances must be finite and not negative, got {value} after computed frame {index}")]
    InvalidDistance {
        /// The computed frame on the left of the distance, counted from 0.
        index: usize,
        /// The distance given.
        value: f64,
    },
    /// Not one list of positions for each transition.
    #[error("the film has {transitions} transitions, got positions for {found}")]
    PositionLists {
        /// Transitions of the film.
        transitions: usize,
        /// Lists given.
        found: usize,
    },
}
