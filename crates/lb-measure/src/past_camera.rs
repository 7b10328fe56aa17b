//! Looking past the camera of a film: undoing its movement.

use std::sync::Arc;

use image::RgbImage;
use lb_schedule::{Camera, Section};
use lb_video::picture::{self, Mix};

use crate::error::MeasureError;
use crate::source::Frames;

/// The fewest pixels of a side that can be measured.
const LEAST: usize = 16;

/// Film frames without the movement of the camera.
pub(crate) struct PastCamera {
    camera: Camera,
    frames: Frames,
    /// The number of frames that were read.
    read: usize,
    /// What all frames show, which is known once the first one was read.
    common: Option<Common>,
    /// The newest frame as it was recorded, where it showed the common section, and without the movement.
    newest: Option<(Arc<RgbImage>, Section, Arc<RgbImage>)>,
}

/// What all frames show of pictures that are as large as they are.
#[derive(Clone, Copy)]
struct Common {
    section: Section,
    /// The width and height that it has where the film is closest to it.
    size: (usize, usize),
}

impl Common {
    fn new(camera: &Camera, size: (usize, usize)) -> Result<Self, MeasureError> {
        let nothing = MeasureError::NothingInCommon { least: LEAST };
        let Some(section) = camera.common_section(size) else {
            return Err(nothing);
        };
        let zoom = camera.largest_zoom();
        let [width, height] =
            [section.across[0], section.down[1]].map(|side| (side * zoom).round() as usize);
        if width < LEAST || height < LEAST {
            return Err(nothing);
        }
        Ok(Self {
            section,
            size: (width, height),
        })
    }
}

impl PastCamera {
    pub(crate) fn new(camera: Camera, frames: Frames) -> Self {
        Self {
            camera,
            frames,
            read: 0,
            common: None,
            newest: None,
        }
    }

    fn without_movement(&mut self, frame: Arc<RgbImage>) -> Result<Arc<RgbImage>, MeasureError> {
        let size = picture::size(&frame);
        let common = match self.common {
            Some(common) => common,
            None => *self.common.insert(Common::new(&self.camera, size)?),
        };
        let shown = self.camera.frame(self.read).view.section(size);
        self.read += 1;
        let seen = common.section.seen_in(&shown, size);
        if let Some((recorded, at, still)) = &self.newest
            && Arc::ptr_eq(recorded, &frame)
            && *at == seen
        {
            return Ok(Arc::clone(still));
        }
        let mix = Mix::new(&frame, &frame, 0.0)?;
        let still = Arc::new(mix.sections(&[(seen, 1.0)], common.size)?);
        self.newest = Some((frame, seen, Arc::clone(&still)));
        Ok(still)
    }
}

impl Iterator for PastCamera {
    type Item = Result<Arc<RgbImage>, MeasureError>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = self.frames.next()?;
        Some(frame.and_then(|frame| self.without_movement(frame)))
    }
}
