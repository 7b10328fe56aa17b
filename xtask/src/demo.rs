//! `demo`: sets up, builds and renders a film, all from a fresh clone.

use std::fs;
use std::time::Instant;

use anyhow::Result;

use crate::workspace::{Profile, Workspace};
use crate::{process, setup};

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DemoArguments {
    /// use the program that the tests use, which is built sooner and renders more slowly
    #[arg(long)]
    debug: bool,
}

pub(crate) fn run(workspace: &Workspace, arguments: &DemoArguments) -> Result<()> {
    let begun = Instant::now();
    let library = setup::library(workspace)?;
    let set_up = begun.elapsed().as_secs_f64();

    let begun = Instant::now();
    let program = workspace.build_lb(Profile::of(arguments.debug))?;
    let built = begun.elapsed().as_secs_f64();

    let folder = workspace.root.join("demo");
    fs::create_dir_all(&folder)?;
    let (film, sheet) = (folder.join("film.mp4"), folder.join("contact-sheet.png"));
    let begun = Instant::now();
    let mut render = workspace.lb(&program, &library);
    render.args(["render", "a red apple", "a green pear"]);
    render.args(["--model", "pocket-turbo"]);
    render
        .args(["--force", "--no-cache", "--output"])
        .arg(&film);
    render.arg("--contact-sheet").arg(&sheet);
    process::run(&mut render)?;
    let rendered = begun.elapsed().as_secs_f64();

    println!("set up in {set_up:.1} s, built in {built:.1} s, rendered in {rendered:.1} s");
    println!("film           {}", film.display());
    println!("contact sheet  {}", sheet.display());
    Ok(())
}
