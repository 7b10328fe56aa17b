//! Depth: a map from disk.

use lb_models::GrayPicture;

use super::read_grey_picture;
use crate::error::RenderError;
use lb_job::DepthMap;

/// The map, of any size: it is resized to the latents' as the model has seen it in training, which
/// stretches it to the film's proportions.
pub(super) fn read(map: &DepthMap) -> Result<GrayPicture, RenderError> {
    read_grey_picture(&map.image)
}
