use std::path::Path;

use lb_video::{FileError, FilmOptions, FilmWriter, VideoError, write_png};

use crate::scene::{HEIGHT, WIDTH, plain, scene};

fn write(folder: &Path, count: usize, overwrite: bool) -> Result<(), VideoError> {
    let options = FilmOptions {
        overwrite,
        ..FilmOptions::default()
    };
    let mut film = FilmWriter::create(folder, WIDTH, HEIGHT, &options)?;
    for frame in scene(count) {
        film.write(frame)?;
    }
    assert_eq!(film.finish()?.frames, count);
    Ok(())
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_folder_holds_every_frame_without_loss() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("frames");
    write(&folder, 3, false).unwrap();
    assert_eq!(names(parent.path()), ["frames"]);
    assert_eq!(
        names(&folder),
        ["frame_0000.png", "frame_0001.png", "frame_0002.png"]
    );
    for (name, frame) in names(&folder).iter().zip(scene(3)) {
        let picture = image::open(folder.join(name)).unwrap().into_rgb8();
        assert_eq!(
            (picture.width(), picture.height()),
            (WIDTH as u32, HEIGHT as u32)
        );
        assert_eq!(picture.as_raw().as_slice(), frame.as_raw());
    }
}

#[test]
fn a_film_may_be_larger_than_its_frames() {
    let folder = tempfile::tempdir().unwrap();
    let options = FilmOptions {
        scale: 3,
        ..FilmOptions::default()
    };
    for name in ["film.gif", "film.mp4", "film"] {
        let path = folder.path().join(name);
        let mut film = FilmWriter::create(&path, WIDTH, HEIGHT, &options).unwrap();
        let refused = film.write(lb_video::RgbImage::new(3, 3)).unwrap_err();
        assert!(matches!(refused, VideoError::SizesDiffer { .. }));
        for frame in scene(2) {
            film.write(frame).unwrap();
        }
        film.finish().unwrap();
        let frames = lb_video::read_frames(&path, &lb_video::ReadOptions::default()).unwrap();
        for frame in frames {
            let size = frame.unwrap().picture.dimensions();
            assert_eq!(size, (3 * WIDTH as u32, 3 * HEIGHT as u32), "{name}");
        }
    }
    for scale in [0, FilmOptions::MOST_SCALE + 1] {
        let options = FilmOptions {
            scale,
            ..FilmOptions::default()
        };
        assert!(matches!(options.validate(), Err(VideoError::Scale { .. })));
    }
}

#[test]
fn a_folder_that_holds_anything_is_refused_and_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), b"mine").unwrap();
    let refused = write(folder.path(), 2, false);
    assert!(matches!(
        refused,
        Err(VideoError::File(FileError::FolderNotEmpty { .. }))
    ));
    assert_eq!(names(folder.path()), ["notes.txt"]);
}

#[test]
fn an_empty_folder_is_filled() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2, false).unwrap();
    assert_eq!(names(folder.path()), ["frame_0000.png", "frame_0001.png"]);
}

#[test]
fn replacing_touches_our_frames_only() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 5, false).unwrap();
    for other in ["notes.txt", "frame_7.png"] {
        std::fs::write(folder.path().join(other), b"mine").unwrap();
    }
    write(folder.path(), 2, true).unwrap();
    let left = [
        "frame_0000.png",
        "frame_0001.png",
        "frame_7.png",
        "notes.txt",
    ];
    assert_eq!(names(folder.path()), left);
}

#[test]
fn a_single_picture_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("red.png");
    write_png(&path, &plain([255, 0, 0]), false).unwrap();
    let again = write_png(&path, &plain([0, 255, 0]), false);
    assert!(matches!(
        again,
        Err(VideoError::File(FileError::Exists { .. }))
    ));
    assert_eq!(
        image::open(&path).unwrap().into_rgb8().get_pixel(0, 0).0,
        [255, 0, 0]
    );
    write_png(&path, &plain([0, 255, 0]), true).unwrap();
    assert_eq!(
        image::open(&path).unwrap().into_rgb8().get_pixel(0, 0).0,
        [0, 255, 0]
    );
    assert_eq!(names(folder.path()), ["red.png"]);
}
