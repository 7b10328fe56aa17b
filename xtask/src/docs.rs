//! `docs`: the pictures of the documents, made by the commands that the documents show.
//!
//! The commands of a page are run in their order, in one empty folder. The picture `NAME.ENDING` of the
//! page is then taken from that folder: it is the file of that name, or a JPEG of the contact sheet
//! `NAME.png` or of a strip of the frames in the folder `NAME`. The strips in the tables of a page are
//! made one by one.

mod page;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::workspace::{Profile, Workspace};
use crate::{pictures, process, setup};
use page::{Page, Strip};

/// The documents whose pictures are made by their commands.
const PAGES: [&str; 3] = [
    "docs/guide.md",
    "docs/parameters.md",
    "crates/lb-studio/page/strips/README.md",
];

/// Makes the pictures whose paths contain one of `parts`, or all pictures if there are no parts.
pub(crate) fn run(workspace: &Workspace, parts: &[String]) -> Result<()> {
    let library = setup::library(workspace)?;
    let program = match std::env::var_os("LB_BINARY") {
        Some(program) => program.into(),
        None => workspace.build_lb(Profile::Release)?,
    };
    let scratch = tempfile::tempdir()?;
    let shell = Shell {
        workspace,
        library,
        program,
        cache: scratch.path().join("cache"),
    };
    for (number, name) in PAGES.into_iter().enumerate() {
        let (documents, _) = name.rsplit_once('/').context("a page is in a folder")?;
        let wanted = |picture: &str| {
            let path = format!("{documents}/{picture}");
            parts.is_empty() || parts.iter().any(|part| path.contains(part.as_str()))
        };
        let documents = workspace.root.join(documents);
        let page = Page::read(&fs::read_to_string(workspace.root.join(name))?);
        let folder = scratch.path().join(number.to_string());
        fs::create_dir(&folder)?;
        for file in [
            "pocket-loras/neon.safetensors",
            "pocket-embeddings/owlpenguin.safetensors",
            "pocket-turbo/vae/diffusion_pytorch_model.safetensors",
            "pocket-inpaint/crown.png",
            "pocket-inpaint/crown-mask.png",
            "pocket-depth/relief.png",
        ] {
            let file = workspace.root.join("models").join(file);
            let name = file.file_name().context("a file has a name")?;
            fs::copy(&file, folder.join(name))?;
        }
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
                println!("{name}:{}: not run: {}", command.line, command.text);
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

/// Runs commands of a page as a reader would.
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
        let programs = self.program.parent().context("a program is in a folder")?;
        let searched = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(programs.to_path_buf()).chain(std::env::split_paths(&searched));
        let mut command = Command::new("sh");
        self.workspace.prepare(&mut command, &self.library);
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
        pictures::write_strip(&frames, &documents.join(&strip.picture))?;
        Ok(fs::remove_dir_all(&frames)?)
    }
}

/// Makes `picture` from what the commands wrote into `folder`.
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
        pictures::write_jpeg(&image::open(&sheet)?.into_rgb8(), picture)?;
    } else if frames.is_dir() {
        pictures::write_strip(&frames, picture)?;
    } else {
        bail!("no command makes {}", picture.display());
    }
    Ok(())
}
