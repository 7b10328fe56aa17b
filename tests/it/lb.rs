//! Running the program and looking at what it leaves behind.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A red apple becomes a green pear, small and fast.
pub(crate) const SMALL_FILM: &[&str] = &[
    "render",
    "a red apple",
    "a green pear",
    "--steps=10",
    "--frames=5",
    "--depth-strength=0.2",
];

/// The program under test, found through `LB_BINARY` or where cargo builds it.
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

/// An empty folder that programs are run in, and one where they keep finished work.
pub(crate) struct Folder {
    work: TempDir,
    cache: TempDir,
}

/// What a run said.
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

    /// Where programs that are run here keep finished work: nobody else's is found by accident.
    pub(crate) fn cache(&self) -> &Path {
        self.cache.path()
    }

    /// The program in this folder, not started yet.
    pub(crate) fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(program());
        command.current_dir(self.path()).args(arguments);
        command.env("LB_CACHE_DIR", self.cache());
        command
    }

    pub(crate) fn run(&self, arguments: &[impl AsRef<OsStr>]) -> Said {
        Said::from(self.command(arguments).output().unwrap())
    }

    /// Runs what must succeed and reads the line of facts.
    pub(crate) fn facts(&self, arguments: &[&str]) -> Value {
        let said = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.error);
        assert_eq!(
            said.output.lines().count(),
            1,
            "one line of facts: {}",
            said.output
        );
        serde_json::from_str(&said.output).unwrap()
    }

    /// Everything below the folder, sorted.
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
    /// Checks that this is one clear refusal: the exit code, `words` in its message, no panic.
    pub(crate) fn assert_refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.error);
        assert_eq!(self.output, "", "nothing on standard output");
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
