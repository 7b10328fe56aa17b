//! The index of an MP4: where its pictures lie in the file and when they are shown (ISO/IEC 14496-12,
//! sections 8.5 to 8.7; for H.264 ISO/IEC 14496-15, section 5.3).

use std::io::{Read, Seek};

use super::boxes::{BoxReader, Content};
use crate::flaw::Flaw;
use crate::limits::MOST_FRAMES;

/// The most bytes of one table: of three numbers for each frame, and its header.
const MOST_TABLE: u64 = 12 * MOST_FRAMES as u64 + 16;
/// The most bytes of the description of a track's coding.
const MOST_DESCRIPTION: u64 = 1 << 20;
/// Bytes of a video's sample entry before its boxes.
const VISUAL_ENTRY: u64 = 78;

/// An encoded picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sample {
    pub(super) offset: u64,
    pub(super) length: u32,
    /// When it is shown, in the track's ticks from the first.
    pub(super) begins: i64,
    pub(super) lasts: u32,
}

/// A film's pictures, in the order in which they are decoded.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) ticks_per_second: u32,
    /// MP4's name of the codec.
    pub(super) codec: [u8; 4],
    /// H.264's configuration (`avcC`), for that codec.
    pub(super) configuration: Option<Vec<u8>>,
    pub(super) samples: Vec<Sample>,
}

impl Track {
    /// The first track of pictures, if there is one.
    pub(super) fn read(file: &mut BoxReader<impl Read + Seek>) -> Result<Option<Self>, Flaw> {
        let whole = file.whole()?;
        let index = file.child(whole, b"moov")?;
        for track in file.children(index, 0)? {
            if track.name != *b"trak" {
                continue;
            }
            let media = file.child(track, b"mdia")?;
            let handler = file.child(media, b"hdlr")?;
            let handler = file.bytes(handler, MOST_DESCRIPTION)?;
            if handler.get(8..12) == Some(b"vide") {
                return Self::of_media(file, media).map(Some);
            }
        }
        Ok(None)
    }

    fn of_media(file: &mut BoxReader<impl Read + Seek>, media: Content) -> Result<Self, Flaw> {
        let header = file.child(media, b"mdhd")?;
        let header = file.bytes(header, MOST_DESCRIPTION)?;
        // Version 1 has times of 64 bits.
        let offset = if header.first() == Some(&1) { 20 } else { 12 };
        let ticks_per_second = number(&header, offset)?;
        if ticks_per_second == 0 {
            return Err(Flaw::damaged("its time scale is 0"));
        }
        let information = file.child(media, b"minf")?;
        let tables = file.child(information, b"stbl")?;
        let (codec, configuration) = description(file, tables)?;
        let samples = samples(file, tables)?;
        Ok(Self {
            ticks_per_second,
            codec,
            configuration,
            samples,
        })
    }
}

fn description(
    file: &mut BoxReader<impl Read + Seek>,
    tables: Content,
) -> Result<([u8; 4], Option<Vec<u8>>), Flaw> {
    let descriptions = file.child(tables, b"stsd")?;
    let entries = file.children(descriptions, 8)?;
    let entry = *entries
        .first()
        .ok_or_else(|| Flaw::damaged("it does not say how its pictures are coded"))?;
    if entry.name != *b"avc1" {
        return Ok((entry.name, None));
    }
    let parts = file.children(entry, VISUAL_ENTRY)?;
    let configuration = parts.into_iter().find(|part| part.name == *b"avcC");
    let bytes = configuration.map(|part| file.bytes(part, MOST_DESCRIPTION));
    Ok((entry.name, bytes.transpose()?))
}

fn number(bytes: &[u8], at: usize) -> Result<u32, Flaw> {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map(|four| u32::from_be_bytes(*four))
        .ok_or_else(|| Flaw::damaged("a table in its index is cut short"))
}

/// Rows of `N` numbers, from the byte `start` of a table on. The four bytes before are their count.
fn rows<const N: usize>(table: &[u8], start: usize) -> Result<Vec<[u32; N]>, Flaw> {
    let count = number(table, start - 4)? as usize;
    let words = table.get(start..).unwrap_or_default().as_chunks::<4>().0;
    let rows = words.as_chunks::<N>().0;
    let rows = rows
        .get(..count)
        .ok_or_else(|| Flaw::damaged("a table in its index is cut short"))?;
    Ok(rows.iter().map(|row| row.map(u32::from_be_bytes)).collect())
}

