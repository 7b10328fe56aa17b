//! Writes the graphs of a diffusers directory beside its weights: `export <DIRECTORY>`.

#![allow(clippy::print_stdout, reason = "an example talks to its user")]

use std::path::PathBuf;

use lb_export::{ExportOptions, export_directory};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args_os()
        .nth(1)
        .map(PathBuf::from)
        .ok_or("usage: export DIRECTORY")?;
    let report = export_directory(&directory, &ExportOptions::default())?;
    for graph in report.graphs {
        println!(
            "{} ({} bytes, {:?})",
            graph.path.display(),
            graph.bytes_written,
            graph.weights
        );
    }
    Ok(())
}
