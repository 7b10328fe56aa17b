//! Natural order: numbers in names count by their value.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

/// Compares two names with the numbers in them by their value: `frame_9` comes before `frame_10`.
/// Names that differ only in leading zeros are compared as text.
#[must_use]
pub fn natural_order(left: &str, right: &str) -> Ordering {
    parts(left).cmp(&parts(right)).then_with(|| left.cmp(right))
}

/// Sorts paths by the natural order of their file names.
pub fn sort_naturally(paths: &mut [PathBuf]) {
    paths.sort_by_cached_key(|path| {
        let name = file_name(path);
        (parts(&name), name)
    });
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The name cut into text and numbers. A number is compared by its length without leading zeros and
/// then by its digits; a text has the length 0.
fn parts(name: &str) -> Vec<(usize, String)> {
    let mut parts: Vec<(usize, String)> = Vec::new();
    let mut previous_is_digit = None;
    for character in name.chars() {
        let is_digit = character.is_ascii_digit();
        if previous_is_digit != Some(is_digit) {
            parts.push((0, String::new()));
        }
        previous_is_digit = Some(is_digit);
        if let Some((length, text)) = parts.last_mut()
            && !(is_digit && *length == 0 && character == '0')
        {
            *length += usize::from(is_digit);
            text.push(character);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_by_their_value() {
        let names = [
            "f_10000.png",
            "f_2.png",
            "f_0003.png",
            "e_7.png",
            "f_0999.png",
        ];
        let mut paths = names.map(|name| Path::new("folder").join(name));
        sort_naturally(&mut paths);
        let sorted = [
            "e_7.png",
            "f_2.png",
            "f_0003.png",
            "f_0999.png",
            "f_10000.png",
        ];
        assert_eq!(paths, sorted.map(|name| Path::new("folder").join(name)));
        assert!(natural_order("f_02", "f_2").is_lt());
    }
}
