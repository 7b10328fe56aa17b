//! Animated GIF: each frame repaints what has changed, with a palette of its own.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use gif::{AnyExtension, DisposalMethod, Encoder, EncodingError, Extension, Repeat};
use image::RgbImage;

use crate::completed::CompletedFilm;
use crate::error::VideoError;
use crate::frame_rate::FrameRate;
use crate::place::Place;
use crate::sink::Sink;
use crate::sink::timeline::Timeline;
use crate::staging::StagedFile;

mod canvas;
mod palette;
use canvas::Canvas;

/// Delays count in hundredths of a second.
const TICKS_PER_SECOND: u64 = 100;
/// Frames of 10 ms and less are shown for 100 by browsers.
const SHORTEST: u64 = 2;
/// A sub-block of an extension.
const BLOCK: usize = 255;

/// Frames through the gif crate's encoder.
pub(crate) struct GifSink {
    encoder: Encoder<BufWriter<StagedFile>>,
    place: Place,
    timeline: Timeline,
    canvas: Canvas,
    /// The frame that is shown, until it is known for how long.
    shown: Option<gif::Frame<'static>>,
}

impl GifSink {
    pub(crate) fn new(
        output: StagedFile,
        (width, height): (usize, usize),
        frame_rate: FrameRate,
        repeats: bool,
        description: Option<&str>,
    ) -> Result<Self, VideoError> {
        let place = output.place();
        let (wide, high) = (width as u16, height as u16);
        let encoder = Encoder::new(BufWriter::new(output), wide, high, &[])
            .and_then(|mut encoder| {
                if repeats {
                    encoder.set_repeat(Repeat::Infinite)?;
                }
                if let Some(text) = description {
                    let blocks: Vec<&[u8]> = text.as_bytes().chunks(BLOCK).collect();
                    let comment = AnyExtension::from(Extension::Comment);
                    encoder.write_raw_extension(comment, &blocks)?;
                }
                Ok(encoder)
            })
            .map_err(|error| refused(&place, 0, error))?;
        Ok(Self {
            encoder,
            place,
            timeline: Timeline::new(frame_rate, TICKS_PER_SECOND, SHORTEST),
            canvas: Canvas::new(width, height),
            shown: None,
        })
    }

    /// Writes what was shown for so many ticks: as often as it takes to count them.
    fn flush(&mut self, mut lasted: u64) -> Result<(), VideoError> {
        let Some(mut frame) = self.shown.take() else {
            return Ok(());
        };
        while lasted > 0 {
            frame.delay = lasted.min(u16::MAX.into()) as u16;
            lasted -= u64::from(frame.delay);
            let index = self.timeline.frames().saturating_sub(1);
            self.encoder
                .write_frame(&frame)
                .map_err(|error| refused(&self.place, index, error))?;
        }
        Ok(())
    }
}

fn refused(place: &Place, frame: usize, error: EncodingError) -> VideoError {
    match error {
        EncodingError::Io(source) => place.refused(source),
        other => VideoError::Encoding {
            encoder: "gif",
            frame,
            reason: other.to_string(),
        },
    }
}

impl Sink for GifSink {
    fn name(&self) -> &'static str {
        "gif"
    }

    fn write(&mut self, frame: &Arc<RgbImage>) -> Result<(), VideoError> {
        let changed = self.canvas.changes(frame);
        let Some(lasted) = self.timeline.take(|| changed.is_some()) else {
            return Ok(());
        };
        self.flush(lasted)?;
        let area = changed.unwrap_or_default();
        let painted = self.canvas.paint(frame, area);
        self.shown = Some(gif::Frame {
            left: area.left as u16,
            top: area.top as u16,
            width: area.width as u16,
            height: area.height as u16,
            transparent: Some(painted.transparent),
            dispose: DisposalMethod::Keep,
            palette: Some(painted.palette),
            buffer: painted.indices.into(),
            ..gif::Frame::default()
        });
        Ok(())
    }

    fn complete(mut self: Box<Self>) -> Result<CompletedFilm, VideoError> {
        let frames = self.timeline.frames();
        if frames == 0 {
            return Err(VideoError::TooFewFrames { frames, min: 1 });
        }
        self.flush(self.timeline.rest())?;
        let Self {
            mut encoder,
            place,
            timeline,
            ..
        } = *self;
        let refused_by_disk = |source| place.refused(source);
        encoder.get_mut().flush().map_err(refused_by_disk)?;
        let mut output = encoder
            .into_inner()
            .map_err(|error| refused(&place, frames, error))?;
        output.flush().map_err(refused_by_disk)?;
        let output = output
            .into_inner()
            .map_err(|error| refused_by_disk(error.into_error()))?;
        CompletedFilm::file(output, frames, timeline.seconds())
    }
}
