//! Animated GIF (GIF89a): each frame repaints what has changed, with a palette of its own. The film's
//! text is a comment extension (section 24), in sub-blocks of up to 255 bytes.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read};
use std::path::Path;

use gif::{AnyExtension, DisposalMethod, Encoder, EncodingError, Extension, Repeat};
use image::codecs::gif::GifDecoder;
use lb_files::{StagedFile, UnfinishedOutput};

use super::animation::{Timeline, read_with};
use crate::error::VideoError;
use crate::film_frame::Frames;
use crate::flaw::{Flaw, as_text};
use crate::limits::{MAX_DESCRIPTION, MOST_FRAMES};
use crate::sink::{CompletedFilm, NewFilm, NextFrame, Sink};

mod canvas;
mod palette;
use canvas::Canvas;

/// Delays count in hundredths of a second.
const TICKS_PER_SECOND: u64 = 100;
/// Browsers show frames of 10 ms and less for 100 ms.
const SHORTEST: u64 = 2;
/// The most bytes of an extension's sub-block.
const SUB_BLOCK: usize = 255;

const EXTENSION: u8 = 0x21;
const COMMENT: u8 = 0xfe;
const CONTROL: u8 = 0xf9;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;
/// The flag of a colour table that follows; its size is in the lower bits.
const TABLE: u8 = 0x80;

pub(super) fn read(path: &Path, file: File) -> Result<Frames, Flaw> {
    read_with(path, GifDecoder::new(BufReader::new(file))?)
}

/// Frames through the gif crate's encoder.
pub(super) struct GifSink {
    encoder: Encoder<BufWriter<StagedFile>>,
    unfinished: UnfinishedOutput,
    timeline: Timeline,
    canvas: Canvas,
    /// The frame that is shown now, kept until it is known for how long.
    shown: Option<gif::Frame<'static>>,
}

impl GifSink {
    pub(super) fn new(film: &NewFilm<'_>) -> Result<Self, VideoError> {
        let (width, height) = film.size;
        let output = StagedFile::create(film.path, film.options.overwrite)?;
        let unfinished = output.unfinished();
        let (wide, high) = (width as u16, height as u16);
        let encoder = Encoder::new(BufWriter::new(output), wide, high, &[])
            .and_then(|mut encoder| {
                if film.options.animation.repeats {
                    encoder.set_repeat(Repeat::Infinite)?;
                }
                if let Some(text) = film.options.stored_description() {
                    let blocks: Vec<&[u8]> = text.as_bytes().chunks(SUB_BLOCK).collect();
                    let comment = AnyExtension::from(Extension::Comment);
                    encoder.write_raw_extension(comment, &blocks)?;
                }
                Ok(encoder)
            })
            .map_err(|error| refused(&unfinished, 0, error))?;
        Ok(Self {
            encoder,
            unfinished,
            timeline: Timeline::new(film.frame_rate, TICKS_PER_SECOND, SHORTEST),
            canvas: Canvas::new(width, height),
            shown: None,
        })
    }

    /// Writes the frame that was shown, which lasted for this many ticks. A frame that lasts longer than
    /// a delay can say is written several times.
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
                .map_err(|error| refused(&self.unfinished, index, error))?;
        }
        Ok(())
    }
}

