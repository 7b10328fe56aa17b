//! Writes the pictures of keyframes and computed frames beside the render, and announces them.
//!
//! Making a picture small and encoding it takes time that the render should not lose, so a thread of its own
//! does it. Clients hear of a picture when it is on disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;

use image::ImageEncoder as _;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use lb_render::RgbImage;

use crate::api::types::{FrameEvent, KeyframeEvent};
use crate::events::{EventLog, Owner};
use crate::limits::FRAME_SIDE;

/// The pictures that may wait. A render that is faster than the disk waits as well.
const WAITING: usize = 64;

/// See the documentation of the module.
#[derive(Debug)]
pub(crate) struct PictureWriter {
    sender: SyncSender<Order>,
}

#[derive(Debug)]
enum Order {
    Write(NewPicture),
    /// Answers when everything before is written.
    Answer(SyncSender<()>),
}

/// A picture to be written.
#[derive(Debug)]
pub(crate) struct NewPicture {
    pub(crate) owner: Owner,
    pub(crate) path: PathBuf,
    pub(crate) picture: RgbImage,
    pub(crate) event: PictureEvent,
}

/// What is announced.
#[derive(Debug)]
pub(crate) enum PictureEvent {
    /// A keyframe, which is kept in full size.
    Keyframe(KeyframeEvent),
    /// A computed frame, which is kept as a small picture.
    Frame(FrameEvent),
}

impl PictureWriter {
    pub(crate) fn start(events: Arc<EventLog>) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING);
        let builder = Builder::new().name("studio pictures".into());
        builder.spawn(move || write_all(&receiver, &events))?;
        Ok(Self { sender })
    }

    /// Hands a picture over.
    pub(crate) fn write(&self, picture: NewPicture) {
        // The thread ends only with the sender.
        let _ = self.sender.send(Order::Write(picture));
    }

    /// Waits until everything that was handed over is written.
    pub(crate) fn wait(&self) {
        let (sender, receiver) = sync_channel(1);
        if self.sender.send(Order::Answer(sender)).is_ok() {
            let _ = receiver.recv();
        }
    }
}

fn write_all(orders: &Receiver<Order>, events: &EventLog) {
    for order in orders {
        match order {
            Order::Answer(sender) => {
                let _ = sender.send(());
            }
            Order::Write(picture) => {
                if let Err(error) = write(&picture) {
                    // A project that is removed meanwhile has no folder for them any more.
                    tracing::debug!("{}: {error}", picture.path.display());
                    continue;
                }
                match &picture.event {
                    PictureEvent::Keyframe(event) => events.push(&picture.owner, "keyframe", event),
                    PictureEvent::Frame(event) => events.push(&picture.owner, "frame", event),
                }
            }
        }
    }
}

fn write(picture: &NewPicture) -> std::io::Result<()> {
    let folder = picture.path.parent().unwrap_or(&picture.path);
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let bytes = match &picture.event {
        PictureEvent::Keyframe(_) => png(&picture.picture),
        PictureEvent::Frame(_) => png(&small(&picture.picture)),
    };
    lb_files::write(&picture.path, &bytes?, true).map_err(lb_files::FileError::into_io)
}

/// The picture as PNG.
pub(crate) fn png(picture: &RgbImage) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Paeth);
    let (width, height) = picture.dimensions();
    let colour = image::ExtendedColorType::Rgb8;
    encoder
        .write_image(picture.as_raw(), width, height, colour)
        .map_err(std::io::Error::other)?;
    Ok(bytes)
}

fn small(picture: &RgbImage) -> std::borrow::Cow<'_, RgbImage> {
    let (width, height) = picture.dimensions();
    let longest = width.max(height);
    if longest <= FRAME_SIDE {
        return std::borrow::Cow::Borrowed(picture);
    }
    let side = |side: u32| (side * FRAME_SIDE / longest).max(1);
    let filter = image::imageops::FilterType::Triangle;
    let small = image::imageops::resize(picture, side(width), side(height), filter);
    std::borrow::Cow::Owned(small)
}
