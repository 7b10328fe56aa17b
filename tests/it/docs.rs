//! The documents: every command in them works, every picture in them is made by their commands, and no
//! parameter is missing.
#![cfg(unix)]

#[allow(dead_code, reason = "the task that makes the pictures uses the rest")]
#[path = "../../xtask/src/docs/page.rs"]
mod page;
#[path = "docs/parameters.rs"]
mod parameters;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lb::{Folder, Said, program};
use crate::synthetic::{Track, pulse};
use page::Page;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names and texts of README.md and docs/*.md.
fn documents() -> Vec<(String, String)> {
    let mut paths = vec![root().join("README.md")];
    let inside = fs::read_dir(root().join("docs")).unwrap();
    paths.extend(inside.map(|entry| entry.unwrap().path()));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    let named = paths.iter().map(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        (name.into_owned(), fs::read_to_string(path).unwrap())
    });
    named.collect()
}

/// Runs the commands of a page, one after the other in the same folder.
struct Shell<'a> {
    folder: Folder,
    /// The folder of everything that `lb` keeps for its user, shared by all pages.
    home: &'a Path,
    programs: Folder,
}

impl<'a> Shell<'a> {
    fn new(home: &'a Path) -> Self {
        let shell = Self {
            folder: Folder::new(),
            home,
            programs: Folder::new(),
        };
        std::os::unix::fs::symlink(
            fs::canonicalize(program()).unwrap(),
            shell.programs.join("lb"),
        )
        .unwrap();
        // The guide asks its reader to copy them.
        for file in [
            "pocket-loras/neon.safetensors",
            "pocket-embeddings/owlpenguin.safetensors",
            "pocket-inpaint/crown.png",
            "pocket-inpaint/crown-mask.png",
            "pocket-depth/relief.png",
        ] {
            let (_, name) = file.rsplit_once('/').unwrap();
            fs::copy(root().join("models").join(file), shell.folder.join(name)).unwrap();
        }
        // Sound is recognised by its contents, not by its extension.
        let track = Track::of_clicks(8000, 4.0, &pulse(120.0, 0.25, 4.0));
        track.write_wav(&shell.folder.join("track.ogg"), 1);
        shell
    }

    fn run(&self, line: &str) -> Said {
        let searched = std::env::var_os("PATH").unwrap_or_default();
        let mut path = vec![self.programs.path().to_path_buf()];
        path.extend(std::env::split_paths(&searched));
        let mut command = Command::new("sh");
        command
            .current_dir(self.folder.path())
            .args(["-e", "-c", line])
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("LB_CACHE_DIR", self.home.join("results"))
            .env("XDG_CACHE_HOME", self.home.join("cache"))
            .env("XDG_DATA_HOME", self.home.join("data"));
        Said::from(command.output().unwrap())
    }
}

const MARKS: [&str; 5] = [
    "draft",
    "needs-model",
    "needs-gpu",
    "needs-plugin",
    "needs-ffmpeg",
];

/// Runs a page as a reader would, and returns what is wrong with it.
fn run_page(name: &str, page: &Page, home: &Path) -> Vec<String> {
    let shell = Shell::new(home);
    for (file, text) in &page.files {
        fs::write(shell.folder.join(file), text).unwrap();
    }
    let mut wrong = Vec::new();
    for command in &page.commands {
        let mut line = command.text.clone();
        let chosen = line.contains("--quality") || line.contains("--steps");
        if command.is("draft") && line.starts_with("lb render") && !chosen {
            line.push_str(" --quality lowest");
        }
        for mark in command
            .marks
            .iter()
            .filter(|mark| !MARKS.contains(&mark.as_str()))
        {
            wrong.push(format!("{name}:{}: there is no mark {mark}", command.line));
        }
        let said = shell.run(&line);
        let works = match said.code {
            Some(0) => true,
            // The message names what is missing; the arguments themselves were understood.
            Some(1 | 2) if cannot_run_here(command) => !said.error.contains("try '--help'"),
            _ => false,
        };
        if !works {
            wrong.push(format!("{name}:{}: {line}\n{}", command.line, said.error));
        }
    }
    if page.commands.is_empty() || !["guide.md", "parameters.md"].contains(&name) {
        return wrong;
    }
    for picture in &page.pictures {
        let made = shell
            .folder
            .path()
            .join(Path::new(picture).file_name().unwrap());
        let sources = [
            made.clone(),
            made.with_extension("png"),
            made.with_extension(""),
        ];
        if !sources.iter().any(|source| source.exists()) {
            wrong.push(format!("{name}: no command makes {picture}"));
        }
    }
    wrong
}

/// Whether a command needs something that this machine lacks.
fn cannot_run_here(command: &page::Command) -> bool {
    command.is("needs-model")
        || command.is("needs-gpu")
        || command.is("needs-plugin")
        || command.is("needs-ffmpeg") && !has_ffmpeg()
}

fn has_ffmpeg() -> bool {
    Command::new("ffmpeg").arg("-version").output().is_ok()
}

#[test]
fn every_command_of_the_documents_works() {
    let (documents, kept) = (documents(), Folder::new());
    let home = kept.path();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let readers: Vec<_> = documents
            .iter()
            .map(|(name, text)| scope.spawn(move || run_page(name, &Page::read(text), home)))
            .collect();
        readers
            .into_iter()
            .flat_map(|reader| reader.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_strip_of_the_documents_can_be_rendered() {
    let home = Folder::new();
    let shell = Shell::new(home.path());
    for (name, text) in documents() {
        for strip in Page::read(&text).strips {
            let plan = strip.command.replacen("lb render", "lb plan", 1);
            let said = shell.run(&plan);
            assert_eq!(
                said.code,
                Some(0),
                "{name}:{}: {plan}\n{}",
                strip.line,
                said.error
            );
        }
    }
}

#[test]
fn every_picture_is_shown_and_small() {
    let mut shown = BTreeSet::new();
    for (name, text) in documents() {
        let page = Page::read(&text);
        let strips = page.strips.into_iter().map(|strip| strip.picture);
        let folder = if name == "README.md" { "" } else { "docs/" };
        shown.extend(
            strips
                .chain(page.pictures)
                .map(|picture| format!("{folder}{picture}")),
        );
    }
    let (mut open, mut bytes) = (vec![PathBuf::from("docs/pictures")], 0);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                open.push(path);
                continue;
            }
            bytes += entry.metadata().unwrap().len();
            assert!(
                shown.contains(path.to_str().unwrap()),
                "{} is not shown",
                path.display()
            );
        }
    }
    assert!(bytes < 3_200_000, "the pictures have {bytes} bytes");
}

/// The flags that `lb COMMAND --help` lists.
fn flags_of(command: &str) -> BTreeSet<String> {
    let said = Folder::new().run(&[command, "--help"]);
    let words = said
        .output
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    words
        .filter(|word| word.starts_with("--"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn commands_in_the_running_text_name_flags_that_exist() {
    for (name, text) in documents() {
        for span in text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|span| span.starts_with("lb "))
        {
            let words: Vec<_> = span.split_whitespace().collect();
            let known = flags_of(words[1]);
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                assert!(
                    known.contains(*flag),
                    "{name}: `{span}`: there is no {flag}"
                );
            }
        }
    }
}
