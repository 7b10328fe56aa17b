//! Writing a film on a thread of its own while its frames are being made.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use image::RgbImage;

use crate::description;
use crate::error::VideoError;
use crate::format::{FilmFormat, FormatOption};
use crate::options::FilmOptions;
use crate::picture::{self, validate_same_size, validate_size};
use crate::sink::{CompletedFilm, FilmSummary, NewFilm, NextFrame, Sink};
use lb_schedule::FrameRate;

/// Writes a film on a thread of its own while the frames are being made. If it is dropped without
/// [`finish`](Self::finish), nothing is left of the film.
#[derive(Debug)]
pub struct FilmWriter {
    encoder: &'static str,
    size: (usize, usize),
    /// `None` once the encoder has failed or ended.
    running: Option<Running>,
}

/// A sink on a thread of its own behind a bounded queue.
#[derive(Debug)]
struct Running {
    queue: SyncSender<Message>,
    thread: JoinHandle<Result<Option<CompletedFilm>, VideoError>>,
}

enum Message {
    Frame(Arc<RgbImage>, Option<String>),
    Complete,
}

/// Frames that wait for the encoder: enough to keep it at work while the next batch is computed, and
/// few enough to hold in memory at any size.
const QUEUE: usize = 3;

impl FilmWriter {
    /// A film of frames of `width * height` pixels, enlarged by the options' scale, in the format that the
    /// path's ending names. The
    /// output's folder is tried and an outside encoder started at once, so that what cannot work
    /// fails before the frames are made.
    ///
    /// # Errors
    /// For options or sizes out of range, an output that exists and may not be replaced, a folder
    /// that is missing or closed to writing, an encoder that cannot be started, a file without sound
    /// as a sound track, and a sound track for a format without sound.
    pub fn create(
        path: impl AsRef<Path>,
        width: usize,
        height: usize,
        options: &FilmOptions,
    ) -> Result<Self, VideoError> {
        let path = path.as_ref();
        let format = FilmFormat::from_path(path)?;
        if options.audio.is_some() && !format.takes(FormatOption::Audio) {
            return Err(VideoError::Silent { path: path.into() });
        }
        Self::create_as(format, path, (width, height), options)
    }

    /// A folder of `frame_0000.png`, `frame_0001.png`, …, whatever the folder is called. A missing
    /// folder is made; its parent must exist. Options of other formats, such as an encoder or sound,
    /// are ignored.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn png_sequence(
        folder: impl AsRef<Path>,
        width: usize,
        height: usize,
        options: &FilmOptions,
    ) -> Result<Self, VideoError> {
        let format = FilmFormat::PngSequence;
        Self::create_as(format, folder.as_ref(), (width, height), options)
    }

    fn create_as(
        format: FilmFormat,
        path: &Path,
        size: (usize, usize),
        options: &FilmOptions,
    ) -> Result<Self, VideoError> {
        options.validate()?;
        validate_size(size.0, size.1)?;
        let scale = options.scale;
        let enlarged = (size.0 * scale, size.1 * scale);
        validate_size(enlarged.0, enlarged.1)?;
        let frame_rate = options.frame_rate;
        let film = NewFilm {
            path,
            size: enlarged,
            frame_rate,
            options,
        };
        Self::start(format.create(&film)?, size, (frame_rate, scale))
    }

    fn start(
        sink: Box<dyn Sink>,
        size: (usize, usize),
        (frame_rate, scale): (FrameRate, usize),
    ) -> Result<Self, VideoError> {
        let encoder = sink.name();
        let (queue, messages) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name(format!("lb-video {encoder}"))
            .spawn(move || run(sink, frame_rate, scale, &messages))
            .map_err(|error| VideoError::Encoding {
                encoder,
                frame: 0,
                reason: error.to_string(),
            })?;
        Ok(Self {
            encoder,
            size,
            running: Some(Running { queue, thread }),
        })
    }

    /// Hands over the next frame; waits while the queue is full.
    ///
    /// # Errors
    /// [`VideoError::SizesDiffer`] for a frame of another size, without which the film goes on.
    /// Otherwise the first error of the encoding, which may be that of an earlier frame, and after it
    /// [`VideoError::FailedBefore`].
    pub fn write(&mut self, frame: impl Into<Arc<RgbImage>>) -> Result<(), VideoError> {
        self.send(frame.into(), None)
    }

    /// As [`write`](Self::write), with a text that belongs to this frame alone and is read again by
    /// [`metadata::read_frame_text`](crate::metadata::read_frame_text). Only the pictures of a folder carry it.
    ///
    /// # Errors
    /// As [`write`](Self::write), and [`VideoError::DescriptionTooLong`],
    /// [`VideoError::DescriptionNul`].
    pub fn write_with_text(
        &mut self,
        frame: impl Into<Arc<RgbImage>>,
        text: String,
    ) -> Result<(), VideoError> {
        description::validate(&text)?;
        self.send(frame.into(), Some(text))
    }

    fn send(&mut self, frame: Arc<RgbImage>, text: Option<String>) -> Result<(), VideoError> {
        validate_same_size(&frame, self.size)?;
        let running = self.running.as_ref().ok_or(VideoError::FailedBefore)?;
        if running.queue.send(Message::Frame(frame, text)).is_ok() {
            return Ok(());
        }
        // The encoder has ended with an error, and that error is the one to report.
        self.end().and(Err(VideoError::FailedBefore))
    }

    /// Waits for the encoder and gives the film its name.
    ///
    /// # Errors
    /// As [`write`](Self::write), and [`VideoError::TooFewFrames`] for an empty film (an MP4 takes
    /// two frames). Nothing is left of a film that fails.
    pub fn finish(self) -> Result<FilmSummary, VideoError> {
        self.complete()?.publish()
    }

    /// Waits for the encoder; the film does not get its name yet.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn complete(mut self) -> Result<CompletedFilm, VideoError> {
        let running = self.running.as_ref().ok_or(VideoError::FailedBefore)?;
        // If the encoder has ended before, `end` returns its error.
        let _ended = running.queue.send(Message::Complete);
        self.end()?.ok_or(VideoError::FailedBefore)
    }

    /// Closes the queue and waits for the encoder's result.
    fn end(&mut self) -> Result<Option<CompletedFilm>, VideoError> {
        let Running { queue, thread } = self.running.take().ok_or(VideoError::FailedBefore)?;
        drop(queue);
        thread.join().unwrap_or_else(|panic| {
            Err(VideoError::StagePanicked {
                stage: self.encoder,
                message: panic_message(&*panic).to_owned(),
            })
        })
    }
}

