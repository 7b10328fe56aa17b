use std::path::Path;

use lb_video::{Encoder, FilmOptions, FilmSummary, FilmWriter, FrameRate, RgbImage};

use crate::decode::{decode, psnr};
use crate::scene::{HEIGHT, WIDTH, plain, scene};

fn write(path: &Path, frames: &[RgbImage], frames_per_second: f64) -> FilmSummary {
    let options = FilmOptions {
        frame_rate: FrameRate::new(frames_per_second).unwrap(),
        ..FilmOptions::default()
    };
    let (width, height) = lb_video::picture::size(&frames[0]);
    let mut film = FilmWriter::create(path, width, height, &options).unwrap();
    for frame in frames {
        film.write(frame.clone()).unwrap();
    }
    film.finish().unwrap()
}

#[test]
fn a_film_decodes_to_its_frames() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    let frames = scene(75);
    let summary = write(&path, &frames, 6.0);
    assert_eq!((summary.frames, summary.seconds), (75, 12.5));
    assert_eq!(summary.bytes, path.metadata().unwrap().len());

    let decoded = decode(&path);
    assert_eq!((decoded.width, decoded.height), (WIDTH, HEIGHT));
    assert_eq!(decoded.frames.len(), 75);
    assert!((decoded.seconds - 12.5).abs() < 1e-3, "{}", decoded.seconds);
    for (index, (shown, frame)) in decoded.frames.iter().zip(&frames).enumerate() {
        let psnr = psnr(shown, frame);
        assert!(psnr >= 38.0, "frame {index}: {psnr:.1} dB");
    }
    assert_eq!(decoded.keyframes, [1, 61]);
}

#[test]
fn plain_colours_stay_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("colours.mp4");
    let colours = [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [255, 255, 255],
        [0, 0, 0],
    ];
    write(&path, &colours.map(plain), 10.0);
    for (shown, colour) in decode(&path).frames.iter().zip(colours) {
        for pixel in shown.chunks_exact(3) {
            for (band, wanted) in pixel.iter().zip(colour) {
                assert!(band.abs_diff(wanted) <= 4, "{pixel:?} for {colour:?}");
            }
        }
    }
}

#[test]
fn times_are_right_at_any_rate_and_do_not_drift() {
    let folder = tempfile::tempdir().unwrap();
    for (asked, meant) in [
        (23.976, 24_000.0 / 1001.0),
        (29.97, 30_000.0 / 1001.0),
        (12.5, 12.5),
        (60.0, 60.0),
        (0.5, 0.5),
    ] {
        let path = folder.path().join(format!("{asked}.mp4"));
        write(&path, &scene(70), asked);
        let decoded = decode(&path);
        for (index, (start, duration)) in decoded.times.iter().enumerate() {
            let tick = 1.0 / 90_000.0;
            assert!(
                (start - index as f64 / meant).abs() <= tick,
                "{asked}, frame {index}: {start}"
            );
            assert!(
                (duration - 1.0 / meant).abs() <= tick,
                "{asked}, frame {index}"
            );
        }
        assert!((decoded.seconds - 70.0 / meant).abs() <= 2e-3, "{asked}");
    }
}

#[test]
fn the_index_stands_before_the_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    write(&path, &scene(4), 30.0);
    let bytes = std::fs::read(&path).unwrap();
    let at = |name: &[u8]| bytes.windows(4).position(|window| window == name).unwrap();
    assert!(at(b"moov") < at(b"mdat"));
}

#[test]
fn the_same_frames_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first.mp4", "second.mp4"].map(|name| {
        let path = folder.path().join(name);
        write(&path, &scene(40), 6.0);
        std::fs::read(path).unwrap()
    });
    assert!(first == second);
}

#[test]
fn a_coarser_quantiser_makes_a_smaller_file() {
    let folder = tempfile::tempdir().unwrap();
    let [fine, coarse] = [14, 36].map(|quantizer| {
        let path = folder.path().join(format!("{quantizer}.mp4"));
        let encoder = Encoder::OpenH264 { quantizer };
        let options = FilmOptions {
            encoder,
            ..FilmOptions::default()
        };
        let mut film = FilmWriter::create(&path, WIDTH, HEIGHT, &options).unwrap();
        for frame in scene(12) {
            film.write(frame).unwrap();
        }
        film.finish().unwrap().bytes
    });
    assert!(coarse * 2 < fine, "{coarse} and {fine} bytes");
}
