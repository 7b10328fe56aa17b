//! Browsers that the system confines, so that they cannot read every file of their user.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder that the browser can read if it comes as a snap, as Firefox does on Ubuntu. Such a browser reads no hidden
/// folders in the user's home, where projects usually are. Flatpak hands a browser the file that it is to open.
pub(super) fn folder_if_confined(home: Option<&Path>) -> Option<PathBuf> {
    let snaps = home?.join("snap");
    // Most systems have no snaps, and the question takes a while.
    if !snaps.is_dir() {
        return None;
    }
    let mut ask = Command::new("xdg-mime");
    ask.args(["query", "default", "text/html"]);
    let answer = ask
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let answer = String::from_utf8(answer.stdout).ok()?;
    // This folder belongs to the user alone, and stays when the snap is updated.
    let folder = snaps.join(snap_of(answer.trim())?).join("common");
    folder.is_dir().then_some(folder)
}

/// The snap of a program's description, as in `firefox_firefox.desktop`.
fn snap_of(description: &str) -> Option<&str> {
    let (snap, _) = description.strip_suffix(".desktop")?.split_once('_')?;
    let is_plain =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    (!snap.is_empty() && snap.chars().all(is_plain)).then_some(snap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snaps_are_told_from_other_programs() {
        assert_eq!(snap_of("firefox_firefox.desktop"), Some("firefox"));
        assert_eq!(snap_of("chromium_chromium.desktop"), Some("chromium"));
        for other in [
            "firefox.desktop",
            "org.mozilla.firefox.desktop",
            "../x_y.desktop",
            "_x.desktop",
            "firefox_firefox",
            "",
        ] {
            assert_eq!(snap_of(other), None, "{other}");
        }
    }

    #[test]
    fn without_snaps_nobody_is_asked() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(folder_if_confined(Some(home.path())), None);
        assert_eq!(folder_if_confined(None), None);
    }
}
