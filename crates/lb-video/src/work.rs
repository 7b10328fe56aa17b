//! How much work a film may be: no more than its file can honestly hold.

use crate::flaw::Flaw;
use crate::limits::{MOST_PIXELS, PIXELS_PER_BYTE};

/// The pixels that a film's frames may still have.
#[derive(Debug)]
pub(crate) struct Work {
    left: u64,
    most: u64,
}

impl Work {
    /// The work that is allowed for a film whose file has this many bytes.
    pub(crate) fn of_bytes(bytes: u64) -> Self {
        let most = MOST_PIXELS.max(bytes.saturating_mul(PIXELS_PER_BYTE));
        Self { left: most, most }
    }

    /// Counts pixels that are about to be decoded, or were.
    pub(crate) fn spend(&mut self, pixels: u64) -> Result<(), Flaw> {
        match self.left.checked_sub(pixels) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Flaw::damaged(format!(
                "its frames have more than {} million pixels together, which a file of its size does not hold",
                self.most / 1_000_000
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_file_may_hold_more() {
        let mut small = Work::of_bytes(100);
        assert!(small.spend(MOST_PIXELS).is_ok());
        assert!(small.spend(1).is_err());
        let mut large = Work::of_bytes(1 << 20);
        assert!(large.spend(PIXELS_PER_BYTE << 20).is_ok());
        assert!(large.spend(1).is_err());
    }
}
