use std::path::Path;

use lb_video::{
    Encoder, FilmOptions, FilmWriter, FrameRate, VideoError, ffmpeg_available, ffmpeg_version,
};

use crate::decode::{decode, psnr};
use crate::png_sequence::names;
use crate::scene::{HEIGHT, WIDTH, scene};

fn options(program: impl AsRef<Path>) -> FilmOptions {
    let program = program.as_ref().to_path_buf();
    let encoder = Encoder::Ffmpeg {
        program,
        crf: 12,
        preset: "fast".into(),
    };
    FilmOptions {
        frame_rate: FrameRate::new(29.97).unwrap(),
        encoder,
        ..FilmOptions::default()
    }
}

#[test]
fn a_film_by_ffmpeg_decodes_to_its_frames() {
    if !ffmpeg_available(Path::new("ffmpeg")) {
        eprintln!("skipped: there is no ffmpeg with libx264 on the search path");
        return;
    }
    assert!(ffmpeg_version(Path::new("ffmpeg")).is_some());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    let mut film = FilmWriter::create(&path, WIDTH, HEIGHT, &options("ffmpeg")).unwrap();
    scene(20)
        .into_iter()
        .for_each(|frame| film.write(frame).unwrap());
    assert_eq!(film.finish().unwrap().frames, 20);
    assert_eq!(names(folder.path()), ["film.mp4"]);
    let decoded = decode(&path);
    assert_eq!(
        (decoded.width, decoded.height, decoded.frames.len()),
        (WIDTH, HEIGHT, 20)
    );
    assert!((decoded.seconds - 20.0 * 1001.0 / 30_000.0).abs() < 2e-3);
    for (shown, frame) in decoded.frames.iter().zip(scene(20)) {
        assert!(psnr(shown, &frame) >= 38.0);
    }
}

#[test]
fn a_program_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("no-such-program");
    assert_eq!(ffmpeg_version(&program), None);
    assert!(!ffmpeg_available(&program));
    let path = folder.path().join("film.mp4");
    let refused = FilmWriter::create(&path, WIDTH, HEIGHT, &options(&program)).unwrap_err();
    assert!(matches!(refused, VideoError::EncoderNotStarted { .. }));
    assert!(refused.to_string().contains("no-such-program"));
    assert!(names(folder.path()).is_empty());
}

/// A program that gives up: its last words are in the error, and nothing is left.
#[cfg(unix)]
#[test]
fn what_a_failing_program_said_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("failing");
    std::fs::write(&program, "#!/bin/sh\necho 'no such encoder' >&2\nexit 3\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.path().join("film.mp4");
    let mut film = FilmWriter::create(&path, WIDTH, HEIGHT, &options(&program)).unwrap();
    let failure = scene(40)
        .into_iter()
        .find_map(|frame| film.write(frame).err());
    let failure = failure.or_else(|| film.finish().err()).unwrap();
    assert!(
        matches!(failure, VideoError::EncoderProgram { .. }),
        "{failure}"
    );
    assert!(failure.to_string().contains("no such encoder"), "{failure}");
    assert_eq!(names(folder.path()), ["failing"]);
}
