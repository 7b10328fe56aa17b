//! `wheel`: builds the Python package that carries the program, and tries it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::distribution::Distribution;
use crate::workspace::{Profile, Workspace, entries_in};
use crate::{process, python, setup};

/// The name under which the Space is asked for.
const SPACE: &str = "somebody-latent-blending.hf.space";
/// Executes a notebook, and writes it with what its cells have printed and shown.
const EXECUTE: &str = "
import sys
import nbclient
import nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=600, kernel_name='python3').execute()
nbformat.write(notebook, sys.argv[2])
";
/// The largest package and everything that is installed with it, in bytes.
const LARGEST_DOWNLOAD: u64 = 150_000_000;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WheelArguments {
    /// install the package into an empty environment, render a film with it, execute the notebook, start the
    /// Space, share the cache of downloads with Python, and remove it again
    #[arg(long = "try")]
    try_it: bool,
    /// build the package for NVIDIA's GPUs instead
    #[arg(long, conflicts_with = "try_it")]
    gpu: bool,
    /// pack the program that the tests use, which is built sooner and renders more slowly
    #[arg(long)]
    debug: bool,
}

pub(crate) fn run(workspace: &Workspace, arguments: &WheelArguments) -> Result<()> {
    let folder = if arguments.gpu { "wheel-gpu" } else { "wheel" };
    let wheel = build(workspace, folder, Profile::of(arguments.debug))?;
    println!("{}", workspace.shown(&wheel));
    if arguments.try_it {
        let trial = Trial::new(workspace)?;
        trial.run(&wheel)?;
        trial.run_once(workspace)?;
        Trial::new(workspace)?.deploy(workspace, &trial.packages())?;
        trial.remove()?;
    }
    Ok(())
}

/// Builds the package that is described in a folder of `packaging`, and returns its path.
fn build(workspace: &Workspace, folder: &str, profile: Profile) -> Result<PathBuf> {
    let packaging = workspace.root.join("packaging");
    let python = python::with_packages(workspace, &packaging.join("wheel/requirements.txt"))?;
    put_data(
        workspace,
        &packaging.join("wheel/latent_blending.data/data/share"),
        profile,
    )?;
    let built = workspace.target.join(folder);
    let folder = packaging.join(folder);
    if built.is_dir() {
        fs::remove_dir_all(&built)?;
    }
    let mut build = Command::new(python);
    build.args(["-m", "maturin", "build"]);
    if profile == Profile::Release {
        build.arg("--release");
    }
    build
        .arg("--out")
        .arg(&built)
        .arg("--target-dir")
        .arg(&workspace.target);
    process::run(build.current_dir(&folder))?;
    let wheels = entries_in(&built, "whl")?;
    wheels
        .into_iter()
        .next()
        .context("maturin has built no wheel")
}

/// Puts what the package contains apart from the program into `share`: models, man pages, completions.
fn put_data(workspace: &Workspace, share: &Path, profile: Profile) -> Result<()> {
    if share.is_dir() {
        fs::remove_dir_all(share)?;
    }
    let distribution = Distribution::build(workspace, profile)?;
    distribution.put_licences(&share.join("lb"))?;
    distribution.put_models(&share.join("lb/models"))?;
    distribution.put_manual(&share.join("man/man1"))?;
    for (shell, path) in [
        ("bash", "bash-completion/completions/lb"),
        ("fish", "fish/vendor_completions.d/lb.fish"),
        ("zsh", "zsh/site-functions/_lb"),
    ] {
        distribution.put_completions(shell, &share.join(path))?;
    }
    Ok(())
}

/// An empty home and an empty environment of Python, without Rust and without anything of this workspace.
struct Trial {
    folder: TempDir,
    environment: PathBuf,
    /// The files of the environment when it was empty.
    empty: Vec<PathBuf>,
}

impl Trial {
    fn new(workspace: &Workspace) -> Result<Self> {
        let folder = tempfile::tempdir_in(&workspace.target)?;
        fs::create_dir(folder.path().join("home"))?;
        let environment = folder.path().join("environment");
        let mut make = Command::new(python::interpreter()?);
        process::run(make.args(["-m", "venv"]).arg(&environment))?;
        Ok(Self {
            empty: files_in(&environment)?,
            folder,
            environment,
        })
    }

