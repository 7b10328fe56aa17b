//! The rules for the prose of documents and comments: links lead somewhere, spelling is British, and no
//! words are used that only the authors of this workspace know.

use std::path::{Component, Path, PathBuf};

use super::TextFile;

/// Phrases that once were idioms of this workspace and that a stranger stumbles over.
const IDIOMS: &[&str] = &[
    "anew",
    "as people have them",
    "is told",
    "are told",
    "was told",
    "were told",
    "tell apart",
    "so many",
    "what is said",
    "whatever is said",
    "finished work",
];

/// Beginnings of words that are spelt the American way, and how they are spelt here.
const AMERICAN: &[(&str, &str)] = &[
    ("analyz", "analys"),
    ("behavior", "behaviour"),
    ("canceled", "cancelled"),
    ("center", "centre"),
    ("color", "colour"),
    ("favor", "favour"),
    ("gray", "grey"),
    ("honor", "honour"),
    ("initializ", "initialis"),
    ("labeled", "labelled"),
    ("license", "licence"),
    ("maximiz", "maximis"),
    ("minimiz", "minimis"),
    ("modeled", "modelled"),
    ("neighbor", "neighbour"),
    ("normaliz", "normalis"),
    ("optimiz", "optimis"),
    ("organiz", "organis"),
    ("recogniz", "recognis"),
    ("specializ", "specialis"),
    ("summariz", "summaris"),
    ("synchroniz", "synchronis"),
];

/// Words that only begin like American ones: the verb is `to license` in Britain too, and ONNX calls a
/// constant an initializer.
const ALLOWED: &[&str] = &["initializer", "initializers", "licensed", "licenses"];

/// Checks the words of a document, or of the comments of a Rust file.
pub(super) fn check_words(file: &TextFile) -> Vec<String> {
    let lines: Vec<(usize, &str)> = if file.has_extension("md") {
        // A table of properties between lines of `---` may come first.
        let properties = match file.text.strip_prefix("---\n") {
            Some(rest) => 2 + rest.lines().take_while(|line| *line != "---").count(),
            None => 0,
        };
        prose(file.text.lines().enumerate().skip(properties)).collect()
    } else if file.has_extension("rs") {
        let comments = file.text.lines().enumerate();
        prose(comments.filter_map(|(index, line)| Some((index, comment(line)?)))).collect()
    } else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    for (index, line) in lines {
        let line = without_code(line);
        let mut found = |what: String| {
            findings.push(format!("{}:{}: {what}", file.path.display(), index + 1));
        };
        for idiom in IDIOMS.iter().filter(|idiom| has_phrase(&line, idiom)) {
            found(format!("`{idiom}`: say it in words that a stranger uses"));
        }
        for word in words(&line) {
            for (american, british) in AMERICAN {
                if word.starts_with(american) && !ALLOWED.contains(&word) {
                    found(format!(
                        "`{word}`: the spelling is British here ({british}…)"
                    ));
                }
            }
        }
    }
    findings
}

/// The text of a line that is a comment as a whole.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    Some(text.trim_start_matches(['/', '!']))
}

/// A line without code in backquotes, and without the targets of links.
fn without_code(line: &str) -> String {
    let text: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let mut parts = text.split("](");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.split_once(')').map_or("", |(_, rest)| rest));
    }
    kept
}

/// The lower-case words of a line. A name from code (`snake_case`, `a::path`, `CamelCase`) and an
/// address count as one word each, which no list here contains.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| letter.is_whitespace() || "()[]{}\"'’,;!?—–-".contains(letter))
        .map(|word| word.trim_end_matches(['.', ':']))
        .filter(|word| word.chars().all(|letter| letter.is_ascii_lowercase()))
}

/// Whether a line contains a phrase between the borders of words.
fn has_phrase(line: &str, phrase: &str) -> bool {
    let is_border = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
    line.match_indices(phrase).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + phrase.len()..]);
        is_border(before.chars().next_back()) && is_border(after.chars().next())
    })
}

/// Checks that the targets of a Markdown file's links exist in this repository. `exists` is asked for
/// paths relative to the root.
pub(super) fn check_links(file: &TextFile, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    if !file.has_extension("md") {
        return Vec::new();
    }
    let folder = file.path.parent().unwrap_or(Path::new(""));
    let mut findings = Vec::new();
    for (index, line) in prose(file.text.lines().enumerate()) {
        for target in targets(line) {
            let path = target.split('#').next().unwrap_or_default();
            let is_elsewhere =
                path.is_empty() || path.contains("://") || path.starts_with("mailto:");
            if !is_elsewhere && !normal(&folder.join(path)).is_some_and(|path| exists(&path)) {
                let shown = file.path.display();
                findings.push(format!("{shown}:{}: there is no {path}", index + 1));
            }
        }
    }
    findings
}

/// The numbered lines outside of code blocks.
fn prose<'a>(
    lines: impl Iterator<Item = (usize, &'a str)>,
) -> impl Iterator<Item = (usize, &'a str)> {
    let mut inside = false;
    lines.filter(move |(_, line)| {
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

/// The path without `.` and `..`; `None` if it leads out of the repository.
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

    fn links(path: &str, text: &str) -> Vec<String> {
        check_links(&file(path, text), |path| path == Path::new("docs/a.md"))
    }

    #[test]
    fn links_lead_somewhere() {
        assert!(links("README.md", "[a](docs/a.md#part) [b](https://example.org)").is_empty());
        assert!(links("docs/b.md", "[a](a.md) [a](./../docs/a.md) [here](#part)").is_empty());
        assert!(links("README.md", "```\n[b](b.md)\n```").is_empty());
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        assert_eq!(
            links("README.md", "\n[b](b.md)"),
            ["README.md:2: there is no b.md"]
        );
        assert!(links("README.md", "<img src=\"b.png\">")[0].contains("b.png"));
        assert!(links("README.md", "![b](docs/../b.png \"title\")")[0].contains("b.png"));
        assert!(links("docs/b.md", "[out](../../a.md)")[0].contains("../../a.md"));
    }

    #[test]
    fn idioms_and_american_spelling_are_found_in_prose() {
        let found = |path: &str, text: &str| check_words(&file(path, text));
        assert!(found("a.md", "it is made anew.")[0].contains("a.md:1: `anew`"));
        assert!(found("a.rs", "fn a() {\n    /// The color.")[0].contains("a.rs:2: `color`"));
        assert_eq!(found("a.md", "Normalized").len(), 0, "a name, perhaps");
        assert_eq!(found("a.md", "the normalized neighbors").len(), 2);
    }

    #[test]
    fn code_and_names_are_not_prose() {
        for text in [
            "`color` and [a](color.md)",
            "color_type, gray::center and https://example.org/color",
            "```\ncolor\n```",
            "---\nlicense: mit\n---\n# Model",
            "an initializer, licensed, a colour, renewed",
        ] {
            assert_eq!(check_words(&file("a.md", text)), Vec::<String>::new());
        }
        let code = "let color = gray(\"center\"); // color\n/// ```\n/// color();\n/// ```";
        assert_eq!(check_words(&file("a.rs", code)), Vec::<String>::new());
    }
}
