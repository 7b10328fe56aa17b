//! Makes a model directory from a checkpoint: `import <SOURCE> <DESTINATION> [CONFIGURATION]`.

#![allow(clippy::print_stdout, reason = "an example prints its results")]

use std::ops::ControlFlow;
use std::path::PathBuf;

use lb_checkpoint::{Import, ImportOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(source), Some(destination)) = (arguments.next(), arguments.next()) else {
        return Err("usage: import SOURCE DESTINATION [CONFIGURATION]".into());
    };
    let mut options = ImportOptions::default();
    options.configuration = arguments.next();
    let import = Import::open(&source, &destination, &options)?;
    let report = import.write(&mut || ControlFlow::Continue(()))?.publish()?;
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
