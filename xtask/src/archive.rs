//! `archive`: packs the program with its models, man pages and completions, for machines without Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::distribution::Distribution;
use crate::workspace::{Profile, Workspace};
use crate::{process, python, setup};

/// The files of the repository that lie beside the program.
const TEXTS: [&str; 2] = ["README.md", "CHANGELOG.md"];
/// The shells, and the files in which they look for completions.
const COMPLETIONS: [(&str, &str); 5] = [
    ("bash", "lb.bash"),
    ("fish", "lb.fish"),
    ("zsh", "_lb"),
    ("powershell", "lb.ps1"),
    ("elvish", "lb.elv"),
];
/// Packs or unpacks an archive. Every Python can, on every system.
const PACK: &str =
    "import shutil, sys; shutil.make_archive(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4])";
const UNPACK: &str = "import shutil, sys; shutil.unpack_archive(sys.argv[1], sys.argv[2])";

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ArchiveArguments {
    /// unpack the archive elsewhere, and render a film with what is in it
    #[arg(long = "try")]
    try_it: bool,
    /// pack the program that the tests use, which is built sooner and renders more slowly
    #[arg(long)]
    debug: bool,
}

pub(crate) fn run(workspace: &Workspace, arguments: &ArchiveArguments) -> Result<()> {
    let archive = build(workspace, Profile::of(arguments.debug))?;
    println!("{}", workspace.shown(&archive));
    if arguments.try_it {
        try_it(workspace, &archive)?;
    }
    Ok(())
}

/// Builds the archive in `archive` below the target folder, and returns its path.
fn build(workspace: &Workspace, profile: Profile) -> Result<PathBuf> {
    let name = name(workspace.version()?, &host()?);
    let built = workspace.target.join("archive");
    if built.is_dir() {
        fs::remove_dir_all(&built)?;
    }
    fs::create_dir_all(&built)?;
    // The archive contains a single folder, which has its name.
    let staging = tempfile::tempdir_in(&workspace.target)?;
    let folder = staging.path().join(&name);
    fs::create_dir(&folder)?;
    let distribution = Distribution::build(workspace, profile)?;
    let program = distribution.program.file_name();
    let program = program.context("the program has a name")?;
    fs::copy(&distribution.program, folder.join(program))?;
    for text in TEXTS {
        fs::copy(workspace.root.join(text), folder.join(text))?;
    }
    distribution.put_licences(&folder)?;
    distribution.put_models(&folder.join("models"))?;
    distribution.put_manual(&folder.join("man/man1"))?;
    for (shell, file) in COMPLETIONS {
        distribution.put_completions(shell, &folder.join("completions").join(file))?;
    }
    let (format, ending) = format(std::env::consts::OS);
    let mut pack = Command::new(python::interpreter()?);
    pack.args(["-c", PACK]).arg(built.join(&name)).arg(format);
    process::run(pack.arg(staging.path()).arg(&name))?;
    Ok(built.join(format!("{name}{ending}")))
}

/// The name of the archive without its ending. `cargo binstall` computes it from the metadata in lb-cli's Cargo.toml.
fn name(version: &str, host: &str) -> String {
    format!("lb-{version}-{host}")
}

/// Python's name of the format that is usual on a system, and the ending of its files.
fn format(system: &str) -> (&'static str, &'static str) {
    match system {
        "windows" => ("zip", ".zip"),
        _ => ("gztar", ".tar.gz"),
    }
}

/// The platform for which this compiler builds, such as `x86_64-unknown-linux-gnu`.
fn host() -> Result<String> {
    let version = process::standard_output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not name its host")?.to_owned())
}

/// Unpacks the archive, and uses what is in it without anything of this workspace but ONNX Runtime.
fn try_it(workspace: &Workspace, archive: &Path) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let mut unpack = Command::new(python::interpreter()?);
    process::run(unpack.args(["-c", UNPACK]).arg(archive).arg(scratch.path()))?;
    let file = archive.file_name().unwrap_or_default().to_string_lossy();
    let (_, ending) = format(std::env::consts::OS);
    let folder = scratch.path().join(file.trim_end_matches(ending));
    let program = folder.join(format!("lb{}", std::env::consts::EXE_SUFFIX));
    let call = |arguments: &[&str]| {
        let mut lb = Command::new(&program);
        lb.args(arguments).current_dir(scratch.path());
        lb.env_remove("LB_MODELS").env_remove("LB_MODEL");
        for home in ["HOME", "USERPROFILE", "LOCALAPPDATA"] {
            lb.env(home, scratch.path());
        }
        lb
    };
    let models = process::standard_output(&mut call(&["models"]))?;
    ensure!(
        models.contains("pocket-turbo"),
        "the archive has no models: {models}"
    );
    let library = setup::library(workspace)?;
    let mut render = call(&[
        "render",
        "a red apple",
        "a green pear",
        "--model",
        "pocket-turbo",
    ]);
    render
        .args(["--quality", "low", "-o", "film.mp4"])
        .env("ORT_DYLIB_PATH", library);
    process::standard_output(&mut render)?;
    ensure!(
        scratch.path().join("film.mp4").is_file(),
        "no film was made"
    );
    for path in [
        "man/man1/lb.1",
        "man/man1/lb-render.1",
        "completions/_lb",
        "LICENSE-MIT",
    ] {
        ensure!(folder.join(path).is_file(), "the archive has no {path}");
    }
    println!("unpacked, and a film rendered");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_binstall_looks_for_the_archives_that_are_built() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/lb-cli/Cargo.toml");
        let manifest: toml::Table = fs::read_to_string(manifest).unwrap().parse().unwrap();
        let binstall = &manifest["package"]["metadata"]["binstall"];
        for (host, system) in [
            ("x86_64-unknown-linux-gnu", "linux"),
            ("aarch64-apple-darwin", "macos"),
            ("x86_64-pc-windows-msvc", "windows"),
        ] {
            let own = binstall
                .get("overrides")
                .and_then(|overrides| overrides.get(host));
            let url = own
                .and_then(|own| own.get("pkg-url"))
                .unwrap_or(&binstall["pkg-url"]);
            let filled = |text: &toml::Value| {
                let text = text.as_str().unwrap();
                let text = text
                    .replace("{ version }", "0.1.0")
                    .replace("{ target }", host);
                text.replace("{ repo }", "https://example.org/lb")
            };
            let (_, ending) = format(system);
            let name = name("0.1.0", host);
            assert_eq!(
                filled(url),
                format!("https://example.org/lb/releases/download/v0.1.0/{name}{ending}")
            );
            let folder = filled(&binstall["bin-dir"]);
            assert_eq!(folder, format!("{name}/{{ bin }}{{ binary-ext }}"));
        }
    }
}
