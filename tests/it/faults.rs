//! Every system call that writes fails once in turn: creating, writing, locking, naming, removing. The
//! output under its name is whole or what it was before, whatever fails, and the program says so.
//!
//! A small library in C (`tests/failing-calls`) stands between the program and the C library and lets one
//! call fail. A first run counts the calls; then there is one run for each of them. With `LB_TEST_FAULTS=all`
//! each call fails in several ways, instead of only as on a broken disk.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use lb_models::testing::write_tiny_model;
use tempfile::TempDir;

use crate::imports::{configuration, golden};
use crate::lb::{Folder, Said, program, warnings};

/// Error numbers of Linux.
const BROKEN_DISK: u32 = 5;
const REFUSED: u32 = 13;
const FULL_DISK: u32 = 28;

/// How calls fail.
fn errors() -> &'static [u32] {
    match std::env::var("LB_TEST_FAULTS").is_ok_and(|which| which == "all") {
        true => &[BROKEN_DISK, FULL_DISK, REFUSED],
        false => &[BROKEN_DISK],
    }
}

/// The library, which is compiled once.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = LIBRARY.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("failing_calls.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("failing-calls/failing_calls.c");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let mut compile = Command::new(compiler);
        compile
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library);
        let compiled = compile.arg(source).arg("-ldl").output().unwrap();
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{said}");
        (folder, library)
    });
    path
}

/// A call that writes: what it does, and to which file.
#[derive(Clone, Debug)]
struct Call {
    name: String,
    path: String,
    failed: bool,
}

impl Call {
    /// Whether nothing but what is hidden or old remains if it fails: the removal of a temporary file, or
    /// the lock that keeps others from removing it.
    fn is_optional(&self) -> bool {
        ["remove", "lock", "time"].contains(&self.name.as_str())
    }
}

/// One run of the program, and the calls that it made.
struct Run {
    said: Said,
    calls: Vec<Call>,
}

impl Run {
    fn failed(&self) -> Option<&Call> {
        self.calls.iter().find(|call| call.failed)
    }
}

/// Runs the program so that the call with this number fails, of those below `under`; with 0, none does.
fn run(
    folder: &Folder,
    cache: &Path,
    arguments: &[String],
    under: &Path,
    fault: (usize, u32),
) -> Run {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new(program());
    command.current_dir(folder.path()).args(arguments);
    command.env("LB_CACHE_DIR", cache);
    command.env("XDG_CACHE_HOME", user_folder(folder));
    command.env("LB_MODELS", folder.join("models"));
    command.env("LD_PRELOAD", library());
    command.env("LB_FAIL_UNDER", under.canonicalize().unwrap());
    command.env("LB_FAIL_LOG", log.path());
    command.env("LB_FAIL_AT", fault.0.to_string());
    command.env("LB_FAIL_ERRNO", fault.1.to_string());
    let said = Said::from(command.output().unwrap());
    let calls = fs::read_to_string(log.path()).unwrap();
    let call = |line: &str| {
        let (_number, rest) = line.split_once(' ').unwrap();
        let (name, path) = rest.split_once(' ').unwrap();
        Call {
            name: name.to_owned(),
            path: path.trim_end_matches(" failed").to_owned(),
            failed: path.ends_with(" failed"),
        }
    };
    Run {
        said,
        calls: calls.lines().map(call).collect(),
    }
}

/// Where the program remembers how fast it was: in the folder, if there is one for that.
fn user_folder(folder: &Folder) -> PathBuf {
    static ELSEWHERE: OnceLock<TempDir> = OnceLock::new();
    let own = folder.join("user");
    match own.is_dir() {
        true => own,
        false => {
            let elsewhere = ELSEWHERE.get_or_init(|| tempfile::tempdir().unwrap());
            elsewhere.path().to_owned()
        }
    }
}

/// The names and the content of all files below a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(path).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy();
                found.insert(name.into_owned(), fs::read(&path).unwrap_or_default());
            }
        }
    }
    found
}

/// Those that are hidden, or in a hidden folder.
fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with(".lb-"))
}

/// The output to which a file belongs: itself, or the folder of a folder.
fn output_of(name: &str) -> String {
    let mut parts = name.split('/');
    match (parts.next(), parts.next()) {
        (Some("models"), Some(model)) => format!("models/{model}"),
        (first, _) => first.unwrap_or_default().to_owned(),
    }
}

