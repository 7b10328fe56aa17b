use std::path::Path;

use lb_video::{Encoder, FileError, FilmOptions, FilmWriter, VideoError};

use crate::png_sequence::names;
use crate::scene::{HEIGHT, WIDTH, picture, scene};

fn create(path: &Path, width: usize, height: usize) -> Result<FilmWriter, VideoError> {
    FilmWriter::create(path, width, height, &FilmOptions::default())
}

#[test]
fn sizes_that_no_film_has_are_refused_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    for (width, height) in [(0, 64), (64, 0), (usize::MAX, 64), (16_385, 64)] {
        assert!(matches!(
            create(&path, width, height),
            Err(VideoError::FrameSize { .. })
        ));
    }
    for (width, height) in [(65, 64), (64, 65), (8, 64)] {
        assert!(matches!(
            create(&path, width, height),
            Err(VideoError::FilmSides { .. })
        ));
    }
    assert!(matches!(
        create(&path, 4096, 64),
        Err(VideoError::FilmTooLarge { .. })
    ));
    assert!(names(folder.path()).is_empty());
}

#[test]
fn options_out_of_range_are_refused() {
    for quantizer in [0, 11, 52] {
        let encoder = Encoder::OpenH264 { quantizer };
        let options = FilmOptions {
            encoder,
            ..FilmOptions::default()
        };
        assert!(matches!(
            options.validate(),
            Err(VideoError::Quantizer { .. })
        ));
    }
    let ffmpeg = |crf, preset: &str| FilmOptions {
        encoder: Encoder::Ffmpeg {
            program: "ffmpeg".into(),
            crf,
            preset: preset.into(),
        },
        ..FilmOptions::default()
    };
    assert!(matches!(
        ffmpeg(52, "slow").validate(),
        Err(VideoError::ConstantRateFactor { .. })
    ));
    assert!(matches!(
        ffmpeg(17, "-y").validate(),
        Err(VideoError::Preset { .. })
    ));
}

#[test]
fn an_output_that_exists_is_kept_unless_it_may_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    std::fs::write(&path, b"an older film").unwrap();
    assert!(matches!(
        create(&path, WIDTH, HEIGHT),
        Err(VideoError::File(FileError::Exists { .. }))
    ));
    let options = FilmOptions {
        overwrite: true,
        ..FilmOptions::default()
    };
    let given_up = FilmWriter::create(&path, WIDTH, HEIGHT, &options).unwrap();
    drop(given_up);
    assert_eq!(std::fs::read(&path).unwrap(), b"an older film");
    let mut film = FilmWriter::create(&path, WIDTH, HEIGHT, &options).unwrap();
    scene(2)
        .into_iter()
        .for_each(|frame| film.write(frame).unwrap());
    let bytes = film.finish().unwrap().bytes;
    assert_eq!(path.metadata().unwrap().len(), bytes);
}

#[test]
fn a_name_that_is_taken_meanwhile_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("film.mp4");
    let mut film = create(&path, WIDTH, HEIGHT).unwrap();
    scene(2)
        .into_iter()
        .for_each(|frame| film.write(frame).unwrap());
    std::fs::write(&path, b"somebody else's").unwrap();
    assert!(matches!(
        film.finish(),
        Err(VideoError::File(FileError::Exists { .. }))
    ));
    assert_eq!(std::fs::read(&path).unwrap(), b"somebody else's");
    assert_eq!(names(folder.path()), ["film.mp4"]);
}

#[test]
fn a_film_given_up_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    for name in ["film.mp4", "frames"] {
        let mut film = create(&parent.path().join(name), WIDTH, HEIGHT).unwrap();
        scene(6)
            .into_iter()
            .for_each(|frame| film.write(frame).unwrap());
        assert!(!parent.path().join(name).exists());
        drop(film);
        assert!(names(parent.path()).is_empty());
    }
}

#[test]
fn a_film_of_too_few_frames_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    for (name, min) in [("film.mp4", 2), ("frames", 1)] {
        let film = create(&parent.path().join(name), WIDTH, HEIGHT).unwrap();
        let refused = film.finish();
        assert!(matches!(refused, Err(VideoError::TooFewFrames { frames: 0, min: m }) if m == min));
    }
    assert!(names(parent.path()).is_empty());
}

#[test]
fn a_frame_of_another_size_is_refused_and_the_film_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut film = create(&folder.path().join("film.mp4"), WIDTH, HEIGHT).unwrap();
    let odd = film.write(picture(WIDTH + 2, HEIGHT, 0.0));
    assert!(matches!(odd, Err(VideoError::SizesDiffer { .. })));
    scene(2)
        .into_iter()
        .for_each(|frame| film.write(frame).unwrap());
    assert_eq!(film.finish().unwrap().frames, 2);
}

#[test]
fn places_that_cannot_be_written_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let missing = create(&folder.path().join("missing/film.mp4"), WIDTH, HEIGHT);
    assert!(matches!(
        missing,
        Err(VideoError::File(FileError::NoFolder { .. }))
    ));
    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    assert!(matches!(
        create(&file, WIDTH, HEIGHT),
        Err(VideoError::File(FileError::WrongKind { .. }))
    ));
    let taken = folder.path().join("folder.mp4");
    std::fs::create_dir(&taken).unwrap();
    assert!(matches!(
        create(&taken, WIDTH, HEIGHT),
        Err(VideoError::File(FileError::WrongKind { .. }))
    ));
    let unknown = create(&folder.path().join("film.avi"), WIDTH, HEIGHT);
    assert!(matches!(unknown, Err(VideoError::UnknownFormat { .. })));
    // Nobody, not even the superuser, makes files there.
    #[cfg(target_os = "linux")]
    {
        let closed = create(Path::new("/proc/film.mp4"), WIDTH, HEIGHT);
        assert!(matches!(
            closed,
            Err(VideoError::File(FileError::Io { .. }))
        ));
    }
}

/// The folder vanishes while the film is made. The first error is reported once, and later calls fail too.
#[test]
fn the_first_error_of_the_stage_is_the_one_reported() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("frames");
    std::fs::create_dir(&folder).unwrap();
    let mut film = create(&folder, WIDTH, HEIGHT).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let errors: Vec<VideoError> = scene(12)
        .into_iter()
        .filter_map(|frame| film.write(frame).err())
        .collect();
    let first = errors.first().unwrap();
    assert!(
        matches!(first, VideoError::File(FileError::Io { path, .. }) if path.ends_with("frame_0000.png"))
    );
    assert!(
        errors[1..]
            .iter()
            .all(|error| matches!(error, VideoError::FailedBefore))
    );
    assert!(matches!(film.finish(), Err(VideoError::FailedBefore)));
}
