//! Names that a file or a folder can have on every system.

/// The longest name that usual file systems allow, in bytes.
const LONGEST: usize = 255;

/// What Windows forbids in names. Slashes and the colon would lead elsewhere.
const FORBIDDEN: [char; 9] = ['/', '\\', ':', '*', '?', '"', '<', '>', '|'];

/// Names that Windows gives to devices, in every folder, whatever ending follows them.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// Whether a file or a folder can have this name on Linux, macOS and Windows, so that a path that ends in it leads
/// to nothing but this file: up to 255 bytes, without separators and control characters, without a dot or a space at
/// the end, and not the name of a device such as `NUL`.
///
/// ```
/// assert!(lb_files::is_portable_name("film 2.mp4"));
/// assert!(!lb_files::is_portable_name("nul.mp4"));
/// ```
#[must_use]
pub fn is_portable_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST
        && !name.ends_with(['.', ' '])
        && !name.contains(FORBIDDEN)
        && !name.contains(char::is_control)
        && !is_device(name)
}

/// Whether Windows takes a file of this name for a device: reading it would wait for the keyboard, and what is
/// written to it would be lost.
///
/// ```
/// assert!(lb_files::is_device("aux.safetensors"));
/// assert!(!lb_files::is_device("auxiliary.safetensors"));
/// ```
#[must_use]
pub fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_end_matches(' ').to_uppercase();
    // Windows counts the superscript digits, too.
    let is_port = |letter: char| letter.is_ascii_digit() || "¹²³".contains(letter);
    let is_numbered = ["COM", "LPT"].iter().any(|kind| {
        let mut number = stem.strip_prefix(kind).unwrap_or_default().chars();
        number.next().is_some_and(is_port) && number.next().is_none()
    });
    is_numbered || DEVICES.contains(&stem.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_devices_are_known_with_any_ending() {
        for name in [
            "CON",
            "nul",
            "Nul.txt",
            "aux.tar.gz",
            "prn .png",
            "com1",
            "LPT9.png",
            "com¹",
            "conout$",
        ] {
            assert!(is_device(name), "{name}");
        }
        for name in [
            "",
            "console",
            "null",
            "a.con",
            "com",
            "com10",
            "lpt",
            "aux-1.mp4",
        ] {
            assert!(!is_device(name), "{name}");
        }
    }

    #[test]
    fn names_that_only_some_systems_allow_are_not_portable() {
        for name in [
            "pocket",
            "v2-1_768.safetensors",
            "Äpfel & Birnen.mp4",
            ".hidden",
        ] {
            assert!(is_portable_name(name), "{name}");
        }
        let long = "a".repeat(256);
        for name in [
            "", ".", "..", "a.", "a ", "a/b", "a\\b", "C:a", "a?", "a\n", "a\0", "NUL.mp4", &long,
        ] {
            assert!(!is_portable_name(name), "{name}");
        }
    }
}