/// The files of each output, with their content.
type ByOutput = BTreeMap<String, BTreeMap<String, Vec<u8>>>;

fn by_output(files: &BTreeMap<String, Vec<u8>>) -> ByOutput {
    let mut outputs = ByOutput::new();
    for (name, bytes) in files.iter().filter(|(name, _)| !is_hidden(name)) {
        let files = outputs.entry(output_of(name)).or_default();
        files.insert(name.clone(), bytes.clone());
    }
    outputs
}

/// A command whose outputs are all below the folder in which it runs.
struct Outputs<'a> {
    what: &'a str,
    arguments: Vec<String>,
    /// What is in the folder before.
    prepare: &'a dyn Fn(&Folder),
    cache: &'a Path,
}

impl Outputs<'_> {
    /// Lets every call fail, and returns how many there are.
    fn check(&self) -> usize {
        let prepared = || {
            let folder = Folder::new();
            (self.prepare)(&folder);
            folder
        };
        let folder = prepared();
        let before = by_output(&files(folder.path()));
        let whole = run(&folder, self.cache, &self.arguments, folder.path(), (0, 0));
        assert_eq!(
            whole.said.code,
            Some(0),
            "{}: {}",
            self.what,
            whole.said.error
        );
        let after = by_output(&files(folder.path()));
        assert_ne!(before, after, "{}: nothing was written", self.what);
        let calls = whole.calls.len();
        assert!(calls > 0, "{}: no call was counted", self.what);
        let mut wrong = Vec::new();
        for &error in errors() {
            for number in 1..=calls {
                let folder = prepared();
                let fault = (number, error);
                let run = run(&folder, self.cache, &self.arguments, folder.path(), fault);
                wrong.extend(self.wrong_in(&folder, &run, error, (&before, &after)));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
        calls
    }

    /// What is wrong after a run in which a call failed.
    fn wrong_in(
        &self,
        folder: &Folder,
        run: &Run,
        error: u32,
        (before, after): (&ByOutput, &ByOutput),
    ) -> Option<String> {
        // The order of calls of two threads may differ, so that the last ones may not be reached.
        let failed = run.failed()?;
        let said = &run.said;
        let left = files(folder.path());
        let found = by_output(&left);
        let mut problems = Vec::new();
        let mut require = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        require(!said.error.contains("panicked"), "it panicked");
        let names: BTreeSet<&String> = before
            .keys()
            .chain(after.keys())
            .chain(found.keys())
            .collect();
        let is_named = |name: &str| said.error.contains(name) || said.output.contains(name);
        for name in names {
            let [was, should, is] = [before, after, &found].map(|files| files.get(name));
            require(
                is == was || is == should,
                &format!("{name} is neither old nor new"),
            );
            // What stands although the command failed is named.
            let stands = is != was && is == should;
            require(
                !stands || said.code == Some(0) || is_named(name),
                &format!("{name} is not named"),
            );
        }
        if said.code == Some(0) {
            require(found == *after, "an output is missing");
            // Where there are no hard links, weights are copied.
            let is_copied = failed.name == "link" && said.output.contains("copied");
            // Where a file system refuses one way of naming a file, another one is tried.
            let is_named_otherwise = failed.name == "rename" && error == REFUSED;
            let is_fine = failed.is_optional() || is_copied || is_named_otherwise;
            require(is_fine, "it is not said");
        } else {
            require(said.code == Some(1), "the exit code is wrong");
            require(said.error.contains("error: "), "there is no message");
            let outputs = after.keys().any(|name| is_named(name));
            let is_folder_above = failed.name == "mkdir" && is_named(&failed.path);
            require(outputs || is_folder_above, "no output is named");
        }
        let is_left = left.keys().any(|name| is_hidden(name));
        require(
            !is_left || failed.name == "remove",
            "a temporary file is left",
        );
        let context = format!("{}: {failed:?}: {:?} {}", self.what, said.code, said.error);
        (!problems.is_empty()).then(|| format!("{}: {context}", problems.join(", ")))
    }
}

const TREE: &[&str] = &[
    "--steps=2",
    "--frames=3",
    "--seconds=0.4",
    "--fps=5",
    "--threads=1",
];

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// A tiny model outside of the folders, with its results in a cache, so that a run takes a moment.
struct Rendered {
    _folder: Folder,
    model: String,
    cache: TempDir,
}

impl Rendered {
    fn new() -> Self {
        let folder = Folder::new();
        write_tiny_model("sd21", &folder.join("sd21")).unwrap();
        let model = format!("--model={}", folder.join("sd21").display());
        let rendered = Self {
            _folder: folder,
            model,
            cache: tempfile::tempdir().unwrap(),
        };
        // The hash of a file that was changed just now is not kept.
        std::thread::sleep(Duration::from_millis(2100));
        for arguments in [rendered.film(&["--output=film.gif"]), rendered.seeds()] {
            let folder = Folder::new();
            let run = run(
                &folder,
                rendered.cache.path(),
                &arguments,
                folder.path(),
                (0, 0),
            );
            assert_eq!(run.said.code, Some(0), "{}", run.said.error);
        }
        rendered
    }

    fn film(&self, more: &[&str]) -> Vec<String> {
        let film = ["render", "a b", "ab c", "--size=64x64", &self.model];
        words(&[&film[..], TREE, more].concat())
    }

    fn seeds(&self) -> Vec<String> {
        let seeds = ["seeds", "a b", "--size=64x64", "--steps=2", "--seeds=0..1"];
        words(
            &[
                &seeds[..],
                &["--threads=1", "--output=sheet.png", &self.model],
            ]
            .concat(),
        )
    }

    fn still(&self) -> Vec<String> {
        let still = ["render", "a b", "--size=64x64", "--steps=2", "--seed=0"];
        words(
            &[
                &still[..],
                &["--threads=1", "--output=still.png", &self.model],
            ]
            .concat(),
        )
    }

    fn check(&self, what: &str, arguments: Vec<String>, prepare: &dyn Fn(&Folder)) -> usize {
        let outputs = Outputs {
            what,
            arguments,
            prepare,
            cache: self.cache.path(),
        };
        outputs.check()
    }
}

#[test]
fn a_film_is_whole_or_not_there_whichever_call_fails() {
    let rendered = Rendered::new();
    let mut calls = 0;
    for output in [
        "--output=film.mp4",
        "--output=film.gif",
        "--output=film.webp",
        "--output=film",
        "--frames-dir=frames",
        "--contact-sheet=sheet.png",
        "--save-job=film.toml",
    ] {
        calls += rendered.check(output, rendered.film(&[output]), &|_| {});
    }
    calls += rendered.check("seeds", rendered.seeds(), &|_| {});
    let still = ["render", "a b", "--size=64x64", "--steps=2", "--threads=1"];
    let still = [
        &still[..],
        &["--seed=0", "--output=still.png", &rendered.model],
    ]
    .concat();
    calls += rendered.check("still", words(&still), &|_| {});
    assert!(calls > 60, "{calls} calls");
}

/// Several outputs, into folders that exist and over those of an earlier film.
#[test]
fn what_is_replaced_is_what_it_was_whichever_call_fails() {
    let rendered = Rendered::new();
    let outputs = [
        "--output=film.mp4",
        "--frames-dir=frames",
        "--contact-sheet=sheet.png",
        "--force",
    ];
    let older = |folder: &Folder| {
        fs::create_dir(folder.join("frames")).unwrap();
        for name in ["film.mp4", "sheet.png", "frames/notes.txt"] {
            fs::write(folder.join(name), "older").unwrap();
        }
        for frame in [0, 1, 2, 3, 9] {
            fs::write(
                folder.join(&format!("frames/frame_{frame:04}.png")),
                "older",
            )
            .unwrap();
        }
    };
    let calls = rendered.check("all", rendered.film(&outputs), &older);
    assert!(calls > 25, "{calls} calls");
    let empty = |folder: &Folder| fs::create_dir(folder.join("frames")).unwrap();
    rendered.check("empty", rendered.film(&["--output=frames"]), &empty);
}

#[test]
fn texts_and_pages_are_whole_or_not_there_whichever_call_fails() {
    let cache = tempfile::tempdir().unwrap();
    for (what, arguments) in [
        ("plan", &["plan", "a", "b", "--svg=tree.svg"][..]),
        ("man", &["man", "."]),
    ] {
        let outputs = Outputs {
            what,
            arguments: words(arguments),
            prepare: &|_| {},
            cache: cache.path(),
        };
        assert!(outputs.check() > 3);
    }
}

#[test]
fn an_imported_model_is_whole_or_not_there_whichever_call_fails() {
    let cache = tempfile::tempdir().unwrap();
    let import = |form: &str, more: &[&str]| {
        let (source, config) = (golden(form), configuration(form));
        let import = ["import", &source, &config, "--name=mine"];
        words(&[&import[..], more].concat())
    };
    let models = |folder: &Folder| fs::create_dir(folder.join("models")).unwrap();
    let older = |folder: &Folder| {
        let model = folder.join("models/mine");
        fs::create_dir_all(model.join("unet")).unwrap();
        fs::write(model.join("model_index.json"), "{}").unwrap();
        fs::write(model.join("unet/old"), "older").unwrap();
    };
    for (what, arguments, prepare) in [
        (
            "linked",
            import("sd2/checkpoint.safetensors", &[]),
            &models as &dyn Fn(&Folder),
        ),
        (
            "converted",
            import("sd2/checkpoint.ckpt", &["--onnx"]),
            &models,
        ),
        (
            "replaced",
            import("sd2/checkpoint.safetensors", &["--force"]),
            &older,
        ),
    ] {
        let outputs = Outputs {
            what,
            arguments,
            prepare,
            cache: cache.path(),
        };
        assert!(outputs.check() > 15);
    }
}

/// No picture depends on the cache: whichever of its calls fails, the picture is there, and the cache holds what
/// is right.
#[test]
fn the_cache_is_sound_whichever_call_fails() {
    let rendered = Rendered::new();
    let arguments = rendered.still();
    let cold = |fault| {
        let (folder, cache) = (Folder::new(), tempfile::tempdir().unwrap());
        let run = run(&folder, cache.path(), &arguments, cache.path(), fault);
        (folder, cache, run)
    };
    let (folder, cache, whole) = cold((0, 0));
    assert_eq!(whole.said.code, Some(0), "{}", whole.said.error);
    let picture = fs::read(folder.join("still.png")).unwrap();
    let stored = files(cache.path());
    assert!(stored.len() > 5, "{} entries", stored.len());
    for &error in errors() {
        for number in 1..=whole.calls.len() {
            let (folder, cache, run) = cold((number, error));
            let Some(failed) = run.failed() else { continue };
            let said = &run.said;
            let context = format!("{failed:?}: {:?} {}", said.code, said.error);
            let warned = warnings(&said.error)
                .iter()
                .any(|line| line.contains("cache"));
            let left = files(cache.path());
            for (name, bytes) in left.iter().filter(|(name, _)| !is_hidden(name)) {
                assert!(stored.get(name) == Some(bytes), "{name}: {context}");
            }
            let is_refused = said.code == Some(2) && said.error.contains("cannot be used");
            if is_refused && warned_at_once(failed, cache.path()) {
                continue;
            }
            assert_eq!(said.code, Some(0), "{context}");
            assert!(warned || failed.is_optional(), "it is not said: {context}");
            assert!(
                fs::read(folder.join("still.png")).unwrap() == picture,
                "{context}"
            );
            // The same again, with what is there.
            let again = self::run(
                &folder,
                cache.path(),
                &words(&["cache", "check"]),
                cache.path(),
                (0, 0),
            );
            assert_eq!(again.said.code, Some(0), "{context}: {}", again.said.output);
        }
    }
}

/// Whether a call is one of those by which a folder that was asked for is tried before any work.
fn warned_at_once(failed: &Call, cache: &Path) -> bool {
    let path = Path::new(&failed.path);
    let entries = cache.canonicalize().unwrap().join("entries");
    path == entries || path.parent() == Some(&entries)
}

/// Removing entries because the limit is reached.
#[test]
fn a_full_cache_is_sound_whichever_call_fails() {
    let rendered = Rendered::new();
    let arguments = rendered.film(&["--output=film.gif", "--cache-size=1M", "--seed=7,8"]);
    let full = |fault| {
        let (folder, cache) = (Folder::new(), tempfile::tempdir().unwrap());
        for number in 0..6 {
            let path = cache.path().join("entries").join(format!("{number:02x}"));
            fs::create_dir_all(&path).unwrap();
            let file = fs::File::create(path.join(format!("{number:062x}"))).unwrap();
            file.set_len(200_000).unwrap();
            let long_ago = std::time::SystemTime::now() - Duration::from_secs(1000 - number);
            file.set_modified(long_ago).unwrap();
        }
        let run = run(&folder, cache.path(), &arguments, cache.path(), fault);
        (folder, cache, run)
    };
    let (folder, _cache, whole) = full((0, 0));
    assert_eq!(whole.said.code, Some(0), "{}", whole.said.error);
    let film = fs::read(folder.join("film.gif")).unwrap();
    let is_of_eviction = |call: &Call| call.path.ends_with("/lock") || call.name == "remove";
    let numbers = (1..).zip(&whole.calls);
    let numbers = numbers.filter(|(_, call)| is_of_eviction(call));
    let numbers: Vec<usize> = numbers.map(|(number, _)| number).collect();
    assert!(numbers.len() >= 3, "{:?}", whole.calls);
    for number in numbers {
        let (folder, cache, run) = full((number, BROKEN_DISK));
        let Some(failed) = run.failed() else { continue };
        let said = &run.said;
        let context = format!("{failed:?}: {:?} {}", said.code, said.error);
        assert_eq!(said.code, Some(0), "{context}");
        assert!(
            fs::read(folder.join("film.gif")).unwrap() == film,
            "{context}"
        );
        let bytes: usize = files(cache.path()).values().map(Vec::len).sum();
        assert!(bytes <= 1_300_000, "{bytes} bytes: {context}");
    }
}

/// The speed of this machine, which is remembered for estimates.
#[test]
fn remembered_rates_are_whole_or_not_there_whichever_call_fails() {
    let rendered = Rendered::new();
    let plan = [
        "plan",
        "a b",
        "ab c",
        "--size=64x64",
        "--measure",
        &rendered.model,
    ];
    let arguments = words(&[&plan[..], TREE].concat());
    let measure = |fault| {
        let folder = Folder::new();
        fs::create_dir(folder.join("user")).unwrap();
        let run = run(
            &folder,
            rendered.cache.path(),
            &arguments,
            &folder.join("user"),
            fault,
        );
        (folder, run)
    };
    let (folder, whole) = measure((0, 0));
    assert_eq!(whole.said.code, Some(0), "{}", whole.said.error);
    assert!(folder.join("user/lb/rates.json").is_file());
    assert!(whole.calls.len() > 4, "{:?}", whole.calls);
    for number in 1..=whole.calls.len() {
        let (folder, run) = measure((number, BROKEN_DISK));
        let context = format!("{:?}: {}", run.failed(), run.said.error);
        assert_eq!(run.said.code, Some(0), "{context}");
        match fs::read(folder.join("user/lb/rates.json")) {
            Ok(text) => {
                let rates: serde_json::Value = serde_json::from_slice(&text).unwrap();
                assert_eq!(rates.as_array().map(Vec::len), Some(1), "{context}");
            }
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{context}"),
        }
    }
}

/// The library counts what it should: a run in which a call fails differs from one in which none does.
#[test]
fn calls_are_counted_and_fail() {
    let cache = tempfile::tempdir().unwrap();
    let folder = Folder::new();
    let arguments = words(&["plan", "a", "b", "--svg=tree.svg"]);
    let whole = run(&folder, cache.path(), &arguments, folder.path(), (0, 0));
    let names: Vec<&str> = whole.calls.iter().map(|call| call.name.as_str()).collect();
    for name in ["open", "lock", "write", "sync", "rename"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    assert!(whole.failed().is_none());
    let size = folder.join("tree.svg").metadata().unwrap().size();
    fs::remove_file(folder.join("tree.svg")).unwrap();
    let full = run(
        &folder,
        cache.path(),
        &arguments,
        folder.path(),
        (3, FULL_DISK),
    );
    assert_eq!(full.failed().unwrap().name, "write");
    full.said.assert_refused(1, &["tree.svg", "no space left"]);
    assert!(size > 0 && !folder.join("tree.svg").exists());
}
