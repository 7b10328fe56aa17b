//! What source files may hold, and what a package must have.

use std::path::{Path, PathBuf};

use super::TextFile;

/// Longer Rust files have more than one reason to exist.
const LINE_LIMIT: usize = 300;

/// Libraries leave these to the programs that use them.
const FORBIDDEN_IN_LIBRARIES: &[(&str, &str)] = &[
    ("println!", "print"),
    ("print!", "print"),
    ("eprintln!", "print"),
    ("eprint!", "print"),
    ("std::env", "read the environment"),
    ("process::exit", "exit"),
];

/// Constants of the build, not the environment of the process.
const ALLOWED_ANYWAY: &str = "std::env::consts";

/// Put together here so that this file does not find itself.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

pub(super) fn check_file(file: &TextFile) -> Vec<String> {
    let shown = file.path.display();
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    if file.has_extension("rs") && lines > LINE_LIMIT {
        findings.push(format!(
            "{shown}: {lines} lines; split it (the limit is {LINE_LIMIT})"
        ));
    }
    for (index, line) in file.text.lines().enumerate() {
        let number = index + 1;
        if let Some(word) = UNFINISHED.iter().find(|word| has_word(line, word)) {
            findings.push(format!("{shown}:{number}: {word}: do it, or open an issue"));
        }
        let code = line.trim_start();
        if file.has_extension("rs") && file.is_library_source() && !code.starts_with("//") {
            let code = code.replace(ALLOWED_ANYWAY, "");
            if let Some((what, does)) = FORBIDDEN_IN_LIBRARIES
                .iter()
                .find(|(what, _)| has_word(&code, what))
            {
                findings.push(format!("{shown}:{number}: {what}: libraries do not {does}"));
            }
        }
    }
    findings
}

/// Whether `word` stands in `line` and is not the end of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
    })
}

pub(super) fn check_package(folder: &Path, files: &[TextFile]) -> Vec<String> {
    let shown = folder.display();
    let mut findings = Vec::new();
    let roots: Vec<_> = ["src/lib.rs", "src/main.rs"]
        .iter()
        .filter_map(|root| find(files, &folder.join(root)))
        .collect();
    for root in roots {
        let path = root.path.display();
        if !root.text.starts_with("//!") {
            findings.push(format!(
                "{path}: does not start with what the crate is about (`//!`)"
            ));
        }
        if root.path.starts_with("crates")
            && root.path.ends_with("lib.rs")
            && !has_doctest(&root.text)
        {
            findings.push(format!(
                "{path}: its documentation has no example that is tested"
            ));
        }
    }
    let binaries = integration_binaries(folder, files);
    if binaries.len() > 1 {
        findings.push(format!(
            "{shown}: {} integration test binaries; one is enough",
            binaries.len()
        ));
    }
    findings
}

fn find<'a>(files: &'a [TextFile], path: &Path) -> Option<&'a TextFile> {
    files.iter().find(|file| file.path == path)
}

fn integration_binaries(folder: &Path, files: &[TextFile]) -> Vec<PathBuf> {
    let tests = folder.join("tests");
    files
        .iter()
        .filter_map(|file| Some((file, file.path.strip_prefix(&tests).ok()?)))
        .filter(|(file, below)| {
            let depth = below.components().count();
            file.has_extension("rs") && (depth == 1 || depth == 2 && below.ends_with("main.rs"))
        })
        .map(|(file, _)| file.path.clone())
        .collect()
}

/// Whether the crate documentation has a Rust code block that rustdoc compiles.
fn has_doctest(text: &str) -> bool {
    let mut inside = false;
    let documentation = text.lines().filter_map(|line| line.strip_prefix("//!"));
    documentation
        .map(str::trim)
        .filter_map(|line| line.strip_prefix("```"))
        .any(|info| {
            inside = !inside;
            let tags: Vec<_> = info
                .split(',')
                .map(str::trim)
                .filter(|tag| !tag.is_empty())
                .collect();
            inside
                && tags
                    .iter()
                    .all(|tag| ["rust", "no_run", "should_panic"].contains(tag))
        })
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    #[test]
    fn long_files_are_found() {
        assert!(check_file(&file("xtask/src/a.rs", &"\n".repeat(300))).is_empty());
        assert!(check_file(&file("xtask/src/a.rs", &"\n".repeat(301)))[0].contains("301 lines"));
    }

    #[test]
    fn unfinished_work_is_found() {
        let word = UNFINISHED[0];
        assert!(check_file(&file("docs/a.md", &format!("{word}: all")))[0].contains("a.md:1"));
        assert!(check_file(&file("docs/a.md", "nothing to do")).is_empty());
    }

    #[test]
    fn libraries_neither_print_nor_look_around_nor_exit() {
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
        assert!(check_file(&file("crates/lb-cli/src/a.rs", "println!()")).is_empty());
        assert!(check_file(&file("crates/lb-x/examples/a.rs", "println!()")).is_empty());
    }

    #[test]
    fn a_crate_says_what_it_is_and_shows_an_example() {
        let root = |text: &str| {
            check_package(
                "crates/lb-x".as_ref(),
                &[file("crates/lb-x/src/lib.rs", text)],
            )
        };
        assert!(root("//! X.\n//!\n//! ```\n//! x();\n//! ```\n").is_empty());
        assert!(root("//! X.\n//! ```text\n//! ```\n")[0].contains("no example"));
        assert!(root("//! ```text\n//! ```\n//! ```ignore\n//! ```\n")[0].contains("no example"));
        assert!(root("mod x;")[0].contains("does not start"));
    }

    #[test]
    fn a_second_integration_binary_is_found() {
        let one = file("crates/lb-x/tests/it/main.rs", "");
        let module = file("crates/lb-x/tests/it/other.rs", "");
        let two = file("crates/lb-x/tests/more.rs", "");
        let folder = Path::new("crates/lb-x");
        assert!(check_package(folder, &[one.clone(), module]).is_empty());
        assert!(check_package(folder, &[one, two])[0].contains("2 integration test binaries"));
    }
}
