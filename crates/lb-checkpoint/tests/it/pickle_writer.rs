//! Writes pickle programs and the archives around them, so that tests can make files that torch would not
//! save.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

pub(crate) fn text(text: &str) -> Vec<u8> {
    let length = (text.len() as u32).to_le_bytes();
    [b"X", &length[..], text.as_bytes()].concat()
}

pub(crate) fn integer(number: i64) -> Vec<u8> {
    [&[0x8a, 8][..], &number.to_le_bytes()].concat()
}

pub(crate) fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(", &items.concat()[..], b"t"].concat()
}

pub(crate) fn integers(numbers: &[i64]) -> Vec<u8> {
    tuple(
        &numbers
            .iter()
            .map(|&number| integer(number))
            .collect::<Vec<_>>(),
    )
}

pub(crate) fn name(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

pub(crate) fn call(callee: Vec<u8>, arguments: &[Vec<u8>]) -> Vec<u8> {
    [callee, tuple(arguments), b"R".to_vec()].concat()
}

pub(crate) fn dictionary(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries = entries
        .iter()
        .flat_map(|(key, value)| [text(key), value.clone()]);
    [b"}(", &entries.collect::<Vec<_>>().concat()[..], b"u"].concat()
}

/// Builds a tensor of 32-bit floats from the key and length of its storage, its offset, shape and strides.
pub(crate) fn tensor(storage: (&str, i64), offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    tensor_of("FloatStorage", storage, offset, shape, strides)
}

/// Builds a tensor whose storage has the given format.
pub(crate) fn tensor_of(
    format: &str,
    (key, length): (&str, i64),
    offset: i64,
    shape: &[i64],
    strides: &[i64],
) -> Vec<u8> {
    let format = name("torch", format);
    let reference = [
        text("storage"),
        format,
        text(key),
        text("cpu"),
        integer(length),
    ];
    let storage = [tuple(&reference), b"Q".to_vec()].concat();
    let arguments = [
        storage,
        integer(offset),
        integers(shape),
        integers(strides),
        vec![0x89],
        call(name("collections", "OrderedDict"), &[]),
    ];
    call(name("torch._utils", "_rebuild_tensor_v2"), &arguments)
}

pub(crate) fn program(body: &[u8]) -> Vec<u8> {
    [b"\x80\x02", body, b"."].concat()
}

/// Makes an archive like torch's, with these storages.
pub(crate) fn archive(program: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let storages = storages
        .iter()
        .map(|(key, bytes)| (format!("data/{key}"), *bytes));
    let entries: Vec<(String, &[u8])> = storages.collect();
    archive_of(program, &entries)
}

/// Makes an archive with a program and other entries.
pub(crate) fn archive_of(program: &[u8], entries: &[(String, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let program = ("data.pkl".to_owned(), program);
    for (name, bytes) in std::iter::once(&program).chain(entries) {
        archive
            .start_file(format!("archive/{name}"), stored)
            .unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}
