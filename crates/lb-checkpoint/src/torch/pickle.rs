//! The part of Python's pickle machine that checkpoints need. It cannot call anything.
//!
//! A pickle is a program for a machine with a stack. Its instructions are described in Python's module
//! `pickletools`; those of protocols 2 to 5 are supported. Instead of calling a function, this machine
//! makes the value that the call would return. It can do so for the few functions that it knows.

use std::collections::BTreeMap;

use super::globals::{Global, look_up};
use super::problem::Problem;
use super::value::{Arena, Id, Storage, Tensor, Value};

/// The newest protocol of the pickle format that is supported.
const NEWEST_PROTOCOL: u8 = 5;

/// Runs a program. Returns all its values, and the id of its result.
pub(super) fn run(program: &[u8]) -> Result<(Arena, Id), Problem> {
    let mut machine = Machine {
        input: Input {
            program,
            position: 0,
        },
        values: Arena::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memory: BTreeMap::new(),
    };
    loop {
        let position = machine.input.position;
        let done = machine.step().map_err(|problem| match problem {
            Problem::Broken(problem) => {
                format!("its program is wrong at byte {position}: {problem}").into()
            }
            other => other,
        })?;
        if let Some(result) = done {
            return Ok((machine.values, result));
        }
    }
}

/// The state of the machine between two instructions.
struct Machine<'p> {
    input: Input<'p>,
    values: Arena,
    stack: Vec<Id>,
    /// The heights of the stack at which lists of arguments begin.
    marks: Vec<usize>,
    memory: BTreeMap<u32, Id>,
}

