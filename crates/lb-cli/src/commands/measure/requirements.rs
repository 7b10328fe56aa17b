//! What a script requires of a film, and the exit code for a film that is not so.

use std::path::Path;

use clap::{Args, ValueEnum};
use lb_measure::{
    Breach, CROSS_FADE_RESIDUAL, EVEN_VARIATION, Measurement, NEARLY_EVEN_VARIATION, Quantity,
    Requirement, SHARP_RETENTION, STEADY_DRIFT, STEADY_SPREAD,
};

use super::report::transition_name;
use crate::error::CommandError;

#[derive(Debug, Args)]
#[command(
    next_help_heading = "Requirements, each for every transition (otherwise the exit code is 3)"
)]
pub(super) struct RequirementArguments {
    /// What the verdict has to say.
    #[arg(long, value_name = "WORD,…", value_delimiter = ',')]
    require: Vec<Standard>,
    /// The largest coefficient of variation.
    #[arg(long, value_name = "X")]
    max_variation: Option<f64>,
    /// The largest peak ratio.
    #[arg(long, value_name = "X")]
    max_peak: Option<f64>,
    /// The least retention of any frame.
    #[arg(long, value_name = "X")]
    min_retention: Option<f64>,
    /// The largest retention of any frame.
    #[arg(long, value_name = "X")]
    max_retention: Option<f64>,
    /// The least mean residual.
    #[arg(long, value_name = "X")]
    min_residual: Option<f64>,
    /// The largest drift of the background in any frame, in grey levels.
    #[arg(long, value_name = "X")]
    max_drift: Option<f64>,
    /// The largest spread of the background in any frame.
    #[arg(long, value_name = "X")]
    max_spread: Option<f64>,
}

/// A word of the verdict.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Standard {
    /// The variation is at most 0.05
    Even,
    /// The variation is at most 0.1
    NearlyEven,
    /// The mean residual is at least 0.1
    Morph,
    /// The retention of every frame is from 0.8 to 1.25
    Sharp,
    /// The background drifts by at most 3 grey levels, and its spread is at most 1.5
    Background,
}

/// A requirement, and the flag that made it.
pub(super) struct Flagged {
    flag: String,
    requirement: Requirement,
}

fn at_most(quantity: Quantity, limit: f64) -> Requirement {
    Requirement {
        quantity,
        limit,
        at_most: true,
    }
}

fn at_least(quantity: Quantity, limit: f64) -> Requirement {
    Requirement {
        quantity,
        limit,
        at_most: false,
    }
}

impl Standard {
    fn requirements(self) -> Vec<Requirement> {
        match self {
            Self::Even => vec![at_most(Quantity::Variation, EVEN_VARIATION)],
            Self::NearlyEven => vec![at_most(Quantity::Variation, NEARLY_EVEN_VARIATION)],
            Self::Morph => vec![at_least(Quantity::MeanResidual, CROSS_FADE_RESIDUAL)],
            Self::Sharp => vec![
                at_least(Quantity::LeastRetention, SHARP_RETENTION),
                at_most(Quantity::MostRetention, 1.0 / SHARP_RETENTION),
            ],
            Self::Background => vec![
                at_most(Quantity::Drift, STEADY_DRIFT),
                at_most(Quantity::Spread, STEADY_SPREAD),
            ],
        }
    }
}

