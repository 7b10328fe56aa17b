//! What files may contain, and how large they may be.

use std::path::{Path, PathBuf};

use super::TextFile;

/// A Rust file of more lines probably holds more than one concept.
const LONG: usize = 800;

/// The most bytes that all golden files together may have: every clone pays for them.
const MOST_FIXTURE_BYTES: u64 = 6_000_000;

/// What libraries leave to the programs that use them.
const FORBIDDEN_IN_LIBRARIES: &[(&str, &str)] = &[
    ("println!", "print"),
    ("print!", "print"),
    ("eprintln!", "print"),
    ("eprint!", "print"),
    ("dbg!", "print"),
    ("io::stdout", "print"),
    ("io::stderr", "print"),
    ("std::env", "read the environment"),
    ("process::exit", "exit"),
];

/// The module of the command line through which everything goes that a terminal or a log shows, and
/// which escapes it.
const PRINTING: &str = "crates/lb-cli/src/print";

/// What would print without it.
const FORBIDDEN_BESIDE_PRINTING: &[&str] = &[
    "println!",
    "print!",
    "eprintln!",
    "eprint!",
    "dbg!",
    "stdout()",
    "stderr()",
    "indicatif",
    "tracing_subscriber::fmt",
];

/// The module that opens files which others may have made.
const OPENING: &str = "crates/lb-files/src/regular.rs";

/// What would wait for a pipe for ever, or read a file without end.
const FORBIDDEN_BESIDE_OPENING: &[&str] = &[
    "File::open",
    "File::options",
    "OpenOptions",
    "fs::read(",
    "fs::read_to_string",
    "fs::copy(",
    "image::open",
    "ImageReader::open",
];

/// Files that open others themselves all the same, each with the reason.
const OPENING_ANYWAY: &[(&str, &str)] = &[
    (
        "crates/lb-files/src/no_follow.rs",
        "it does the same for files of a store, and follows no links",
    ),
    (
        "crates/lb-files/src/temporary.rs",
        "it opens folders, and files of ours that it has looked at, to lock them",
    ),
    (
        "crates/lb-models/src/testing.rs",
        "it is for tests, and reads fixtures",
    ),
];

/// Constants of the build, not the environment of the process.
const ALLOWED_ANYWAY: &str = "std::env::consts";

/// Put together here so that this file does not find itself.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

/// Finds unfinished work, and what libraries must not do.
pub(super) fn check_file(file: &TextFile) -> Vec<String> {
    let shown = file.path.display();
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let number = index + 1;
        if let Some(word) = UNFINISHED.iter().find(|word| has_word(line, word)) {
            findings.push(format!("{shown}:{number}: {word}: do it, or open an issue"));
        }
    }
    findings.extend(check_surroundings(file));
    findings.extend(check_ways_out_and_in(file));
    findings
}

/// Finds what libraries leave to programs.
fn check_surroundings(file: &TextFile) -> Vec<String> {
    if !file.is_library_source() {
        return Vec::new();
    }
    let shown = file.path.display();
    let mut findings = Vec::new();
    for (index, line) in without_tests(&file.text).enumerate() {
        let code = line.replace(ALLOWED_ANYWAY, "");
        let forbidden = FORBIDDEN_IN_LIBRARIES.iter();
        if let Some((what, does)) = forbidden.clone().find(|(what, _)| has_word(&code, what))
            && !code.trim_start().starts_with("//")
        {
            let number = index + 1;
            findings.push(format!("{shown}:{number}: {what}: libraries do not {does}"));
        }
    }
    findings
}

/// Finds what prints or opens files beside the modules that do so safely.
fn check_ways_out_and_in(file: &TextFile) -> Vec<String> {
    let Some(path) = file.path.to_str().filter(|_| file.is_crate_source()) else {
        return Vec::new();
    };
    let path = path.replace('\\', "/");
    let prints = path.starts_with(PRINTING) || !path.starts_with("crates/lb-cli/");
    let opens = path == OPENING || OPENING_ANYWAY.iter().any(|(known, _)| path == *known);
    let mut findings = Vec::new();
    for (index, line) in without_tests(&file.text).enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        let find = |forbidden: &[&'static str]| {
            let mut found = forbidden.iter().filter(|what| has_word(line, what));
            found.next().copied()
        };
        let number = index + 1;
        if let Some(what) = find(FORBIDDEN_BESIDE_PRINTING).filter(|_| !prints) {
            findings.push(format!(
                "{path}:{number}: {what}: what is printed goes through {PRINTING}.rs"
            ));
        }
        if let Some(what) = find(FORBIDDEN_BESIDE_OPENING).filter(|_| !opens) {
            findings.push(format!(
                "{path}:{number}: {what}: files are opened by lb_files::open, read or read_text"
            ));
        }
    }
    findings
}

/// The lines of a file before its tests, which come last.
fn without_tests(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines();
    lines
        .take_while(|line| !line.starts_with("#[cfg(test)]") && !line.starts_with("#[cfg(all(test"))
}

/// Whether `line` contains `word`, other than as the end of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
    })
}

