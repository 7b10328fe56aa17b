//! `export-onnx`: ONNX graphs for a diffusers model directory.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use lb_export::{ExportOptions, export_directory};

pub(crate) fn run(directory: &Path) -> Result<()> {
    let begun = Instant::now();
    let report = export_directory(directory, &ExportOptions::default())?;
    let seconds = begun.elapsed().as_secs_f64();
    for graph in &report.graphs {
        println!(
            "{:>9} bytes  {}  weights {}",
            graph.bytes_written,
            graph.path.display(),
            graph.weights
        );
    }
    println!("exported in {seconds:.2} s");
    Ok(())
}