fn refused(unfinished: &UnfinishedOutput, frame: usize, error: EncodingError) -> VideoError {
    match error {
        EncodingError::Io(source) => unfinished.refused(source).into(),
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

    fn write(&mut self, frame: &NextFrame<'_>) -> Result<(), VideoError> {
        let changed = self.canvas.changes(frame.picture);
        let lasted = self.timeline.take(|| changed.is_some());
        let (Some(lasted), Some(area)) = (lasted, changed) else {
            return Ok(());
        };
        self.flush(lasted)?;
        let painted = self.canvas.paint(frame.picture, area);
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

    fn complete(
        mut self: Box<Self>,
        frames: usize,
        seconds: f64,
    ) -> Result<CompletedFilm, VideoError> {
        self.flush(self.timeline.rest())?;
        let (encoder, unfinished) = (self.encoder, self.unfinished);
        let refused_by_disk = |source| VideoError::from(unfinished.refused(source));
        let output = encoder
            .into_inner()
            .map_err(|error| refused(&unfinished, frames, error))?;
        let output = output
            .into_inner()
            .map_err(|error| refused_by_disk(error.into_error()))?;
        CompletedFilm::file(output, frames, seconds)
    }
}

/// A block of the file, whose content comes next.
enum Block {
    Extension { label: u8 },
    Image,
}

/// Reads the header, which the blocks follow.
fn start(file: &mut impl Read) -> Result<(), Flaw> {
    let [.., flags, _background, _aspect] = take::<13>(file)?;
    skip_table(file, flags)
}

/// Reads what comes before the sub-blocks of the next block; `None` at the end.
fn next_block(file: &mut impl Read) -> Result<Option<Block>, Flaw> {
    match take(file)? {
        [EXTENSION] => {
            let [label] = take(file)?;
            Ok(Some(Block::Extension { label }))
        }
        [IMAGE] => {
            let [.., flags] = take::<9>(file)?;
            skip_table(file, flags)?;
            let [_code_size] = take(file)?;
            Ok(Some(Block::Image))
        }
        [TRAILER] => Ok(None),
        [other] => Err(Flaw::damaged(format!(
            "a block of the unknown kind {other:#04x}"
        ))),
    }
}

/// Finds the first comment; what comes before it is passed over.
pub(super) fn read_text(mut file: BufReader<File>) -> Result<Option<String>, Flaw> {
    start(&mut file)?;
    while let Some(block) = next_block(&mut file)? {
        if matches!(block, Block::Extension { label: COMMENT }) {
            return comment(&mut file).map(Some);
        }
        sub_blocks(&mut file, |_| Ok(()))?;
    }
    Ok(None)
}

/// For how many seconds each frame is shown. A frame's delay is in the control extension before it.
pub(super) fn read_durations(file: File) -> Result<Vec<f64>, Flaw> {
    let mut file = BufReader::new(file);
    start(&mut file)?;
    let (mut durations, mut delay) = (Vec::new(), 0);
    while let Some(block) = next_block(&mut file)? {
        match block {
            Block::Extension { label: CONTROL } => sub_blocks(&mut file, |content| {
                if let [_, low, high, ..] = *content {
                    delay = u16::from_le_bytes([low, high]);
                }
                Ok(())
            })?,
            Block::Extension { .. } => sub_blocks(&mut file, |_| Ok(()))?,
            Block::Image => {
                if durations.len() == MOST_FRAMES {
                    return Err(Flaw::damaged(format!(
                        "it has more than {MOST_FRAMES} frames"
                    )));
                }
                let milliseconds = 10 * u32::from(std::mem::take(&mut delay));
                durations.push(f64::from(milliseconds) / 1000.0);
                sub_blocks(&mut file, |_| Ok(()))?;
            }
        }
    }
    Ok(durations)
}

fn take<const N: usize>(file: &mut impl Read) -> Result<[u8; N], Flaw> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn skip_table(file: &mut impl Read, flags: u8) -> Result<(), Flaw> {
    if flags & TABLE != 0 {
        for _ in 0..2 << (flags & 7) {
            take::<3>(file)?;
        }
    }
    Ok(())
}

/// Hands over the contents of sub-blocks, up to the empty one that ends them.
fn sub_blocks(
    file: &mut impl Read,
    mut handle: impl FnMut(&[u8]) -> Result<(), Flaw>,
) -> Result<(), Flaw> {
    let mut bytes = [0; SUB_BLOCK];
    loop {
        let [length] = take(file)?;
        if length == 0 {
            return Ok(());
        }
        let content = &mut bytes[..length.into()];
        file.read_exact(content)?;
        handle(content)?;
    }
}

fn comment(file: &mut impl Read) -> Result<String, Flaw> {
    let mut text = Vec::new();
    sub_blocks(file, |content| {
        text.extend(content);
        if text.len() > MAX_DESCRIPTION {
            return Err(Flaw::too_long(text.len() as u64));
        }
        Ok(())
    })?;
    as_text(text)
}
