//! A folder's pictures in film order.

use std::path::{Path, PathBuf};

use crate::measure::MeasureError;

/// The PNG pictures of a folder by their names, numbers in names by their value.
pub(super) fn pictures_of(folder: &Path) -> Result<Vec<PathBuf>, MeasureError> {
    let failed = |source| MeasureError::Folder {
        path: folder.into(),
        source,
    };
    let mut pictures = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("png"))
        {
            pictures.push(path);
        }
    }
    if pictures.is_empty() {
        return Err(MeasureError::NoPictures {
            path: folder.into(),
        });
    }
    pictures.sort_by_cached_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name_parts(&name)
    });
    Ok(pictures)
}

/// A name cut into text and numbers: a number is compared by its length without zeros, then by its
/// digits.
fn name_parts(name: &str) -> Vec<(usize, String)> {
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
        let mut names = [
            "f_10000.png",
            "f_2.png",
            "f_0003.png",
            "e_7.png",
            "f_0999.png",
        ];
        names.sort_by_key(|name| name_parts(name));
        assert_eq!(
            names,
            [
                "e_7.png",
                "f_2.png",
                "f_0003.png",
                "f_0999.png",
                "f_10000.png"
            ]
        );
    }

    #[test]
    fn only_pictures_of_a_folder_are_frames() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let none = pictures_of(path).unwrap_err();
        assert!(matches!(none, MeasureError::NoPictures { .. }), "{none}");
        for name in ["b.PNG", "a.png", "notes.txt"] {
            std::fs::write(path.join(name), b"").unwrap();
        }
        let found = pictures_of(path).unwrap();
        assert_eq!(found, [path.join("a.png"), path.join("b.PNG")]);
    }
}
