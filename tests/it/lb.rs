//! Running the program, and looking at what it prints and leaves behind.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// Arguments of a small film that renders fast.
pub(crate) const SMALL_FILM: &[&str] = &[
    "render",
    "a red apple",
    "a green pear",
    "--steps=10",
    "--frames=5",
    "--depth-strength=0.2",
];

/// The program under test: the one that `LB_BINARY` names, or the one that cargo builds.
pub(crate) fn program() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let built = || {
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let name = format!("lb{}", std::env::consts::EXE_SUFFIX);
        target
            .unwrap_or_else(|| root.join("target"))
            .join("debug")
            .join(name)
    };
    let path = std::env::var_os("LB_BINARY").map_or_else(built, PathBuf::from);
    assert!(
        path.is_file(),
        "there is no {}: run `cargo xtask test`, or name the program with LB_BINARY",
        path.display()
    );
    path
}

/// An empty folder in which programs are run, and another one for their cache.
pub(crate) struct Folder {
    work: TempDir,
    cache: TempDir,
}

/// A call of a program to which signals are delivered. A shell that runs the tests in the background has
/// Ctrl-C ignored, `nohup` has SIGHUP ignored, and every program that the tests start would inherit that.
fn call_of(program: impl AsRef<OsStr>) -> Command {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    let [hangup, interrupt, terminate] = [1, 2, 15].map(|signal| 1u64 << (signal - 1));
    if ignored.unwrap_or(0) & (hangup | interrupt | terminate) == 0 {
        return Command::new(program);
    }
    let mut call = Command::new("env");
    call.arg("--default-signal=HUP,INT,TERM").arg(program);
    call
}

/// What a run printed, and its exit code.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
    pub(crate) error: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self {
            work: tempfile::tempdir().unwrap(),
            cache: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.work.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    /// The cache of the programs that are run here, in which no results of others can be found.
    pub(crate) fn cache(&self) -> &Path {
        self.cache.path()
    }

    /// A call of the program in this folder, which is not started yet.
    pub(crate) fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = call_of(program());
        command.current_dir(self.path()).args(arguments);
        command.env("LB_CACHE_DIR", self.cache());
        command
    }

    /// A call of the program in this folder by a shell that runs `first` before it.
    pub(crate) fn command_after(&self, first: &str, arguments: &[&str]) -> Command {
        let mut command = call_of("sh");
        command.current_dir(self.path()).arg("-c");
        command.arg(format!("{first}; exec \"$0\" \"$@\""));
        command.arg(program()).args(arguments);
        command.env("LB_CACHE_DIR", self.cache());
        command
    }

    pub(crate) fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Said {
        Said::from(self.command(arguments).output().unwrap())
    }

    /// Runs a command that must succeed, and reads the line of facts that it prints.
    pub(crate) fn facts(&self, arguments: &[&str]) -> Value {
        self.run(&[arguments, &["--json"]].concat()).facts()
    }

    /// The paths of everything below the folder, sorted.
    pub(crate) fn contents(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.path().to_path_buf()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(self.path()).unwrap();
                found.push(name.to_string_lossy().into_owned());
                if path.is_dir() {
                    open.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            output: String::from_utf8(output.stdout).unwrap(),
            error: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Said {
    /// The line of facts of a run that succeeded.
    pub(crate) fn facts(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.error);
        assert_eq!(self.output.lines().count(), 1, "{}", self.output);
        serde_json::from_str(&self.output).unwrap()
    }

    /// Checks that this is a clear refusal: with this exit code, `words` in its message, and no panic.
    pub(crate) fn assert_refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.error);
        assert_eq!(self.output, "", "there is something on standard output");
        let message = self.error.to_lowercase();
        assert!(
            message.lines().any(|line| line.starts_with("error: ")),
            "{message}"
        );
        assert!(!message.contains("panicked"), "{message}");
        for word in words {
            assert!(
                message.contains(&word.to_lowercase()),
                "`{word}` is not in: {message}"
            );
        }
    }
}

/// The lines of warnings in what `lb` wrote to standard error.
pub(crate) fn warnings(error: &str) -> Vec<&str> {
    let lines = error.lines();
    lines.filter(|line| line.starts_with("warning: ")).collect()
}
