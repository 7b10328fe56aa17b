//! The arguments that say how a film runs in time.

use clap::Args;
use clap::builder::PossibleValuesParser;
use lb_render::{Easing, Timing};
use lb_schedule::Choice;

/// How the film runs in time.
#[derive(Debug, Args)]
#[command(next_help_heading = "Film timing")]
pub(crate) struct TimingArguments {
    /// Seconds a transition [default: 3].
    #[arg(long, value_name = "S")]
    pub(crate) seconds: Option<f64>,
    /// Seconds of the whole film: transitions are stretched or shortened alike, holds are kept.
    #[arg(long, value_name = "S")]
    pub(crate) film_seconds: Option<f64>,
    /// Film frames a second [default: 30].
    #[arg(long, value_name = "F")]
    pub(crate) fps: Option<f64>,
    /// Seconds that the film rests on each keyframe [default: 0].
    #[arg(long, value_name = "S")]
    pub(crate) hold: Option<f64>,
    /// How the motion of a transition starts and ends [default: linear].
    #[arg(long, value_name = "NAME", value_parser = choices::<Easing>())]
    pub(crate) easing: Option<String>,
    /// Where computed frames sit in film time: even, or perceptual (in proportion to their
    /// distances, so that the film moves at one apparent speed) [default: even].
    #[arg(long, value_name = "NAME", value_parser = names(&Timing::ALL.map(Timing::name)))]
    pub(crate) timing: Option<String>,
    /// Close the film onto its first keyframe.
    #[arg(long = "loop")]
    pub(crate) looped: bool,
}

/// The names of a named choice.
fn choices<C: Choice>() -> PossibleValuesParser {
    PossibleValuesParser::new(C::ALL.iter().map(|value| value.name()))
}

pub(super) fn names(all: &[&'static str]) -> PossibleValuesParser {
    PossibleValuesParser::new(all.iter().copied())
}
