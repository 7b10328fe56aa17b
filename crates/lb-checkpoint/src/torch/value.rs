//! The values that a checkpoint's program builds.

use super::globals::{Format, Global};

/// The index of a value in the arena. Values contain the indices of other values, so that a program may
/// nest them to any depth and even in circles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(usize);

/// A value that a program builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A value whose content does not matter here, such as a list, a set, a float or a trainer's object.
    Opaque,
    Integer(i64),
    Text(String),
    Tuple(Vec<Id>),
    Dictionary(Vec<(Id, Id)>),
    Global(Global),
    Storage(Storage),
    Tensor(Tensor),
}

/// The numbers in an entry of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    /// The name of the entry: it is `data/<key>`.
    pub(super) key: String,
    pub(super) format: Format,
    /// How many numbers there are.
    pub(super) length: u64,
}

/// A tensor whose numbers are in a storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) storage: Storage,
    /// The index of the first number in the storage.
    pub(super) offset: u64,
    pub(super) shape: Vec<u64>,
    /// The distance between neighbours along each axis, counted in numbers.
    pub(super) strides: Vec<u64>,
}

/// All values that a program has built.
#[derive(Debug)]
pub(super) struct Arena(Vec<Value>);

impl Arena {
    /// The id of the opaque value, which exists only once.
    pub(super) const OPAQUE: Id = Id(0);

    pub(super) fn new() -> Self {
        Self(vec![Value::Opaque])
    }

    pub(super) fn add(&mut self, value: Value) -> Id {
        if value == Value::Opaque {
            return Self::OPAQUE;
        }
        self.0.push(value);
        Id(self.0.len() - 1)
    }

    pub(super) fn get(&self, id: Id) -> &Value {
        &self.0[id.0]
    }

    pub(super) fn get_mut(&mut self, id: Id) -> &mut Value {
        &mut self.0[id.0]
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a value that is a whole number and not negative.
    pub(super) fn size(&self, id: Id) -> Option<u64> {
        match self.get(id) {
            Value::Integer(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// Returns a value that is a tuple of whole numbers, none of them negative.
    pub(super) fn sizes(&self, id: Id) -> Option<Vec<u64>> {
        match self.get(id) {
            Value::Tuple(items) => items.iter().map(|&item| self.size(item)).collect(),
            _ => None,
        }
    }
}
