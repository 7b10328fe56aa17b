//! An MP4 back to pictures: demuxed by the mp4 crate, decoded by openh264, BT.709 in floats here.

use std::path::Path;

use lb_video::RgbImage;
use lb_video::picture::from_rgb;
use mp4::Mp4Reader;
use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;

pub(crate) struct Decoded {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) frames: Vec<RgbImage>,
    /// When each is shown and for how long, in seconds.
    pub(crate) times: Vec<(f64, f64)>,
    /// 1-based numbers of the frames that can be jumped to.
    pub(crate) keyframes: Vec<usize>,
    pub(crate) seconds: f64,
}

pub(crate) fn decode(path: &Path) -> Decoded {
    let bytes = std::fs::read(path).unwrap();
    let mut reader =
        Mp4Reader::read_header(std::io::Cursor::new(&bytes), bytes.len() as u64).unwrap();
    let (track, (width, height), timescale, count) = {
        assert_eq!(reader.tracks().len(), 1);
        let (id, track) = reader.tracks().iter().next().unwrap();
        let size = (usize::from(track.width()), usize::from(track.height()));
        (
            *id,
            size,
            f64::from(track.timescale()),
            track.sample_count(),
        )
    };
    let seconds = reader.tracks()[&track].duration().as_secs_f64();
    let sets = &reader.tracks()[&track];
    let mut stream = Vec::new();
    for set in [
        sets.sequence_parameter_set().unwrap(),
        sets.picture_parameter_set().unwrap(),
    ] {
        stream.extend([0, 0, 0, 1]);
        stream.extend(set);
    }
    let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
    let mut decoder = Decoder::with_api_config(OpenH264API::from_source(), config).unwrap();
    let (mut frames, mut times, mut keyframes) = (Vec::new(), Vec::new(), Vec::new());
    for number in 1..=count {
        let sample = reader.read_sample(track, number).unwrap().unwrap();
        times.push((
            sample.start_time as f64 / timescale,
            f64::from(sample.duration) / timescale,
        ));
        if sample.is_sync {
            keyframes.push(number as usize);
        }
        annex_b(&sample.bytes, &mut stream);
        if let Some(picture) = decoder.decode(&stream).unwrap() {
            frames.push(rgb(&picture));
        }
        stream.clear();
    }
    frames.extend(decoder.flush_remaining().unwrap().iter().map(rgb));
    Decoded {
        width,
        height,
        frames,
        times,
        keyframes,
        seconds,
    }
}

/// Length-prefixed units, as in an MP4, to units behind start codes.
fn annex_b(mut sample: &[u8], stream: &mut Vec<u8>) {
    while let Some((length, rest)) = sample.split_first_chunk() {
        let (unit, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
        stream.extend([0, 0, 0, 1]);
        stream.extend(unit);
        sample = rest;
    }
}

/// Rec. ITU-R BT.709-6, limited range; chroma as it lies, beside the left column and between two
/// rows, and linear from there.
fn rgb(picture: &DecodedYUV<'_>) -> RgbImage {
    let (width, height) = picture.dimensions();
    let strides = picture.strides();
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let luma = (f64::from(picture.y()[y * strides.0 + x]) - 16.0) / 219.0;
            let chroma = |plane: &[u8], stride: usize| {
                let row = |y: usize| {
                    let at = |x: usize| f64::from(plane[y * stride + x.min(width / 2 - 1)]);
                    (at(x / 2) + at(x.div_ceil(2))) / 2.0
                };
                let beyond = if y % 2 == 0 {
                    (y / 2).saturating_sub(1)
                } else {
                    (y / 2 + 1).min(height / 2 - 1)
                };
                (0.75 * row(y / 2) + 0.25 * row(beyond) - 128.0) / 224.0
            };
            let blue = luma + 1.8556 * chroma(picture.u(), strides.1);
            let red = luma + 1.5748 * chroma(picture.v(), strides.2);
            let green = (luma - 0.2126 * red - 0.0722 * blue) / 0.7152;
            pixels.extend([red, green, blue].map(|band| (band * 255.0).round() as u8));
        }
    }
    from_rgb(width, height, pixels).unwrap()
}

/// Peak signal-to-noise ratio in dB.
pub(crate) fn psnr(left: &RgbImage, right: &RgbImage) -> f64 {
    lb_video::picture::psnr(left, right).unwrap()
}
