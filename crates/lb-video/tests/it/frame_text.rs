use lb_video::metadata::{read, read_frame_text};
use lb_video::{FilmOptions, FilmWriter, VideoError};

use crate::scene::{HEIGHT, WIDTH, plain, scene};

#[test]
fn a_folders_pictures_have_texts_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let options = FilmOptions {
        description: Some("a job".into()),
        ..FilmOptions::default()
    };
    for name in ["frames", "film.mp4"] {
        let path = folder.path().join(name);
        let mut film = FilmWriter::create(&path, WIDTH, HEIGHT, &options).unwrap();
        for (index, frame) in scene(3).into_iter().enumerate() {
            let text = format!("number {index}");
            match index {
                1 => film.write(frame).unwrap(),
                _ => film.write_with_text(frame, text).unwrap(),
            }
        }
        let nul = film.write_with_text(plain([0; 3]), "a\0".into());
        assert!(matches!(nul, Err(VideoError::DescriptionNul { at: 1 })));
        film.finish().unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("a job"));
    }
    let own = |index| read_frame_text(folder.path().join(format!("frames/frame_000{index}.png")));
    assert_eq!(own(0).unwrap().as_deref(), Some("number 0"));
    assert_eq!(own(1).unwrap(), None);
    assert_eq!(own(2).unwrap().as_deref(), Some("number 2"));
    assert_eq!(
        read_frame_text(folder.path().join("film.mp4")).unwrap(),
        None
    );
}

#[test]
fn a_damaged_text_is_not_taken_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frames");
    let options = FilmOptions {
        description: Some("a job".into()),
        ..FilmOptions::default()
    };
    let mut film = FilmWriter::png_sequence(&path, WIDTH, HEIGHT, &options).unwrap();
    film.write(plain([0; 3])).unwrap();
    film.finish().unwrap();
    let picture = path.join("frame_0000.png");
    let mut bytes = std::fs::read(&picture).unwrap();
    let at = bytes
        .windows(5)
        .position(|bytes| bytes == b"a job")
        .unwrap();
    bytes[at] = b'b';
    std::fs::write(&picture, bytes).unwrap();
    for refused in [read(&picture), read_frame_text(&picture)] {
        assert!(matches!(refused, Err(VideoError::Damaged { .. })));
    }
}
