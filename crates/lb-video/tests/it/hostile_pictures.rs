//! Pictures that lie about their size, unpack to too much, or end early.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageBuffer, ImageFormat, Rgb};
use lb_video::{InputError, metadata, picture_size, read_frames, read_grey_picture, read_picture};
use tempfile::TempDir;

fn refused(folder: &TempDir, bytes: &[u8]) -> InputError {
    let error = read(folder, bytes).unwrap_err();
    assert!(error.is_request(), "{error}");
    error
}

fn read(folder: &TempDir, bytes: &[u8]) -> Result<lb_video::RgbImage, InputError> {
    read_picture(&path(folder, bytes))
}

fn path(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("picture");
    // A new file each time: to cut an old one to nothing waits for the disk.
    let _ = fs::remove_file(&path);
    fs::write(&path, bytes).unwrap();
    path
}

/// A picture with something to see in every row.
fn encoded(format: ImageFormat) -> Vec<u8> {
    let image = ImageBuffer::from_fn(48, 32, |x, y| {
        Rgb([(x * 5) as u8, (y * 7) as u8, (x * y % 251) as u8])
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(image)
        .write_to(&mut bytes, format)
        .unwrap();
    bytes.into_inner()
}

/// One chunk of a PNG, its checksum included.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let checked = [kind.as_slice(), data].concat();
    let mut crc = u32::MAX;
    for &byte in &checked {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
        }
    }
    let length = (data.len() as u32).to_be_bytes();
    [&length, checked.as_slice(), &(!crc).to_be_bytes()].concat()
}

fn png(width: u32, height: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let header = chunk(b"IHDR", &[&size[..], &[8, 2, 0, 0, 0]].concat());
    let end = chunk(b"IEND", b"");
    [b"\x89PNG\r\n\x1a\n", &header[..], &chunks.concat(), &end].concat()
}

/// Zeros, deflated as far as they can be: a thousandth is left.
fn zeros(count: usize) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..count >> 20 {
        encoder.write_all(&[0; 1 << 20]).unwrap();
    }
    encoder.finish().unwrap()
}

#[test]
fn a_declared_size_is_checked_before_anything_is_allocated() {
    let folder = tempfile::tempdir().unwrap();
    let declared = |bytes: &[u8]| {
        assert!(bytes.len() < 10_000);
        match refused(&folder, bytes) {
            InputError::TooManyPixels { width, height, .. } => (width, height),
            other => panic!("{other}"),
        }
    };
    let data = chunk(b"IDAT", &zeros(1 << 20)[..900]);
    assert_eq!(
        declared(&png(50_000, 50_000, std::slice::from_ref(&data))),
        (50_000, 50_000)
    );
    assert_eq!(
        declared(&png(20_000, 10, std::slice::from_ref(&data))),
        (20_000, 10)
    );
    assert_eq!(declared(&png(16_000, 16_000, &[data])), (16_000, 16_000));

    // A JPEG's start-of-frame segment: precision, height, width.
    let mut jpeg = encoded(ImageFormat::Jpeg);
    let frame = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xc3, 0x50, 0xc3, 0x50]);
    assert_eq!(declared(&jpeg), (50_000, 50_000));

    // An extended WebP's canvas, less one, 24 bits each.
    let canvas = [0, 0, 0, 0, 0x4f, 0xc3, 0, 0x4f, 0xc3, 0];
    let plain = encoded(ImageFormat::WebP);
    let extended = [b"VP8X\x0a\0\0\0".as_slice(), &canvas, &plain[12..]].concat();
    let length = (4 + extended.len() as u32).to_le_bytes();
    let webp = [b"RIFF", &length[..], b"WEBP", &extended].concat();
    assert_eq!(declared(&webp), (50_000, 50_000));
}

#[test]
fn the_message_says_what_was_found_and_what_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let message = refused(&folder, &png(50_000, 50_000, &[chunk(b"IDAT", b"")])).to_string();
    let name = folder.path().join("picture").display().to_string();
    assert_eq!(
        message,
        format!(
            "the picture {name} declares 50000x50000 pixels; at most 16384 a side and 64 million \
             in all are allowed"
        )
    );
}

#[test]
fn what_unpacks_to_more_than_a_picture_is_bounded() {
    let folder = tempfile::tempdir().unwrap();
    // 64 MiB of pixels for a picture of four: what is too much is not unpacked.
    let bomb = png(2, 2, &[chunk(b"IDAT", &zeros(64 << 20))]);
    assert!(bomb.len() < 100_000);
    let picture = read(&folder, &bomb);
    assert!(picture.is_err() || picture.unwrap().as_raw() == &[0; 12]);
    // A colour profile that unpacks to 256 MiB.
    let profile = [b"a\0\0".as_slice(), &zeros(256 << 20)].concat();
    let row = [0; 14];
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut encoder, &row).unwrap();
    let data = encoder.finish().unwrap();
    let bomb = png(2, 2, &[chunk(b"iCCP", &profile), chunk(b"IDAT", &data)]);
    let picture = read(&folder, &bomb);
    assert!(picture.is_err() || picture.unwrap().as_raw() == &[0; 12]);
    // Rows so long that no memory holds them.
    let error = refused(&folder, &png(u32::MAX >> 1, 1, &[chunk(b"IDAT", &data)]));
    assert!(
        matches!(
            error,
            InputError::SideData { .. } | InputError::TooManyPixels { .. }
        ),
        "{error}"
    );
}

