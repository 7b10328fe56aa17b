//! A checkpoint's program as bytes, and the constants in it.

use crate::torch::Problem;
use crate::torch::value::Value;

pub(super) struct Input<'p> {
    program: &'p [u8],
    position: usize,
}

impl<'p> Input<'p> {
    pub(super) fn new(program: &'p [u8]) -> Self {
        Self {
            program,
            position: 0,
        }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'p [u8], Problem> {
        let rest = &self.program[self.position..];
        let taken = rest.get(..count).ok_or_else(|| {
            let left = rest.len();
            Problem::Broken(format!("{count} bytes are claimed, {left} are left"))
        })?;
        self.position += count;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Problem> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Problem> {
        self.array().map(u32::from_le_bytes)
    }

    /// The text before the next line feed.
    pub(super) fn line(&mut self) -> Result<String, Problem> {
        let rest = &self.program[self.position..];
        let end = rest.iter().position(|&byte| byte == b'\n');
        let end = end.ok_or_else(|| Problem::broken("a line without an end"))?;
        let line = self.take(end + 1)?;
        text(&line[..end])
    }

    /// The value of an instruction that carries it.
    pub(super) fn constant(&mut self, instruction: u8) -> Result<Value, Problem> {
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
                return Err(Problem::Broken(format!(
                    "instruction {other:#04x} has no place in a checkpoint"
                )));
            }
        };
        Ok(value)
    }

    /// The length before a text or bytes; how it is written depends on the instruction.
    fn length(&mut self, instruction: u8) -> Result<usize, Problem> {
        let length = match instruction {
            b'U' | b'C' | 0x8c => u64::from(self.byte()?),
            0x8d | 0x8e => u64::from_le_bytes(self.array()?),
            _ => u64::from(self.u32()?),
        };
        usize::try_from(length).map_err(|_| Problem::Broken(format!("{length} bytes are claimed")))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
}

fn text(bytes: &[u8]) -> Result<String, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::broken("a text is no UTF-8"))?;
    Ok(text.to_owned())
}

/// Two's complement of any length, lowest byte first; numbers beyond 64 bits are opaque.
fn integer(bytes: &[u8]) -> Value {
    if bytes.len() > 8 {
        return Value::Opaque;
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut extended = [if negative { 0xff } else { 0 }; 8];
    extended[..bytes.len()].copy_from_slice(bytes);
    Value::Integer(i64::from_le_bytes(extended))
}
