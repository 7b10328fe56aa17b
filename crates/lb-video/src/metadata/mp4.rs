//! Text in an MP4: the comment of the metadata list that iTunes introduced and all players read,
//! `moov/udta/meta/ilst/©cmt/data`. Boxes are those of ISO/IEC 14496-12, section 4.2.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::{Flaw, read_text};

const COMMENT: [u8; 4] = *b"\xa9cmt";
/// The comment's place, from the top.
const PLACE: [[u8; 4]; 6] = [*b"moov", *b"udta", *b"meta", *b"ilst", COMMENT, *b"data"];
/// Type of a `data` box that holds UTF-8 (QuickTime file format, well-known types).
const UTF8: u32 = 1;
/// Most boxes that are looked at: a fragmented film of a day has fewer.
const MOST_BOXES: usize = 1_000_000;

/// The comment of the film in `file`. Boxes are jumped over, not read.
pub(crate) fn read(mut file: impl Read + Seek) -> Result<Option<String>, Flaw> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut boxes_left = MOST_BOXES;
    find(&mut file, (0, end), &PLACE, &mut boxes_left)
}

/// Looks through the boxes of `start..end` for the first way down `place`.
fn find(
    file: &mut (impl Read + Seek),
    (start, end): (u64, u64),
    place: &[[u8; 4]],
    boxes_left: &mut usize,
) -> Result<Option<String>, Flaw> {
    let mut at = start;
    // QuickTime ends some lists of boxes by four zero bytes.
    while end - at >= 8 {
        *boxes_left = boxes_left
            .checked_sub(1)
            .ok_or_else(|| Flaw::damaged(format!("it has more than {MOST_BOXES} boxes")))?;
        file.seek(SeekFrom::Start(at))?;
        let (name, content, next) = header(file, at, end)?;
        if name == place[0] {
            let found = match &place[1..] {
                [] => data(file, next - content)?,
                deeper => {
                    let content = if name == *b"meta" {
                        content + version_of_meta(file, next - content)?
                    } else {
                        content
                    };
                    find(file, (content, next), deeper, boxes_left)?
                }
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        at = next;
    }
    Ok(None)
}

/// Name, start of content, and end of the box at `at`, which lies in what ends at `end`.
fn header(file: &mut impl Read, at: u64, end: u64) -> Result<([u8; 4], u64, u64), Flaw> {
    let (length, name) = (read_u32(file)?, read_four(file)?);
    let (header, length) = match length {
        0 => (8, end - at),
        1 => {
            let mut long = [0; 8];
            file.read_exact(&mut long)?;
            (16, u64::from_be_bytes(long))
        }
        short => (8, u64::from(short)),
    };
    let fits = length >= header && at.checked_add(length).is_some_and(|next| next <= end);
    if !fits {
        return Err(Flaw::damaged(format!(
            "its box '{}' at byte {at} says that it has {length} bytes, where {} are left",
            name.escape_ascii(),
            end - at
        )));
    }
    Ok((name, at + header, at + length))
}

/// 4 where `meta` has a version and flags (ISO), 0 where it has none (QuickTime).
fn version_of_meta(file: &mut impl Read, length: u64) -> Result<u64, Flaw> {
    if length < 8 {
        return Ok(0);
    }
    let (_, name) = (read_u32(file)?, read_four(file)?);
    Ok(if name == *b"hdlr" { 0 } else { 4 })
}

fn data(file: &mut impl Read, length: u64) -> Result<Option<String>, Flaw> {
    let Some(length) = length.checked_sub(8) else {
        return Err(Flaw::damaged("its comment is cut short"));
    };
    let (kind, _locale) = (read_u32(file)?, read_u32(file)?);
    if kind != UTF8 {
        return Ok(None);
    }
    read_text(file, length).map(Some)
}

fn read_u32(file: &mut impl Read) -> io::Result<u32> {
    read_four(file).map(u32::from_be_bytes)
}

fn read_four(file: &mut impl Read) -> io::Result<[u8; 4]> {
    let mut four = [0; 4];
    file.read_exact(&mut four)?;
    Ok(four)
}

/// Adds a comment to an MP4 that is written through it, index first, by a muxer that knows none.
pub(crate) struct Describing<W> {
    output: W,
    /// None once it is written, or if there is none.
    text: Option<String>,
    /// What comes before the pictures, until it is complete.
    head: Vec<u8>,
}

impl<W: Write> Describing<W> {
    pub(crate) fn new(output: W, text: Option<String>) -> Self {
        Self {
            output,
            text,
            head: Vec::new(),
        }
    }

    /// The output, if the index has come.
    pub(crate) fn into_output(self) -> io::Result<W> {
        match self.text {
            None => Ok(self.output),
            Some(_) => Err(unexpected()),
        }
    }
}

impl<W: Write> Write for Describing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(text) = &self.text else {
            return self.output.write(bytes);
        };
        self.head.extend(bytes);
        if let Some(index) = index_of(&self.head)? {
            describe(&mut self.head, index, text)?;
            self.output.write_all(&self.head)?;
            self.head = Vec::new();
            self.text = None;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn unexpected() -> io::Error {
    io::Error::other("the index is not where it was expected")
}

/// Length of the first box and its name, if its header is there.
fn first_box(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*length) as usize, rest.get(..4)?))
}

