//! Messages without the paths of this machine, for the visitors of a demonstration.

use std::path::PathBuf;

use crate::StudioOptions;

/// The folders whose paths are not told.
#[derive(Clone, Debug)]
pub(crate) struct HiddenPaths {
    /// With the separator at the end, the longest first.
    folders: Vec<String>,
}

impl HiddenPaths {
    /// Those that a studio works with.
    pub(crate) fn of(options: &StudioOptions) -> Self {
        let mut folders: Vec<PathBuf> = options.model_folders.clone();
        folders.extend([options.projects.clone(), tempfile::env::temp_dir()]);
        let real = folders
            .iter()
            .filter_map(|folder| folder.canonicalize().ok());
        let real: Vec<PathBuf> = real.collect();
        folders.extend(real);
        let folders = folders.iter().map(|folder| {
            let folder = folder.display().to_string();
            let end = std::path::MAIN_SEPARATOR;
            format!("{}{end}", folder.trim_end_matches(end))
        });
        let mut folders: Vec<String> = folders.collect();
        folders.sort_by_key(|folder| std::cmp::Reverse(folder.len()));
        folders.dedup();
        Self { folders }
    }

    /// The message with paths that begin in these folders, and of any other absolute path only its last part.
    pub(crate) fn hide(&self, message: &str) -> String {
        let mut shown = message.to_owned();
        for folder in &self.folders {
            shown = shown.replace(folder, "");
        }
        let words = shown.split_inclusive(|letter: char| letter.is_whitespace());
        words.map(without_folders).collect()
    }
}

/// A word without the folders of the absolute path that it may be, which may be in quotes.
fn without_folders(word: &str) -> &str {
    let path = word.trim_start_matches(['"', '\'', '`', '(', '[', '“', '‘']);
    let is_unix = path.starts_with('/') && path[1..].contains('/');
    // A drive, as in `C:\`, or another computer, as in `\\server`.
    let is_windows = path.starts_with(r"\\")
        || matches!(path.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    match (is_unix, is_windows) {
        (true, _) => path.rsplit('/').next().unwrap_or_default(),
        (_, true) => path.rsplit(['/', '\\']).next().unwrap_or_default(),
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_of_the_machine_is_left() {
        let paths = HiddenPaths {
            folders: vec!["/srv/my films/".into(), "/srv/".into()],
        };
        for (message, shown) in [
            (
                "/srv/my films/0123/film.toml: no job",
                "0123/film.toml: no job",
            ),
            (
                "cannot read /srv/models/pocket/unet: it is missing",
                "cannot read models/pocket/unet: it is missing",
            ),
            (
                "\"/usr/lib/ort/libonnxruntime.so\" is too old",
                "libonnxruntime.so\" is too old",
            ),
            (
                r"C:\Users\me\models\pocket: no weights, \\server\share\a.png",
                "pocket: no weights, a.png",
            ),
            (
                "steps: 0 is not allowed; 1/2 or and/or is text",
                "steps: 0 is not allowed; 1/2 or and/or is text",
            ),
            ("a / b", "a / b"),
        ] {
            assert_eq!(paths.hide(message), shown);
        }
    }
}
