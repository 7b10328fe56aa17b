//! `demo`: from a fresh clone to a film.

use std::fs;
use std::time::Instant;

use anyhow::Result;

use crate::workspace::Workspace;
use crate::{process, setup};

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let begun = Instant::now();
    let library = setup::library(workspace)?;
    let set_up = begun.elapsed();

    let begun = Instant::now();
    process::run(process::cargo(&workspace.root).args(["build", "--release", "-p", "lb-cli"]))?;
    let built = begun.elapsed();

    let folder = workspace.root.join("demo");
    fs::create_dir_all(&folder)?;
    let (film, sheet) = (folder.join("film.mp4"), folder.join("contact-sheet.png"));
    let begun = Instant::now();
    let mut render = workspace.lb(&workspace.program("release"), &library);
    render
        .args([
            "render",
            "a red apple",
            "a green pear",
            "--quality",
            "medium",
        ])
        // Low, so that the apple becomes the pear by changing its shape.
        .args([
            "--depth-strength",
            "0.2",
            "--force",
            "--no-cache",
            "--output",
        ])
        .arg(&film)
        .arg("--contact-sheet")
        .arg(&sheet);
    process::run(&mut render)?;
    let rendered = begun.elapsed();

    println!(
        "set up in {:.1} s, built in {:.1} s, rendered in {:.1} s",
        set_up.as_secs_f64(),
        built.as_secs_f64(),
        rendered.as_secs_f64()
    );
    println!("film           {}", film.display());
    println!("contact sheet  {}", sheet.display());
    Ok(())
}
