use std::path::{Path, PathBuf};
use std::process::Command;

use lb_video::metadata::{MAX_DESCRIPTION, read};
use lb_video::{
    Encoder, FileError, FilmOptions, FilmWriter, PngFile, VideoError, ffmpeg_available,
};

use crate::decode::{decode, psnr};
use crate::png_sequence::names;
use crate::scene::{HEIGHT, WIDTH, plain, scene};

/// What formats escape or end texts with, and some of everything else.
const TEXT: &str = "# a job; =\\ \"quotes\" 'and' <tags> & ]]> ümlaut 🍎 \u{1}\u{7f}\r\n\n[keyframes]\n\tprompt = \"a\\nb\"\n  ";

fn write(path: &Path, encoder: Encoder, description: Option<&str>) {
    let options = FilmOptions {
        encoder,
        description: description.map(str::to_owned),
        ..FilmOptions::default()
    };
    let mut film = FilmWriter::create(path, WIDTH, HEIGHT, &options).unwrap();
    for frame in scene(8) {
        film.write(frame).unwrap();
    }
    film.finish().unwrap();
}

fn ffmpeg() -> Option<Encoder> {
    let program = PathBuf::from("ffmpeg");
    ffmpeg_available(&program).then_some(Encoder::Ffmpeg {
        program,
        crf: 12,
        preset: "fast".into(),
    })
}

fn texts() -> [String; 3] {
    let longest = TEXT.repeat(MAX_DESCRIPTION / TEXT.len());
    [TEXT.into(), "a".into(), longest]
}

fn is_read_back(folder: &Path, name: &str, encoder: &Encoder) {
    let path = folder.join(name);
    write(&path, encoder.clone(), None);
    assert_eq!(read(&path).unwrap(), None, "{name}");
    let path = folder.join(format!("empty-{name}"));
    write(&path, encoder.clone(), Some(""));
    assert_eq!(read(&path).unwrap(), None, "{name}");
    for (index, text) in texts().iter().enumerate() {
        let path = folder.join(format!("{index}-{name}"));
        write(&path, encoder.clone(), Some(text));
        let found = read(&path).unwrap();
        assert!(found.as_ref() == Some(text), "{name}, text {index}");
    }
}

#[test]
fn every_format_gives_its_text_back() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["film.mp4", "film.gif", "film.webp", "frames"] {
        is_read_back(folder.path(), name, &Encoder::default());
    }
    let pictures = folder.path().join("0-frames");
    assert_eq!(
        read(pictures.join("frame_0007.png")).unwrap().as_deref(),
        Some(TEXT)
    );
}

#[test]
fn a_film_by_ffmpeg_gives_its_text_back() {
    let Some(encoder) = ffmpeg() else {
        eprintln!("skipped: there is no ffmpeg with libx264 on the search path");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    is_read_back(folder.path(), "film.mp4", &encoder);
    assert_eq!(names(folder.path()).len(), 2 + texts().len());
}

#[test]
fn a_picture_gives_its_text_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sheet.png");
    let mut file = PngFile::create(&path, false).unwrap();
    file.write(&plain([1, 2, 3]), Some(TEXT)).unwrap();
    file.publish().unwrap();
    assert_eq!(read(&path).unwrap().as_deref(), Some(TEXT));
    let picture = image::open(&path).unwrap().into_rgb8();
    assert_eq!(picture.as_raw().as_slice(), plain([1, 2, 3]).as_raw());
}

/// The pictures move in the file: they are still found, and ffmpeg reads the text too.
#[test]
fn a_film_with_a_text_shows_the_same_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    write(&path, Encoder::default(), Some(TEXT));
    let decoded = decode(&path);
    assert_eq!(decoded.frames.len(), 8);
    for (shown, frame) in decoded.frames.iter().zip(scene(8)) {
        assert!(psnr(shown, &frame) >= 38.0);
    }
    let again = folder.path().join("again.mp4");
    write(&again, Encoder::default(), Some(TEXT));
    assert!(std::fs::read(&path).unwrap() == std::fs::read(&again).unwrap());
    let probe = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "format_tags=comment"])
        .args(["-of", "default=nokey=1:noprint_wrappers=1"])
        .arg(&path)
        .output();
    match probe {
        Ok(told) => {
            assert!(
                told.stderr.is_empty(),
                "{}",
                String::from_utf8_lossy(&told.stderr)
            );
            assert!(String::from_utf8_lossy(&told.stdout).contains("# a job; ="));
        }
        Err(_) => eprintln!("skipped: there is no ffprobe on the search path"),
    }
}