    /// A call of a program of the environment as a user without Rust would make it.
    fn call(&self, program: impl AsRef<Path>) -> Command {
        let programs = self.programs();
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
            "PIP_CONSTRAINT",
            "PIP_FIND_LINKS",
        ] {
            call.env_remove(variable);
        }
        // Windows knows the home by the last three.
        for home in ["HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"] {
            call.env(home, self.folder.path().join("home"));
        }
        call.current_dir(self.folder.path());
        call
    }

    fn programs(&self) -> PathBuf {
        let folder = if cfg!(windows) { "Scripts" } else { "bin" };
        self.environment.join(folder)
    }

    fn run(&self, wheel: &Path) -> Result<()> {
        let begun = Instant::now();
        let mut download = self.call("python");
        download.args(["-m", "pip", "download", "--quiet", "--dest", "packages"]);
        process::run(download.arg(wheel))?;
        let sizes = entries_in(&self.packages(), "whl")?;
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
        Ok(())
    }

    /// The folder of the packages that were downloaded, and of the one that was built.
    fn packages(&self) -> PathBuf {
        self.folder.path().join("packages")
    }

    /// Renders a film as the first line of the README does, by `uvx`, which needs nothing but a Python. The package is
    /// the one that was built, and not one that the index may have.
    fn run_once(&self, workspace: &Workspace) -> Result<()> {
        let requirements = workspace.root.join("packaging/wheel/requirements.txt");
        let uvx = python::with_packages(workspace, &requirements)?.with_file_name("uvx");
        let begun = Instant::now();
        let mut render = self.call(&uvx);
        let built = own(&self.packages())?;
        // Without it, uv would take no Python of an environment, and download one.
        render.env("UV_PYTHON", self.programs().join("python"));
        render.args(["--quiet", "--from"]).arg(&built);
        process::run(render.args(["lb", "render", "red apple", "green pear", "-o", "uvx.mp4"]))?;
        let seconds = begun.elapsed().as_secs_f64();
        println!("uvx: a film in {seconds:.1} s from an empty cache");
        Ok(())
    }

    /// Executes the notebook from its beginning to its end, does what the Space does, and shares the cache of
    /// downloads with Python. `packages` are taken before those of the index.
    fn deploy(&self, workspace: &Workspace, packages: &Path) -> Result<()> {
        // The index may have a newer version of the package, or another build of the same one.
        let built = own(packages)?;
        let constraint = self.folder.path().join("constraint.txt");
        fs::write(
            &constraint,
            format!("latent-blending @ {}\n", file_address(&built)),
        )?;
        let from_packages = |command: &mut Command| {
            command.env("PIP_FIND_LINKS", packages);
            command.env("PIP_CONSTRAINT", &constraint);
        };
        let install = |requirements: &Path| {
            let mut pip = self.call("python");
            pip.args(["-m", "pip", "install", "--quiet", "--requirement"]);
            from_packages(&mut pip);
            process::run(pip.arg(requirements))
        };
        let deploy = workspace.root.join("deploy");
        let begun = Instant::now();
        install(&deploy.join("requirements-try.txt"))?;
        let executed = workspace.target.join("wheel/notebook.ipynb");
        let mut execute = self.call("python");
        execute.arg("-c").arg(EXECUTE);
        execute.arg(deploy.join("notebook.ipynb")).arg(&executed);
        // The notebook calls pip and lb by their names, and so do people.
        let paths = [self.programs(), "/usr/bin".into(), "/bin".into()];
        execute.env("PATH", std::env::join_paths(paths)?);
        from_packages(&mut execute);
        process::run(&mut execute)?;
        let seconds = begun.elapsed().as_secs_f64();
        let shown = workspace.shown(&executed);
        println!("notebook executed in {seconds:.1} s: {shown}");

        install(&deploy.join("space/requirements.txt"))?;
        // A Space is a container of Linux.
        if cfg!(unix) {
            let mut start = self.call("/bin/sh");
            start.arg(deploy.join("space/start.sh"));
            start.env("SPACE_HOST", SPACE).env("PORT", "0");
            start.env("PATH", self.programs());
            let served = serve(start.stdout(Stdio::piped()))?;
            println!("the Space answers: {served}");
        }

        // `cargo xtask test` has built the same tests.
        let mut share = process::cargo(&workspace.root);
        workspace.prepare(&mut share, &setup::library(workspace)?);
        share.env("LB_BINARY", self.programs().join("lb"));
        share.env("LB_HUB_PYTHON", self.programs().join("python"));
        share.args([
            "test",
            "--quiet",
            "--workspace",
            "--test",
            "it",
            "shared_cache::",
        ]);
        process::run(share.args(["--", "--ignored"]))
    }

    fn remove(&self) -> Result<()> {
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
        let left: Vec<PathBuf> = left.filter(|path| !self.empty.contains(path)).collect();
        ensure!(left.is_empty(), "removing the package leaves {left:?}");
        Ok(())
    }
}

/// The package that was built, among those that it needs.
fn own(packages: &Path) -> Result<PathBuf> {
    let is_own = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("latent_blending-")
    };
    let found = entries_in(packages, "whl")?.into_iter().find(is_own);
    found.context("the package was not among those that were downloaded")
}

/// The address of a file, for pip.
fn file_address(path: &Path) -> String {
    let path = path
        .to_string_lossy()
        .replace('\\', "/")
        .replace(' ', "%20");
    format!("file:///{}", path.trim_start_matches('/'))
}

/// Starts the page, asks for it as Hugging Face's proxy would, stops it, and returns the page's title.
fn serve(start: &mut Command) -> Result<String> {
    let mut studio = start.spawn().context("the Space could not be started")?;
    let output = studio.stdout.take().context("the Space prints nothing")?;
    let mut address = String::new();
    let asked = BufReader::new(output)
        .read_line(&mut address)
        .map_err(Into::into)
        .and_then(|_| ask(address.trim()));
    studio.kill()?;
    studio.wait()?;
    asked
}

/// The title of the page at this address, under the name of the Space.
fn ask(address: &str) -> Result<String> {
    let port = address.trim_end_matches('/').rsplit(':').next();
    let port = port.context("the Space prints no address")?;
    let port: u16 = port
        .parse()
        .with_context(|| format!("{address} has no port"))?;
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    write!(
        connection,
        "GET / HTTP/1.1\r\nHost: {SPACE}\r\nConnection: close\r\nSec-Fetch-Site: cross-site\r\n\
         Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n\r\n"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let title = answer.split_once("<title>").and_then(|(head, rest)| {
        let is_shown = head.contains("frame-ancestors https://huggingface.co");
        let (title, _) = rest.split_once("</title>")?;
        is_shown.then(|| title.to_owned())
    });
    title.with_context(|| format!("the Space does not show its page: {answer}"))
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