impl Machine<'_> {
    /// Carries out one instruction. Returns the program's result if it was the last instruction.
    fn step(&mut self) -> Result<Option<Id>, Problem> {
        let instruction = self.input.byte()?;
        match instruction {
            b'.' => return self.pop().map(Some),
            0x80 => self.validate_protocol()?,
            0x95 => drop(self.input.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => self.pop_or_unmark()?,
            b'1' => drop(self.pop_to_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'q' | b'r' | 0x94 => {
                let slot = match instruction {
                    b'q' => u32::from(self.input.byte()?),
                    b'r' => self.input.u32()?,
                    _ => u32::try_from(self.memory.len()).unwrap_or(u32::MAX),
                };
                let top = self.top()?;
                self.memory.insert(slot, top);
            }
            b'h' | b'j' => {
                let slot = match instruction {
                    b'h' => u32::from(self.input.byte()?),
                    _ => self.input.u32()?,
                };
                let id = self.memory.get(&slot).copied();
                self.stack.push(id.ok_or_else(|| {
                    format!("slot {slot} of its memory is read before it is written")
                })?);
            }
            b'c' | 0x93 => self.name(instruction)?,
            b'Q' => self.storage()?,
            b'R' | 0x81 => self.call()?,
            b'b' => self.set_state()?,
            b's' | b'u' => self.set_items(instruction == b'u')?,
            b'a' => drop(self.pop()?),
            b'e' | 0x90 => drop(self.pop_to_mark()?),
            b't' | b')' | 0x85..=0x87 => self.tuple(instruction)?,
            b'l' | 0x91 => {
                self.pop_to_mark()?;
                self.push(Value::Opaque);
            }
            b'd' => {
                let items = pairs(&self.pop_to_mark()?)?;
                self.push(Value::Dictionary(items));
            }
            b'}' => self.push(Value::Dictionary(Vec::new())),
            // These make None, an empty list, an empty set, true or false, whose content does not matter.
            b'N' | b']' | 0x8f | 0x88 | 0x89 => self.push(Value::Opaque),
            _ => {
                let value = self.input.constant(instruction)?;
                self.push(value);
            }
        }
        Ok(None)
    }

    fn validate_protocol(&mut self) -> Result<(), Problem> {
        match self.input.byte()? {
            0..=NEWEST_PROTOCOL => Ok(()),
            other => Err(format!(
                "protocol {other} is not supported; the newest supported one is {NEWEST_PROTOCOL}"
            )
            .into()),
        }
    }

    /// Reads a name, which is given by two lines of the program or by two texts on the stack.
    fn name(&mut self, instruction: u8) -> Result<(), Problem> {
        let (module, name) = if instruction == b'c' {
            (self.input.line()?, self.input.line()?)
        } else {
            let [name, module] = [self.pop()?, self.pop()?];
            let text = |id| self.values.text(id).map(str::to_owned);
            let names = text(module).zip(text(name));
            names.ok_or("a name is not a string")?
        };
        let global = look_up(&module, &name);
        let global = global.ok_or_else(|| Problem::Global(format!("{module}.{name}")))?;
        self.push(Value::Global(global));
        Ok(())
    }

    fn tuple(&mut self, instruction: u8) -> Result<(), Problem> {
        let items = match instruction {
            b')' => Vec::new(),
            b't' => self.pop_to_mark()?,
            _ => {
                let count = usize::from(instruction - 0x84);
                let first = self.bottom_of(count)?;
                self.stack.split_off(first)
            }
        };
        self.push(Value::Tuple(items));
        Ok(())
    }

    fn set_items(&mut self, several: bool) -> Result<(), Problem> {
        let items = if several {
            self.pop_to_mark()?
        } else {
            let first = self.bottom_of(2)?;
            self.stack.split_off(first)
        };
        let mut items = pairs(&items)?;
        let target = self.top()?;
        match self.values.get_mut(target) {
            Value::Dictionary(entries) => entries.append(&mut items),
            Value::Opaque => {}
            _ => return Err("items are added to something other than a dictionary".into()),
        }
        Ok(())
    }

    fn push(&mut self, value: Value) {
        let id = self.values.add(value);
        self.stack.push(id);
    }

    /// Returns the height of the stack below its `count` topmost values, which must be above the last mark.
    fn bottom_of(&self, count: usize) -> Result<usize, Problem> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let height = self.stack.len().checked_sub(count);
        let height = height.filter(|height| *height >= floor);
        Ok(height.ok_or("a value is missing from the stack")?)
    }

    fn top(&self) -> Result<Id, Problem> {
        self.bottom_of(1).map(|height| self.stack[height])
    }

    fn pop(&mut self) -> Result<Id, Problem> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, Problem> {
        let mark = self.marks.pop().ok_or("a mark is missing from the stack")?;
        Ok(self.stack.split_off(mark))
    }

    fn pop_or_unmark(&mut self) -> Result<(), Problem> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    /// Makes a storage, to which the program refers as `("storage", format, key, device, length)`.
    fn storage(&mut self) -> Result<(), Problem> {
        let reference = self.pop()?;
        let storage = read_storage(&self.values, reference);
        let storage = storage.ok_or("a reference does not describe a storage")?;
        self.push(Value::Storage(storage));
        Ok(())
    }

    /// Makes the value that the call of a function would return, for the functions that are known.
    fn call(&mut self) -> Result<(), Problem> {
        let arguments = self.pop()?;
        let callee = self.pop()?;
        let Value::Tuple(arguments) = self.values.get(arguments) else {
            return Err("the arguments of a call are not a tuple".into());
        };
        let result = match self.values.get(callee) {
            Value::Opaque | Value::Global(Global::Opaque) => Value::Opaque,
            Value::Global(Global::Dictionary) if arguments.is_empty() => {
                Value::Dictionary(Vec::new())
            }
            Value::Global(Global::RebuildTensor) => {
                let tensor = read_tensor(&self.values, arguments);
                Value::Tensor(tensor.ok_or("a tensor's arguments do not describe a tensor")?)
            }
            Value::Global(Global::RebuildParameter) => match arguments[..] {
                [data, ..] => {
                    self.stack.push(data);
                    return Ok(());
                }
                [] => return Err("a parameter has no tensor".into()),
            },
            other => {
                let other = format!("{other:?}");
                return Err(format!("a call of {other:.60} is not allowed").into());
            }
        };
        self.push(result);
        Ok(())
    }

    /// Gives an object its attributes. The only ones that matter are the parameters of a dictionary of them.
    fn set_state(&mut self) -> Result<(), Problem> {
        let state = self.pop()?;
        let object = self.top()?;
        match self.values.get(object) {
            Value::Opaque => return Ok(()),
            Value::Dictionary(_) => {}
            _ => return Err("attributes are given to something other than an object".into()),
        }
        // Moved and not copied: a program that did this again and again would fill the memory.
        let mut parameters = self.take_parameters(state);
        if let Value::Dictionary(entries) = self.values.get_mut(object) {
            entries.append(&mut parameters);
        }
        Ok(())
    }

    /// Takes the entries out of the attribute in which torch's modules have their parameters.
    fn take_parameters(&mut self, state: Id) -> Vec<(Id, Id)> {
        let Value::Dictionary(attributes) = self.values.get(state) else {
            return Vec::new();
        };
        let mut attributes = attributes.iter();
        let own = attributes.find(|(key, _)| self.values.text(*key) == Some("_parameters"));
        let Some(&(_, own)) = own else {
            return Vec::new();
        };
        match self.values.get_mut(own) {
            Value::Dictionary(entries) => std::mem::take(entries),
            _ => Vec::new(),
        }
    }
}

