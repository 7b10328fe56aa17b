//! The names of the pictures in a folder that is a film.

/// The name of the picture `number`, counted from 0.
pub(crate) fn file_name(number: usize) -> String {
    format!("frame_{number:04}.png")
}

/// The number in a name that [`file_name`] gives; `None` for other names, so that other files are not taken
/// for pictures of the film.
pub(crate) fn number(name: &str) -> Option<usize> {
    let number = name
        .strip_prefix("frame_")?
        .strip_suffix(".png")?
        .parse()
        .ok()?;
    (file_name(number) == name).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_given_here_are_ours() {
        assert_eq!(number("frame_0000.png"), Some(0));
        assert_eq!(number("frame_12345.png"), Some(12_345));
        for other in [
            "frame_1.png",
            "frame_00001.png",
            "frame_+001.png",
            "frame_0001.jpg",
            "a",
        ] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
