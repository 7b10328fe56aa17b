//! Tests that damaged and malicious torch checkpoints are refused. No code in them is run, and no file is
//! written.

use std::fs;

use lb_checkpoint::{CheckpointError, ImportOptions};
use proptest::prelude::*;

use crate::pickle_writer::{
    archive, archive_of, call, dictionary, integer, integers, name, program, tensor, text, tuple,
};
use crate::{golden, import, with_configuration};

/// Imports these bytes and returns the error. Checks that no file is left behind.
fn refusal(bytes: &[u8]) -> CheckpointError {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("model.ckpt");
    fs::write(&source, bytes).unwrap();
    let target = folder.path().join("model");
    let refused = import(&source, &target, &ImportOptions::default()).unwrap_err();
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "a file was left behind"
    );
    refused
}

fn refusal_of_program(body: &[u8]) -> String {
    refusal(&archive(&program(body), &[])).to_string()
}

/// Imports a checkpoint with one tensor, whose storage has four numbers, and returns the error.
fn refusal_of_tensor(tensor: Vec<u8>) -> String {
    let state = dictionary(&[("first_stage_model.quant_conv.weight", tensor)]);
    refusal(&archive(&program(&state), &[("0", &[0; 16])])).to_string()
}

#[test]
fn code_is_never_run() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let command = text(&format!("touch {}", trace.display()));
    let evaluated = text(&format!("open({:?}, 'w')", trace.display().to_string()));
    let cases = [
        ("os", "system", &command),
        ("posix", "system", &command),
        ("subprocess", "Popen", &command),
        ("builtins", "eval", &evaluated),
        ("__builtin__", "exec", &evaluated),
        ("torch", "load", &command),
        ("torch.storage", "_load_from_bytes", &command),
        ("collections.os", "system", &command),
        ("os\0", "system", &command),
    ];
    for (module, function, argument) in cases {
        let by_line = call(name(module, function), std::slice::from_ref(argument));
        let on_stack = [text(module), text(function), vec![0x93]].concat();
        let on_stack = call(on_stack, std::slice::from_ref(argument));
        let new_object = [
            name(module, function),
            tuple(std::slice::from_ref(argument)),
            vec![0x81],
        ]
        .concat();
        for body in [by_line, on_stack, new_object] {
            let hidden = dictionary(&[("state_dict", dictionary(&[])), ("callbacks", body)]);
            let refused = refusal(&archive(&program(&hidden), &[]));
            let expected = format!("{module}.{function}");
            match refused {
                CheckpointError::CheckpointGlobal { global, .. } => assert_eq!(global, expected),
                other => panic!("{expected}: {other}"),
            }
        }
    }
    assert!(!trace.exists());
}

#[test]
fn calls_of_things_other_than_known_functions_are_refused() {
    let storage = call(name("torch", "FloatStorage"), &[integer(4)]);
    assert!(refusal_of_program(&storage).contains("a call of"));
    assert!(refusal_of_program(&call(text("os.system"), &[])).contains("a call of"));
    let arguments = [integer(1), integer(2), integer(3), integer(4)];
    let made_up = call(name("torch._utils", "_rebuild_tensor_v2"), &arguments);
    assert!(refusal_of_program(&made_up).contains("do not describe a tensor"));
    let negative = tensor(("0", -1), 0, &[1], &[1]);
    assert!(refusal_of_tensor(negative).contains("does not describe a storage"));
    let unknown = name("torch", "QInt8Storage");
    assert!(refusal_of_program(&unknown).contains("torch.QInt8Storage"));
}

#[test]
fn truncated_archives_are_refused() {
    let whole = fs::read(golden("sd2/checkpoint.ckpt")).unwrap();
    for length in [4, 100, 70_000, whole.len() - 1_000, whole.len() - 1] {
        let message = refusal(&whole[..length]).to_string();
        assert!(
            message.contains("damaged or truncated"),
            "{length}: {message}"
        );
    }
}

#[test]
fn archives_with_wrong_entries_are_refused() {
    let whole = archive(&program(&dictionary(&[])), &[("0", &[0; 16])]);
    let entry = |number: usize| {
        let mut starts = whole
            .windows(4)
            .enumerate()
            .filter(|(_, four)| four == b"PK\x01\x02");
        starts.nth(number).unwrap().0
    };
    let changed = |position: usize, bytes: &[u8]| {
        let mut changed = whole.clone();
        changed[position..position + bytes.len()].copy_from_slice(bytes);
        refusal(&changed).to_string()
    };
    // An entry of the central directory has the method at byte 10, the sizes at 20 and 24, and the
    // position of the local header at 42.
    let message = changed(entry(0) + 10, &8_u16.to_le_bytes());
    assert!(message.contains("compressed"), "{message}");
    let sizes = [0xf0_u8, 0xff, 0xff, 0xff].repeat(2);
    let message = changed(entry(1) + 20, &sizes);
    assert!(message.contains("past the end of the file"), "{message}");
    let message = changed(entry(1) + 42, &0x7fff_ffff_u32.to_le_bytes());
    assert!(
        message.contains("damaged") || message.contains("past the end"),
        "{message}"
    );
    let other = archive(b"", &[]);
    let message = refusal(&other).to_string();
    assert!(message.contains("only 0 are left"), "{message}");
}

#[test]
fn only_archives_of_little_endian_machines_are_read() {
    let whole = |name: &str, bytes: &[u8]| {
        let entries = [(name.to_owned(), bytes)];
        refusal(&archive_of(&program(&dictionary(&[])), &entries)).to_string()
    };
    let message = whole("byteorder", b"big");
    assert!(message.contains("byte order is \"big\""), "{message}");
    let long = whole("byteorder", &[b' '; 17]);
    assert!(long.contains("17 bytes; at most 16"), "{long}");
    for (name, bytes) in [
        ("byteorder", &b"little\n"[..]),
        ("inside/data.pkl", b"other"),
    ] {
        let message = whole(name, bytes);
        assert!(message.contains("no text_encoder"), "{name}: {message}");
    }
}

