//! `wheel`: builds the Python package that carries the program, and tries it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::workspace::{Profile, Workspace, entries_in};
use crate::{process, python, setup};

/// The models in the package. The second one takes parts from the first.
const MODELS: [&str; 2] = ["pocket", "pocket-turbo"];
/// The folder of a model that only serves to train it again.
const RECIPE: &str = "train";
/// The largest package and everything that is installed with it, in bytes.
const LARGEST_DOWNLOAD: u64 = 150_000_000;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WheelArguments {
    /// install the package into an empty environment, render a film with it, and remove it again
    #[arg(long = "try")]
    try_it: bool,
}

pub(crate) fn run(workspace: &Workspace, arguments: &WheelArguments) -> Result<()> {
    let wheel = build(workspace)?;
    println!("{}", workspace.shown(&wheel));
    if arguments.try_it {
        Trial::new(workspace)?.run(&wheel)?;
    }
    Ok(())
}

/// Builds the package and returns its path.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.root.join("packaging/wheel");
    let python = python::with_packages(workspace, &folder.join("requirements.txt"))?;
    put_data(workspace, &folder.join("latent_blending.data/data/share"))?;
    let built = workspace.target.join("wheel");
    if built.is_dir() {
        fs::remove_dir_all(&built)?;
    }
    let mut build = Command::new(python);
    build.args(["-m", "maturin", "build", "--release", "--out"]);
    build.arg(&built).arg("--target-dir").arg(&workspace.target);
    process::run(build.current_dir(&folder))?;
    let wheels = entries_in(&built, "whl")?;
    wheels
        .into_iter()
        .next()
        .context("maturin has built no wheel")
}

/// Puts what the package contains apart from the program into `share`: models, man pages, completions.
fn put_data(workspace: &Workspace, share: &Path) -> Result<()> {
    if share.is_dir() {
        fs::remove_dir_all(share)?;
    }
    for model in MODELS {
        let source = workspace.root.join("models").join(model);
        copy_model(&source, &share.join("lb/models").join(model))?;
    }
    let program = workspace.build_lb(Profile::Release)?;
    let library = setup::library(workspace)?;
    let pages = share.join("man/man1");
    fs::create_dir_all(&pages)?;
    process::standard_output(workspace.lb(&program, &library).arg("man").arg(&pages))?;
    for (shell, path) in [
        ("bash", "bash-completion/completions/lb"),
        ("fish", "fish/vendor_completions.d/lb.fish"),
        ("zsh", "zsh/site-functions/_lb"),
    ] {
        let mut complete = workspace.lb(&program, &library);
        let text = process::standard_output(complete.args(["completions", shell]))?;
        let path = share.join(path);
        fs::create_dir_all(path.parent().context("completions are in a folder")?)?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// Copies a model directory without the recipe by which it was trained.
fn copy_model(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            if entry.file_name() != RECIPE {
                copy_model(&source, &copy)?;
            }
        // `export-onnx` may have written graphs there.
        } else if source
            .extension()
            .is_none_or(|extension| extension != "onnx")
        {
            fs::copy(&source, &copy)?;
        }
    }
    Ok(())
}

/// An empty home and an empty environment of Python, without Rust and without anything of this workspace.
struct Trial {
    folder: TempDir,
    environment: PathBuf,
}

impl Trial {
    fn new(workspace: &Workspace) -> Result<Self> {
        let folder = tempfile::tempdir_in(&workspace.target)?;
        fs::create_dir(folder.path().join("home"))?;
        let environment = folder.path().join("environment");
        let mut make = Command::new(python::interpreter()?);
        process::run(make.args(["-m", "venv"]).arg(&environment))?;
        Ok(Self {
            folder,
            environment,
        })
    }

    /// A call of a program of the environment as a user without Rust would make it.
    fn call(&self, program: &str) -> Command {
        let programs = self
            .environment
            .join(if cfg!(windows) { "Scripts" } else { "bin" });
        let mut call = Command::new(programs.join(program));
        call.env("PATH", &programs);
        for variable in [
            "ORT_DYLIB_PATH",
            "LB_MODELS",
            "LB_MODEL",
            "LB_CACHE_DIR",
            "XDG_CACHE_HOME",
            "XDG_DATA_HOME",
            "CARGO_HOME",
        ] {
            call.env_remove(variable);
        }
        call.env("HOME", self.folder.path().join("home"));
        call.current_dir(self.folder.path());
        call
    }

    fn run(&self, wheel: &Path) -> Result<()> {
        let before = files_in(&self.environment)?;
        let begun = Instant::now();
        let mut download = self.call("python");
        download.args(["-m", "pip", "download", "--quiet", "--dest", "packages"]);
        process::run(download.arg(wheel))?;
        let packages = self.folder.path().join("packages");
        let sizes = entries_in(&packages, "whl")?;
        let sizes = sizes.iter().map(|path| Ok(fs::metadata(path)?.len()));
        let size = sizes.sum::<Result<u64>>()?;
        let mut install = self.call("python");
        install.args(["-m", "pip", "install", "--quiet", "--no-index"]);
        install.args(["--find-links", "packages", "latent-blending"]);
        process::run(&mut install)?;
        let mut render = self.call("lb");
        render.args(["render", "a red apple", "a green pear"]);
        process::run(render.args(["--model", "pocket-turbo", "-o", "film.mp4"]))?;
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "{} MB downloaded, installed, and a film rendered in {seconds:.1} s",
            size / 1_000_000
        );
        ensure!(
            size <= LARGEST_DOWNLOAD,
            "that is more than {} MB",
            LARGEST_DOWNLOAD / 1_000_000
        );
        for arguments in [
            vec!["show", "film.mp4"],
            vec!["render", "an owl", "-o", "owl.png"],
            vec!["doctor"],
        ] {
            process::standard_output(self.call("lb").args(arguments))?;
        }
        let mut remove = self.call("python");
        remove.args([
            "-m",
            "pip",
            "uninstall",
            "--quiet",
            "--yes",
            "latent-blending",
        ]);
        process::run(&mut remove)?;
        let left = files_in(&self.environment)?;
        let left = left.into_iter().filter(|path| {
            let is_of_lb = |part: std::path::Component<'_>| {
                let part = part.as_os_str().to_string_lossy();
                part == "lb" || part.starts_with("lb.") || part.contains("latent_blending")
            };
            path.components().any(is_of_lb)
        });
        let left: Vec<PathBuf> = left.filter(|path| !before.contains(path)).collect();
        ensure!(left.is_empty(), "removing the package leaves {left:?}");
        Ok(())
    }
}

/// The paths of all files below a folder, relative to it.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => folders.push(entry.path()),
                false => files.push(entry.path().strip_prefix(folder)?.to_owned()),
            }
        }
    }
    Ok(files)
}