/// Where the box `moov` begins, once it is whole.
fn index_of(head: &[u8]) -> io::Result<Option<usize>> {
    let mut at = 0;
    while let Some((length, name)) = first_box(&head[at..]) {
        if length < 8 || name == b"mdat" {
            return Err(unexpected());
        }
        if head.len() < at + length {
            return Ok(None);
        }
        if name == b"moov" {
            return Ok(Some(at));
        }
        at += length;
    }
    Ok(None)
}

/// Adds the comment to the end of `moov`; the pictures behind it move by its length.
fn describe(head: &mut Vec<u8>, moov: usize, text: &str) -> io::Result<()> {
    let (length, _) = first_box(&head[moov..]).ok_or_else(unexpected)?;
    let end = moov + length;
    let comment = user_data(text);
    let shift = comment.len() as u32;
    shift_chunks(&mut head[moov + 8..end], shift).ok_or_else(unexpected)?;
    let length = length as u32 + shift;
    head[moov..moov + 4].copy_from_slice(&length.to_be_bytes());
    head.splice(end..end, comment);
    Ok(())
}

/// Adds `shift` to the places of the pictures in the file (`stco`, section 8.7.5).
fn shift_chunks(boxes: &mut [u8], shift: u32) -> Option<()> {
    let mut at = 0;
    while let Some((length, name)) = first_box(&boxes[at..]) {
        let name = <[u8; 4]>::try_from(name).ok()?;
        let content = boxes.get_mut(at + 8..at + length)?;
        match &name {
            b"trak" | b"mdia" | b"minf" | b"stbl" => shift_chunks(content, shift)?,
            b"stco" => {
                for place in content.get_mut(8..)?.as_chunks_mut().0 {
                    let shifted = u32::from_be_bytes(*place).checked_add(shift)?;
                    *place = shifted.to_be_bytes();
                }
            }
            _ => {}
        }
        at += length;
    }
    Some(())
}

fn user_data(text: &str) -> Vec<u8> {
    let data = in_box(*b"data", &[&UTF8.to_be_bytes(), &[0; 4], text.as_bytes()]);
    let list = in_box(*b"ilst", &[&in_box(COMMENT, &[&data])]);
    let handler = in_box(*b"hdlr", &[&[0; 8], b"mdirappl", &[0; 9]]);
    let meta = in_box(*b"meta", &[&[0; 4], &handler, &list]);
    in_box(*b"udta", &[&meta])
}

fn in_box(name: [u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let length = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = (length as u32).to_be_bytes().to_vec();
    bytes.extend(name);
    parts.iter().for_each(|part| bytes.extend(*part));
    bytes
}