#[test]
fn tensors_outside_their_storage_are_refused() {
    let four = ("0", 4);
    let cases = [
        tensor(four, 1, &[4], &[1]),
        tensor(four, 5, &[0, 1], &[1, 1]),
        tensor(four, 0, &[2, 3], &[3, 1]),
        tensor(four, i64::MAX, &[1], &[1]),
        tensor(four, 0, &[i64::MAX, i64::MAX], &[i64::MAX, i64::MAX]),
        tensor(four, 0, &[1 << 40], &[1]),
        tensor(four, 0, &[1 << 40, 1 << 40], &[0, 0]),
    ];
    for case in cases {
        let message = refusal_of_tensor(case);
        assert!(
            message.contains("not within its storage of 4 numbers"),
            "{message}"
        );
    }
    let message = refusal_of_tensor(tensor(("0", 5), 0, &[1], &[1]));
    assert!(
        message.contains("claims 5 numbers; the archive has 4"),
        "{message}"
    );
    let message = refusal_of_tensor(tensor(("../../0", 4), 0, &[1], &[1]));
    assert!(message.contains("no entry"), "{message}");
}

#[test]
fn tensors_that_would_fill_the_disk_are_refused() {
    // This tensor repeats one number 2⁴⁰ times.
    let message = refusal_of_tensor(tensor(("0", 4), 0, &[1 << 40], &[0]));
    assert!(message.contains("4398046511104 bytes"), "{message}");
    let row = tensor(("0", 4), 0, &[4], &[1]);
    let names: Vec<_> = (0..2000)
        .map(|n| format!("first_stage_model.{n}"))
        .collect();
    let many: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), row.clone()))
        .collect();
    let shared = archive(&program(&dictionary(&many)), &[("0", &[0; 16])]);
    // Tensors may share their numbers if the whole checkpoint is long enough, here because of its program.
    assert!(refusal(&shared).to_string().contains("no text_encoder"));
}

#[test]
fn absurd_lengths_are_refused() {
    let cases: [&[u8]; 6] = [
        b"X\xff\xff\xff\xff",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x8a\xffabc",
        b"B\x00\x00\x00\x80abc",
        b"\x95\x00\x00",
        b"cos",
    ];
    for case in cases {
        let message = refusal_of_program(case);
        let expected = ["are left", "are claimed", "has no end"];
        assert!(
            expected.iter().any(|part| message.contains(part)),
            "{message}"
        );
    }
    let long = archive(&vec![b'N'; (16 << 20) + 1], &[]);
    assert!(
        refusal(&long)
            .to_string()
            .contains("at most 16777216 are allowed")
    );
}

#[test]
fn deep_and_circular_nesting_is_read_without_overflowing_the_stack() {
    let mut tuples = vec![b')'];
    tuples.resize(1_000_000, 0x85);
    assert!(refusal_of_program(&tuples).contains("no dictionary of tensors"));
    assert!(refusal_of_program(&vec![b'('; 1_000_000]).contains("missing from the stack"));
    // This dictionary contains itself as its `state_dict`.
    let circle = [b"}q\x00".to_vec(), text("state_dict"), b"h\x00s".to_vec()].concat();
    assert!(refusal_of_program(&circle).contains("no text_encoder"));
    let circle = [b"}q\x00(h\x00h\x00u".to_vec()].concat();
    assert!(refusal_of_program(&circle).contains("no text_encoder"));
}

#[test]
fn malformed_programs_are_refused() {
    let cases: [(&[u8], &str); 9] = [
        (b"", "missing from the stack"),
        (b"0", "missing from the stack"),
        (b"h\x07", "slot 7 of its memory"),
        (b"}(Nu", "a key has no value"),
        (b"N(s", "missing from the stack"),
        (b"u", "a mark is missing"),
        (b"K\x01(NNu", "something other than a dictionary"),
        (b"\x80\x09", "protocol 9"),
        (b"ios\nsystem\n", "instruction 0x69"),
    ];
    for (body, expected) in cases {
        let message = refusal_of_program(body);
        assert!(message.contains(expected), "{message}");
        assert!(message.contains("at byte"), "{message}");
    }
    let message = refusal_of_program(&[&b"Q"[..], &integers(&[1])].concat());
    assert!(message.contains("missing from the stack"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// If any bytes of a checkpoint are changed, the result is a model or an error.
    #[test]
    fn damaged_checkpoints_never_panic(
        changes in prop::collection::vec((0_usize..161_000, any::<u8>()), 1..40)
    ) {
        let mut bytes = fs::read(golden("sd2/checkpoint.ckpt")).unwrap();
        for (position, byte) in changes {
            bytes[position] = byte;
        }
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("model.ckpt");
        fs::write(&source, bytes).unwrap();
        let _ = import(&source, &folder.path().join("model"), &with_configuration("sd2"));
    }

    /// No sequence of instructions makes the reader panic.
    #[test]
    fn random_programs_never_panic(
        body in prop::collection::vec(
            prop::sample::select(&b"(.012NKMJXUhjqrbcstueadl}])QR\x80\x81\x85\x86\x87\x8a\x8c\x93\x94\x00\x01\n"[..]),
            0..200,
        )
    ) {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("model.ckpt");
        fs::write(&source, archive(&body, &[])).unwrap();
        let refused = import(&source, &folder.path().join("model"), &ImportOptions::default());
        prop_assert!(refused.is_err());
    }
}
