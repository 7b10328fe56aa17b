//! Links between the documents.

use std::path::{Component, Path, PathBuf};

use super::TextFile;

/// Checks that what a Markdown file links to in this repository `exists` (asked by a path
/// relative to the root).
pub(super) fn check_links(file: &TextFile, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    if !file.has_extension("md") {
        return Vec::new();
    }
    let folder = file.path.parent().unwrap_or(Path::new(""));
    let mut findings = Vec::new();
    for (index, line) in prose(&file.text) {
        for target in targets(line) {
            let path = target.split('#').next().unwrap_or_default();
            let elsewhere = path.is_empty() || path.contains("://") || path.starts_with("mailto:");
            if !elsewhere && !normal(&folder.join(path)).is_some_and(|path| exists(&path)) {
                let shown = file.path.display();
                findings.push(format!("{shown}:{}: there is no {path}", index + 1));
            }
        }
    }
    findings
}

/// Numbered lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !inside && !fence
    })
}

/// The targets of `[text](target)` and `![text](target "title")`, and of `src="target"`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let links = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next());
    let pictures = line
        .split("src=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    links.chain(pictures)
}

/// The path without `.` and `..`; `None` where it leads out of the repository.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if !normal.pop() => return None,
            Component::ParentDir => {}
            other => normal.push(other),
        }
    }
    Some(normal)
}

#[cfg(test)]
mod tests {
    use super::super::file;
    use super::*;

    fn check(path: &str, text: &str) -> Vec<String> {
        check_links(&file(path, text), |path| path == Path::new("docs/a.md"))
    }

    #[test]
    fn links_lead_somewhere() {
        assert!(check("README.md", "[a](docs/a.md#part) [b](https://example.org)").is_empty());
        assert!(check("docs/b.md", "[a](a.md) [a](./../docs/a.md) [here](#part)").is_empty());
        assert!(check("README.md", "```\n[b](b.md)\n```").is_empty());
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        assert_eq!(
            check("README.md", "\n[b](b.md)"),
            ["README.md:2: there is no b.md"]
        );
        assert!(check("README.md", "<img src=\"b.png\">")[0].contains("b.png"));
        assert!(check("README.md", "![b](docs/../b.png \"title\")")[0].contains("b.png"));
        assert!(check("docs/b.md", "[out](../../a.md)")[0].contains("../../a.md"));
    }
}
