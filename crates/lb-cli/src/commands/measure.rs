//! `lb measure`: measures how smoothly frames move, and whether they morph or cross-fade.

use std::path::{Path, PathBuf};

use clap::Args;
use lb_drawing::{MeasurementPlot, TransitionCurves, draw_measurement};
use lb_measure::{FilmLayout, FrameSource, Measurement, Sections, Statistics, TransitionMeasure};
use lb_render::{JobSettings, Plan, RenderError, embedded_job};
use lb_schedule::BranchingProfile;

use crate::error::CommandError;
use crate::facts;
use crate::write::write;

#[derive(Debug, Args)]
pub(crate) struct MeasureArguments {
    /// A film, a folder of PNG frames, or several pictures in film order.
    #[arg(value_name = "FILM|DIR|FRAME", required = true)]
    frames: Vec<PathBuf>,
    /// Print the measurements of every frame as one line of JSON.
    #[arg(long)]
    json: bool,
    /// Plot the measurements over film time into this SVG file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Replace the SVG file if it exists.
    #[arg(long, requires = "svg")]
    force: bool,
}

pub(crate) fn run(arguments: &MeasureArguments) -> Result<(), CommandError> {
    if let Some(path) = &arguments.svg
        && path.symlink_metadata().is_ok()
        && !arguments.force
    {
        return Err(RenderError::OutputExists { path: path.clone() }.into());
    }
    let mut source = FrameSource::find(&arguments.frames)?;
    if let Some(layout) = source.first_file().and_then(film_layout) {
        source = source.with_layout(layout);
    }
    let measurement = source.measure()?;
    if let Some(path) = &arguments.svg {
        write(
            path,
            &draw_measurement(&plot(&measurement)),
            arguments.force,
        )?;
    }
    if arguments.json {
        facts::print(&measurement);
    } else {
        report(&measurement);
        if let Some(path) = &arguments.svg {
            println!("plotted in {}", path.display());
        }
    }
    Ok(())
}

/// Where the transitions lie in a film that was rendered from the job that this file carries. A file
/// without a job, or with one that this version cannot plan, is measured without this knowledge.
fn film_layout(path: &Path) -> Option<FilmLayout> {
    let text = embedded_job(path).ok()?;
    let job = JobSettings::parse(&text, path).ok()?.resolve().ok()?;
    let plan = Plan::new(&job).ok()?;
    let spans = plan.timeline.transitions().iter();
    let mut last = 0;
    let profiles = plan.profiles.iter().map(BranchingProfile::frame_count);
    let computed: Vec<(usize, usize)> = profiles
        .map(|frames| {
            let first = last;
            last += frames - 1;
            (first, last)
        })
        .collect();
    Some(FilmLayout {
        film: Sections {
            transitions: spans
                .map(|span| (span.departure(), span.arrival()))
                .collect(),
            frame_count: plan.film_frames() + usize::from(plan.is_looped()),
            closes: plan.is_looped(),
        },
        computed: Sections {
            transitions: computed,
            frame_count: last + 1,
            closes: plan.is_looped(),
        },
        frames_per_second: plan.timeline.frames_per_second(),
    })
}

fn plot(measurement: &Measurement) -> MeasurementPlot<'_> {
    let overall = &measurement.overall;
    let mut plot =
        MeasurementPlot::new(measurement.frames, [measurement.width, measurement.height]);
    plot.frames_per_second = measurement.frames_per_second;
    plot.coefficient_of_variation = overall.coefficient_of_variation;
    plot.peak_ratio = overall.peak_ratio;
    plot.directness = overall.directness;
    plot.retention = overall.retention.map(|found| [found.mean, found.least]);
    plot.residual = overall.residual.map(|found| [found.mean, found.most]);
    plot.transitions = measurement.transitions.iter().map(curves).collect();
    plot
}

fn curves(transition: &TransitionMeasure) -> TransitionCurves<'_> {
    TransitionCurves {
        first: transition.first,
        last: transition.last,
        distances: &transition.distances,
        retention: &transition.retention,
        residual: transition.residual.as_deref(),
    }
}

const COLUMNS: [&str; 8] = [
    "distance",
    "variation",
    "peak",
    "directness",
    "retention",
    "least",
    "residual",
    "most",
];

fn report(measurement: &Measurement) {
    let Measurement {
        frames,
        width,
        height,
        ..
    } = measurement;
    println!("{frames} frames of {width}x{height}");
    print!("{:24}", "");
    for name in COLUMNS {
        print!("{name:>11}");
    }
    println!();
    if let [_, _, ..] = &measurement.transitions[..] {
        for (index, transition) in measurement.transitions.iter().enumerate() {
            let TransitionMeasure { first, last, .. } = transition;
            let name = format!("transition {} ({first}-{last})", index + 1);
            row(&name, &transition.statistics);
        }
    }
    row("all", &measurement.overall);
}

fn row(name: &str, statistics: &Statistics) {
    let (retention, residual) = (statistics.retention, statistics.residual);
    let numbers = [
        Some(statistics.mean_distance),
        Some(statistics.coefficient_of_variation),
        Some(statistics.peak_ratio),
        Some(statistics.directness),
        retention.map(|retention| retention.mean),
        retention.map(|retention| retention.least),
        residual.map(|residual| residual.mean),
        residual.map(|residual| residual.most),
    ];
    print!("{name:24}");
    for number in numbers {
        match number {
            Some(number) => print!("{number:>11.3}"),
            None => print!("{:>11}", "-"),
        }
    }
    println!();
}
