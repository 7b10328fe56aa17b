//! The boxes of an MP4 (ISO/IEC 14496-12, section 4.2). The file is not trusted.

use std::io::{self, Read, Seek, SeekFrom};

use crate::flaw::Flaw;

/// The most boxes that are looked at in a file. A fragmented film of a day has fewer.
const MOST_BOXES: usize = 1_000_000;

/// The content of a box, without its header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Content {
    pub(crate) name: [u8; 4],
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Reads the headers of boxes and jumps over their content.
pub(crate) struct BoxReader<R> {
    pub(crate) file: R,
    boxes_left: usize,
}

impl<R: Read + Seek> BoxReader<R> {
    pub(crate) fn new(file: R) -> Self {
        Self {
            file,
            boxes_left: MOST_BOXES,
        }
    }

    /// The whole file as if it were a box.
    pub(crate) fn whole(&mut self) -> Result<Content, Flaw> {
        let end = self.file.seek(SeekFrom::End(0))?;
        Ok(Content {
            name: *b"file",
            start: 0,
            end,
        })
    }

    /// The boxes inside a box that holds nothing else, from its byte `skipped` on.
    pub(crate) fn children(&mut self, of: Content, skipped: u64) -> Result<Vec<Content>, Flaw> {
        let mut children = Vec::new();
        let mut at = of.start.saturating_add(skipped);
        // QuickTime ends some lists of boxes by four zero bytes.
        while of.end.saturating_sub(at) >= 8 {
            self.boxes_left = self
                .boxes_left
                .checked_sub(1)
                .ok_or_else(|| Flaw::damaged(format!("it has more than {MOST_BOXES} boxes")))?;
            let content = self.content(at, of.end)?;
            at = content.end;
            children.push(content);
        }
        Ok(children)
    }

    /// The first box of that name, which must be there.
    pub(crate) fn child(&mut self, of: Content, name: &[u8; 4]) -> Result<Content, Flaw> {
        let mut children = self.children(of, 0)?.into_iter();
        let child = children.find(|child| child.name == *name);
        child.ok_or_else(|| Flaw::damaged(format!("it has no box '{}'", name.escape_ascii())))
    }

    /// The bytes of a box that has no more than `most` of them.
    pub(crate) fn bytes(&mut self, of: Content, most: u64) -> Result<Vec<u8>, Flaw> {
        let length = of.end - of.start;
        if length > most {
            return Err(Flaw::damaged(format!(
                "its box '{}' has {length} bytes, more than {most}",
                of.name.escape_ascii()
            )));
        }
        let mut bytes = vec![0; length as usize];
        self.file.seek(SeekFrom::Start(of.start))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// The box that begins at `at` and lies in a box that ends at `end`.
    fn content(&mut self, at: u64, end: u64) -> Result<Content, Flaw> {
        self.file.seek(SeekFrom::Start(at))?;
        let (length, name) = (self.number()?, self.four()?);
        let (header, length) = match length {
            0 => (8, end - at),
            1 => {
                let (high, low) = (self.number()?, self.number()?);
                (16, u64::from(high) << 32 | u64::from(low))
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
        Ok(Content {
            name,
            start: at + header,
            end: at + length,
        })
    }

    /// The next four bytes, big-endian.
    pub(crate) fn number(&mut self) -> io::Result<u32> {
        self.four().map(u32::from_be_bytes)
    }

    pub(crate) fn four(&mut self) -> io::Result<[u8; 4]> {
        let mut four = [0; 4];
        self.file.read_exact(&mut four)?;
        Ok(four)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn message_of(flaw: Flaw) -> String {
        match flaw {
            Flaw::Damaged(reason) => reason,
            other => format!("{other:?}"),
        }
    }

    /// Empty boxes, one after the other.
    fn empty_boxes(count: usize) -> BoxReader<Cursor<Vec<u8>>> {
        BoxReader::new(Cursor::new(b"\0\0\0\x08free".repeat(count)))
    }

    #[test]
    fn a_file_of_too_many_boxes_is_given_up() {
        let mut file = empty_boxes(MOST_BOXES + 1);
        let whole = file.whole().unwrap();
        let message = message_of(file.children(whole, 0).unwrap_err());
        assert_eq!(message, "it has more than 1000000 boxes");
    }

    #[test]
    fn a_box_is_read_up_to_a_limit() {
        let mut file = empty_boxes(2);
        let whole = file.whole().unwrap();
        assert_eq!(file.children(whole, 0).unwrap().len(), 2);
        assert_eq!(file.bytes(whole, 16).unwrap().len(), 16);
        let message = message_of(file.bytes(whole, 15).unwrap_err());
        assert!(message.contains("16 bytes, more than 15"), "{message}");
    }

    #[test]
    fn a_box_is_no_shorter_than_its_own_header() {
        let mut file = BoxReader::new(Cursor::new(b"\0\0\0\x07free".to_vec()));
        let whole = file.whole().unwrap();
        let message = message_of(file.children(whole, 0).unwrap_err());
        assert!(message.contains("says that it has 7 bytes"), "{message}");
    }
}
