//! What an error means to whoever asked, and errors from the system.

use std::io;
use std::path::Path;

use super::VideoError;

impl VideoError {
    /// Whether what was asked for was wrong, so that repeating it cannot help; otherwise the work
    /// failed.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(
            self,
            Self::FrameSize { .. }
                | Self::FilmSides { .. }
                | Self::FilmTooLarge { .. }
                | Self::FrameRate { .. }
                | Self::Quantizer { .. }
                | Self::ConstantRateFactor { .. }
                | Self::WebpQuality { .. }
                | Self::Preset { .. }
                | Self::UnknownFormat { .. }
                | Self::UnknownContent { .. }
                | Self::Silent { .. }
                | Self::NotAudio { .. }
                | Self::Damaged { .. }
                | Self::NoPictures { .. }
                | Self::DescriptionTooLong { .. }
                | Self::DescriptionNul { .. }
                | Self::OutputExists { .. }
                | Self::FolderNotEmpty { .. }
                | Self::WrongKind { .. }
                | Self::TooFewFrames { .. }
        )
    }

    /// For `map_err`: what was being done to which path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
