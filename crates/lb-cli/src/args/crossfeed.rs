//! The arguments that say what trajectories take over from each other.

use clap::Args;

/// Structure handed on from one trajectory to another; off unless a power is given.
#[derive(Debug, Args)]
#[command(next_help_heading = "Crossfeed")]
pub(crate) struct CrossfeedArguments {
    /// How much a keyframe takes over from the one before it, 0 to 1 [default: 0].
    #[arg(long, value_name = "P")]
    pub(crate) crossfeed_power: Option<f64>,
    /// Up to which share of the steps [default: 0.6].
    #[arg(long, value_name = "R")]
    pub(crate) crossfeed_range: Option<f64>,
    /// What is left of the power at the end of the range [default: 0.8].
    #[arg(long, value_name = "D")]
    pub(crate) crossfeed_decay: Option<f64>,
    /// How much a branch takes over from its parents, 0 to 1 [default: 0].
    #[arg(long, value_name = "P")]
    pub(crate) crossfeed_parental_power: Option<f64>,
    /// Up to which share of the steps [default: 0.8].
    #[arg(long, value_name = "R")]
    pub(crate) crossfeed_parental_range: Option<f64>,
    /// What is left of the power at the end of the range [default: 0.8].
    #[arg(long, value_name = "D")]
    pub(crate) crossfeed_parental_decay: Option<f64>,
}
