//! Films and pictures of all formats: their frames and the texts that they carry.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use lb_video::{
    FilmOptions, FilmWriter, ReadOptions, metadata, picture_size, read_frames, read_grey_picture,
    read_picture,
};

use crate::scratch::Scratch;

thread_local! {
    static FOLDER: Scratch = Scratch::new();
}

/// The most frames that are read from one input. Each costs what its pixels cost, so a film may take as
/// long as it is long.
const FRAMES: usize = 8;

/// Reads the frames of a film and the texts in it. `start` is what files of its format have at a
/// position; other inputs belong to other targets.
fn film(bytes: &[u8], position: usize, start: &[u8]) {
    if !bytes
        .get(position..)
        .is_some_and(|rest| rest.starts_with(start))
    {
        return;
    }
    FOLDER.with(|folder| {
        let path = folder.write("film", bytes);
        let _ = metadata::read(&path);
        let _ = metadata::read_frame_text(&path);
        let options = ReadOptions {
            ffmpeg: None,
            ..ReadOptions::default()
        };
        if let Ok(frames) = read_frames(&path, &options) {
            frames.take(FRAMES).for_each(drop);
        }
    });
}

pub(crate) fn mp4(bytes: &[u8]) {
    film(bytes, 4, b"ftyp");
}

pub(crate) fn gif(bytes: &[u8]) {
    film(bytes, 0, b"GIF8");
}

pub(crate) fn webp(bytes: &[u8]) {
    film(bytes, 0, b"RIFF");
}

pub(crate) fn png(bytes: &[u8]) {
    film(bytes, 0, b"\x89PNG");
}

/// A film of three small pictures with a text, as it is written here.
fn written(name: &str) -> Vec<u8> {
    let folder = Scratch::new();
    let options = FilmOptions {
        description: Some("[[keyframe]]\nprompt = \"a\"\n".into()),
        ..FilmOptions::default()
    };
    let path = folder.path().join(name);
    let mut film = FilmWriter::create(&path, 32, 16, &options).expect("the folder is empty");
    for shade in [0, 100, 200] {
        let picture =
            RgbImage::from_fn(32, 16, |x, y| [shade, (x * 8) as u8, (y * 16) as u8].into());
        film.write(picture)
            .expect("the picture has the film's size");
    }
    film.finish().expect("the film is complete");
    let file = if path.is_dir() {
        path.join("frame_0000.png")
    } else {
        path
    };
    std::fs::read(file).expect("the film was written")
}

pub(crate) fn mp4_seeds() -> Vec<Vec<u8>> {
    vec![written("film.mp4")]
}

pub(crate) fn gif_seeds() -> Vec<Vec<u8>> {
    vec![written("film.gif")]
}

pub(crate) fn webp_seeds() -> Vec<Vec<u8>> {
    vec![written("film.webp")]
}

pub(crate) fn png_seeds() -> Vec<Vec<u8>> {
    vec![written("frames")]
}

/// Reads a picture as a keyframe and as a mask.
pub(crate) fn picture(bytes: &[u8]) {
    FOLDER.with(|folder| {
        let path = folder.write("picture", bytes);
        let _ = picture_size(&path);
        let _ = read_picture(&path);
        let _ = read_grey_picture(&path);
    });
}

pub(crate) fn picture_seeds() -> Vec<Vec<u8>> {
    let colour = RgbImage::from_fn(16, 8, |x, y| [(x * 16) as u8, (y * 32) as u8, 9].into());
    let colour = DynamicImage::from(colour);
    let encoded = |image: DynamicImage, format| {
        let mut bytes = Cursor::new(Vec::new());
        image
            .write_to(&mut bytes, format)
            .expect("memory can be written");
        bytes.into_inner()
    };
    vec![
        encoded(colour.clone(), ImageFormat::Png),
        encoded(colour.to_rgba16().into(), ImageFormat::Png),
        encoded(colour.to_luma8().into(), ImageFormat::Png),
        encoded(colour.clone(), ImageFormat::Jpeg),
        encoded(colour.to_luma8().into(), ImageFormat::Jpeg),
        encoded(colour.to_rgba8().into(), ImageFormat::WebP),
        written("film.webp"),
    ]
}