/// Pairs keys with values, which alternate on the stack.
fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>, Problem> {
    let pairs = items.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err("a key has no value".into());
    }
    Ok(pairs.map(|pair| (pair[0], pair[1])).collect())
}

/// Makes a storage from the tuple that refers to it.
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

/// Makes a tensor from the arguments of its function: storage, offset, shape and strides. The arguments
/// after them are needed only for training.
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

/// Reads the bytes of a program, and the constants in it.
struct Input<'p> {
    program: &'p [u8],
    position: usize,
}

impl<'p> Input<'p> {
    fn take(&mut self, count: usize) -> Result<&'p [u8], Problem> {
        let rest = &self.program[self.position..];
        let taken = rest.get(..count).ok_or_else(|| {
            let left = rest.len();
            format!("{count} bytes are claimed, but only {left} are left")
        })?;
        self.position += count;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Problem> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Result<u32, Problem> {
        self.array().map(u32::from_le_bytes)
    }

    /// Reads the text before the next line feed.
    fn line(&mut self) -> Result<String, Problem> {
        let rest = &self.program[self.position..];
        let end = rest.iter().position(|&byte| byte == b'\n');
        let end = end.ok_or("a line has no end")?;
        let line = self.take(end + 1)?;
        text(&line[..end])
    }

    /// Reads the constant that follows an instruction.
    fn constant(&mut self, instruction: u8) -> Result<Value, Problem> {
        let value = match instruction {
            b'J' => Value::Integer(i64::from(i32::from_le_bytes(self.array()?))),
            b'K' => Value::Integer(i64::from(self.byte()?)),
            b'M' => Value::Integer(i64::from(u16::from_le_bytes(self.array()?))),
            0x8a => {
                let count = usize::from(self.byte()?);
                integer(self.take(count)?)
            }
            b'X' | 0x8c | 0x8d => {
                let count = self.length(instruction)?;
                Value::Text(text(self.take(count)?)?)
            }
            b'T' | b'U' | b'B' | b'C' | 0x8e => {
                let count = self.length(instruction)?;
                self.take(count)?;
                Value::Opaque
            }
            b'G' => {
                self.take(8)?;
                Value::Opaque
            }
            other => {
                let problem = "does not belong in a checkpoint";
                return Err(format!("instruction {other:#04x} {problem}").into());
            }
        };
        Ok(value)
    }

    /// Reads the length before a text or bytes. The instruction determines its format.
    fn length(&mut self, instruction: u8) -> Result<usize, Problem> {
        let length = match instruction {
            b'U' | b'C' | 0x8c => u64::from(self.byte()?),
            0x8d | 0x8e => u64::from_le_bytes(self.array()?),
            _ => u64::from(self.u32()?),
        };
        let too_many = |_| format!("{length} bytes are claimed, which are too many").into();
        usize::try_from(length).map_err(too_many)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
}

fn text(bytes: &[u8]) -> Result<String, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| "a string is not UTF-8")?;
    Ok(text.to_owned())
}

/// Decodes a number in two's complement of any length, lowest byte first. Numbers of more than 64 bits
/// become opaque.
fn integer(bytes: &[u8]) -> Value {
    if bytes.len() > 8 {
        return Value::Opaque;
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut extended = [if negative { 0xff } else { 0 }; 8];
    extended[..bytes.len()].copy_from_slice(bytes);
    Value::Integer(i64::from_le_bytes(extended))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dictionary that is given itself as its parameters, thirty times. Copied, its one entry would become 2³⁰.
    #[test]
    fn parameters_that_are_given_again_and_again_do_not_grow() {
        let mut program = b"\x80\x02}q\x00X\x01\x00\x00\x00aK\x01s".to_vec();
        program.extend(b"}q\x01X\x0b\x00\x00\x00_parametersh\x00s0");
        for _ in 0..30 {
            program.extend(b"h\x01b");
        }
        program.push(b'.');
        let Ok((values, result)) = run(&program) else {
            panic!("the program is a valid one");
        };
        let Value::Dictionary(entries) = values.get(result) else {
            panic!("its result is the dictionary");
        };
        assert_eq!(entries.len(), 1);
    }
}
