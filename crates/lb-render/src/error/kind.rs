//! What kind of error it is: what repeating, or asking for less, would change.

use lb_models::ModelError;

use super::RenderError;

impl RenderError {
    /// Whether the request itself was wrong, so that repeating it cannot help.
    #[must_use]
    pub fn is_request(&self) -> bool {
        match self {
            Self::NeedsFit { .. }
            | Self::MaskProportions { .. }
            | Self::TwoModes
            | Self::LowResSize { .. }
            | Self::LowResCount { .. }
            | Self::NoFrames { .. }
            | Self::FrameSize { .. }
            | Self::Fractions { .. }
            | Self::FramePlace(_)
            | Self::NoUpscaler { .. }
            | Self::NoOutput
            | Self::SameOutput { .. }
            | Self::OutputExists { .. }
            | Self::SpecialFile { .. }
            | Self::ContactSheetFormat { .. }
            | Self::Schedule(_)
            | Self::Sampler(_)
            | Self::Store(_) => true,
            Self::Job(error) => error.is_request(),
            Self::Input(error) => error.is_request(),
            Self::Model(ModelError::Checkpoint(error)) => error.is_request(),
            Self::Model(error) => matches!(
                error,
                ModelError::UnknownDevice(_)
                    | ModelError::ModelMissing { .. }
                    | ModelError::PictureSize { .. }
                    | ModelError::WrongKind { .. }
                    | ModelError::Setting { .. }
                    | ModelError::MaskRepaintsNothing { .. }
                    | ModelError::MaskRepaintsEverything { .. }
                    | ModelError::MaskTooFine { .. }
                    | ModelError::NoiseLevel { .. }
                    | ModelError::EmptyPicture { .. }
            ),
            Self::Video(error) => error.is_request(),
            Self::Blend(_) | Self::Interrupted => false,
        }
    }

    /// Whether the memory of the device, or of the machine, did not hold what a model computes:
    /// smaller batches or pictures may go through.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        let model = match self {
            Self::Model(error) => Some(error),
            Self::Blend(lb_blend::BlendError::Backend(error)) => error.get_ref().downcast_ref(),
            _ => None,
        };
        matches!(model, Some(ModelError::OutOfMemory { .. }))
    }
}
