//! A reading of the frames that stands at one of them.

use std::sync::Arc;

use image::RgbImage;
use lb_video::picture;

use super::error::MeasureError;

pub(super) struct Reader<Frames> {
    frames: Frames,
    frame: Arc<RgbImage>,
    index: usize,
}

impl<Frames, Error> Reader<Frames>
where
    Frames: Iterator<Item = Result<RgbImage, Error>>,
    Error: From<MeasureError>,
{
    /// Stands at the first frame.
    pub(super) fn begin(mut frames: Frames) -> Result<Self, Error> {
        let first = frames.next();
        Ok(Self {
            frame: Arc::new(first.ok_or(MeasureError::TooFewFrames { found: 0 })??),
            frames,
            index: 0,
        })
    }

    pub(super) fn frame(&self) -> &Arc<RgbImage> {
        &self.frame
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// Goes on to a frame that is not behind; tells whether there is one.
    pub(super) fn read_to(&mut self, index: usize) -> Result<bool, Error> {
        while self.index < index {
            if !self.advance()? {
                return Ok(false);
            }
        }
        Ok(self.index == index)
    }

    pub(super) fn read_to_end(&mut self) -> Result<(), Error> {
        while self.advance()? {}
        Ok(())
    }

    fn advance(&mut self) -> Result<bool, Error> {
        let Some(frame) = self.frames.next() else {
            return Ok(false);
        };
        let frame = frame?;
        let found = picture::size(&frame);
        let expected = picture::size(&self.frame);
        self.index += 1;
        if found != expected {
            let index = self.index;
            return Err(MeasureError::SizesDiffer {
                index,
                found,
                expected,
            }
            .into());
        }
        self.frame = Arc::new(frame);
        Ok(true)
    }
}
