//! Pictures that a model sees beside the latents, and how they are fitted.

use std::path::PathBuf;

use crate::JobError;

/// How a picture of another size becomes one of the film's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fit {
    /// Scaled until it covers the film's picture; what is over is cut off on both sides alike.
    Crop,
    /// Scaled until the whole of it is inside; what is left is filled from its edges.
    Pad,
    /// Scaled to the film's width and height, whatever that does to its proportions.
    Stretch,
}

impl Fit {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Crop, Self::Pad, Self::Stretch];

    /// The name in a job file and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crop => "crop",
            Self::Pad => "pad",
            Self::Stretch => "stretch",
        }
    }
}

/// A picture of which a part is repainted.
#[derive(Clone, PartialEq, Debug)]
pub struct Inpaint {
    /// The picture.
    pub image: PathBuf,
    /// Black is kept, white is repainted.
    pub mask: PathBuf,
    /// Pixels over which kept and repainted are mixed, on the repainted side.
    pub feather: f64,
}

impl Inpaint {
    /// Pixels of feather where none are named.
    pub const FEATHER: f64 = 4.0;
    /// Most pixels of feather.
    pub const MOST_FEATHER: f64 = 1024.0;

    pub(crate) fn validate(&self) -> Result<(), JobError> {
        if (0.0..=Self::MOST_FEATHER).contains(&self.feather) {
            Ok(())
        } else {
            Err(JobError::Feather {
                found: self.feather,
            })
        }
    }
}

/// A map of what is near and what is far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DepthMap {
    /// The map; only the order of its grey levels and their proportions count.
    pub image: PathBuf,
}
