//! Writes the converted file: a safetensors header, followed by each tensor's bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Map, json};

use super::tensors::Source;
use crate::error::CheckpointError;
use crate::safetensors::TensorEntry;

/// Orders the tensors and makes the header. Returns the header's bytes, and each tensor's entry in it.
pub(super) fn lay_out(sources: &mut [Source]) -> (Vec<u8>, BTreeMap<String, TensorEntry>) {
    // If wide numbers come first, every tensor begins at a multiple of its numbers' width.
    sources.sort_by(|one, other| {
        (other.format.width, &one.name).cmp(&(one.format.width, &other.name))
    });
    let (mut entries, mut tensors) = (Map::new(), BTreeMap::new());
    let mut end = 0;
    for source in &*sources {
        let begin = end;
        end += source.length;
        let entry = json!({
            "dtype": source.format.dtype,
            "shape": source.shape,
            "data_offsets": [begin, end],
        });
        entries.insert(source.name.clone(), entry);
        let tensor = TensorEntry {
            dtype: source.format.dtype.to_owned(),
            // The shape has been checked against the length of the file, so its sides fit a usize.
            shape: source.shape.iter().map(|&size| size as usize).collect(),
            offset: begin,
            length: source.length,
        };
        tensors.insert(source.name.clone(), tensor);
    }
    let mut text = json!(entries).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut header = (text.len() as u64).to_le_bytes().to_vec();
    header.append(&mut text);
    for tensor in tensors.values_mut() {
        tensor.offset += header.len() as u64;
    }
    (header, tensors)
}

/// Writes the header and the tensors to `target`. `observe` is called before each tensor, and can
/// interrupt the writing.
pub(super) fn write(
    checkpoint: &Path,
    target: &Path,
    header: &[u8],
    sources: &[Source],
    observe: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<(), CheckpointError> {
    let input = lb_files::open(checkpoint);
    let mut input = input.map_err(CheckpointError::file("open", checkpoint))?;
    let output = File::create_new(target).map_err(CheckpointError::io("create", target))?;
    let mut output = BufWriter::with_capacity(1 << 20, output);
    let mut write = || {
        output.write_all(header)?;
        for source in sources {
            if observe().is_break() {
                return Ok(ControlFlow::Break(()));
            }
            write_tensor(&mut input, &mut output, source)?;
        }
        output.flush()?;
        output.get_ref().sync_all()?;
        Ok(ControlFlow::Continue(()))
    };
    match write().map_err(CheckpointError::io("write", target))? {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(CheckpointError::Interrupted),
    }
}

/// Reads one tensor.
pub(super) fn read(checkpoint: &Path, source: &Source) -> Result<Vec<u8>, CheckpointError> {
    let input = lb_files::open(checkpoint);
    let mut input = input.map_err(CheckpointError::file("open", checkpoint))?;
    let mut bytes = Vec::new();
    write_tensor(&mut input, &mut bytes, source)
        .map_err(CheckpointError::io("read", checkpoint))?;
    Ok(bytes)
}

fn write_tensor(input: &mut File, output: &mut impl Write, source: &Source) -> io::Result<()> {
    input.seek(SeekFrom::Start(source.range.offset))?;
    let mut bytes = input.take(source.range.length);
    if source.is_contiguous() {
        return match io::copy(&mut bytes, output)? {
            copied if copied == source.length => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        };
    }
    let mut held = Vec::new();
    bytes.read_to_end(&mut held)?;
    write_strided(&held, output, source)
}

/// Writes a tensor's numbers without gaps, in the order in which the last index changes fastest.
fn write_strided(held: &[u8], output: &mut impl Write, source: &Source) -> io::Result<()> {
    let width = source.format.width;
    let mut index = vec![0_u64; source.shape.len()];
    for _ in 0..source.length / width {
        let position = index.iter().zip(&source.strides);
        let position: u64 = position.map(|(index, stride)| index * stride).sum();
        let number = usize::try_from(position)
            .ok()
            .and_then(|first| held.get(first..)?.get(..width as usize))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        output.write_all(number)?;
        for (index, &size) in index.iter_mut().zip(&source.shape).rev() {
            *index += 1;
            if *index < size {
                break;
            }
            *index = 0;
        }
    }
    Ok(())
}
