//! The units of an H.264 stream (Rec. ITU-T H.264, section 7.3), looked at before openh264 decodes them.
//!
//! openh264 allocates what a stream's sequence parameter sets declare: a number of reference pictures, each of
//! up to 9 million pixels, and more for every macroblock. It also decodes as many slices as a sample has. So
//! what it is given is checked here: the size and the number of pictures, and the work of the slices.

use crate::flaw::Flaw;
use crate::limits::MOST_FRAME_PIXELS;
use crate::work::Work;

/// The profiles that openh264 decodes: baseline, main, high (annex A.2).
pub(super) const PROFILES: [u8; 3] = [66, 77, 100];
/// Pixels of a macroblock.
const MACROBLOCK: u64 = 16 * 16;
/// The most macroblocks of all pictures that are kept: four pictures of the largest size, or sixteen of 1080p.
/// Each takes about 550 bytes.
const MOST_KEPT: u64 = 4 * MOST_FRAME_PIXELS as u64 / MACROBLOCK;
/// The pictures that openh264 keeps in addition to reference pictures.
const KEPT_BESIDE_REFERENCES: u64 = 2;
/// The share of a picture's pixels that counts for decoding a slice, which is far less work than what is done
/// with a picture afterwards.
const SLICE: u64 = 8;

/// What a unit is (table 7-1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Slice,
    SequenceParameters,
    /// An extension for several views or layers, which a decoder of this kind ignores.
    Extension,
    Other,
}

impl Kind {
    pub(super) fn of(unit: &[u8]) -> Self {
        match unit.first().map_or(0, |header| header & 31) {
            1..=5 => Self::Slice,
            7 => Self::SequenceParameters,
            14 | 15 | 20 | 21 => Self::Extension,
            _ => Self::Other,
        }
    }
}

/// Decides which units a decoder is given.
#[derive(Debug)]
pub(super) struct Gate {
    work: Work,
    /// Pixels of the largest picture that was declared.
    pixels: u64,
}

impl Gate {
    pub(super) fn new(work: Work) -> Self {
        Self { work, pixels: 0 }
    }

    /// Whether the decoder is to be given this unit, which stands behind a start code.
    pub(super) fn admit(&mut self, unit: &[u8]) -> Result<bool, Flaw> {
        // The decoder would take what follows for another unit, which was not looked at.
        if unit.windows(3).any(|bytes| bytes == [0, 0, 1]) {
            return Err(Flaw::damaged("a start code inside of its pictures"));
        }
        match Kind::of(unit) {
            Kind::Extension => Ok(false),
            Kind::Other => Ok(true),
            Kind::Slice => self.work.spend(self.pixels / SLICE).map(|()| true),
            Kind::SequenceParameters => {
                let parameters = SequenceParameters::read(unit)
                    .ok_or_else(|| Flaw::damaged("it does not say how large its pictures are"))?;
                parameters.validate()?;
                self.pixels = self.pixels.max(parameters.macroblocks * MACROBLOCK);
                Ok(true)
            }
        }
    }
}

/// The part of a sequence parameter set that memory depends on (section 7.3.2.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SequenceParameters {
    /// The macroblocks of one picture.
    macroblocks: u64,
    references: u64,
}

impl SequenceParameters {
    /// Reads a unit; `None` if it is cut short, or of a profile that openh264 does not decode.
    pub(super) fn read(unit: &[u8]) -> Option<Self> {
        let mut bits = Bits::of(unit);
        bits.skip(8);
        let profile = bits.take(8)? as u8;
        if !PROFILES.contains(&profile) {
            return None;
        }
        bits.skip(16);
        bits.number()?;
        if profile == 100 {
            let chroma_format = bits.number()?;
            if chroma_format == 3 {
                bits.skip(1);
            }
            bits.number()?;
            bits.number()?;
            bits.skip(1);
            if bits.take(1)? == 1 {
                for list in 0..if chroma_format == 3 { 12 } else { 8 } {
                    if bits.take(1)? == 1 {
                        bits.skip_scaling_list(if list < 6 { 16 } else { 64 })?;
                    }
                }
            }
        }
        bits.number()?;
        match bits.number()? {
            0 => drop(bits.number()?),
            1 => {
                bits.skip(1);
                bits.number()?;
                bits.number()?;
                for _ in 0..bits.number()?.min(255) {
                    bits.number()?;
                }
            }
            _ => {}
        }
        let references = bits.number()?;
        bits.skip(1);
        let (width, height) = (bits.number()? + 1, bits.number()? + 1);
        // The height that an interlaced film declares is that of one field.
        let fields = 2 - bits.take(1)?;
        Some(Self {
            macroblocks: width.saturating_mul(height).saturating_mul(fields),
            references,
        })
    }

    /// Checks what a decoder allocates for it.
    pub(super) fn validate(&self) -> Result<(), Flaw> {
        let most = MOST_FRAME_PIXELS as u64 / MACROBLOCK;
        let (macroblocks, references) = (self.macroblocks, self.references);
        if macroblocks > most {
            return Err(Flaw::damaged(format!(
                "pictures of {macroblocks} blocks of 16x16 pixels: they may have {most}, as many as 4096x2160 has"
            )));
        }
        if macroblocks.saturating_mul(references + KEPT_BESIDE_REFERENCES) > MOST_KEPT {
            return Err(Flaw::damaged(format!(
                "{references} reference pictures of {macroblocks} blocks of 16x16 pixels are more than openh264 \
                 is given memory for"
            )));
        }
        Ok(())
    }
}