impl RequirementArguments {
    /// The requirements, in the order of the flags in the help.
    ///
    /// # Errors
    /// A limit that is no number of 0 or more.
    pub(super) fn requirements(&self) -> Result<Vec<Flagged>, CommandError> {
        let mut all = Vec::new();
        for standard in &self.require {
            let name = standard.to_possible_value();
            let name = name.map_or_else(String::new, |value| value.get_name().to_owned());
            all.extend(
                standard
                    .requirements()
                    .into_iter()
                    .map(|requirement| Flagged {
                        flag: format!("--require {name}"),
                        requirement,
                    }),
            );
        }
        let numbers = [
            (
                "--max-variation",
                self.max_variation,
                at_most as Bound,
                Quantity::Variation,
            ),
            ("--max-peak", self.max_peak, at_most, Quantity::Peak),
            (
                "--min-retention",
                self.min_retention,
                at_least,
                Quantity::LeastRetention,
            ),
            (
                "--max-retention",
                self.max_retention,
                at_most,
                Quantity::MostRetention,
            ),
            (
                "--min-residual",
                self.min_residual,
                at_least,
                Quantity::MeanResidual,
            ),
            ("--max-drift", self.max_drift, at_most, Quantity::Drift),
            ("--max-spread", self.max_spread, at_most, Quantity::Spread),
        ];
        for (flag, limit, bound, quantity) in numbers {
            let Some(limit) = limit else { continue };
            if !limit.is_finite() || limit < 0.0 {
                let message = format!("{flag}: {limit} is not allowed; give a number of 0 or more");
                return Err(CommandError::request(message));
            }
            all.push(Flagged {
                flag: flag.to_owned(),
                requirement: bound(quantity, limit),
            });
        }
        Ok(all)
    }
}

type Bound = fn(Quantity, f64) -> Requirement;

/// A requirement that a film does not meet in one of its transitions.
pub(super) struct Broken<'a> {
    flagged: &'a Flagged,
    breach: Breach,
}

/// What `--json` says about it.
#[derive(serde::Serialize)]
pub(super) struct BrokenFacts<'a> {
    requirement: &'a str,
    quantity: &'static str,
    transition: usize,
    frame: Option<usize>,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_least: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_most: Option<f64>,
}

pub(super) fn broken<'a>(
    requirements: &'a [Flagged],
    measurement: &Measurement,
) -> Vec<Broken<'a>> {
    let each = requirements.iter().flat_map(|flagged| {
        let breaches = flagged.requirement.breaches(measurement).into_iter();
        breaches.map(move |breach| Broken { flagged, breach })
    });
    each.collect()
}

impl<'a> Broken<'a> {
    pub(super) fn facts(&self) -> BrokenFacts<'a> {
        let Requirement {
            quantity,
            limit,
            at_most,
        } = self.flagged.requirement;
        BrokenFacts {
            requirement: &self.flagged.flag,
            quantity: quantity.name(),
            transition: self.breach.transition,
            frame: self.breach.frame,
            value: self.breach.value,
            at_least: (!at_most).then_some(limit),
            at_most: at_most.then_some(limit),
        }
    }

    fn text(&self, measurement: &Measurement) -> String {
        let Requirement {
            quantity,
            limit,
            at_most,
        } = self.flagged.requirement;
        let Breach {
            transition,
            value,
            frame,
        } = self.breach;
        let place = match measurement.transitions.len() {
            1 => String::new(),
            _ => format!("{}: ", transition_name(measurement, transition)),
        };
        let time = frame.map(|frame| format!(" at {}", measurement.time(frame)));
        let (name, time) = (quantity.name(), time.unwrap_or_default());
        let (flag, bound) = (
            &self.flagged.flag,
            if at_most { "at most" } else { "at least" },
        );
        format!("{place}{name} is {value:.3}{time}; {flag} allows {bound} {limit}")
    }
}

/// The error of films that break requirements, one line for each breach.
pub(super) fn error(films: &[(&Path, &Measurement, Vec<Broken<'_>>)]) -> Option<CommandError> {
    let mut lines = Vec::new();
    for (path, measurement, broken) in films.iter().filter(|(.., broken)| !broken.is_empty()) {
        lines.push(format!("{} is not as required", path.display()));
        let broken = broken.iter().map(|broken| broken.text(measurement));
        lines.extend(broken.map(|text| format!("  {text}")));
    }
    let mut lines = lines.into_iter();
    Some(CommandError::NotAsRequired {
        message: lines.next()?,
        details: lines.collect(),
    })
}