/// Whatever a file's length: the whole picture or an error, never a part of it.
#[test]
fn a_file_that_ends_early_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let bytes = encoded(format);
        let whole = read(&folder, &bytes).unwrap();
        let (mut cut_short, lengths) = (0, (0..bytes.len()).step_by(3));
        for length in lengths.clone() {
            match read(&folder, &bytes[..length]) {
                Ok(picture) => assert_eq!(picture, whole, "{format:?}, {length} bytes"),
                Err(InputError::CutShort { .. }) => cut_short += 1,
                Err(error) => assert!(error.is_request(), "{error}"),
            }
        }
        assert!(
            cut_short > lengths.len() / 2,
            "{format:?}: {cut_short} of {}",
            lengths.len()
        );
    }
}

/// A thumbnail's end marker is not the picture's, and what follows the end does not matter.
#[test]
fn a_jpegs_end_is_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let jpeg = encoded(ImageFormat::Jpeg);
    let whole = read(&folder, &jpeg).unwrap();
    let thumbnail = [b"\xff\xe2\0\x06".as_slice(), b"\xff\xd9\xff\xd9"].concat();
    let with_thumbnail = [&jpeg[..2], &thumbnail, &jpeg[2..]].concat();
    assert_eq!(read(&folder, &with_thumbnail).unwrap(), whole);
    let cut = &with_thumbnail[..with_thumbnail.len() - 20];
    assert!(matches!(
        read(&folder, cut),
        Err(InputError::CutShort { .. })
    ));
    assert_eq!(
        read(&folder, &[&jpeg[..], b"and a film"].concat()).unwrap(),
        whole
    );
}

/// Any byte of a picture may be wrong: an error or another picture, never a panic.
#[test]
fn no_damaged_byte_panics() {
    let folder = tempfile::tempdir().unwrap();
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let bytes = encoded(format);
        for at in 0..bytes.len() {
            for value in [0xff, bytes[at] ^ 0x10] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                if let Err(error) = read(&folder, &damaged) {
                    assert!(error.is_request(), "{error}");
                }
            }
        }
    }
}

/// A file that a fuzzer or a stranger made.
fn hostile(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/hostile")
        .join(name)
}

#[test]
fn a_decoder_that_panics_is_an_error_of_the_file() {
    let path = hostile("odd_palette.png");
    let failed = "is damaged: its decoder failed: ";
    for error in [
        read_picture(&path).unwrap_err(),
        read_grey_picture(&path).unwrap_err(),
    ] {
        assert!(error.is_request());
        assert!(error.to_string().contains(failed), "{error}");
    }
    // As a frame of a film, too.
    let folder = tempfile::tempdir().unwrap();
    fs::copy(&path, folder.path().join("frame_0000.png")).unwrap();
    let mut frames = read_frames(folder.path(), &Default::default()).unwrap();
    let error = frames.next().unwrap().unwrap_err();
    assert!(error.to_string().contains(failed), "{error}");
    assert!(frames.next().is_none());
    // Neither of these decodes pixels.
    assert_eq!(picture_size(&path).unwrap(), (1, 1));
    assert!(metadata::read(&path).unwrap().is_none());
}

#[test]
fn small_files_of_large_pictures_are_refused() {
    for (name, size) in [
        ("large_picture.webp", (16_383, 6103)),
        ("large_frames.webp", (8192, 8191)),
    ] {
        let path = hostile(name);
        for error in [
            read_picture(&path).unwrap_err(),
            picture_size(&path).unwrap_err(),
        ] {
            match error {
                InputError::TooManyPixels { width, height, .. } => {
                    assert_eq!((width, height), size);
                }
                other => panic!("{other}"),
            }
        }
    }
    let error = read_picture(&hostile("larger_than_its_frame.webp")).unwrap_err();
    let expected = "a picture of 8738x10273 pixels in a frame of 24x17";
    assert!(error.to_string().ends_with(expected), "{error}");
    // Whatever this one is, it ends.
    let _ = read_picture(&hostile("four_components.jpg"));
}

/// The memory of a picture is counted before it is taken.
#[test]
fn memory_depends_on_more_than_the_size() {
    let folder = tempfile::tempdir().unwrap();
    let needed = |bytes: &[u8]| match read(&folder, bytes) {
        Err(InputError::Memory { bytes, .. }) => bytes,
        other => panic!("{:?}", other.map(|picture| picture.dimensions())),
    };
    // The size of a JPEG is declared in its frame: 7000x8000 pixels, three bytes each, and the same
    // again if it is turned; or six for the coefficients if it is progressive.
    let mut jpeg = encoded(ImageFormat::Jpeg);
    let frame = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x1b, 0x58, 0x1f, 0x40]);
    let pixels = 7000 * 8000;
    let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let length = (2 + exif.len() as u16).to_be_bytes();
    let turned = [&jpeg[..2], b"\xff\xe1", &length, exif, &jpeg[2..]].concat();
    // The decoder keeps the file as well.
    assert_eq!(needed(&turned), 6 * pixels + turned.len() as u64);
    jpeg[frame + 1] = 0xc2;
    assert_eq!(needed(&jpeg), 9 * pixels + jpeg.len() as u64);
    // Sixteen bits of red, green and blue.
    let size = [7000_u32.to_be_bytes(), 8000_u32.to_be_bytes()].concat();
    let header = chunk(b"IHDR", &[&size[..], &[16, 2, 0, 0, 0]].concat());
    let data = chunk(b"IDAT", &zeros(1 << 20)[..900]);
    let png = [b"\x89PNG\r\n\x1a\n", &header[..], &data].concat();
    assert_eq!(needed(&png), 9 * pixels);
    // Transparency, in a WebP without loss.
    let lossless = [
        &b"RIFF\x14\0\0\0WEBPVP8L\x08\0\0\0\x2f"[..],
        &(6999_u32 | 7999 << 14 | 1 << 28).to_le_bytes(),
        &[0; 3],
    ];
    assert_eq!(needed(&lossless.concat()), 11 * pixels);
}
