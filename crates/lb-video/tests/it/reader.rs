use std::path::{Path, PathBuf};
use std::process::Command;

use lb_video::{
    Encoder, FileError, FilmFrame, FilmOptions, FilmWriter, ReadOptions, VideoError,
    ffmpeg_available, read_frames, write_png,
};

use crate::decode::{decode, psnr};
use crate::scene::{HEIGHT, WIDTH, picture, plain, scene};

fn write(path: &Path, count: usize, options: &FilmOptions) {
    let mut film = FilmWriter::create(path, WIDTH, HEIGHT, options).unwrap();
    for frame in scene(count) {
        film.write(frame).unwrap();
    }
    film.finish().unwrap();
}

fn read(path: &Path) -> Vec<FilmFrame> {
    let frames = read_frames(path, &ReadOptions::default()).unwrap();
    frames.map(|frame| frame.unwrap()).collect()
}

/// The first error of a film, when it is opened or later.
fn error(path: &Path, options: &ReadOptions) -> Option<VideoError> {
    match read_frames(path, options) {
        Ok(frames) => frames.filter_map(Result::err).next(),
        Err(error) => Some(error),
    }
}

fn has_ffmpeg() -> bool {
    ffmpeg_available(Path::new("ffmpeg"))
}

#[test]
fn every_format_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    for (name, least, tick) in [
        ("film.mp4", 38.0, 1e-4),
        ("film.gif", 36.0, 5.1e-3),
        ("film.webp", 36.0, 5.1e-4),
        ("frames", f64::INFINITY, 1e-9),
    ] {
        let path = folder.path().join(name);
        write(&path, 40, &FilmOptions::default());
        let frames = read(&path);
        assert_eq!(frames.len(), 40, "{name}");
        for (index, (shown, frame)) in frames.iter().zip(scene(40)).enumerate() {
            let psnr = psnr(&shown.picture, &frame);
            assert!(psnr >= least, "{name}, frame {index}: {psnr:.1} dB");
            assert!(
                (shown.begins - index as f64 / 30.0).abs() <= tick,
                "{name}, {index}"
            );
            assert!(
                (shown.lasts - 1.0 / 30.0).abs() <= 2.0 * tick,
                "{name}, {index}"
            );
        }
    }
}

/// Against a decoder of the tests' own, in floats.
#[test]
fn colours_are_those_of_bt_709() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    write(&path, 5, &FilmOptions::default());
    for (frame, expected) in read(&path).iter().zip(decode(&path).frames) {
        let pairs = frame.picture.iter().zip(expected.iter());
        assert!(
            pairs
                .into_iter()
                .all(|(band, expected)| band.abs_diff(*expected) <= 1)
        );
    }
}

