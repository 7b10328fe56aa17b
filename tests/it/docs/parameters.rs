//! `docs/parameters.md` compared with `lb render --help`.

use std::collections::BTreeMap;

use crate::lb::Folder;

/// The help, made so wide that no description is wrapped.
fn help() -> String {
    let folder = Folder::new();
    let mut command = folder.command(&["render", "--help"]);
    let said = command.env("COLUMNS", "2000").output().unwrap();
    String::from_utf8(said.stdout).unwrap()
}

/// The flags and their defaults according to the help.
fn of_help(help: &str) -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    let mut last = None;
    for line in help.lines().map(str::trim_start) {
        // A line that starts with a dash and a space is a possible value.
        if line.starts_with('-') && !line.starts_with("- ") {
            last = line.split_whitespace().find(|word| word.starts_with("--"));
        }
        let Some(flag) = last else { continue };
        let flag = flag.trim_end_matches("...").to_owned();
        let default = line
            .split_once("[default: ")
            .and_then(|(_, rest)| rest.split_once(']'))
            .map(|(default, _)| default.to_owned());
        let entry = found.entry(flag).or_insert(None);
        *entry = entry.take().or(default);
    }
    // These belong to every command.
    for general in ["--help", "--version", "--verbose", "--quiet"] {
        assert!(found.remove(general).is_some(), "{general}");
    }
    found
}

/// The flags and their defaults according to the tables `| flag | value | default | what it does |`.
fn of_page(text: &str) -> BTreeMap<String, String> {
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<_> = line
            .split(" | ")
            .map(|cell| cell.trim_matches(['|', ' ']))
            .collect();
        let flag = cells[0].split('`').find(|part| part.starts_with("--"))?;
        (cells.len() == 4).then(|| (flag.to_owned(), cells[2].replace('`', "")))
    });
    rows.collect()
}

#[test]
fn every_parameter_is_described_with_its_default() {
    let (_, text) = super::documents()
        .into_iter()
        .find(|(name, _)| name == "parameters.md")
        .unwrap();
    let (help, page) = (of_help(&help()), of_page(&text));
    assert!(help.len() > 50, "{help:?}");
    assert_eq!(
        help.keys().collect::<Vec<_>>(),
        page.keys().collect::<Vec<_>>()
    );
    for (flag, default) in help {
        let documented = page[&flag].as_str();
        match default {
            Some(default) => assert_eq!(documented, default, "the default of {flag}"),
            None => assert!(
                ["none", "off"].contains(&documented),
                "{flag} has no default {documented}"
            ),
        }
    }
}

#[test]
fn sections_have_the_order_of_the_help() {
    let (_, text) = super::documents()
        .into_iter()
        .find(|(name, _)| name == "parameters.md")
        .unwrap();
    let page: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    let help = help();
    let headings = help.lines().filter(|line| !line.starts_with(' '));
    let headings: Vec<_> = headings
        .filter_map(|line| line.strip_suffix(':'))
        .filter(|heading| !["Arguments", "Options", "Examples"].contains(heading))
        .collect();
    assert_eq!(page, headings);
}
