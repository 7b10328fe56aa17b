//! The name of an entry: a hash over everything that its content depends on.

use std::fmt;
use std::path::Path;

use sha2::{Digest, Sha256};

/// A kind of result, and the version of the computation that makes it.
///
/// Both are part of every [`Key`]. Raise the version whenever the same inputs may give another
/// result than before, or whenever the layout of the payload changes: older entries are then no longer
/// found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EntryKind {
    name: &'static str,
    version: u32,
}

impl EntryKind {
    /// A kind of this name. No other kind in the same folder may have it.
    #[must_use]
    pub const fn new(name: &'static str, version: u32) -> Self {
        Self { name, version }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// SHA-256 over a kind of result and everything that a result of this kind depends on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; Self::LENGTH]);

impl Key {
    /// Length of a key in bytes.
    pub const LENGTH: usize = 32;

    /// The key of the result of this kind that depends on this content.
    #[must_use]
    pub fn of(kind: EntryKind, content: &(impl ContentKey + ?Sized)) -> Self {
        let mut hasher = KeyHasher::new();
        hasher.write(kind.name).write(&kind.version).write(content);
        hasher.finish()
    }

    pub(crate) fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; Self::LENGTH] {
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

/// A value that results can depend on.
///
/// An implementation writes every part of the value that a result may depend on, in a fixed order.
/// Two values that may lead to different results must write different bytes. Numbers write their
/// bits, so that the last bit counts. Values of variable length write their length first, so that the
/// boundaries between parts count. Enumerations write which variant they are.
pub trait ContentKey {
    /// Writes the value.
    fn write_key(&self, hasher: &mut KeyHasher);
}

/// Hashes the content of a key.
#[derive(Clone, Debug)]
pub struct KeyHasher {
    hash: Sha256,
    /// Bytes that are not hashed yet. Small values are collected and hashed together, which is faster.
    block: Vec<u8>,
}

impl KeyHasher {
    const BLOCK: usize = 1 << 14;

    fn new() -> Self {
        Self {
            hash: Sha256::new(),
            block: Vec::with_capacity(Self::BLOCK),
        }
    }

    /// Writes one more value.
    pub fn write(&mut self, value: &(impl ContentKey + ?Sized)) -> &mut Self {
        value.write_key(self);
        self
    }

    /// Writes bytes without their length.
    fn write_bytes(&mut self, bytes: &[u8]) {
        if self.block.len() + bytes.len() > Self::BLOCK {
            self.hash.update(&self.block);
            self.block.clear();
        }
        if bytes.len() > Self::BLOCK {
            self.hash.update(bytes);
        } else {
            self.block.extend_from_slice(bytes);
        }
    }

    fn finish(mut self) -> Key {
        self.hash.update(&self.block);
        Key(self.hash.finalize().into())
    }
}

macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl ContentKey for $number {
            fn write_key(&self, hasher: &mut KeyHasher) {
                hasher.write_bytes(&self.to_le_bytes());
            }
        }
    )+};
}

numbers!(u8, u16, u32, u64, i8, i16, i32, i64, f32, f64);

macro_rules! written_as {
    ($($value:ident: $type:ty => $written:expr),+) => {$(
        impl ContentKey for $type {
            fn write_key(&self, hasher: &mut KeyHasher) {
                let $value = self;
                hasher.write($written);
            }
        }
    )+};
}

written_as!(
    // 64 bits, so that keys are the same on every machine.
    number: usize => &(*number as u64),
    flag: bool => &u8::from(*flag),
    text: String => text.as_str(),
    path: Path => path.as_os_str().as_encoded_bytes()
);

impl ContentKey for str {
    fn write_key(&self, hasher: &mut KeyHasher) {
        hasher.write(&self.len());
        hasher.write_bytes(self.as_bytes());
    }
}

/// A key inside another one, for a result that depends on what the inner key identifies.
impl ContentKey for Key {
    fn write_key(&self, hasher: &mut KeyHasher) {
        hasher.write_bytes(&self.0);
    }
}

impl<T: ContentKey> ContentKey for [T] {
    fn write_key(&self, hasher: &mut KeyHasher) {
        hasher.write(&self.len());
        for value in self {
            value.write_key(hasher);
        }
    }
}

impl<T: ContentKey, const N: usize> ContentKey for [T; N] {
    fn write_key(&self, hasher: &mut KeyHasher) {
        hasher.write(self.as_slice());
    }
}

impl<T: ContentKey> ContentKey for Vec<T> {
    fn write_key(&self, hasher: &mut KeyHasher) {
        hasher.write(self.as_slice());
    }
}

impl<T: ContentKey> ContentKey for Option<T> {
    fn write_key(&self, hasher: &mut KeyHasher) {
        hasher.write(&self.is_some());
        if let Some(value) = self {
            value.write_key(hasher);
        }
    }
}

impl<T: ContentKey + ?Sized> ContentKey for &T {
    fn write_key(&self, hasher: &mut KeyHasher) {
        (**self).write_key(hasher);
    }
}

macro_rules! tuples {
    ($(($($part:ident $index:tt),+)),+) => {$(
        impl<$($part: ContentKey),+> ContentKey for ($($part,)+) {
            fn write_key(&self, hasher: &mut KeyHasher) {
                $(self.$index.write_key(hasher);)+
            }
        }
    )+};
}

tuples!(
    (A 0, B 1),
    (A 0, B 1, C 2),
    (A 0, B 1, C 2, D 3),
    (A 0, B 1, C 2, D 3, E 4),
    (A 0, B 1, C 2, D 3, E 4, F 5)
);

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: EntryKind = EntryKind::new("test", 1);

    #[test]
    fn the_boundaries_between_parts_count() {
        let key = |parts: &[&str]| Key::of(KIND, parts);
        assert_eq!(key(&["ab", "c"]), key(&["ab", "c"]));
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_ne!(key(&["ab", "c"]), key(&["ab", "c", ""]));
        assert_ne!(Key::of(KIND, &Some(0_u8)), Key::of(KIND, &None::<u8>));
    }

    #[test]
    fn kinds_and_versions_have_their_own_keys() {
        let key = |name, version| Key::of(EntryKind::new(name, version), "content");
        assert_eq!(key("test", 1), Key::of(KIND, "content"));
        assert_ne!(key("test", 2), key("test", 1));
        assert_ne!(key("other", 1), key("test", 1));
    }

    #[test]
    fn the_last_bit_of_a_number_counts() {
        let key = |number: f32| Key::of(KIND, &[number; 5000]);
        assert_ne!(key(1.0), key(f32::from_bits(1.0_f32.to_bits() + 1)));
        assert_eq!(key(1.0), key(1.0));
    }

    #[test]
    fn a_key_does_not_depend_on_how_bytes_are_collected() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|index| (index % 251) as u8).collect();
        let text = String::from_utf8(bytes.iter().map(|byte| byte % 128).collect()).unwrap();
        let ascii: Vec<u8> = text.bytes().collect();
        let mut byte_by_byte = KeyHasher::new();
        byte_by_byte.write(KIND.name).write(&KIND.version);
        ascii.write_key(&mut byte_by_byte);
        assert_eq!(byte_by_byte.finish(), Key::of(KIND, &text));
    }
}
