//! Outputs that cannot be written, or that may not be replaced.

use image::AnimationDecoder;
use image::codecs::gif::GifDecoder;
use image::codecs::webp::WebPDecoder;

use crate::lb::{Folder, SMALL_FILM, Said};

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

/// Uses a file where a folder should be: no user, not even root, can write below it.
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

/// Arguments of a film of half a second with ten frames per second.
const SHORT: &[&str] = &["--seconds=0.5", "--fps=10"];

#[test]
fn the_ending_says_what_is_written() {
    let folder = Folder::new();
    for (name, flags, start) in [
        ("film.gif", &[][..], &b"GIF89a"[..]),
        ("film.webp", &["--webp-quality=60", "--play-once"], b"RIFF"),
        ("exact.WEBP", &["--lossless"], b"RIFF"),
    ] {
        let output = format!("--output={name}");
        folder.facts(&[SMALL_FILM, SHORT, flags, &[&output]].concat());
        let bytes = std::fs::read(folder.join(name)).unwrap();
        assert!(bytes.starts_with(start), "{name}");
    }
    let animation = |name: &str| {
        let bytes = std::io::Cursor::new(std::fs::read(folder.join(name)).unwrap());
        let frames = if name.ends_with("gif") {
            GifDecoder::new(bytes).unwrap().into_frames()
        } else {
            WebPDecoder::new(bytes).unwrap().into_frames()
        };
        let frames = frames.collect_frames().unwrap().into_iter();
        frames
            .map(|frame| (frame.delay().numer_denom_ms().0, frame.into_buffer()))
            .collect::<Vec<_>>()
    };
    let [gif, lossy, exact] = ["film.gif", "film.webp", "exact.WEBP"].map(animation);
    for film in [&gif, &lossy, &exact] {
        assert_eq!(film.iter().map(|(lasts, _)| lasts).sum::<u32>(), 500);
        for ((_, shown), (_, meant)) in film.iter().zip(&exact) {
            let differences = shown.iter().zip(meant.iter());
            let sum: u64 = differences.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            assert!(sum < 6 * meant.len() as u64, "{sum} of {}", meant.len());
        }
    }
}

#[test]
fn only_the_film_is_enlarged() {
    let folder = Folder::new();
    let outputs = [
        "--output=film",
        "--frames-dir=frames",
        "--contact-sheet=sheet.png",
    ];
    let facts = folder.facts(&[SMALL_FILM, SHORT, &outputs, &["--scale=2"]].concat());
    assert_eq!(facts["width"].as_u64(), Some(256));
    let width = |name: &str| image::open(folder.join(name)).unwrap().width();
    assert_eq!(width("film/frame_0001.png"), 256);
    assert_eq!(width("frames/frame_0001.png"), 128);
    assert_eq!(width("sheet.png"), 8 + 5 * (128 + 8));
    let said = folder.run(&[SMALL_FILM, &["--output=a.mp4", "--scale=17"]].concat());
    said.assert_refused(2, &["scale", "1 to 16", "17"]);
    // An MP4 has a largest size, and nothing is computed before it is known.
    let said = folder.run(
        &[
            SMALL_FILM,
            &["--output=a.mp4", "--scale=16", "--size=512x512"],
        ]
        .concat(),
    );
    said.assert_refused(2, &["8192x8192"]);
}

#[test]
fn flags_of_other_formats_are_refused() {
    let folder = Folder::new();
    std::fs::write(folder.join("track.ogg"), "no sound").unwrap();
    for (flags, words) in [
        (&["--output=a.mp4", "--lossless"][..], ".webp"),
        (&["--output=a.gif", "--webp-quality=3"], ".webp"),
        (
            &["--output=a.webp", "--webp-quality=101"],
            "0 (smallest) to 100",
        ),
        (&["--output=a", "--play-once"], ".gif"),
        (
            &["--output=a.gif", "--audio=track.ogg"],
            "belongs to a .mp4",
        ),
    ] {
        let said = folder.run(&[SMALL_FILM, flags].concat());
        said.assert_refused(2, &[words]);
    }
    let missing = ["--output=a.mp4", "--audio=missing.ogg"];
    let said = folder.run(&[SMALL_FILM, &missing].concat());
    said.assert_refused(1, &["missing.ogg"]);
    assert_eq!(folder.contents(), ["track.ogg"]);
}

/// Renaming the finished output to this name would take the name away from the device.
#[cfg(unix)]
#[test]
fn a_pipe_is_never_replaced() {
    use std::os::unix::fs::FileTypeExt;

    let folder = Folder::new();
    let pipe = folder.join("pipe.png");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for output in [
        "--output=pipe.png",
        "--contact-sheet=pipe.png",
        "--frames-dir=pipe.png",
        "--save-job=pipe.png",
    ] {
        let said = folder.run(&[SMALL_FILM, &[output, "--force"]].concat());
        said.assert_refused(2, &["pipe.png", "a device or a pipe"]);
    }
    let said = folder.run(&["plan", "a", "b", "--svg=pipe.png", "--force"]);
    said.assert_refused(2, &["a device or a pipe"]);
    assert!(pipe.symlink_metadata().unwrap().file_type().is_fifo());
}

