//! The chunks of a WebP (RFC 9649, section 2.7), looked at before anything is decoded.
//!
//! The decoder allocates what the header of a picture's bitstream declares, and compares that with the frame it
//! is to fill only afterwards. It also reads a chunk of side data as long as it says that it is.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};

use crate::flaw::Flaw;
use crate::limits::{MOST_FRAMES, MOST_SIDE_DATA};

/// Bytes of a frame's chunk before its pictures.
const FRAME_HEADER: u64 = 16;

/// Width and height in pixels.
type Size = (u32, u32);

/// Checks that pictures have the size of the frames that they are in, and that the file is whole. Returns for
/// how many milliseconds each frame of an animation is shown. The file is left at its beginning.
pub(super) fn frame_times(file: &mut BufReader<File>) -> Result<Vec<u32>, Flaw> {
    let length = file.seek(SeekFrom::End(0))?;
    file.rewind()?;
    let mut chunks = Chunks {
        file,
        length,
        at: 0,
    };
    let times = chunks.frame_times()?;
    chunks.file.rewind()?;
    Ok(times)
}

struct Chunks<'a> {
    file: &'a mut BufReader<File>,
    length: u64,
    at: u64,
}

/// A chunk's name, and where its content begins and ends in the file.
struct Chunk {
    name: [u8; 4],
    start: u64,
    end: u64,
}

impl Chunk {
    /// Where the next one begins: lengths are padded to even ones.
    fn next(&self) -> u64 {
        self.end + (self.end - self.start) % 2
    }
}

impl Chunks<'_> {
    fn frame_times(&mut self) -> Result<Vec<u32>, Flaw> {
        let start: [u8; 12] = self.take(0)?;
        if number(&start[4..8]) + 8 > self.length {
            return Err(Flaw::EndsEarly);
        }
        let (mut canvas, mut times) = (None, Vec::new());
        let mut at = start.len() as u64;
        while let Some(chunk) = self.chunk(at, self.length)? {
            match &chunk.name {
                b"VP8X" => {
                    let size: [u8; 10] = self.take(chunk.start)?;
                    canvas = canvas.or(Some((three(&size[4..]) + 1, three(&size[7..]) + 1)));
                }
                b"ANMF" => {
                    if times.len() == MOST_FRAMES {
                        return Err(Flaw::damaged(format!(
                            "it has more than {MOST_FRAMES} frames"
                        )));
                    }
                    times.push(self.frame(&chunk)?);
                }
                b"EXIF" | b"ICCP" | b"XMP " if chunk.end - chunk.start > MOST_SIDE_DATA => {
                    let name = chunk.name.escape_ascii();
                    return Err(Flaw::damaged(format!(
                        "its chunk '{name}' has more than {MOST_SIDE_DATA} bytes"
                    )));
                }
                _ => self.validate_size(&chunk, false, canvas)?,
            }
            at = chunk.next();
        }
        Ok(times)
    }

    /// Checks the pictures of a frame, and returns for how many milliseconds it is shown.
    fn frame(&mut self, frame: &Chunk) -> Result<u32, Flaw> {
        let header: [u8; FRAME_HEADER as usize] = self.take(frame.start)?;
        let size = (three(&header[6..]) + 1, three(&header[9..]) + 1);
        let mut at = frame.start + FRAME_HEADER;
        let mut is_after_alpha = false;
        while let Some(chunk) = self.chunk(at, frame.end)? {
            // The decoder takes whatever comes behind the transparency for a picture.
            self.validate_size(&chunk, is_after_alpha, Some(size))?;
            is_after_alpha = chunk.name == *b"ALPH";
            at = chunk.next();
        }
        Ok(three(&header[12..]))
    }

    /// The chunk at a place before `end`, if there is a whole one.
    fn chunk(&mut self, at: u64, end: u64) -> Result<Option<Chunk>, Flaw> {
        if at.saturating_add(8) > end {
            return Ok(None);
        }
        let header: [u8; 8] = self.take(at)?;
        let (name, length) = header.split_at(4);
        let (start, length) = (at + 8, number(length));
        let name = name.first_chunk().copied().unwrap_or_default();
        if start + length > self.length {
            // What comes behind the last chunk may be anything.
            let is_read = matches!(
                &name,
                b"EXIF" | b"ICCP" | b"XMP " | b"ANIM" | b"ANMF" | b"ALPH"
            );
            let is_read = is_read || name.starts_with(b"VP8");
            return if is_read {
                Err(Flaw::EndsEarly)
            } else {
                Ok(None)
            };
        }
        let end = start + length;
        Ok(Some(Chunk { name, start, end }))
    }

    /// Checks the size in the header of a picture's bitstream, if this chunk is one.
    fn validate_size(
        &mut self,
        chunk: &Chunk,
        is_picture: bool,
        frame: Option<Size>,
    ) -> Result<(), Flaw> {
        const LOSSY: u64 = 10;
        const LOSSLESS: u64 = 5;
        let length = chunk.end - chunk.start;
        let found = match &chunk.name {
            b"VP8L" if length >= LOSSLESS => {
                let header: [u8; LOSSLESS as usize] = self.take(chunk.start)?;
                let sizes = number(&header[1..]) as u32;
                ((sizes & 0x3fff) + 1, (sizes >> 14 & 0x3fff) + 1)
            }
            name if (name == b"VP8 " || is_picture) && length >= LOSSY => {
                let header: [u8; LOSSY as usize] = self.take(chunk.start)?;
                let side = |at: usize| u32::from(u16::from_le_bytes([header[at], header[at + 1]]));
                (side(6) & 0x3fff, side(8) & 0x3fff)
            }
            _ => return Ok(()),
        };
        match frame {
            Some(frame) if frame != found => Err(Flaw::damaged(format!(
                "a picture of {}x{} pixels in a frame of {}x{}",
                found.0, found.1, frame.0, frame.1
            ))),
            _ => Ok(()),
        }
    }

    fn take<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Flaw> {
        // Unlike a seek, this keeps what the buffer holds.
        self.file.seek_relative(at as i64 - self.at as i64)?;
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        self.at = at + N as u64;
        Ok(bytes)
    }
}

/// Four bytes, little-endian.
fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(4)
        .rev()
        .fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

/// Three bytes, little-endian.
fn three(bytes: &[u8]) -> u32 {
    number(&bytes[..3]) as u32
}
