//! The instructions with which Python would call something.

use super::Machine;
use crate::torch::Problem;
use crate::torch::globals::Global;
use crate::torch::value::{Arena, Id, Storage, Tensor, Value};

impl Machine<'_> {
    /// A storage, which the program refers to as `("storage", format, key, device, length)`.
    pub(super) fn storage(&mut self) -> Result<(), Problem> {
        let reference = self.pop()?;
        let storage = read_storage(&self.values, reference);
        let storage = storage.ok_or_else(|| Problem::broken("a reference to no storage"))?;
        self.push(Value::Storage(storage));
        Ok(())
    }

    /// What calling a name would give, of the names that may be called.
    pub(super) fn call(&mut self) -> Result<(), Problem> {
        let arguments = self.pop()?;
        let callee = self.pop()?;
        let Value::Tuple(arguments) = self.values.get(arguments) else {
            return Err(Problem::broken("arguments that are no tuple"));
        };
        let result = match self.values.get(callee) {
            Value::Opaque | Value::Global(Global::Opaque) => Value::Opaque,
            Value::Global(Global::OrderedDict) if arguments.is_empty() => {
                Value::Dictionary(Vec::new())
            }
            Value::Global(Global::RebuildTensor) => read_tensor(&self.values, arguments)
                .map(Value::Tensor)
                .ok_or_else(|| Problem::broken("a tensor is made of something else"))?,
            Value::Global(Global::RebuildParameter) => match arguments[..] {
                [data, ..] => {
                    self.stack.push(data);
                    return Ok(());
                }
                [] => return Err(Problem::broken("a parameter without its tensor")),
            },
            other => {
                let other = format!("{other:?}");
                return Err(Problem::Broken(format!("a call of {other:.60}")));
            }
        };
        self.push(result);
        Ok(())
    }

    /// An object's attributes, of which none matters.
    pub(super) fn set_state(&mut self) -> Result<(), Problem> {
        self.pop()?;
        match self.values.get(self.top()?) {
            Value::Opaque | Value::Dictionary(_) => Ok(()),
            _ => Err(Problem::broken("attributes for what is no object")),
        }
    }
}

fn read_storage(values: &Arena, reference: Id) -> Option<Storage> {
    let Value::Tuple(parts) = values.get(reference) else {
        return None;
    };
    let [kind, format, key, _device, length] = parts[..] else {
        return None;
    };
    let Value::Global(Global::Storage(format)) = values.get(format) else {
        return None;
    };
    (values.text(kind)? == "storage").then_some(Storage {
        key: values.text(key)?.to_owned(),
        format: *format,
        length: values.size(length)?,
    })
}

/// Storage, offset, size, strides; then what only training needs.
fn read_tensor(values: &Arena, arguments: &[Id]) -> Option<Tensor> {
    let [storage, offset, shape, strides, ..] = arguments[..] else {
        return None;
    };
    let Value::Storage(storage) = values.get(storage) else {
        return None;
    };
    let (shape, strides) = (values.sizes(shape)?, values.sizes(strides)?);
    (shape.len() == strides.len()).then_some(Tensor {
        storage: storage.clone(),
        offset: values.size(offset)?,
        shape,
        strides,
    })
}
