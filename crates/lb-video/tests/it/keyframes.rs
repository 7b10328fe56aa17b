//! Keyframes of the stream in an MP4: they are rare, and not visible, whatever the picture shows.

use lb_video::{Encoder, FilmOptions, FilmWriter, FrameRate, RgbImage};

use crate::decode::{Decoded, decode, psnr};
use crate::scene::{HEIGHT, WIDTH, scene};

const FRAMES_PER_SECOND: usize = 8;
/// Frames from one keyframe to the next.
const PERIOD: usize = 10 * FRAMES_PER_SECOND;

fn film(frames: &[RgbImage], quantizer: u8) -> Decoded {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    let options = FilmOptions {
        frame_rate: FrameRate::new(FRAMES_PER_SECOND as f64).unwrap(),
        encoder: Encoder::OpenH264 { quantizer },
        ..FilmOptions::default()
    };
    let mut film = FilmWriter::create(&path, WIDTH, HEIGHT, &options).unwrap();
    for frame in frames {
        film.write(frame.clone()).unwrap();
    }
    film.finish().unwrap();
    let decoded = decode(&path);
    assert_eq!(decoded.frames.len(), frames.len());
    decoded
}

/// A cross-fade, slower than a grey level a frame, between pictures of soft shapes.
fn transition(frames: usize) -> Vec<RgbImage> {
    let shape = |x: usize, y: usize, wave: f64| {
        let angle = |at: usize, length: f64| at as f64 * std::f64::consts::TAU / length;
        128.0 + 100.0 * (angle(x, 40.0) + wave).sin() * (angle(y, 30.0) - wave).cos()
    };
    let picture = |index: usize| {
        let mix = index as f64 / frames as f64;
        let mut pixels = Vec::with_capacity(WIDTH * HEIGHT * 3);
        for (y, x) in (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (y, x))) {
            for band in [0.0, 0.5, 1.0] {
                let (from, to) = (shape(x, y, band), shape(y, x, 2.0 - band));
                pixels.push((from + (to - from) * mix).round() as u8);
            }
        }
        lb_video::picture::from_rgb(WIDTH, HEIGHT, pixels).unwrap()
    };
    (0..frames).map(picture).collect()
}

/// Black and white pixels, which hardly compress.
fn noise(seed: u32) -> RgbImage {
    let mut state = seed;
    let pixels = (0..WIDTH * HEIGHT).flat_map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        [if state >> 31 == 0 { 0 } else { 255 }; 3]
    });
    lb_video::picture::from_rgb(WIDTH, HEIGHT, pixels.collect()).unwrap()
}

/// Root mean square of the differences from each frame to the next, of squares with a side of `side` pixels:
/// the larger, the better they are seen.
fn steps(film: &Decoded, side: usize) -> Vec<f64> {
    let squares = |picture: &RgbImage| -> Vec<f64> {
        let mut sums = vec![0.0; (WIDTH / side) * (HEIGHT / side) * 3];
        for (index, value) in picture.iter().enumerate() {
            let (x, y) = (index / 3 % WIDTH / side, index / 3 / WIDTH / side);
            sums[(y * (WIDTH / side) + x) * 3 + index % 3] += f64::from(*value);
        }
        sums
    };
    let frames: Vec<Vec<f64>> = film.frames.iter().map(squares).collect();
    let step = |pair: &[Vec<f64>]| {
        let differences = pair[0].iter().zip(&pair[1]).map(|(l, r)| (r - l).powi(2));
        (differences.sum::<f64>() / pair[0].len() as f64).sqrt() / (side * side) as f64
    };
    frames.windows(2).map(step).collect()
}

#[test]
fn a_slow_transition_does_not_pulse_where_its_stream_begins_anew() {
    let film = film(&transition(4 * PERIOD)[..2 * PERIOD], 18);
    assert_eq!(film.keyframes, [1, 1 + PERIOD]);
    let steps = steps(&film, 4);
    let at = PERIOD - 1;
    let around = steps[at - 8..at].iter().chain(&steps[at + 1..at + 9]);
    let mean = around.sum::<f64>() / 16.0;
    // A keyframe made of the source is a step of 2.7 times the mean.
    assert!(steps[at] < 2.0 * mean, "{:.2} among {mean:.2}", steps[at]);
}

#[test]
fn a_still_film_stays_still_and_sharp() {
    let frame = &transition(2)[1];
    let film = film(&vec![frame.clone(); 3 * PERIOD + 1], 18);
    let largest = steps(&film, 1).into_iter().fold(0.0, f64::max);
    assert!(largest < 0.1, "{largest:.2}");
    let [first, last] = [0, 3 * PERIOD].map(|index| psnr(&film.frames[index], frame));
    assert!(last > first - 0.1, "{first:.1} and then {last:.1} dB");
}

#[test]
fn a_film_that_rests_after_a_transition_does_not_twinkle() {
    let moving = transition(PERIOD);
    let rest = vec![moving[PERIOD / 2].clone(); 2 * PERIOD];
    let frames = [&moving[..PERIOD / 2], &rest, &moving[PERIOD / 2..]].concat();
    let film = film(&frames, 18);
    let moves_again = frames.len() - PERIOD / 2 + 1;
    assert_eq!(film.keyframes, [1, moves_again + 1]);
    let steps = steps(&film, 1);
    // The first pictures of the rest may still come closer to their source.
    let settled = &steps[PERIOD / 2 + 8..PERIOD / 2 + rest.len() - 1];
    let largest = settled.iter().copied().fold(0.0, f64::max);
    assert!(largest < 0.02, "{largest:.3}");
}

#[test]
fn what_does_not_fit_is_coded_coarser_until_the_next_keyframe_is_due() {
    let scene = scene(2 * PERIOD);
    // At the beginning, right behind it, between two keyframes, and where one is due.
    for at in [0, 1, 7, PERIOD] {
        let mut frames = scene.clone();
        frames[at] = noise(at as u32 + 1);
        let film = film(&frames, 12);
        let next = if at == PERIOD { 1 } else { at + 1 + PERIOD };
        assert!(
            [1, at + 1, next]
                .iter()
                .all(|number| film.keyframes.contains(number)),
            "{at}: {:?}",
            film.keyframes
        );
        let shown = film.frames.iter().zip(&frames);
        let psnr: Vec<f64> = shown.map(|(l, r)| psnr(l, r)).collect();
        assert!(psnr[at] > 30.0, "{at}: {:.1} dB", psnr[at]);
        let others = psnr[..at].iter().chain(&psnr[at + 1..]);
        let least = others.copied().fold(f64::MAX, f64::min);
        assert!(least > 38.0, "{at}: {least:.1} dB");
        if at < PERIOD {
            let [coarse, fine] =
                [next - 6, next].map(|from| psnr[from..from + 5].iter().sum::<f64>() / 5.0);
            assert!(
                fine > coarse + 1.0,
                "{at}: {coarse:.1} and then {fine:.1} dB"
            );
        }
    }
}

#[test]
fn a_film_of_noise_alone_is_a_film() {
    let frames: Vec<RgbImage> = (1..5).map(noise).collect();
    assert_eq!(film(&frames, 12).frames.len(), 4);
}
