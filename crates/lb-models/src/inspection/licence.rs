//! A model's licence, as its directory tells it.

use std::fs;
use std::path::Path;

const FILES: [&str; 3] = ["LICENSE", "LICENSE.md", "LICENSE.txt"];

/// More of a licence file's first line is no title.
const LONGEST_TITLE: usize = 80;

/// What the front matter of `README.md` says, else the first line of a licence file.
pub(super) fn of(folder: &Path) -> Option<String> {
    let read = |name: &str| {
        let path = folder.join(name);
        let bytes = path.is_file().then(|| fs::read(&path))?.ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let named = read("README.md").and_then(|text| front_matter(&text));
    named.or_else(|| FILES.into_iter().find_map(|name| title(&read(name)?)))
}

/// `license:` between the two lines of dashes that a model card begins with; where that is no more
/// than "other", `license_name:`.
fn front_matter(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim_end);
    lines.next().filter(|line| *line == "---")?;
    let lines: Vec<_> = lines.take_while(|line| *line != "---").collect();
    let value = |key: &str| {
        let mut values = lines.iter().filter_map(|line| line.strip_prefix(key));
        let value = values.next()?.trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    };
    match value("license:") {
        Some(other) if other == "other" => value("license_name:").or(Some(other)),
        named => named,
    }
}

fn title(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let line = line.trim_start_matches(['#', ' ']);
    Some(line.chars().take(LONGEST_TITLE).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_cards_name_their_licence() {
        let card = "---\nlicense: openrail++\ntags:\n- art\n---\n# A model\nlicense: mine";
        assert_eq!(front_matter(card).as_deref(), Some("openrail++"));
        let other = "---\nlicense: other\nlicense_name: \"my-own\"\n---\n";
        assert_eq!(front_matter(other).as_deref(), Some("my-own"));
        for none in [
            "",
            "license: mit",
            "---\ntags:\n---\nlicense: mit",
            "---\nlicense:\n---",
        ] {
            assert_eq!(front_matter(none), None, "{none}");
        }
        assert_eq!(
            title("\n# MIT License\n\nCopyright").as_deref(),
            Some("MIT License")
        );
    }
}
