use std::path::Path;
use std::process::Command;

use lb_video::{
    AudioTrack, Encoder, FileError, FilmOptions, FilmWriter, ReadOptions, VideoError,
    ffmpeg_available, metadata, read_frames,
};

use crate::png_sequence::names;
use crate::scene::{HEIGHT, WIDTH, scene};

/// Two seconds of film.
const FRAMES: usize = 60;

fn options(track: &Path, encoder: Encoder) -> FilmOptions {
    FilmOptions {
        encoder,
        audio: Some(AudioTrack::new(track)),
        description: Some("made from\nthis".into()),
        ..FilmOptions::default()
    }
}

fn write(path: &Path, options: &FilmOptions) -> Result<(), VideoError> {
    let mut film = FilmWriter::create(path, WIDTH, HEIGHT, options)?;
    for frame in scene(FRAMES) {
        film.write(frame)?;
    }
    film.finish().map(|_| ())
}

/// A tone that lasts `seconds`.
fn tone(path: &Path, seconds: &str) {
    let source = format!("sine=frequency=440:duration={seconds}");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &source, "-y"])
        .arg(path)
        .status();
    assert!(made.unwrap().success());
}

fn told(program: &str, arguments: &[&str], path: &Path) -> String {
    let output = Command::new(program)
        .args(["-v", "error"])
        .args(arguments)
        .arg(path)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Samples of the film's sound, mono at 8 kHz.
fn samples(path: &Path) -> Vec<f64> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-f", "s16le", "-ac", "1", "-ar", "8000", "-"])
        .output()
        .unwrap();
    let samples = output.stdout.as_chunks().0.iter();
    samples
        .map(|two| f64::from(i16::from_le_bytes(*two)) / 32_768.0)
        .collect()
}

/// The encoded pictures, by a hash.
fn pictures(path: &Path) -> String {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args([
            "-map",
            "0:v",
            "-c",
            "copy",
            "-f",
            "streamhash",
            "-hash",
            "sha256",
            "-",
        ])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn loudness(samples: &[f64]) -> f64 {
    (samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len() as f64).sqrt()
}

/// A playlist may have been made by anybody, and would play any file of the disk.
#[test]
fn a_track_is_sound_and_not_a_list_of_others() {
    if !ffmpeg_available(Path::new("ffmpeg")) {
        eprintln!("skipped: there is no ffmpeg with libx264 on the search path");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in [
        "a.wav", "a.mp3", "a.flac", "a.ogg", "a.m4a", "a.mka", "a.webm", "a.aac", "a.aiff", "a.ts",
    ] {
        tone(&path(name), "1");
        let seconds = AudioTrack::new(path(name)).seconds().unwrap();
        assert!((seconds - 1.0).abs() < 0.2, "{name}: {seconds}");
    }
    let secret = path("a.ts");
    let secret = secret.display();
    for (name, list) in [
        (
            "list.m3u8",
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n"),
        ),
        ("list.ogg", "ffconcat version 1.0\nfile a.ts\n".into()),
    ] {
        std::fs::write(path(name), list).unwrap();
        let refused = AudioTrack::new(path(name)).seconds().unwrap_err();
        assert!(matches!(refused, VideoError::NotAudio { .. }), "{refused}");
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[test]
fn a_track_is_cut_or_followed_by_silence() {
    if !ffmpeg_available(Path::new("ffmpeg")) {
        eprintln!("skipped: there is no ffmpeg with libx264 on the search path");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ffmpeg = Encoder::Ffmpeg {
        program: "ffmpeg".into(),
        crf: 20,
        preset: "fast".into(),
    };
    for (encoder, seconds, file) in [
        (Encoder::default(), "5", "long.ogg"),
        (Encoder::default(), "1", "short.wav"),
        (ffmpeg, "5", "-long.flac"),
    ] {
        let track = folder.path().join(file);
        tone(&track, seconds);
        let found = AudioTrack::new(&track).seconds().unwrap();
        let expected: f64 = seconds.parse().unwrap();
        assert!((found - expected).abs() < 0.03, "{file}: {found}");
        let path = folder.path().join("film.mp4");
        let mut options = options(&track, encoder);
        options.overwrite = true;
        write(&path, &options).unwrap();
        let first = std::fs::read(&path).unwrap();
        write(&path, &options).unwrap();
        assert!(
            first == std::fs::read(&path).unwrap(),
            "{file}: other bytes"
        );

        let entries = [
            "-show_entries",
            "stream=codec_name,duration",
            "-of",
            "csv=p=0",
        ];
        let streams = told("ffprobe", &entries, &path);
        assert_eq!(streams, "h264,2.000000\naac,2.000000\n", "{file}");
        let sound = samples(&path);
        assert!(loudness(&sound[..7_000]) > 0.05);
        let end = loudness(&sound[9_000..15_000]);
        assert!(
            if seconds == "1" {
                end < 1e-3
            } else {
                end > 0.05
            },
            "{file}: {end}"
        );

        assert_eq!(metadata::read(&path).unwrap().unwrap(), "made from\nthis");
        let index = first
            .windows(4)
            .position(|window| window == b"moov")
            .unwrap();
        let data = first
            .windows(4)
            .position(|window| window == b"mdat")
            .unwrap();
        assert!(index < data);
        let silent = folder.path().join("silent.mp4");
        options.audio = None;
        write(&silent, &options).unwrap();
        assert_eq!(pictures(&path), pictures(&silent));
        let frames = read_frames(&path, &ReadOptions::default()).unwrap();
        let times: Vec<f64> = frames.map(|frame| frame.unwrap().begins).collect();
        assert_eq!(times.len(), FRAMES);
        assert!((times[FRAMES - 1] - 59.0 / 30.0).abs() < 1e-4);
        std::fs::remove_file(&track).unwrap();
    }
    assert_eq!(names(folder.path()), ["film.mp4", "silent.mp4"]);
}

#[test]
fn what_is_no_track_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (path, track) = (folder.path().join("film.mp4"), folder.path().join("track"));
    let refused = |options: &FilmOptions, path: &Path| write(path, options).unwrap_err();
    let good = options(&track, Encoder::default());
    assert!(matches!(
        refused(&good, &path),
        VideoError::File(FileError::Io { .. })
    ));
    std::fs::write(&track, b"this is text").unwrap();
    for silent in ["film.gif", "film.webp", "frames"] {
        let silent = folder.path().join(silent);
        assert!(matches!(refused(&good, &silent), VideoError::Silent { .. }));
    }
    let mut missing = good.clone();
    let mut muxed_by_nothing = AudioTrack::new(&track);
    muxed_by_nothing.program = "no-such-program".into();
    missing.audio = Some(muxed_by_nothing);
    let error = refused(&missing, &path);
    assert!(
        matches!(error, VideoError::AudioWithoutFfmpeg { .. }),
        "{error}"
    );
    if ffmpeg_available(Path::new("ffmpeg")) {
        // A picture, text, and a playlist are no sound.
        assert!(matches!(refused(&good, &path), VideoError::NotAudio { .. }));
        let film = folder.path().join("silent.mp4");
        write(&film, &FilmOptions::default()).unwrap();
        let error = refused(&options(&film, Encoder::default()), &path);
        assert!(matches!(error, VideoError::NotAudio { .. }), "{error}");
        std::fs::remove_file(film).unwrap();
    } else {
        eprintln!("skipped in part: there is no ffmpeg on the search path");
    }
    assert_eq!(names(folder.path()), ["track"]);
}
