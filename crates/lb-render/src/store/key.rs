//! The name of an entry: a hash over everything that its content depends on.

use std::fmt;

use sha2::{Digest, Sha256};

/// Changes whenever the same inputs may give other results than before, or are hashed otherwise:
/// what was stored until then is not found any more.
const ALGORITHM: u64 = 1;

/// SHA-256 over a kind of result and all its inputs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

impl Key {
    pub(super) const LENGTH: usize = 32;

    pub(super) fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({self})")
    }
}

/// Hashes inputs one after the other. Every field is written with its length, so that no two
/// different lists of fields hash alike.
#[derive(Clone, Debug)]
pub(crate) struct KeyBuilder(Sha256);

impl KeyBuilder {
    /// `what` names the kind of result.
    pub(crate) fn new(what: &str) -> Self {
        Self(Sha256::new()).number(ALGORITHM).text(what)
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn number(mut self, number: u64) -> Self {
        self.0.update(number.to_le_bytes());
        self
    }

    /// The bits of a number: what differs in the last one is different.
    pub(crate) fn float(self, number: f64) -> Self {
        self.number(number.to_bits())
    }

    pub(crate) fn floats(mut self, numbers: &[f32]) -> Self {
        self.0.update((numbers.len() as u64).to_le_bytes());
        let mut block = Vec::with_capacity(4 * FLOATS_A_BLOCK);
        for numbers in numbers.chunks(FLOATS_A_BLOCK) {
            block.clear();
            block.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            self.0.update(&block);
        }
        self
    }

    pub(crate) fn key(mut self, key: &Key) -> Self {
        self.0.update(key.0);
        self
    }

    pub(crate) fn finish(self) -> Key {
        Key(self.0.finalize().into())
    }
}

const FLOATS_A_BLOCK: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_into_each_other() {
        let key = |fields: &[&str]| {
            let builder = KeyBuilder::new("test");
            fields
                .iter()
                .fold(builder, |at, field| at.text(field))
                .finish()
        };
        assert_eq!(key(&["ab", "c"]), key(&["ab", "c"]));
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_ne!(key(&["ab", "c"]), key(&["ab", "c", ""]));
        assert_ne!(KeyBuilder::new("a").finish(), KeyBuilder::new("b").finish());
    }

    #[test]
    fn the_last_bit_of_a_number_counts() {
        let key = |number: f32| KeyBuilder::new("test").floats(&[number; 5000]).finish();
        assert_ne!(key(1.0), key(f32::from_bits(1.0_f32.to_bits() + 1)));
        assert_eq!(key(1.0), key(1.0));
    }
}
