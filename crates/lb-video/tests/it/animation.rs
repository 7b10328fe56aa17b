use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::AnimationDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::webp::WebPDecoder;
use lb_video::{
    AnimationOptions, FilmOptions, FilmSummary, FilmWriter, FrameRate, RgbImage, VideoError,
    WebpCompression,
};

use crate::decode::psnr;
use crate::png_sequence::names;
use crate::scene::{HEIGHT, WIDTH, picture, plain, scene};

fn write(path: &Path, frames: &[RgbImage], frames_per_second: f64) -> FilmSummary {
    let options = FilmOptions {
        frame_rate: FrameRate::new(frames_per_second).unwrap(),
        ..FilmOptions::default()
    };
    write_with(path, frames, &options)
}

fn write_with(path: &Path, frames: &[RgbImage], options: &FilmOptions) -> FilmSummary {
    let (width, height) = lb_video::picture::size(&frames[0]);
    let mut film = FilmWriter::create(path, width, height, options).unwrap();
    for frame in frames {
        film.write(frame.clone()).unwrap();
    }
    film.finish().unwrap()
}

/// The pictures that are shown, each with its milliseconds.
fn decode(path: &Path) -> Vec<(RgbImage, u32)> {
    let file = BufReader::new(File::open(path).unwrap());
    let frames = if path.extension().unwrap() == "gif" {
        GifDecoder::new(file).unwrap().into_frames()
    } else {
        WebPDecoder::new(file).unwrap().into_frames()
    };
    frames
        .map(|frame| {
            let frame = frame.unwrap();
            let (milliseconds, denominator) = frame.delay().numer_denom_ms();
            let picture = image::DynamicImage::ImageRgba8(frame.into_buffer()).into_rgb8();
            (picture, milliseconds / denominator)
        })
        .collect()
}

#[test]
fn an_animation_decodes_to_its_frames() {
    let folder = tempfile::tempdir().unwrap();
    for (name, least) in [("film.gif", 36.0), ("film.webp", 36.0)] {
        let path = folder.path().join(name);
        let summary = write(&path, &scene(45), 30.0);
        assert_eq!((summary.frames, summary.seconds), (45, 1.5));
        assert_eq!(summary.bytes, path.metadata().unwrap().len());
        let shown = decode(&path);
        assert_eq!(shown.len(), 45);
        for (index, ((shown, _), frame)) in shown.iter().zip(scene(45)).enumerate() {
            let psnr = psnr(shown, &frame);
            assert!(psnr >= least, "{name}, frame {index}: {psnr:.1} dB");
        }
    }
    assert_eq!(names(folder.path()), ["film.gif", "film.webp"]);
}

#[test]
fn a_lossless_film_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.webp");
    let options = FilmOptions {
        animation: AnimationOptions {
            webp: WebpCompression::Lossless,
            ..AnimationOptions::default()
        },
        ..FilmOptions::default()
    };
    // Odd sides, which no H.264 takes.
    let frames: Vec<RgbImage> = (0..5)
        .map(|index| picture(31, 17, f64::from(index) / 5.0))
        .collect();
    write_with(&path, &frames, &options);
    for ((shown, _), frame) in decode(&path).iter().zip(&frames) {
        assert!(shown == frame);
    }
}

#[test]
fn times_do_not_drift() {
    let folder = tempfile::tempdir().unwrap();
    for (name, tick) in [("film.gif", 10.0), ("film.webp", 1.0)] {
        for rate in [23.976, 30.0, 12.5, 0.5] {
            let path = folder.path().join(format!("{rate}-{name}"));
            let seconds = write(&path, &scene(70), rate).seconds;
            let mut at = 0;
            for (index, (_, lasts)) in decode(&path).iter().enumerate() {
                let meant = index as f64 / 70.0 * seconds * 1000.0;
                assert!(
                    (f64::from(at) - meant).abs() <= tick / 2.0 + 1e-6,
                    "{name}, {rate}: {index}"
                );
                at += lasts;
            }
            assert!(
                (f64::from(at) - seconds * 1000.0).abs() <= tick / 2.0 + 1e-6,
                "{name}, {rate}"
            );
        }
    }
}

