//! Makes a model directory of a checkpoint: `import <SOURCE> <TARGET> [CONFIGURATION]`.

#![allow(clippy::print_stdout, reason = "an example talks to its user")]

use std::path::PathBuf;

use lb_export::{ImportOptions, import};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(source), Some(target)) = (arguments.next(), arguments.next()) else {
        return Err("usage: import SOURCE TARGET [CONFIGURATION]".into());
    };
    let options = ImportOptions {
        configuration: arguments.next(),
        ..ImportOptions::default()
    };
    let report = import(&source, &target, &options)?;
    println!(
        "{}: {:?} of a {:?}, weights {:?}, predicts {} ({:?})",
        report.directory.display(),
        report.kind,
        report.format,
        report.weights,
        report.prediction.name,
        report.prediction.known_from
    );
    Ok(())
}
