//! The segments of a JPEG (ITU T.81, annex B).

/// What the segments of a whole JPEG say about decoding it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct JpegOutline {
    components: u64,
    /// Whether the picture comes in several scans, so that the decoder keeps the coefficients of them all.
    is_kept: bool,
}

impl JpegOutline {
    /// Reads the segments up to the end marker; `None` where the bytes end first. Segments are skipped by
    /// their lengths, so that the end marker of a thumbnail in one of them does not count. What follows the
    /// end marker does not matter.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        const END: u8 = 0xd9;
        const SCAN: u8 = 0xda;
        let mut outline = Self::default();
        // The start marker has two bytes.
        let mut at = 2;
        loop {
            // Between segments, and in the coded data after a scan's header, this moves to the next marker.
            // A byte 0xff of coded data is followed by 0, restart markers belong to the data, and markers
            // may be padded with 0xff.
            while *bytes.get(at)? != 0xff
                || matches!(*bytes.get(at + 1)?, 0x00 | 0x01 | 0xd0..=0xd8 | 0xff)
            {
                at += 1;
            }
            let marker = bytes[at + 1];
            if marker == END {
                return Some(outline);
            }
            let length = [*bytes.get(at + 2)?, *bytes.get(at + 3)?];
            match marker {
                // Start of a frame, other than of a baseline or sequential one: progressive, for instance.
                0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                    outline.components = outline.components.max((*bytes.get(at + 9)?).into());
                    outline.is_kept |= !matches!(marker, 0xc0 | 0xc1);
                }
                SCAN => outline.is_kept |= u64::from(*bytes.get(at + 4)?) < outline.components,
                _ => {}
            }
            at += 2 + usize::from(u16::from_be_bytes(length));
        }
    }

    /// The bytes for each pixel that a decoder keeps beside the decoded ones: 16-bit coefficients.
    pub(super) fn bytes_kept(self) -> u64 {
        if self.is_kept { 2 * self.components } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(frame: u8, components_of_scan: u8) -> Option<JpegOutline> {
        let scan = [0xff, 0xda, 0, 3, components_of_scan];
        let frame = [0xff, frame, 0, 8, 8, 0, 1, 0, 1, 3];
        let bytes = [
            &[0xff, 0xd8],
            &frame[..],
            &scan,
            &[1, 2, 0xff, 0, 0xff, 0xd9],
        ]
        .concat();
        assert_eq!(JpegOutline::of(&bytes[..bytes.len() - 1]), None);
        JpegOutline::of(&bytes)
    }

    #[test]
    fn coefficients_are_kept_for_several_scans() {
        assert_eq!(outline(0xc0, 3).unwrap().bytes_kept(), 0);
        assert_eq!(outline(0xc0, 1).unwrap().bytes_kept(), 6);
        assert_eq!(outline(0xc2, 3).unwrap().bytes_kept(), 6);
    }
}