impl Drop for FilmWriter {
    /// Waits for the thread, so that nothing of a film that is given up is left on the disk.
    fn drop(&mut self) {
        let _given_up = self.end();
    }
}

/// Feeds the sink until the queue closes. If no message `Complete` comes before, the film was given up,
/// and the sink is dropped unfinished.
fn run(
    mut sink: Box<dyn Sink>,
    frame_rate: FrameRate,
    scale: usize,
    messages: &Receiver<Message>,
) -> Result<Option<CompletedFilm>, VideoError> {
    let mut last: Option<(Arc<RgbImage>, Arc<RgbImage>)> = None;
    for (index, message) in messages.iter().enumerate() {
        match message {
            Message::Frame(picture, text) => {
                // Where the film rests, one picture is shown again and again.
                let (_, enlarged) = match last.take() {
                    Some(known) if Arc::ptr_eq(&known.0, &picture) => last.insert(known),
                    _ => {
                        let enlarged = picture::enlarged(&picture, scale);
                        last.insert((picture, enlarged))
                    }
                };
                sink.write(&NextFrame {
                    index,
                    picture: enlarged,
                    text: text.as_deref(),
                })?;
            }
            Message::Complete => {
                let (frames, min) = (index, sink.fewest_frames());
                if frames < min {
                    return Err(VideoError::TooFewFrames { frames, min });
                }
                return sink.complete(frames, frame_rate.time(frames)).map(Some);
            }
        }
    }
    Ok(None)
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied())
        .unwrap_or("it gave no reason")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panicking;

    impl Sink for Panicking {
        fn name(&self) -> &'static str {
            "panicking"
        }

        fn write(&mut self, _: &NextFrame<'_>) -> Result<(), VideoError> {
            panic!("out of luck")
        }

        fn complete(self: Box<Self>, _: usize, _: f64) -> Result<CompletedFilm, VideoError> {
            Err(VideoError::FailedBefore)
        }
    }

    #[test]
    fn a_panic_in_the_stage_is_an_error() {
        let frame_rate = FrameRate::default();
        let mut film = FilmWriter::start(Box::new(Panicking), (1, 1), (frame_rate, 1)).unwrap();
        let frame = Arc::new(RgbImage::new(1, 1));
        let failure = (0..20).find_map(|_| film.write(Arc::clone(&frame)).err());
        let failure = failure.or_else(|| film.complete().err()).unwrap();
        assert_eq!(
            failure.to_string(),
            "the panicking stage panicked: out of luck"
        );
    }
}
