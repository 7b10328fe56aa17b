//! A stage on a thread of its own behind a bounded queue; the first error is the one reported.

use std::any::Any;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use image::RgbImage;

use crate::completed::CompletedFilm;
use crate::error::VideoError;
use crate::sink::Sink;

/// Frames that wait: enough for the encoder to have work while the next batch is computed, few
/// enough to hold in memory at any size.
const QUEUE: usize = 3;

enum Message {
    Frame(Arc<RgbImage>, Option<String>),
    Complete,
}

/// A running stage.
#[derive(Debug)]
pub(crate) struct Pipeline {
    stage: &'static str,
    /// None when the stage has failed or ended.
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    queue: SyncSender<Message>,
    thread: JoinHandle<Result<Option<CompletedFilm>, VideoError>>,
}

impl Pipeline {
    pub(crate) fn start(sink: Box<dyn Sink>) -> Result<Self, VideoError> {
        let stage = sink.name();
        let (queue, frames) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name(format!("lb-video {stage}"))
            .spawn(move || run(sink, &frames))
            .map_err(|error| VideoError::Encoding {
                encoder: stage,
                frame: 0,
                reason: error.to_string(),
            })?;
        Ok(Self {
            stage,
            running: Some(Running { queue, thread }),
        })
    }

    /// Waits while the queue is full.
    pub(crate) fn write(
        &mut self,
        frame: Arc<RgbImage>,
        text: Option<String>,
    ) -> Result<(), VideoError> {
        let running = self.running.as_ref().ok_or(VideoError::FailedBefore)?;
        if running.queue.send(Message::Frame(frame, text)).is_ok() {
            return Ok(());
        }
        // The stage has hung up: it has ended with an error, and that is the one to tell.
        self.end().and(Err(VideoError::FailedBefore))
    }

    pub(crate) fn complete(mut self) -> Result<CompletedFilm, VideoError> {
        let running = self.running.as_ref().ok_or(VideoError::FailedBefore)?;
        // If it has hung up, `end` has its error.
        let _hung_up = running.queue.send(Message::Complete);
        self.end()?.ok_or(VideoError::FailedBefore)
    }

    /// Closes the queue and waits for what the stage has to say.
    fn end(&mut self) -> Result<Option<CompletedFilm>, VideoError> {
        let Running { queue, thread } = self.running.take().ok_or(VideoError::FailedBefore)?;
        drop(queue);
        thread.join().unwrap_or_else(|panic| {
            Err(VideoError::StagePanicked {
                stage: self.stage,
                message: last_words(&*panic),
            })
        })
    }
}

impl Drop for Pipeline {
    /// Waits, so that whoever gives a film up finds nothing of it on the disk.
    fn drop(&mut self) {
        let _given_up = self.end();
    }
}

/// A queue that closes without `Complete` was given up: the sink is dropped as it is.
fn run(
    mut sink: Box<dyn Sink>,
    frames: &Receiver<Message>,
) -> Result<Option<CompletedFilm>, VideoError> {
    for message in frames {
        match message {
            Message::Frame(frame, None) => sink.write(&frame)?,
            Message::Frame(frame, Some(text)) => sink.write_with_text(&frame, &text)?,
            Message::Complete => return sink.complete().map(Some),
        }
    }
    Ok(None)
}

fn last_words(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|words| (*words).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it did not say why".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panicking;

    impl Sink for Panicking {
        fn name(&self) -> &'static str {
            "panicking"
        }

        fn write(&mut self, _: &Arc<RgbImage>) -> Result<(), VideoError> {
            panic!("out of luck")
        }

        fn complete(self: Box<Self>) -> Result<CompletedFilm, VideoError> {
            Err(VideoError::FailedBefore)
        }
    }

    #[test]
    fn a_panic_in_the_stage_is_an_error() {
        let mut pipeline = Pipeline::start(Box::new(Panicking)).unwrap();
        let frame = Arc::new(RgbImage::new(1, 1));
        let failure = (0..20).find_map(|_| pipeline.write(Arc::clone(&frame), None).err());
        let failure = failure.or_else(|| pipeline.complete().err()).unwrap();
        assert_eq!(
            failure.to_string(),
            "the panicking stage panicked: out of luck"
        );
    }
}