#[test]
fn texts_that_cannot_be_stored_are_refused() {
    let options = |description: String| FilmOptions {
        description: Some(description),
        ..FilmOptions::default()
    };
    let long = options("a".repeat(MAX_DESCRIPTION + 1)).validate();
    assert!(
        matches!(long, Err(VideoError::DescriptionTooLong { bytes, .. }) if bytes == MAX_DESCRIPTION + 1)
    );
    let nul = options("ab\0c".into()).validate();
    assert!(matches!(nul, Err(VideoError::DescriptionNul { at: 2 })));
}

/// Whatever is cut off or overwritten: an answer or an error, and no great amount of memory.
#[test]
fn damaged_files_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder.path().join("film.mp4"),
        Encoder::default(),
        Some(TEXT),
    );
    write(
        &folder.path().join("frames"),
        Encoder::default(),
        Some(TEXT),
    );
    let damaged = folder.path().join("damaged");
    for name in ["film.gif", "film.webp"] {
        write(&folder.path().join(name), Encoder::default(), Some(TEXT));
    }
    let (mut refused, mut read_anyway) = (0, 0);
    for name in ["film.mp4", "film.gif", "film.webp", "frames/frame_0000.png"] {
        let whole = std::fs::read(folder.path().join(name)).unwrap();
        // The first bytes, and the last, where a WebP has its text.
        let ends: Vec<usize> = (0..600.min(whole.len()))
            .chain(whole.len() - 300..whole.len())
            .collect();
        let mut look = |bytes: &[u8]| {
            std::fs::write(&damaged, bytes).unwrap();
            let outcome = read(&damaged);
            // Overwriting a file makes some file systems wait for the disk.
            std::fs::remove_file(&damaged).unwrap();
            match outcome {
                Err(VideoError::Damaged { .. } | VideoError::UnknownContent { .. }) => refused += 1,
                Err(other) => panic!("{other}"),
                Ok(_) => read_anyway += 1,
            }
        };
        for &length in &ends {
            look(&whole[..length]);
        }
        for &at in &ends {
            for value in [0, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                look(&bytes);
            }
        }
    }
    assert!(
        refused > 1_000 && read_anyway > 1_000,
        "{refused}, {read_anyway}"
    );
}

#[test]
fn absurd_lengths_are_refused_without_reading_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let ftyp = b"\0\0\0\x10ftypisom\0\0\0\0".as_slice();
    let long = (1_u64 << 62).to_be_bytes();
    let nested = |length: u32| {
        let mut bytes = Vec::new();
        for name in [b"moov", b"udta", b"ilst"] {
            bytes.extend(length.to_be_bytes());
            bytes.extend(name);
        }
        bytes
    };
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice();
    let exif = |tiff: &[u8]| {
        let length = (tiff.len() as u32).to_le_bytes();
        [b"RIFF\xff\0\0\0WEBPEXIF", length.as_slice(), tiff].concat()
    };
    for bytes in [
        b"RIFF\xff\xff\xff\xffWEBPEXIF\xff\xff\xff\xff".to_vec(),
        exif(b"II*\0\xff\xff\xff\xff"),
        exif(b"MM\0*\0\0\0\x08\0\x01\x01\x0e\0\x02\x7f\xff\xff\xff\0\0\0\0"),
        exif(b"II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0\x50\0\0\0\xff\xff\xff\xff"),
        [
            b"GIF89a\x01\0\x01\0\0\0\0\x21\xfe".to_vec(),
            vec![0xff; 256 * 4200],
        ]
        .concat(),
        [ftyp, b"\0\0\0\x01moov", &long].concat(),
        [ftyp, b"\0\0\0\x01moov", &u64::MAX.to_be_bytes()].concat(),
        [ftyp, b"\0\0\0\x07moov"].concat(),
        [ftyp, &nested(u32::MAX)].concat(),
        [ftyp, &nested(9)].concat(),
        [png, &[0xff; 60]].concat(),
        [
            png,
            b"\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0\x90\x77\x53\xde\x7f\xff\xff\xffiTXtDescription\0",
        ]
        .concat(),
    ] {
        std::fs::write(&path, &bytes).unwrap();
        let refused = read(&path).unwrap_err();
        assert!(matches!(refused, VideoError::Damaged { .. }), "{refused}");
    }
}

#[test]
fn what_is_no_film_is_told_from_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    assert!(matches!(
        read(&path),
        Err(VideoError::File(FileError::Io { .. }))
    ));
    assert!(matches!(
        read(folder.path()),
        Err(VideoError::File(FileError::Io { .. }))
    ));
    for bytes in [b"".as_slice(), b"a", b"plain text, nothing else"] {
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(
            read(&path),
            Err(VideoError::UnknownContent { .. })
        ));
    }
    #[cfg(target_os = "linux")]
    assert!(matches!(
        read("/dev/zero"),
        Err(VideoError::File(FileError::NotRegular { .. }))
    ));
}
