//! Python's pickle machine, as far as checkpoints need it and without the power to call anything.
//!
//! The instructions are those of `pickletools` in Python's library, protocols 2 to 5.

mod build;
mod input;

use std::collections::BTreeMap;

use super::Problem;
use super::globals::look_up;
use super::value::{Arena, Id, Value};
use input::Input;

/// Newest protocol of the pickle format.
const NEWEST_PROTOCOL: u8 = 5;

/// Runs a program; gives its values and the one that it ends with.
pub(super) fn run(program: &[u8]) -> Result<(Arena, Id), Problem> {
    let mut machine = Machine {
        input: Input::new(program),
        values: Arena::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memory: BTreeMap::new(),
    };
    loop {
        let position = machine.input.position();
        match machine.step() {
            Ok(None) => {}
            Ok(Some(result)) => return Ok((machine.values, result)),
            Err(Problem::Broken(problem)) => {
                return Err(Problem::Broken(format!(
                    "its program is wrong at byte {position}: {problem}"
                )));
            }
            Err(global) => return Err(global),
        }
    }
}

struct Machine<'p> {
    input: Input<'p>,
    values: Arena,
    stack: Vec<Id>,
    /// Heights of the stack at which a list of arguments begins.
    marks: Vec<usize>,
    memory: BTreeMap<u32, Id>,
}

impl Machine<'_> {
    /// Carries out one instruction; the last one gives the result.
    fn step(&mut self) -> Result<Option<Id>, Problem> {
        let instruction = self.input.byte()?;
        match instruction {
            b'.' => return self.pop().map(Some),
            0x80 => self.check_protocol()?,
            0x95 => drop(self.input.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => self.pop_or_unmark()?,
            b'1' => drop(self.pop_to_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'q' => {
                let slot = u32::from(self.input.byte()?);
                self.remember(slot)?;
            }
            b'r' => {
                let slot = self.input.u32()?;
                self.remember(slot)?;
            }
            0x94 => {
                let slot = u32::try_from(self.memory.len()).unwrap_or(u32::MAX);
                self.remember(slot)?;
            }
            b'h' => {
                let slot = u32::from(self.input.byte()?);
                self.recall(slot)?;
            }
            b'j' => {
                let slot = self.input.u32()?;
                self.recall(slot)?;
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
                let items = self.pop_to_mark()?;
                let items = pairs(&items)?;
                self.push(Value::Dictionary(items));
            }
            b'}' => self.push(Value::Dictionary(Vec::new())),
            // None, an empty list, an empty set, true, false: their content does not matter.
            b'N' | b']' | 0x8f | 0x88 | 0x89 => self.push(Value::Opaque),
            _ => {
                let value = self.input.constant(instruction)?;
                self.push(value);
            }
        }
        Ok(None)
    }

    fn check_protocol(&mut self) -> Result<(), Problem> {
        match self.input.byte()? {
            0..=NEWEST_PROTOCOL => Ok(()),
            other => Err(Problem::Broken(format!(
                "protocol {other}; known are those up to {NEWEST_PROTOCOL}"
            ))),
        }
    }

    /// A name as two lines of the program, or as two texts on the stack.
    fn name(&mut self, instruction: u8) -> Result<(), Problem> {
        let (module, name) = if instruction == b'c' {
            (self.input.line()?, self.input.line()?)
        } else {
            let [module, name] = [self.pop()?, self.pop()?];
            let text = |id| self.values.text(id).map(str::to_owned);
            let wrong = || Problem::broken("a name that is no text");
            (
                text(name).ok_or_else(wrong)?,
                text(module).ok_or_else(wrong)?,
            )
        };
        match look_up(&module, &name) {
            Some(global) => self.push(Value::Global(global)),
            None => return Err(Problem::Global(format!("{module}.{name}"))),
        }
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
            _ => return Err(Problem::broken("items for what is no dictionary")),
        }
        Ok(())
    }

    fn push(&mut self, value: Value) {
        let id = self.values.add(value);
        self.stack.push(id);
    }

    /// The height of the stack without its `count` topmost values, which must lie above the mark.
    fn bottom_of(&self, count: usize) -> Result<usize, Problem> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let height = self.stack.len().checked_sub(count);
        height
            .filter(|height| *height >= floor)
            .ok_or_else(|| Problem::broken("a value is missing from the stack"))
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
        let mark = self.marks.pop();
        let mark = mark.ok_or_else(|| Problem::broken("a mark is missing from the stack"))?;
        Ok(self.stack.split_off(mark))
    }

    fn pop_or_unmark(&mut self) -> Result<(), Problem> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    fn remember(&mut self, slot: u32) -> Result<(), Problem> {
        let top = self.top()?;
        self.memory.insert(slot, top);
        Ok(())
    }

    fn recall(&mut self, slot: u32) -> Result<(), Problem> {
        let id = self.memory.get(&slot).copied();
        let id = id.ok_or_else(|| Problem::Broken(format!("nothing is remembered as {slot}")))?;
        self.stack.push(id);
        Ok(())
    }
}

fn pairs(items: &[Id]) -> Result<Vec<(Id, Id)>, Problem> {
    let pairs = items.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return Err(Problem::broken("a key without its value"));
    }
    Ok(pairs.map(|pair| (pair[0], pair[1])).collect())
}