/// A warning about a Rust file that is long. A file is one concept, and some concepts are large, so
/// this is no error.
pub(super) fn length_warning(file: &TextFile) -> Option<String> {
    let lines = file.text.lines().count();
    let is_long = file.has_extension("rs") && lines > LONG;
    let shown = file.path.display();
    is_long.then(|| format!("{shown}: {lines} lines; is it still one concept?"))
}

/// Checks the sizes in bytes of all files, by their paths relative to the root.
pub(super) fn check_fixtures(files: &[(PathBuf, u64)]) -> Vec<String> {
    let fixtures = files.iter().filter(|(path, _)| is_fixture(path));
    let bytes: u64 = fixtures.map(|(_, bytes)| bytes).sum();
    if bytes <= MOST_FIXTURE_BYTES {
        return Vec::new();
    }
    vec![format!(
        "crates/*/tests/golden: {bytes} bytes of fixtures, but at most {MOST_FIXTURE_BYTES} are \
         allowed"
    )]
}

fn is_fixture(path: &Path) -> bool {
    let parts: Vec<_> = path.iter().collect();
    matches!(parts[..], [first, _, tests, golden, ..]
        if first == "crates" && tests == "tests" && golden == "golden")
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn a_long_file_gets_a_warning() {
        let warning = |lines| length_warning(&file("xtask/src/a.rs", &"\n".repeat(lines)));
        assert_eq!(warning(800), None);
        assert!(warning(801).unwrap().contains("801 lines"));
        assert_eq!(length_warning(&file("a.md", &"\n".repeat(801))), None);
    }

    #[test]
    fn unfinished_work_is_found() {
        let word = UNFINISHED[0];
        assert!(check_file(&file("docs/a.md", &format!("{word}: all")))[0].contains("a.md:1"));
        assert!(check_file(&file("docs/a.md", "nothing to do")).is_empty());
    }

    #[test]
    fn libraries_neither_print_nor_read_the_environment_nor_exit() {
        for code in [
            "println!(\"\")",
            "let a = std::env::var(\"A\");",
            "std::process::exit(1)",
        ] {
            let findings = check_file(&file("crates/lb-x/src/a.rs", code));
            assert_eq!(findings.len(), 1, "{code}");
        }
        let fine = "/// println!\nenv!(\"A\"); std::env::consts::OS; pretty_print!()";
        assert!(check_file(&file("crates/lb-x/src/a.rs", fine)).is_empty());
        assert!(check_file(&file("crates/lb-cli/src/a.rs", "std::process::exit(1)")).is_empty());
        assert!(check_file(&file("crates/lb-x/examples/a.rs", "println!()")).is_empty());
    }

    #[test]
    fn one_module_prints_and_one_opens_files() {
        let found = |path: &str, code: &str| check_file(&file(path, code)).len();
        for code in [
            "println!()",
            "    std::eprint!(\"\");",
            "dbg!(a)",
            "let a = std::io::stdout();",
            "use indicatif::ProgressBar;",
        ] {
            assert_eq!(found("crates/lb-cli/src/a.rs", code), 1, "{code}");
            assert_eq!(found("crates/lb-cli/src/print.rs", code), 0, "{code}");
            assert_eq!(found("crates/lb-cli/src/print/bar.rs", code), 0, "{code}");
            let in_tests = format!("#[cfg(test)]\nmod tests {{\n{code}\n}}");
            assert_eq!(found("crates/lb-cli/src/a.rs", &in_tests), 0, "{code}");
        }
        assert_eq!(
            found("crates/lb-cli/src/a.rs", "outln!(); command.stdout(a)"),
            0
        );
        for code in [
            "let a = File::open(path)?;",
            "std::fs::read(path)",
            "fs::read_to_string(path)",
            "std::fs::File::options()",
        ] {
            assert_eq!(found("crates/lb-cli/src/a.rs", code), 1, "{code}");
            assert_eq!(found("crates/lb-x/src/a/b.rs", code), 1, "{code}");
            assert_eq!(found(OPENING, code), 0, "{code}");
            assert_eq!(found("crates/lb-x/tests/it/a.rs", code), 0, "{code}");
            assert_eq!(found("crates/lb-x/src/a/tests.rs", code), 0, "{code}");
            assert_eq!(found("xtask/src/a.rs", code), 0, "{code}");
        }
        assert_eq!(
            found(
                "crates/lb-x/src/a.rs",
                "lb_files::read(path, 9)?; fs::read_dir(a)"
            ),
            0
        );
    }

    #[test]
    fn golden_files_of_all_crates_count_together() {
        let files = |second: u64| {
            [
                (
                    "crates/a/tests/golden/weights.safetensors",
                    MOST_FIXTURE_BYTES - 10,
                ),
                ("crates/b/tests/golden/kinds/frames.rgb", second),
                ("crates/b/tests/it/golden.rs", 1 << 40),
                ("models/pocket/unet/weights.safetensors", 1 << 40),
            ]
            .map(|(path, bytes)| (PathBuf::from(path), bytes))
        };
        assert!(check_fixtures(&files(10)).is_empty());
        let [finding] = &check_fixtures(&files(11))[..] else {
            panic!("one finding")
        };
        assert!(finding.contains("6000001 bytes"), "{finding}");
    }
}
