//! The text in an MP4. It is the comment of the metadata list that iTunes introduced and all players
//! read, `moov/udta/meta/ilst/©cmt/data`.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::boxes::{BoxReader, Content};
use crate::flaw::{Flaw, read_text};

const COMMENT: [u8; 4] = *b"\xa9cmt";
/// The boxes around the comment, from the top.
const WAY: [[u8; 4]; 6] = [*b"moov", *b"udta", *b"meta", *b"ilst", COMMENT, *b"data"];
/// Type of a `data` box that holds UTF-8 (QuickTime file format, well-known types).
const UTF8: u32 = 1;

pub(in crate::format) fn read(file: impl Read + Seek) -> Result<Option<String>, Flaw> {
    let mut file = BoxReader::new(file);
    let whole = file.whole()?;
    find(&mut file, whole, &WAY)
}

/// Searches the boxes in `content` for the first comment down `way`.
fn find(
    file: &mut BoxReader<impl Read + Seek>,
    content: Content,
    way: &[[u8; 4]],
) -> Result<Option<String>, Flaw> {
    let Some((name, deeper)) = way.split_first() else {
        return data(file, content);
    };
    let skipped = if content.name == *b"meta" {
        version_of_meta(file, content)?
    } else {
        0
    };
    for child in file.children(content, skipped)? {
        if child.name == *name
            && let Some(text) = find(file, child, deeper)?
        {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// 4 where `meta` has a version and flags (ISO), 0 where it has none (QuickTime).
fn version_of_meta(file: &mut BoxReader<impl Read + Seek>, meta: Content) -> Result<u64, Flaw> {
    if meta.end - meta.start < 8 {
        return Ok(0);
    }
    file.file.seek(SeekFrom::Start(meta.start))?;
    let (_, name) = (file.number()?, file.four()?);
    Ok(if name == *b"hdlr" { 0 } else { 4 })
}

fn data(file: &mut BoxReader<impl Read + Seek>, data: Content) -> Result<Option<String>, Flaw> {
    let Some(length) = (data.end - data.start).checked_sub(8) else {
        return Err(Flaw::damaged("its comment is cut short"));
    };
    file.file.seek(SeekFrom::Start(data.start))?;
    let (kind, _locale) = (file.number()?, file.number()?);
    if kind != UTF8 {
        return Ok(None);
    }
    read_text(&mut file.file, length).map(Some)
}

/// Passes on an MP4 whose index comes first, and adds the comment, which the muxer cannot write.
pub(super) struct Describing<W> {
    output: W,
    /// `None` once it is written, and for a film without a comment.
    text: Option<String>,
    /// What comes before the pictures, until it is complete.
    head: Vec<u8>,
}

impl<W: Write> Describing<W> {
    pub(super) fn new(output: W, text: Option<String>) -> Self {
        Self {
            output,
            text,
            head: Vec::new(),
        }
    }

    /// The output, if the index has come.
    pub(super) fn into_output(self) -> io::Result<W> {
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

/// Adds `shift` to the offsets of the pictures in the file (`stco`, section 8.7.5).
fn shift_chunks(boxes: &mut [u8], shift: u32) -> Option<()> {
    let mut at = 0;
    while let Some((length, name)) = first_box(&boxes[at..]) {
        let name = <[u8; 4]>::try_from(name).ok()?;
        let content = boxes.get_mut(at + 8..at + length)?;
        match &name {
            b"trak" | b"mdia" | b"minf" | b"stbl" => shift_chunks(content, shift)?,
            b"stco" => {
                for offset in content.get_mut(8..)?.as_chunks_mut().0 {
                    let shifted = u32::from_be_bytes(*offset).checked_add(shift)?;
                    *offset = shifted.to_be_bytes();
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
