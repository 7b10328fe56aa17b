//! Places that cannot or may not be written.

use crate::lb::{Folder, SMALL_FILM};

#[test]
fn what_exists_is_replaced_only_by_force() {
    let folder = Folder::new();
    std::fs::write(folder.join("film.mp4"), "older").unwrap();
    std::fs::create_dir(folder.join("frames")).unwrap();
    std::fs::write(folder.join("frames/mine.txt"), "mine").unwrap();
    for output in [
        "--output=film.mp4",
        "--contact-sheet=film.mp4",
        "--frames-dir=frames",
    ] {
        let arguments = match output {
            "--contact-sheet=film.mp4" => {
                std::fs::write(folder.join("sheet.png"), "older").unwrap();
                [SMALL_FILM, &["--contact-sheet=sheet.png"]].concat()
            }
            _ => [SMALL_FILM, &[output]].concat(),
        };
        let said = folder.run(&arguments);
        said.assert_refused(2, &["exists", "--force"]);
    }
    for (name, kept) in [
        ("film.mp4", "older"),
        ("sheet.png", "older"),
        ("frames/mine.txt", "mine"),
    ] {
        assert_eq!(std::fs::read_to_string(folder.join(name)).unwrap(), kept);
    }

    let forced = ["--output=film.mp4", "--contact-sheet=sheet.png", "--force"];
    folder.facts(&[SMALL_FILM, &forced, &["--seconds=0.5", "--fps=10"]].concat());
    assert!(std::fs::metadata(folder.join("film.mp4")).unwrap().len() > 1000);
    assert_eq!(
        folder.contents(),
        ["film.mp4", "frames", "frames/mine.txt", "sheet.png"]
    );
}

/// A file where a folder should be: no user, root included, can write below it.
#[test]
fn an_output_that_cannot_be_written_is_named_before_any_work() {
    let folder = Folder::new();
    std::fs::write(folder.join("file"), "in the way").unwrap();
    for output in [
        "--output=file/film.mp4",
        "--frames-dir=file/x",
        "--contact-sheet=file/a.png",
    ] {
        let said = folder.run(&[SMALL_FILM, &[output]].concat());
        said.assert_refused(1, &["file/"]);
        assert_eq!(folder.contents(), ["file"]);
    }
}

#[test]
fn outputs_do_not_disturb_each_other() {
    let folder = Folder::new();
    std::fs::write(folder.join("file"), "in the way").unwrap();
    let outputs = [
        "--output=film.mp4",
        "--frames-dir=frames",
        "--contact-sheet=file/a.png",
    ];
    let said = folder.run(&[SMALL_FILM, &outputs].concat());
    said.assert_refused(1, &["file/a.png"]);
    assert_eq!(
        folder.contents(),
        ["file"],
        "where one output fails, none appears"
    );
}
