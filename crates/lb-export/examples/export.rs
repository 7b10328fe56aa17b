//! Writes the graphs of a diffusers directory into it: `export <DIRECTORY> [float16]`.

#![allow(clippy::print_stdout, reason = "an example prints its results")]

use std::path::PathBuf;

use lb_export::{ExportOptions, GraphForm, Precision, export_directory};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let directory = arguments
        .next()
        .ok_or("usage: export DIRECTORY [float16]")?;
    let precision = match arguments.next() {
        Some(word) if word == "float16" => Precision::Float16,
        _ => Precision::Float32,
    };
    let graphs = export_directory(
        &PathBuf::from(directory),
        &ExportOptions::new(precision, GraphForm::default()),
    )?;
    for graph in graphs {
        println!(
            "{} ({} bytes, {:?})",
            graph.path.display(),
            graph.bytes_written,
            graph.weights
        );
    }
    Ok(())
}
