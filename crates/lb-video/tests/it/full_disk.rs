//! A disk that fills: a small file system of its own, where the system lets anybody make one.

use std::path::{Path, PathBuf};
use std::process::Command;

use lb_video::{
    AudioTrack, Encoder, FileError, FilmOptions, FilmWriter, PngFile, RgbImage, VideoError,
    WebpCompression, ffmpeg_available,
};

use crate::png_sequence::names;

const SIDE: usize = 128;
/// Bytes of the disk.
const ROOM: u64 = 200 * 1024;
/// Tells the test inside where the small disk is.
const DISK: &str = "LB_VIDEO_TEST_DISK";

/// Runs the test below where a small disk is mounted that nobody else sees.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let inside = |script: &str| {
        Command::new("unshare")
            .args([
                "--user",
                "--map-root-user",
                "--mount",
                "sh",
                "-c",
                script,
                "sh",
            ])
            .arg(&disk)
            .arg(std::env::current_exe().unwrap())
            .env(DISK, &disk)
            .output()
    };
    let mount = format!("mount -t tmpfs -o size={ROOM} none \"$1\"");
    if !inside(&mount).is_ok_and(|tried| tried.status.success()) {
        eprintln!("skipped: a small file system cannot be mounted here");
        return;
    }
    let test = "full_disk::on_a_small_disk";
    let told = inside(&format!("{mount} && exec \"$2\" --ignored --exact {test}")).unwrap();
    let output = String::from_utf8_lossy(&told.stdout);
    let errors = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{output}{errors}");
    assert!(output.contains("1 passed"), "{output}");
}

#[test]
#[ignore = "it wants a small disk: a_full_disk_is_told_and_leaves_nothing runs it"]
fn on_a_small_disk() {
    let Some(disk) = std::env::var_os(DISK).map(PathBuf::from) else {
        return;
    };
    let mut cases = vec![
        ("film.mp4", FilmOptions::default()),
        ("film.gif", FilmOptions::default()),
        ("film.webp", FilmOptions::default()),
        ("frames", FilmOptions::default()),
    ];
    cases[2].1.animation.webp = WebpCompression::Lossless;
    if ffmpeg_available(Path::new("ffmpeg")) {
        let encoder = Encoder::Ffmpeg {
            program: "ffmpeg".into(),
            crf: 1,
            preset: "ultrafast".into(),
        };
        let by_ffmpeg = FilmOptions {
            encoder,
            ..FilmOptions::default()
        };
        // One film of these frames fits, two of them do not.
        let track = disk.parent().unwrap().join("track.wav");
        silence(&track);
        let with_sound = FilmOptions {
            audio: Some(AudioTrack::new(&track)),
            ..FilmOptions::default()
        };
        cases.extend([("ffmpeg.mp4", by_ffmpeg), ("sound.mp4", with_sound)]);
    }
    for (name, options) in cases {
        let frames = if name == "sound.mp4" { 12 } else { 120 };
        let Err(refused) = write(&disk.join(name), frames, &options) else {
            panic!(
                "{name}: {} bytes fit",
                disk.join(name).metadata().unwrap().len()
            );
        };
        let VideoError::File(FileError::NoSpace { path, written }) = &refused else {
            panic!("{name}: {refused:?}");
        };
        assert!(path.starts_with(disk.join(name)), "{name}: {refused}");
        assert!((1..=ROOM).contains(written), "{name}: {refused}");
        assert!(refused.to_string().starts_with("no space left on the disk"));
        assert!(names(&disk).is_empty(), "{name}: {:?}", names(&disk));
    }
    std::fs::write(disk.join("filler"), vec![0; ROOM as usize - 8192]).unwrap();
    let mut picture = PngFile::create(disk.join("sheet.png"), false).unwrap();
    let refused = picture.write(&noise(0), None).unwrap_err();
    assert!(
        matches!(refused, VideoError::File(FileError::NoSpace { .. })),
        "{refused}"
    );
    drop(picture);
    assert_eq!(names(&disk), ["filler"]);
}

fn write(path: &Path, frames: usize, options: &FilmOptions) -> Result<(), VideoError> {
    let mut film = FilmWriter::create(path, SIDE, SIDE, options)?;
    for index in 0..frames {
        film.write(noise(index))?;
    }
    film.finish().map(|_| ())
}

/// What hardly compresses.
fn noise(seed: usize) -> RgbImage {
    let mut state = seed as u32 + 1;
    let pixels = (0..SIDE * SIDE * 3).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        96 + (state as u8 >> 2)
    });
    lb_video::picture::from_rgb(SIDE, SIDE, pixels.collect()).unwrap()
}

/// A second of it, as WAV.
fn silence(path: &Path) {
    let mut bytes = b"RIFF\x64\x1f\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\x40\x1f\0\0".to_vec();
    bytes.resize(bytes.len() + 8000, 0x80);
    std::fs::write(path, bytes).unwrap();
}
