//! Films of a few bytes that would be a lot of work.

use std::fs;
use std::path::{Path, PathBuf};

use lb_video::limits::{MOST_FRAME_PIXELS, MOST_PIXELS, UNCHANGED};
use lb_video::{
    FilmOptions, FilmWriter, FrameReader, ReadOptions, VideoError, read_durations, read_frames,
};

use crate::scene::{HEIGHT, WIDTH, scene};

fn hostile(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/hostile")
        .join(name)
}

fn open(path: &Path) -> Result<FrameReader, VideoError> {
    read_frames(path, &ReadOptions::default())
}

/// A GIF of 4096x2160 pixels, with frames that paint its first pixel in this colour, 0 to 3.
fn gif(colours: &[u8]) -> Vec<u8> {
    let mut bytes = b"GIF89a\0\x10\x70\x08\x91\0\0".to_vec();
    bytes.extend([0, 0, 0, 90, 90, 90, 180, 180, 180, 255, 255, 255]);
    for colour in colours {
        bytes.extend(*b"\x21\xf9\x04\0\x04\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02");
        // In three bits each: clear, the colour, end.
        let codes = 0b100 | u16::from(*colour) << 3 | 0b101 << 6;
        bytes.extend(codes.to_le_bytes());
        bytes.push(0);
    }
    bytes.push(0x3b);
    bytes
}

#[test]
fn small_files_of_large_frames_are_refused() {
    for (name, reason) in [
        ("large_frames.webp", "a frame of 8192x8191 pixels"),
        (
            "larger_than_its_frame.webp",
            "a picture of 8738x10273 pixels in a frame of 24x17",
        ),
    ] {
        let error = open(&hostile(name)).unwrap_err();
        assert!(error.is_request());
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn a_small_film_has_few_pixels_in_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.gif");
    let frame = MOST_FRAME_PIXELS as u64;
    let allowed = (MOST_PIXELS / frame) as usize;
    let different: Vec<u8> = (0..12).map(|frame| frame % 4).collect();
    fs::write(&path, gif(&different)).unwrap();
    let mut frames = open(&path).unwrap();
    for index in 0..allowed {
        frames
            .next()
            .unwrap()
            .unwrap_or_else(|error| panic!("{index}: {error}"));
    }
    let error = frames.next().unwrap().unwrap_err();
    let expected = "67 million pixels together, which a file of its size does not hold";
    assert!(error.to_string().ends_with(expected), "{error}");
    assert!(frames.next().is_none());

    // A film that rests is allowed to, since its frames are the same picture.
    assert!(12 < allowed * UNCHANGED as usize);
    fs::write(&path, gif(&[1; 12])).unwrap();
    let pictures: Vec<_> = open(&path)
        .unwrap()
        .map(|frame| frame.unwrap().picture)
        .collect();
    assert_eq!(pictures.len(), 12);
    assert!(
        pictures
            .windows(2)
            .all(|pair| std::sync::Arc::ptr_eq(&pair[0], &pair[1]))
    );
}

#[test]
fn durations_are_those_of_the_frames() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["film.mp4", "film.gif", "film.webp"] {
        let path = folder.path().join(name);
        let mut film = FilmWriter::create(&path, WIDTH, HEIGHT, &FilmOptions::default()).unwrap();
        for (index, frame) in scene(12).into_iter().enumerate() {
            for _ in 0..1 + index % 3 {
                film.write(frame.clone()).unwrap();
            }
        }
        film.finish().unwrap();
        let frames = open(&path).unwrap().map(|frame| frame.unwrap().lasts);
        assert_eq!(read_durations(&path).unwrap(), frames.collect::<Vec<_>>());
    }
}

/// A film whose frames rest gives one picture again and again.
#[test]
fn equal_frames_share_their_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    let mut film = FilmWriter::create(&path, WIDTH, HEIGHT, &FilmOptions::default()).unwrap();
    for _ in 0..20 {
        film.write(crate::scene::plain([90, 120, 200])).unwrap();
    }
    film.finish().unwrap();
    let frames = open(&path).unwrap().map(|frame| frame.unwrap().picture);
    let frames: Vec<_> = frames.collect();
    assert_eq!(frames.len(), 20);
    assert!(std::sync::Arc::ptr_eq(&frames[10], &frames[19]));
}
