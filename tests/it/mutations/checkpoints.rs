//! Torch checkpoints that are to be imported: pickles that try to run code, and damaged ones.

use std::fs;
use std::path::{Path, PathBuf};

use crate::chance::Chance;
use crate::imports::golden;
use crate::pickle_writer::{archive, call, dictionary, name, program, text, tuple};

/// The checkpoint, which is imported if it exists.
pub(super) const CHECKPOINT: &str = "model.ckpt";
/// The file that hostile code would create.
pub(super) const CANARY: &str = "canary";

fn beside(model: &Path, file: &str) -> PathBuf {
    model.parent().unwrap().join(file)
}

/// A program that calls what makes the canary, in each of the ways that pickles have.
pub(super) fn hostile(model: &Path, chance: &mut Chance) -> String {
    let canary = beside(model, CANARY).display().to_string();
    let command = text(&format!("touch {canary}"));
    let python = text(&format!("open({canary:?}, 'w').close()"));
    let calls = [
        ("os", "system", &command),
        ("posix", "system", &command),
        ("nt", "system", &command),
        ("subprocess", "getoutput", &command),
        ("builtins", "exec", &python),
        ("builtins", "eval", &python),
        ("__builtin__", "exec", &python),
        ("torch._inductor.codecache", "write", &python),
        ("runpy", "_run_code", &python),
    ];
    let (module, function, argument) = *chance.choose(&calls);
    let arguments = std::slice::from_ref(argument);
    let (way, harm) = match chance.below(4) {
        0 => ("called", call(name(module, function), arguments)),
        1 => {
            let named = [text(module), text(function), vec![0x93]].concat();
            ("called by a name on the stack", call(named, arguments))
        }
        2 => {
            let made = [name(module, function), tuple(arguments), vec![0x81]];
            ("made an object of", made.concat())
        }
        _ => {
            let instance = format!("i{module}\n{function}\n").into_bytes();
            (
                "an instance",
                [b"(".to_vec(), argument.to_vec(), instance].concat(),
            )
        }
    };
    let (place, state) = match chance.below(3) {
        0 => (
            "beside the weights",
            vec![("state_dict", dictionary(&[])), ("callbacks", harm)],
        ),
        1 => (
            "among the weights",
            vec![("state_dict", dictionary(&[("weight", harm)]))],
        ),
        _ => ("as the weights", vec![("state_dict", harm)]),
    };
    let bytes = archive(&program(&dictionary(&state)), &[]);
    fs::write(beside(model, CHECKPOINT), bytes).unwrap();
    format!("a pickle with {module}.{function} {way} {place}")
}

/// A checkpoint that is correct except in one place.
pub(super) fn damaged(model: &Path, chance: &mut Chance) -> String {
    let mut bytes = fs::read(golden("sd2/checkpoint.ckpt")).unwrap();
    let what = match chance.below(3) {
        0 => {
            bytes.truncate(chance.below(bytes.len()));
            format!("cut to {} bytes", bytes.len())
        }
        1 => {
            // The program stands first in the archive, after its name.
            let first = 100 + chance.below(1000);
            for byte in &mut bytes[first..first + 64] {
                *byte = chance.number() as u8;
            }
            format!("of noise from byte {first} on")
        }
        _ => {
            // In the list of what the archive holds, and where. What stands last is not read.
            let last = bytes.len() - 300 - chance.below(2000);
            for byte in &mut bytes[last - 64..last] {
                *byte = chance.number() as u8;
            }
            format!("of noise before byte {last}")
        }
    };
    fs::write(beside(model, CHECKPOINT), bytes).unwrap();
    format!("a checkpoint {what}")
}