/// Browsers show what is shorter for a tenth of a second.
#[test]
fn a_fast_film_keeps_its_time_with_fewer_frames() {
    let folder = tempfile::tempdir().unwrap();
    for (name, shortest) in [("film.gif", 20), ("film.webp", 11)] {
        let path = folder.path().join(name);
        write(&path, &scene(120), 120.0);
        let shown = decode(&path);
        assert!(shown.iter().all(|(_, lasts)| *lasts >= shortest));
        assert_eq!(shown.iter().map(|(_, lasts)| lasts).sum::<u32>(), 1000);
        assert!((40..=91).contains(&shown.len()), "{}", shown.len());
    }
}

/// A picture that is held longer than a frame's time can be counted, and then another.
#[test]
fn what_is_held_is_stored_once() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["film.gif", "film.webp"] {
        let path = folder.path().join(name);
        let mut frames = vec![plain([10, 200, 30]); 100];
        frames.push(plain([200, 10, 30]));
        write(&path, &frames, 0.1);
        let shown = decode(&path);
        assert_eq!(
            shown
                .iter()
                .map(|(_, lasts)| u64::from(*lasts))
                .sum::<u64>(),
            1_010_000
        );
        assert!(shown.len() <= 3, "{name}: {} frames", shown.len());
        assert!(psnr(&shown.last().unwrap().0, &frames[100]) > 40.0);
    }
}

/// Half of the picture stands still while palettes come and go.
#[test]
fn a_still_area_of_a_gif_is_perfectly_still() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.gif");
    let still = picture(WIDTH, HEIGHT, 0.5);
    let half = WIDTH * HEIGHT / 2 * 3;
    let frames: Vec<RgbImage> = scene(30)
        .iter()
        .map(|frame| {
            let mut pixels = still.as_raw().to_vec();
            pixels[half..].copy_from_slice(&frame.as_raw()[half..]);
            lb_video::picture::from_rgb(WIDTH, HEIGHT, pixels).unwrap()
        })
        .collect();
    write(&path, &frames, 30.0);
    let shown = decode(&path);
    assert_eq!(shown.len(), 30);
    for (picture, _) in &shown {
        assert!(picture.as_raw()[..half] == shown[0].0.as_raw()[..half]);
    }
    assert!(shown[0].0.as_raw()[half..] != shown[29].0.as_raw()[half..]);
}

#[test]
fn few_colours_are_kept_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.gif");
    let frames = [plain([1, 2, 3]), plain([254, 0, 77])];
    write(&path, &frames, 10.0);
    for ((shown, _), frame) in decode(&path).iter().zip(&frames) {
        assert!(shown == frame);
    }
}

#[test]
fn a_film_ends_or_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let has = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    for (name, for_ever) in [
        ("film.gif", b"NETSCAPE2.0\x03\x01\0\0\0".as_slice()),
        ("film.webp", b"ANIM\x06\0\0\0\xff\xff\xff\xff\0\0"),
    ] {
        for repeats in [true, false] {
            let path = folder.path().join(format!("{repeats}-{name}"));
            let animation = AnimationOptions {
                repeats,
                ..AnimationOptions::default()
            };
            let options = FilmOptions {
                animation,
                ..FilmOptions::default()
            };
            write_with(&path, &scene(3), &options);
            assert_eq!(
                has(&std::fs::read(&path).unwrap(), for_ever),
                repeats,
                "{name}"
            );
        }
    }
}

#[test]
fn the_same_frames_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["film.gif", "film.webp"] {
        let [first, second] = ["first", "second"].map(|order| {
            let path = folder.path().join(format!("{order}-{name}"));
            write(&path, &scene(12), 24.0);
            std::fs::read(path).unwrap()
        });
        assert!(first == second, "{name}");
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = FilmOptions::default();
    let wide = FilmWriter::create(folder.path().join("film.webp"), 16_384, 2, &options);
    assert!(matches!(
        wide,
        Err(VideoError::FrameSize { max: 16_383, .. })
    ));
    let mut too_good = options.clone();
    too_good.animation.webp = WebpCompression::Lossy { quality: 101 };
    assert!(matches!(
        too_good.validate(),
        Err(VideoError::WebpQuality { quality: 101 })
    ));
    for name in ["film.gif", "film.webp"] {
        let path = folder.path().join(name);
        let empty = FilmWriter::create(&path, WIDTH, HEIGHT, &options)
            .unwrap()
            .finish();
        assert!(matches!(
            empty,
            Err(VideoError::TooFewFrames { frames: 0, min: 1 })
        ));
        let mut film = FilmWriter::create(&path, WIDTH, HEIGHT, &options).unwrap();
        film.write(plain([1, 2, 3])).unwrap();
        drop(film);
    }
    assert!(names(folder.path()).is_empty());
}