fn samples(file: &mut BoxReader<impl Read + Seek>, tables: Content) -> Result<Vec<Sample>, Flaw> {
    let children = file.children(tables, 0)?;
    let mut table = |name: &[u8; 4]| {
        let found = children.iter().find(|child| child.name == *name);
        found
            .map(|found| file.bytes(*found, MOST_TABLE))
            .transpose()
    };
    let sizes = table(b"stsz")?.unwrap_or_default();
    if number(&sizes, 4)? != 0 {
        // No codec of films has pictures of one size.
        return Err(Flaw::damaged(
            "all its pictures have the same number of bytes",
        ));
    }
    let sizes = rows::<1>(&sizes, 12)?;
    if sizes.len() > MOST_FRAMES {
        return Err(Flaw::damaged(format!(
            "it has more than {MOST_FRAMES} frames"
        )));
    }
    let chunks: Vec<u64> = match (table(b"stco")?, table(b"co64")?) {
        (Some(short), _) => rows::<1>(&short, 8)?
            .into_iter()
            .map(|[offset]| offset.into())
            .collect(),
        (None, Some(long)) => rows::<2>(&long, 8)?
            .into_iter()
            .map(|[high, low]| u64::from(high) << 32 | u64::from(low))
            .collect(),
        (None, None) => Vec::new(),
    };
    let runs = rows::<3>(&table(b"stsc")?.unwrap_or_default(), 8)?;
    let lengths = rows::<2>(&table(b"stts")?.unwrap_or_default(), 8)?;
    let shifts = match table(b"ctts")? {
        Some(shifts) => rows::<2>(&shifts, 8)?,
        None => Vec::new(),
    };
    let mut samples = located(sizes.as_flattened(), &chunks, &runs)?;
    time(&mut samples, &lengths, &shifts);
    Ok(samples)
}

/// Lays samples one after another into chunks. Each of `runs` says from which chunk on, counted from 1,
/// how many samples a chunk has.
fn located(sizes: &[u32], chunks: &[u64], runs: &[[u32; 3]]) -> Result<Vec<Sample>, Flaw> {
    let mut samples = Vec::with_capacity(sizes.len());
    let mut sizes = sizes.iter();
    let mut runs = runs.iter().peekable();
    let mut samples_per_chunk = 0;
    for (index, &chunk) in chunks.iter().enumerate() {
        while let Some([_, count, _]) = runs.next_if(|[first, ..]| *first as usize <= index + 1) {
            samples_per_chunk = *count as usize;
        }
        let mut offset = chunk;
        for &length in sizes.by_ref().take(samples_per_chunk) {
            samples.push(Sample {
                offset,
                length,
                begins: 0,
                lasts: 0,
            });
            offset = offset.saturating_add(length.into());
        }
    }
    match sizes.len() {
        0 => Ok(samples),
        missing => Err(Flaw::damaged(format!(
            "its index does not say where {missing} of its pictures are"
        ))),
    }
}

/// Sets the times of samples. Each of `lengths` says for how many samples how long they last, and each of
/// `shifts` how much later than they are decoded they are shown.
fn time(samples: &mut [Sample], lengths: &[[u32; 2]], shifts: &[[u32; 2]]) {
    let each = |runs: &[[u32; 2]], count: usize| -> Vec<u32> {
        let values = runs
            .iter()
            .flat_map(|&[count, value]| std::iter::repeat_n(value, count as usize));
        let last = runs.last().map_or(0, |[_, value]| *value);
        values.chain(std::iter::repeat(last)).take(count).collect()
    };
    let lengths = each(lengths, samples.len());
    let shifts = each(shifts, samples.len());
    let mut decoded: i64 = 0;
    for ((sample, lasts), shift) in samples.iter_mut().zip(lengths).zip(shifts) {
        sample.lasts = lasts;
        // Signed, whichever version the table says it has.
        sample.begins = decoded + i64::from(shift as i32);
        decoded += i64::from(lasts);
    }
    let first = samples
        .iter()
        .map(|sample| sample.begins)
        .min()
        .unwrap_or(0);
    samples.iter_mut().for_each(|sample| sample.begins -= first);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_shown_when_their_shift_says() {
        let mut samples = located(&[1; 4], &[100], &[[1, 4, 1]]).unwrap();
        // Decoded at 0, 10, 20 and 30; the last length holds for what the table leaves out.
        let shifts = [[1, 20], [1, 30], [2, (-10_i32).cast_unsigned()]];
        time(&mut samples, &[[1, 10]], &shifts);
        let begins: Vec<i64> = samples.iter().map(|sample| sample.begins).collect();
        assert_eq!(begins, [10, 30, 0, 10], "from the earliest on");
        assert!(samples.iter().all(|sample| sample.lasts == 10));
    }
}
