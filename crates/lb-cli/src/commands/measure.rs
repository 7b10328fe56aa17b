//! `lb measure`: how smoothly frames move, and whether they morph.

use lb_render::{
    FrameSource, Measurement, RenderError, Statistics, TransitionMeasure, plot_measurement,
};

use crate::args::MeasureArguments;
use crate::commands::render::line;
use crate::error::CommandError;
use crate::write::write;

pub(crate) fn run(arguments: &MeasureArguments) -> Result<(), CommandError> {
    if let Some(path) = &arguments.svg
        && path.symlink_metadata().is_ok()
        && !arguments.force
    {
        return Err(RenderError::OutputExists { path: path.clone() }.into());
    }
    let source = FrameSource::find(&arguments.frames)?;
    let measurement = source.measure()?;
    if let Some(path) = &arguments.svg {
        write(path, &plot_measurement(&measurement), arguments.force)?;
    }
    if arguments.json {
        println!("{}", line(&measurement));
    } else {
        report(&measurement);
        if let Some(path) = &arguments.svg {
            println!("plotted in {}", path.display());
        }
    }
    Ok(())
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
