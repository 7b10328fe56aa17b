//! `docs`: the pictures of the documents, made anew by the commands that the documents show.
//!
//! A page's commands are run in its order in one empty folder. Its picture `NAME.ENDING` is then the
//! file of that name, or, as a JPEG, the contact sheet `NAME.png` or frames of the folder `NAME`. The
//! strips of its tables are made one by one.

mod page;
mod strip;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::workspace::Workspace;
use crate::{process, setup};
use page::{Page, Strip};

/// Documents with pictures, in the folder of documents.
const PAGES: [&str; 2] = ["guide.md", "parameters.md"];

/// Makes the pictures whose paths contain one of `parts`, or all.
pub(crate) fn run(workspace: &Workspace, parts: &[String]) -> Result<()> {
    let library = setup::library(workspace)?;
    let program = match std::env::var_os("LB_BINARY") {
        Some(program) => program.into(),
        None => {
            let mut build = process::cargo(&workspace.root);
            process::run(build.args(["build", "--release", "-p", "lb-cli"]))?;
            workspace.program("release")
        }
    };
    let documents = workspace.root.join("docs");
    let scratch = tempfile::tempdir()?;
    let shell = Shell {
        workspace,
        library,
        program,
        cache: scratch.path().join("cache"),
    };
    let wanted = |picture: &str| {
        parts.is_empty() || parts.iter().any(|part| picture.contains(part.as_str()))
    };
    for name in PAGES {
        let page = Page::read(&fs::read_to_string(documents.join(name))?);
        let folder = scratch.path().join(name);
        fs::create_dir(&folder)?;
        for (name, text) in &page.files {
            fs::write(folder.join(name), text)?;
        }
        for strip in page.strips.iter().filter(|strip| wanted(&strip.picture)) {
            shell.strip(strip, &folder, &documents)?;
        }
        let pictures: Vec<_> = page.pictures.iter().filter(|p| wanted(p)).collect();
        if pictures.is_empty() {
            continue;
        }
        for command in &page.commands {
            if command.marks.iter().any(|mark| mark.starts_with("needs-")) {
                println!("{name}:{}: left out: {}", command.line, command.text);
            } else {
                shell.run(&command.text, &folder)?;
            }
        }
        for picture in pictures {
            take(&folder, &documents.join(picture))?;
        }
    }
    Ok(())
}

struct Shell<'a> {
    workspace: &'a Workspace,
    library: PathBuf,
    program: PathBuf,
    cache: PathBuf,
}

impl Shell<'_> {
    fn run(&self, line: &str, folder: &Path) -> Result<()> {
        println!("{line}");
        let begun = Instant::now();
        let programs = self
            .program
            .parent()
            .context("a program lies in a folder")?;
        let searched = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(programs.to_path_buf()).chain(std::env::split_paths(&searched));
        let mut command = Command::new("sh");
        self.workspace.surround(&mut command, &self.library);
        command
            .current_dir(folder)
            .args(["-e", "-c", line])
            .env("PATH", std::env::join_paths(path)?)
            .env("LB_CACHE_DIR", &self.cache);
        process::run(&mut command)?;
        println!("  {:.1} s", begun.elapsed().as_secs_f64());
        Ok(())
    }

    fn strip(&self, strip: &Strip, folder: &Path, documents: &Path) -> Result<()> {
        let output = if strip.of_film {
            "--output"
        } else {
            "--frames-dir"
        };
        let frames = folder.join("strip-frames");
        self.run(
            &format!("{} {output} strip-frames --force", strip.command),
            folder,
        )?;
        strip::of_folder(&frames, &documents.join(&strip.picture))?;
        Ok(fs::remove_dir_all(&frames)?)
    }
}

/// Makes `picture` of what commands left in `folder`.
fn take(folder: &Path, picture: &Path) -> Result<()> {
    let name = picture.file_name().context("a picture has a name")?;
    let made = folder.join(name);
    let (sheet, frames) = (made.with_extension("png"), made.with_extension(""));
    if made.is_file() {
        if let Some(parent) = picture.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::copy(&made, picture)?;
    } else if sheet.is_file() {
        strip::as_jpeg(&image::open(&sheet)?.into_rgb8(), picture)?;
    } else if frames.is_dir() {
        strip::of_folder(&frames, picture)?;
    } else {
        bail!("no command makes {}", picture.display());
    }
    Ok(())
}
