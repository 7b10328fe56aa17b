//! The values that a checkpoint's program builds.

use super::globals::{Format, Global};

/// The index of a value in the arena. Values refer to each other by it, so that a program can nest
/// them as deeply as it likes, or in circles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(usize);

/// A value that a program builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Anything whose content does not matter here: lists, sets, fractions, objects of trainers.
    Opaque,
    Integer(i64),
    Text(String),
    Tuple(Vec<Id>),
    Dictionary(Vec<(Id, Id)>),
    Global(Global),
    Storage(Storage),
    Tensor(Tensor),
}

/// Numbers in an entry of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Storage {
    /// The entry `data/<key>`.
    pub(super) key: String,
    pub(super) format: Format,
    /// The number of numbers.
    pub(super) length: u64,
}

/// Numbers of a storage as a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) storage: Storage,
    /// The index of the first number in the storage.
    pub(super) offset: u64,
    pub(super) shape: Vec<u64>,
    /// The distance between neighbours along each axis, in numbers.
    pub(super) strides: Vec<u64>,
}

/// All values of a program.
#[derive(Debug)]
pub(super) struct Arena(Vec<Value>);

impl Arena {
    /// The one opaque value.
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

    /// A whole number from 0.
    pub(super) fn size(&self, id: Id) -> Option<u64> {
        match self.get(id) {
            Value::Integer(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A tuple of whole numbers from 0.
    pub(super) fn sizes(&self, id: Id) -> Option<Vec<u64>> {
        match self.get(id) {
            Value::Tuple(items) => items.iter().map(|&item| self.size(item)).collect(),
            _ => None,
        }
    }
}
