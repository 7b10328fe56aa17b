//! The rules for the text that a film or picture carries.

use crate::error::VideoError;
use crate::limits::MAX_DESCRIPTION;

/// Checks a text before the work begins.
pub(crate) fn validate(text: &str) -> Result<(), VideoError> {
    if text.len() > MAX_DESCRIPTION {
        let bytes = text.len();
        return Err(VideoError::DescriptionTooLong { bytes });
    }
    match text.find('\0') {
        Some(at) => Err(VideoError::DescriptionNul { at }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_be_as_long_as_the_limit() {
        let longest = "a".repeat(MAX_DESCRIPTION);
        assert!(validate(&longest).is_ok());
        assert!(validate(&(longest + "a")).is_err());
    }
}
