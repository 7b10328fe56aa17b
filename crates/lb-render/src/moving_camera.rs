//! What the camera shows of the pictures that a film frame is mixed from.

use std::sync::Arc;

use image::RgbImage;
use lb_schedule::{Camera, CameraFrame, Section};
use lb_video::picture::{self, Mix};

use crate::error::RenderError;

/// Makes film frames as the camera sees them, one after the other.
pub(crate) struct MovingCamera {
    camera: Camera,
    /// The width and height of the film's frames.
    size: (usize, usize),
    /// The number of film frames that were made.
    made: usize,
    /// The newest film frame, which is shown again where neither pictures nor camera move.
    newest: Option<Shot>,
}

/// A film frame and what it was made from.
struct Shot {
    left: Arc<RgbImage>,
    right: Arc<RgbImage>,
    weight: f64,
    view: CameraFrame,
    film_frame: Arc<RgbImage>,
}

impl MovingCamera {
    /// A camera that makes film frames of this width and height.
    pub(crate) fn new(camera: Camera, size: (usize, usize)) -> Self {
        Self {
            camera,
            size,
            made: 0,
            newest: None,
        }
    }

    /// The next film frame, which shows (1 − weight) · left + weight · right. Pictures are resampled once, to the
    /// size of the film.
    pub(crate) fn next(
        &mut self,
        left: &Arc<RgbImage>,
        right: &Arc<RgbImage>,
        weight: f64,
    ) -> Result<Arc<RgbImage>, RenderError> {
        let view = self.camera.frame(self.made);
        self.made += 1;
        if let Some(shot) = &self.newest
            && Arc::ptr_eq(&shot.left, left)
            && Arc::ptr_eq(&shot.right, right)
            && (shot.weight, shot.view) == (weight, view)
        {
            return Ok(Arc::clone(&shot.film_frame));
        }
        let picture_size = picture::size(left);
        let film_frame = if view.shows_all() && picture_size == self.size {
            picture::cross_fade(left, right, weight)?
        } else {
            let mix = Mix::new(left, right, weight)?;
            Arc::new(mix.sections(&sections(&view, picture_size), self.size)?)
        };
        self.newest = Some(Shot {
            left: Arc::clone(left),
            right: Arc::clone(right),
            weight,
            view,
            film_frame: Arc::clone(&film_frame),
        });
        Ok(film_frame)
    }
}

/// The sections of pictures of this size that a film frame shows, each with its share.
fn sections(frame: &CameraFrame, size: (usize, usize)) -> Vec<(Section, f64)> {
    let views = frame.views();
    views
        .map(|(view, share)| (view.section(size), share))
        .collect()
}