/// Renaming the finished output to the name of a link would take the name away from what it leads to: as the
/// administrator, `/dev/stdout` from every program on the machine.
#[cfg(target_os = "linux")]
#[test]
fn links_of_the_system_are_never_replaced() {
    let folder = Folder::new();
    // A link of our own to what standard output is, so that a mistake does no harm.
    let link = folder.join("stdout.png");
    std::os::unix::fs::symlink("/proc/self/fd/1", &link).unwrap();
    let before = folder.contents();
    let outputs = [
        "--output=stdout.png",
        "--contact-sheet=stdout.png",
        "--frames-dir=stdout.png",
        "--save-job=stdout.png",
    ];
    for output in outputs {
        let mut command = folder.command(&[SMALL_FILM, &[output, "--force"]].concat());
        // It is an ordinary file then.
        let stdout = tempfile::tempfile().unwrap();
        let said = command.stdout(stdout).output().unwrap();
        Said::from(said).assert_refused(2, &["stdout.png is a link of the system"]);
    }
    for arguments in [
        &["plan", "a", "b", "--svg=stdout.png"][..],
        &["seeds", "a", "--seeds=0..1", "--output=stdout.png"],
        &["show", "stdout.png", "--output=stdout.png"],
    ] {
        let mut command = folder.command(&[arguments, &["--force"]].concat());
        let said = Said::from(
            command
                .stdout(tempfile::tempfile().unwrap())
                .output()
                .unwrap(),
        );
        assert_ne!(said.code, Some(0), "{arguments:?}");
    }
    assert!(link.is_symlink());
    assert_eq!(folder.contents(), before);
}

#[cfg(unix)]
#[test]
fn an_output_goes_where_a_link_leads() {
    use std::os::unix::fs::symlink;

    let folder = Folder::new();
    let disk = folder.join("disk");
    std::fs::create_dir_all(disk.join("frames")).unwrap();
    std::fs::write(disk.join("film.gif"), "older").unwrap();
    std::fs::write(disk.join("sheet.png"), "older").unwrap();
    std::fs::write(disk.join("tree.svg"), "older").unwrap();
    for name in ["film.gif", "sheet.png", "frames", "tree.svg"] {
        symlink(format!("disk/{name}"), folder.join(name)).unwrap();
    }
    let outputs = [
        "--output=film.gif",
        "--contact-sheet=sheet.png",
        "--frames-dir=frames",
    ];
    let film = [SMALL_FILM, &outputs].concat();
    folder.run(&film).assert_refused(2, &["exists", "--force"]);
    folder.facts(&[&film[..], &["--force"]].concat());
    folder.facts(&["plan", "a", "b", "--svg=tree.svg", "--force"]);
    for name in ["film.gif", "sheet.png", "frames", "tree.svg"] {
        assert!(folder.join(name).is_symlink(), "{name} is a link no more");
        assert!(!disk.join(name).is_symlink(), "{name}");
    }
    assert!(
        std::fs::read(disk.join("film.gif"))
            .unwrap()
            .starts_with(b"GIF8")
    );
    assert!(
        std::fs::read(disk.join("sheet.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );
    assert_eq!(std::fs::read_dir(disk.join("frames")).unwrap().count(), 5);

    symlink("missing", folder.join("nowhere.gif")).unwrap();
    let said = folder.run(&[SMALL_FILM, &["--output=nowhere.gif", "--force"]].concat());
    said.assert_refused(2, &["nowhere.gif is a link that leads nowhere"]);
    assert!(folder.join("nowhere.gif").is_symlink());
}

#[test]
fn names_that_promise_something_else_are_refused() {
    let folder = Folder::new();
    for (output, words) in [
        ("--output=-", "standard output"),
        ("--frames-dir=-", "standard output"),
        ("--contact-sheet=sheet.jpg", ".png"),
        ("--contact-sheet=sheet.GIF", ".png"),
    ] {
        let said = folder.run(&[SMALL_FILM, &[output]].concat());
        said.assert_refused(2, &[words]);
    }
    assert_eq!(folder.contents(), [""; 0]);
}

#[test]
fn texts_are_refused_as_films_are() {
    let folder = Folder::new();
    std::fs::write(folder.join("there.svg"), "older").unwrap();
    let plan = |svg: &str| folder.run(&["plan", "a", "b", "--svg", svg]);
    plan("there.svg").assert_refused(2, &["there.svg exists", "--force"]);
    plan("missing/a.svg").assert_refused(1, &["there is no folder missing"]);
    let text = std::fs::read_to_string(folder.join("there.svg")).unwrap();
    assert_eq!(text, "older");
}

#[test]
fn the_drawing_of_a_plan_shows_every_transition() {
    let folder = Folder::new();
    let film = ["plan", "an apple", "a pear", "a plum", "--loop"];
    folder.facts(&[&film[..], &["--svg=film.svg"]].concat());
    let svg = std::fs::read_to_string(folder.join("film.svg")).unwrap();
    for keyframe in ["an apple", "a pear", "a plum"] {
        // Each keyframe of a loop has a transition on both sides.
        let labels = svg.matches(&format!(">{keyframe}<")).count();
        assert_eq!(labels, 2, "{keyframe}");
    }
}