/// The bits of a unit, without the bytes that keep start codes out of it (section 7.4.1).
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    fn of(unit: &[u8]) -> Self {
        // Longer than the part that is read, whatever is in it.
        const LONGEST: usize = 4096;
        let (mut bytes, mut zeros) = (Vec::new(), 0);
        for &byte in unit.iter().take(LONGEST) {
            if byte == 3 && zeros >= 2 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            bytes.push(byte);
        }
        Self { bytes, at: 0 }
    }

    fn skip(&mut self, count: usize) {
        self.at += count;
    }

    fn take(&mut self, count: usize) -> Option<u64> {
        (0..count).try_fold(0, |value, _| {
            let byte = self.bytes.get(self.at / 8)?;
            let bit = byte >> (7 - self.at % 8) & 1;
            self.at += 1;
            Some(value << 1 | u64::from(bit))
        })
    }

    /// A number of Exp-Golomb coding (section 9.1), below 2³².
    fn number(&mut self) -> Option<u64> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }

    /// A signed number (section 9.1.1).
    fn signed(&mut self) -> Option<i64> {
        let number = self.number()? as i64;
        Some(if number % 2 == 0 {
            -number / 2
        } else {
            number / 2 + 1
        })
    }

    fn skip_scaling_list(&mut self, length: usize) -> Option<()> {
        let (mut last, mut next) = (8, 8);
        for _ in 0..length {
            if next != 0 {
                next = (last + self.signed()? + 256).rem_euclid(256);
            }
            if next != 0 {
                last = next;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A unit of bits that are written one after the other.
    #[derive(Default)]
    struct Written {
        bits: Vec<bool>,
    }

    impl Written {
        fn bits(mut self, value: u64, count: usize) -> Self {
            self.bits
                .extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
            self
        }

        fn number(self, value: u64) -> Self {
            let length = 64 - (value + 1).leading_zeros() as usize;
            self.bits(0, length - 1).bits(value + 1, length)
        }

        /// The bytes, with those that keep start codes out.
        fn unit(mut self) -> Vec<u8> {
            self.bits.push(true);
            let bytes = self.bits.chunks(8).map(|byte| {
                let bits = byte.iter().enumerate();
                bits.fold(0, |sum, (at, &bit)| sum | u8::from(bit) << (7 - at))
            });
            let mut unit = Vec::new();
            for byte in bytes {
                if byte <= 3 && unit.ends_with(&[0, 0]) {
                    unit.push(3);
                }
                unit.push(byte);
            }
            unit
        }
    }

    /// A sequence parameter set for pictures of this many macroblocks.
    fn parameters(profile: u64, (width, height): (u64, u64), references: u64) -> Vec<u8> {
        let mut set = Written::default().bits(7, 8).bits(profile, 8).bits(0, 8);
        set = set.bits(51, 8).number(0);
        if profile == 100 {
            // 4:2:0 with 8 bits, and a scaling list that ends at once.
            set = set.number(1).number(0).number(0).bits(0, 1).bits(1, 1);
            set = set.bits(1, 1).number(16).bits(0, 7);
        }
        set = set.number(4).number(0).number(2).number(references);
        set = set.bits(0, 1).number(width - 1).number(height - 1);
        set.bits(1, 1).bits(1, 1).bits(0, 2).unit()
    }

    fn refusal(unit: &[u8]) -> Option<String> {
        let admitted = Gate::new(Work::of_bytes(1)).admit(unit);
        admitted.err().map(|flaw| format!("{flaw:?}"))
    }

    #[test]
    fn pictures_are_checked_before_the_decoder_allocates_them() {
        for profile in [66, 77, 100] {
            let read =
                |size, references| SequenceParameters::read(&parameters(profile, size, references));
            let (macroblocks, references) = (8160, 4);
            let expected = SequenceParameters {
                macroblocks,
                references,
            };
            assert_eq!(read((120, 68), 4), Some(expected), "{profile}");
            // 4K and 1080p, with as many references as their films usually have.
            for (size, references) in [((240, 135), 2), ((256, 135), 2), ((120, 68), 14)] {
                assert_eq!(refusal(&parameters(profile, size, references)), None);
                let more = refusal(&parameters(profile, size, references + 3)).unwrap();
                assert!(more.contains("reference pictures"), "{more}");
            }
            let large = refusal(&parameters(profile, (257, 135), 0)).unwrap();
            assert!(large.contains("34695 blocks of 16x16 pixels"), "{large}");
            assert!(refusal(&parameters(profile, (1 << 31, 1 << 31), 0)).is_some());
        }
        assert!(refusal(&parameters(118, (8, 8), 1)).is_some());
        assert!(refusal(&parameters(66, (8, 8), 1)[..6]).is_some());
    }

    #[test]
    fn a_unit_holds_no_other() {
        let mut hidden = vec![0x65, 1, 2];
        hidden.extend(START);
        hidden.extend(parameters(66, (8, 8), 1));
        assert!(refusal(&hidden).unwrap().contains("start code"));
        assert!(refusal(&[0x65, 0, 0, 3, 1]).is_none());
    }

    const START: [u8; 3] = [0, 0, 1];

    #[test]
    fn slices_are_work_and_extensions_are_left_out() {
        let mut gate = Gate::new(Work::of_bytes(1));
        assert!(gate.admit(&parameters(66, (256, 135), 1)).unwrap());
        let slices = (0..).take_while(|_| gate.admit(&[0x41, 0x9a]).is_ok());
        let pixels = MOST_FRAME_PIXELS as u64 / SLICE;
        assert_eq!(slices.count() as u64, crate::limits::MOST_PIXELS / pixels);
        assert!(!gate.admit(&[0x6f, 1]).unwrap());
        assert!(gate.admit(&[0x68, 1]).unwrap());
    }
}
