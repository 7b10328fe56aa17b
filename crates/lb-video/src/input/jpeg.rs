//! The end of a JPEG.

/// Whether a JPEG's bytes end before its end marker (ITU T.81, annex B). Segments are skipped by
/// their lengths, so that the end marker of a thumbnail inside of one does not count; what follows
/// the end marker does not matter.
pub(super) fn is_cut_short(bytes: &[u8]) -> bool {
    ends(bytes).is_none()
}

/// Walks to the end marker; `None` where the bytes end first.
fn ends(bytes: &[u8]) -> Option<()> {
    let mut at = 2; // behind the start marker
    loop {
        // Between segments, and in the coded data after a scan's header: on to the next marker. A
        // byte 0xff of coded data is followed by 0, restart markers belong to the data, and
        // markers may be padded with 0xff.
        while *bytes.get(at)? != 0xff
            || matches!(*bytes.get(at + 1)?, 0x00 | 0x01 | 0xd0..=0xd8 | 0xff)
        {
            at += 1;
        }
        if bytes[at + 1] == END {
            return Some(());
        }
        let length = [*bytes.get(at + 2)?, *bytes.get(at + 3)?];
        at += 2 + usize::from(u16::from_be_bytes(length));
    }
}

const END: u8 = 0xd9;