/// High profile, with pictures that are decoded before those they are shown after.
#[test]
fn a_film_by_ffmpeg_is_read_in_the_order_it_is_shown() {
    if !has_ffmpeg() {
        eprintln!("skipped: there is no ffmpeg with libx264 on the search path");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    let encoder = Encoder::Ffmpeg {
        program: "ffmpeg".into(),
        crf: 12,
        preset: "slow".into(),
    };
    let options = FilmOptions {
        encoder,
        ..FilmOptions::default()
    };
    write(&path, 40, &options);
    let frames = read(&path);
    assert_eq!(frames.len(), 40);
    for (index, (shown, frame)) in frames.iter().zip(scene(40)).enumerate() {
        let psnr = psnr(&shown.picture, &frame);
        assert!(psnr >= 38.0, "frame {index}: {psnr:.1} dB");
        assert!((shown.begins - index as f64 / 30.0).abs() <= 1e-4);
    }
}

#[test]
fn what_openh264_does_not_decode_ffmpeg_does() {
    if !has_ffmpeg() {
        eprintln!("skipped: there is no ffmpeg with libx264 on the search path");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let frames = folder.path().join("frames");
    write(&frames, 12, &FilmOptions::default());
    let path = folder.path().join("-film.mp4");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-framerate", "24", "-i"])
        .arg(frames.join("frame_%04d.png"))
        .args([
            "-c:v", "libx264", "-crf", "10", "-pix_fmt", "yuv444p", "-f", "mp4",
        ])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    let shown = read(&path);
    assert_eq!(shown.len(), 12);
    for (index, (shown, frame)) in shown.iter().zip(scene(12)).enumerate() {
        assert!(psnr(&shown.picture, &frame) >= 36.0);
        assert!((shown.begins - index as f64 / 24.0).abs() <= 1e-4);
    }
    for ffmpeg in [None, Some(PathBuf::from("no-such-program"))] {
        let options = ReadOptions {
            ffmpeg,
            ..ReadOptions::default()
        };
        let refused = error(&path, &options).unwrap();
        assert!(
            matches!(refused, VideoError::Undecodable { .. }),
            "{refused}"
        );
    }
}

#[test]
fn a_folder_is_read_by_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let empty = error(folder.path(), &ReadOptions::default()).unwrap();
    assert!(matches!(empty, VideoError::NoPictures { .. }));
    for (name, level) in [
        ("frame_9999.png", 1),
        ("frame_10000.png", 2),
        ("frame_0003.png", 0),
    ] {
        write_png(folder.path().join(name), &plain([level; 3]), false).unwrap();
    }
    std::fs::write(folder.path().join("notes.txt"), b"no picture").unwrap();
    let levels: Vec<u8> = read(folder.path())
        .iter()
        .map(|frame| frame.picture.as_raw()[0])
        .collect();
    assert_eq!(levels, [0, 1, 2]);
    let odd = picture(WIDTH + 1, HEIGHT, 0.0);
    write_png(folder.path().join("frame_0004.png"), &odd, false).unwrap();
    let mut frames = read_frames(folder.path(), &ReadOptions::default()).unwrap();
    assert!(frames.next().unwrap().is_ok());
    assert!(matches!(
        frames.next(),
        Some(Err(VideoError::SizesDiffer { .. }))
    ));
    assert!(frames.next().is_none());
}

#[test]
fn what_is_no_film_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    let options = ReadOptions::default();
    assert!(matches!(
        error(&path, &options),
        Some(VideoError::File(FileError::Io { .. }))
    ));
    for bytes in [b"".as_slice(), b"plain text, and nothing else in it"] {
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(
            error(&path, &options),
            Some(VideoError::UnknownContent { .. })
        ));
    }
    // 50,000 x 50,000 pixels in a few bytes.
    for (name, bytes) in [
        ("film.gif", b"GIF89a\x50\xc3\x50\xc3\0\0\0,\0\0\0\0\x50\xc3\x50\xc3\0\x02\x01\0\0;".as_slice()),
        ("film.png", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xc3\x50\0\0\xc3\x50\x08\x02\0\0\0\x81\x9d\x9d\x4b\0\0\0\0IDAT"),
    ] {
        let frames = folder.path().join("frames");
        std::fs::create_dir_all(&frames).unwrap();
        std::fs::write(frames.join(name), bytes).unwrap();
        let path = if name == "film.gif" { frames.join(name) } else { frames };
        let refused = error(&path, &options).unwrap();
        assert!(matches!(refused, VideoError::Damaged { .. }), "{refused}");
    }
}

/// Cut short or overwritten anywhere: frames or an error.
#[test]
fn damaged_films_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = ReadOptions {
        ffmpeg: None,
        ..ReadOptions::default()
    };
    let damaged = folder.path().join("damaged");
    let mut refused = 0;
    for name in ["film.mp4", "film.gif", "film.webp"] {
        let path = folder.path().join(name);
        write(&path, 3, &FilmOptions::default());
        let whole = std::fs::read(&path).unwrap();
        let mut look = |bytes: &[u8]| {
            std::fs::write(&damaged, bytes).unwrap();
            refused += usize::from(error(&damaged, &options).is_some());
            std::fs::remove_file(&damaged).unwrap();
        };
        for length in (0..whole.len()).step_by(37) {
            look(&whole[..length]);
        }
        for at in (0..800.min(whole.len())).chain((800..whole.len()).step_by(41)) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xff;
            look(&bytes);
        }
    }
    assert!(refused > 300, "{refused}");
}
