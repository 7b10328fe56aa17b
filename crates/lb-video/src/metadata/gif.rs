//! Text in a GIF: a comment extension (GIF89a, section 24), in sub-blocks of up to 255 bytes.

use std::io::{BufRead, Read};

use super::{Flaw, MAX_DESCRIPTION, as_text};

const EXTENSION: u8 = 0x21;
const COMMENT: u8 = 0xfe;
const IMAGE: u8 = 0x2c;
const TRAILER: u8 = 0x3b;
/// A colour table follows, and its size.
const TABLE: u8 = 0x80;

/// The first comment; what comes before it is passed over.
pub(crate) fn read(mut file: impl BufRead) -> Result<Option<String>, Flaw> {
    let [.., flags, _background, _aspect] = take::<13>(&mut file)?;
    skip_table(&mut file, flags)?;
    loop {
        match take(&mut file)? {
            [EXTENSION] => {
                let [label] = take(&mut file)?;
                if label == COMMENT {
                    return comment(&mut file).map(Some);
                }
                skip_blocks(&mut file)?;
            }
            [IMAGE] => {
                let [.., flags] = take::<9>(&mut file)?;
                skip_table(&mut file, flags)?;
                let [_code_size] = take(&mut file)?;
                skip_blocks(&mut file)?;
            }
            [TRAILER] => return Ok(None),
            [other] => {
                return Err(Flaw::damaged(format!(
                    "a block of the unknown kind {other:#04x}"
                )));
            }
        }
    }
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

/// The next sub-block's bytes, none at the end.
fn block(file: &mut impl Read, into: &mut [u8; 255]) -> Result<usize, Flaw> {
    let [length] = take(file)?;
    let length = usize::from(length);
    file.read_exact(&mut into[..length])?;
    Ok(length)
}

fn skip_blocks(file: &mut impl Read) -> Result<(), Flaw> {
    let mut bytes = [0; 255];
    while block(file, &mut bytes)? > 0 {}
    Ok(())
}

fn comment(file: &mut impl Read) -> Result<String, Flaw> {
    let (mut text, mut bytes) = (Vec::new(), [0; 255]);
    loop {
        match block(file, &mut bytes)? {
            0 => return as_text(text),
            length => text.extend(&bytes[..length]),
        }
        if text.len() > MAX_DESCRIPTION {
            return Err(Flaw::too_long(text.len() as u64));
        }
    }
}
