use lb_video::{FileError, FrameSpool, RgbImage, VideoError};

use crate::png_sequence::names;
use crate::scene::{HEIGHT, WIDTH, scene};

#[test]
fn any_frame_comes_back_and_the_folder_shows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = FrameSpool::create(folder.path(), WIDTH, HEIGHT).unwrap();
    let frames: Vec<RgbImage> = scene(5).into_iter().collect();
    for frame in &frames[..3] {
        spool.push(frame).unwrap();
    }
    assert_eq!(spool.read(0).unwrap(), frames[0]);
    for frame in &frames[3..] {
        spool.push(frame).unwrap();
    }
    assert_eq!(spool.count(), 5);
    for (index, frame) in frames.iter().enumerate().rev() {
        assert_eq!(&spool.read(index).unwrap(), frame);
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn what_is_not_there_and_what_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut spool = FrameSpool::create(folder.path(), WIDTH, HEIGHT).unwrap();
    let other = RgbImage::new(1, 1);
    assert!(matches!(
        spool.push(&other),
        Err(VideoError::SizesDiffer { .. })
    ));
    assert!(matches!(
        spool.read(0),
        Err(VideoError::File(FileError::Io { .. }))
    ));
    let missing = folder.path().join("missing");
    let refused = FrameSpool::create(missing, WIDTH, HEIGHT);
    assert!(matches!(
        refused,
        Err(VideoError::File(FileError::Io { .. }))
    ));
}
