//! The commands that a page of the documents shows, and the pictures that they make.
//!
//! Commands are the lines of ```` ```sh ```` blocks that begin with `lb `. Marks after `sh,` say how they
//! are treated:
//!
//! - `needs-model`, `needs-gpu`, `needs-plugin` and `needs-ffmpeg`: they only work where that exists
//! - `draft`: a test may run them with `--quality lowest`
//! - `strip` and `film-strip`: the command is not run by itself. It is run for each row of the tables
//!   that follow, with the flags of the row, and the row shows its computed frames or its film frames
//!
//! A block ```` ```toml,NAME ```` or ```` ```text,NAME ```` is a file that the commands find.

/// A line of a shell block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Command {
    /// Counted from 1.
    pub(crate) line: usize,
    /// Without its comment.
    pub(crate) text: String,
    /// The marks of the block, after `sh,`.
    pub(crate) marks: Vec<String>,
}

/// A row of a table whose first cell begins with flags and whose last cell is a picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Strip {
    /// Counted from 1.
    pub(crate) line: usize,
    /// The whole command.
    pub(crate) command: String,
    /// Whether film frames are shown instead of computed frames.
    pub(crate) of_film: bool,
    /// The path by which the page names it.
    pub(crate) picture: String,
}

/// The contents of a page, in their order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Page {
    /// All commands except those of strips.
    pub(crate) commands: Vec<Command>,
    pub(crate) strips: Vec<Strip>,
    /// The names and texts of files.
    pub(crate) files: Vec<(String, String)>,
    /// Every picture of the page outside of strips, by the path by which the page names it.
    pub(crate) pictures: Vec<String>,
}

impl Command {
    pub(crate) fn is(&self, mark: &str) -> bool {
        self.marks.iter().any(|found| found == mark)
    }
}

impl Page {
    pub(crate) fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut block: Option<Vec<String>> = None;
        let mut base: Option<Command> = None;
        let mut begun = String::new();
        for (index, line) in text.lines().enumerate() {
            if let Some(info) = line.trim_start().strip_prefix("```") {
                block = match block {
                    Some(_) => None,
                    None => Some(info.trim().split(',').map(str::to_owned).collect()),
                };
                if let Some(["toml" | "text", name]) = block.as_deref().and_then(as_pair) {
                    page.files.push((name.to_owned(), String::new()));
                }
                continue;
            }
            let Some(marks) = &block else {
                page.prose(index + 1, line, base.as_ref());
                continue;
            };
            let named =
                as_pair(marks).is_some_and(|[language, _]| ["toml", "text"].contains(&language));
            if let (true, Some((_, text))) = (named, page.files.last_mut()) {
                text.push_str(line);
                text.push('\n');
            }
            if marks.first().is_none_or(|language| language != "sh") {
                continue;
            }
            begun.push_str(without_comment(line).trim_end());
            if begun.ends_with('\\') {
                begun.pop();
                continue;
            }
            let text = std::mem::take(&mut begun);
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let text = text.strip_prefix("target/release/").unwrap_or(&text);
            if !text.starts_with("lb ") {
                continue;
            }
            let command = Command {
                line: index + 1,
                text: text.to_owned(),
                marks: marks[1..].to_vec(),
            };
            if command.is("strip") || command.is("film-strip") {
                base = Some(command);
            } else {
                page.commands.push(command);
            }
        }
        page
    }

    fn prose(&mut self, line: usize, text: &str, base: Option<&Command>) {
        let pictures = text.split("![").skip(1).filter_map(target);
        let flags = text
            .strip_prefix("| `")
            .and_then(|row| row.split('`').next());
        match (flags, base) {
            (Some(flags), Some(base)) if flags.starts_with('-') => {
                self.strips.extend(pictures.map(|picture| Strip {
                    line,
                    command: format!("{} {flags}", base.text),
                    of_film: base.is("film-strip"),
                    picture: picture.to_owned(),
                }));
            }
            _ => self.pictures.extend(pictures.map(str::to_owned)),
        }
    }
}

fn as_pair(info: &[String]) -> Option<[&str; 2]> {
    match info {
        [first, second] => Some([first, second]),
        _ => None,
    }
}

/// The target of a picture, from behind its `![`.
fn target(rest: &str) -> Option<&str> {
    let (_, rest) = rest.split_once("](")?;
    rest.split([')', ' ']).next()
}

/// A line up to a ` #` outside of quotes.
fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut before = ' ';
    for (at, letter) in line.char_indices() {
        match (quote, letter) {
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None, '#') if before == ' ' => return &line[..at],
            _ => {}
        }
        before = letter;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_with_their_marks() {
        let text = "```sh,draft,needs-ffmpeg\ncargo xtask demo\nlb render \"a # b\" \\\n  c # d\n```\n\
                    lb no\n```toml\nlb no\n```\n```sh\ntarget/release/lb doctor\n```\n";
        let page = Page::read(text);
        let found: Vec<_> = page
            .commands
            .iter()
            .map(|c| (c.line, c.text.as_str()))
            .collect();
        assert_eq!(found, [(4, "lb render \"a # b\" c"), (11, "lb doctor")]);
        assert!(page.commands[0].is("draft") && page.commands[0].is("needs-ffmpeg"));
        assert!(page.commands[1].marks.is_empty());
    }

    #[test]
    fn named_blocks_are_files() {
        let page = Page::read("```toml,a.toml\nx = 1\n\ny = 2\n```\n```toml\nz = 3\n```\n");
        assert_eq!(page.files, [("a.toml".into(), "x = 1\n\ny = 2\n".into())]);
    }

    #[test]
    fn strips_take_the_flags_of_their_rows() {
        let text = "![a](p/a.png)\n```sh,strip\nlb render a b\n```\n\n| flags | frames |\n|---|---|\n\
                    | `--seed 3` (default) | ![three](p/3.jpg) |\n| word | ![b](p/b.jpg) |\n";
        let page = Page::read(text);
        assert_eq!(page.pictures, ["p/a.png", "p/b.jpg"]);
        assert!(page.commands.is_empty());
        let strip = Strip {
            line: 8,
            command: "lb render a b --seed 3".into(),
            of_film: false,
            picture: "p/3.jpg".into(),
        };
        assert_eq!(page.strips, [strip]);
    }
}
