//! Finds the tensors among the values of a checkpoint's program, and checks them against the archive.

use std::collections::BTreeMap;

use super::archive::Range;
use super::globals::Format;
use super::problem::Problem;
use super::value::{Arena, Id, Storage, Tensor, Value};

/// How many dictionaries called `state_dict` may be nested in each other.
const DEEPEST_STATE: usize = 4;

/// The greatest allowed ratio of the converted file's length to the checkpoint's. The converted file can
/// be longer, because tensors that share bytes are written separately, but no model exceeds this ratio.
const LARGEST_GROWTH: u64 = 2;

/// A tensor of the converted file, and the bytes of the checkpoint from which it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) format: Format,
    pub(super) shape: Vec<u64>,
    /// The distance between neighbours along each axis, counted in bytes.
    pub(super) strides: Vec<u64>,
    /// The range of the checkpoint from the tensor's first to its last byte.
    pub(super) range: Range,
    /// The number of its bytes in the converted file, where it has no gaps.
    pub(super) length: u64,
}

/// The dictionary in which an embedding's file has its tensor, whose name is then this one, a dot, and its key.
const OF_EMBEDDING: &str = "string_to_param";

/// Finds the tensors whose names are wanted. Others, such as the averages that training keeps, are left
/// out.
pub(super) fn find(
    values: &Arena,
    root: Id,
    is_wanted: fn(&str) -> bool,
) -> Result<BTreeMap<String, Tensor>, Problem> {
    let entries = entries_of(values, root);
    let mut entries = entries.ok_or("it contains no dictionary of tensors")?;
    for _ in 0..DEEPEST_STATE {
        let mut inner = entries.iter().rev();
        let inner = inner.find(|(key, _)| values.text(*key) == Some("state_dict"));
        match inner.and_then(|(_, state)| entries_of(values, *state)) {
            Some(state) => entries = state,
            None => break,
        }
    }
    let mut tensors = BTreeMap::new();
    let mut add = |name: String, value: Id| {
        if let Value::Tensor(tensor) = values.get(value)
            && is_wanted(&name)
        {
            tensors.insert(name, tensor.clone());
        }
    };
    for &(key, value) in entries {
        let Some(name) = values.text(key) else {
            continue;
        };
        match entries_of(values, value) {
            Some(inner) if name == OF_EMBEDDING => {
                for &(key, value) in inner {
                    if let Some(key) = values.text(key) {
                        add(format!("{OF_EMBEDDING}.{key}"), value);
                    }
                }
            }
            _ => add(name.to_owned(), value),
        }
    }
    Ok(tensors)
}

/// Returns the entries of a value that is a dictionary.
fn entries_of(values: &Arena, id: Id) -> Option<&[(Id, Id)]> {
    match values.get(id) {
        Value::Dictionary(entries) => Some(entries),
        _ => None,
    }
}

impl Source {
    pub(super) fn new(name: &str, tensor: &Tensor, storage: Range) -> Result<Self, Problem> {
        let width = tensor.storage.format.width;
        let held = storage.length / width;
        if tensor.storage.length > held {
            let Storage { key, length, .. } = &tensor.storage;
            let problem = format!("storage {key} claims {length} numbers; the archive has {held}");
            return Err(problem.into());
        }
        let span = span(tensor).filter(|span| {
            let end = tensor.offset.checked_add(*span);
            end.is_some_and(|end| end <= held)
        });
        let (Some(span), Some(count)) = (span, product(&tensor.shape)) else {
            let problem = format!(
                "tensor \"{name}\" of shape {:?} and strides {:?} from number {} is not within its \
                 storage of {held} numbers",
                tensor.shape, tensor.strides, tensor.offset
            );
            return Err(problem.into());
        };
        let length = count.checked_mul(width);
        let length = length.ok_or_else(|| format!("tensor \"{name}\" is too large"))?;
        let strides = tensor.strides.iter();
        Ok(Self {
            name: name.to_owned(),
            format: tensor.storage.format,
            shape: tensor.shape.clone(),
            strides: strides.map(|stride| stride.saturating_mul(width)).collect(),
            range: Range {
                offset: storage.offset + tensor.offset * width,
                length: span * width,
            },
            length,
        })
    }

    /// Whether the checkpoint has the bytes in the order of the converted file, without gaps.
    pub(super) fn is_contiguous(&self) -> bool {
        let mut expected = self.format.width;
        let mut axes = self.shape.iter().zip(&self.strides).rev();
        axes.all(|(&size, &stride)| {
            let fits = size <= 1 || stride == expected;
            expected = expected.saturating_mul(size);
            fits
        })
    }
}

/// Returns an error if the converted file would be far longer than the checkpoint.
pub(super) fn validate_growth(sources: &[Source], file_length: u64) -> Result<(), Problem> {
    let most = file_length.saturating_mul(LARGEST_GROWTH);
    let lengths = sources.iter().map(|source| source.length);
    let total = lengths.fold(0_u64, u64::saturating_add);
    if total <= most {
        return Ok(());
    }
    let allowed = format!("at most {most} are allowed in a file of {file_length} bytes");
    Err(format!("its tensors have {total} bytes; {allowed}").into())
}

/// Counts the numbers of the storage from the first to the last number of a tensor, including both.
/// Returns `None` if the count does not fit 64 bits.
fn span(tensor: &Tensor) -> Option<u64> {
    if tensor.shape.contains(&0) {
        return Some(0);
    }
    let axes = tensor.shape.iter().zip(&tensor.strides);
    axes.into_iter().try_fold(1_u64, |span, (&size, &stride)| {
        span.checked_add((size - 1).checked_mul(stride)?)
    })
}

/// Counts the numbers in a tensor. Returns `None` if the count does not fit 64 bits.
fn product(shape: &[u64]) -> Option<u64> {
    if shape.contains(&0) {
        return Some(0);
    }
    let mut sizes = shape.iter();
    sizes.try_fold(1_u64, |product, &size| product.checked_mul(size))
}
