//! A folder of pictures becomes a film whose keyframes are these pictures.

use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};

use crate::decode::decode;
use crate::lb::{Folder, Said};
use crate::pictures::{distance, sequence};

/// The least work for each keyframe.
const FILM: &[&str] = &["--steps=2", "--frames=2", "--seconds=0.5", "--fps=4"];

/// The colour of the picture with this number.
fn colour(number: u8) -> Rgb<u8> {
    Rgb([250 - 12 * number, 12 * number, 128])
}

/// Saves pictures of one colour each, the last number in each name deciding which.
fn save(folder: &Path, pictures: &[(&str, (u32, u32))]) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, (width, height)) in pictures {
        let digits: String = name.chars().filter(char::is_ascii_digit).collect();
        let picture = RgbImage::from_pixel(*width, *height, colour(digits.parse().unwrap()));
        picture.save(folder.join(name)).unwrap();
    }
}

fn render(folder: &Folder, arguments: &[&str]) -> Said {
    let said = folder.run(&[&["render"], arguments, FILM].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    said
}

/// The number of the picture that each frame shows.
fn shown(frames: &[RgbImage]) -> Vec<u8> {
    let nearest = |frame: &RgbImage| {
        let apart = |number: &u8| {
            let pure = RgbImage::from_pixel(frame.width(), frame.height(), colour(*number));
            distance(frame, &pure) as u32
        };
        (0..20).min_by_key(apart).unwrap()
    };
    frames.iter().map(nearest).collect()
}

#[test]
fn every_picture_is_a_keyframe_in_natural_order() {
    let folder = Folder::new();
    let square = (64, 64);
    let names = ["walk9.png", "walk10.jpg", "walk2.webp", "walk1.JPEG"];
    save(&folder.join("photos"), &names.map(|name| (name, square)));
    let photos = |name: &str| folder.join("photos").join(name);
    std::fs::write(photos("walk9.txt"), "a green\nmeadow\n").unwrap();
    std::fs::write(photos("notes.md"), "which are mine?").unwrap();
    std::fs::write(photos(".DS_Store"), "").unwrap();
    std::fs::create_dir(photos("more")).unwrap();
    let outputs = ["-o=film", "--frames-dir=frames", "--size=64x64"];
    let common = ["photos/", "--prompt=a plain colour", "-v"];
    let said = render(&folder, &[&common[..], &outputs].concat());
    for left_out in ["notes.md", "more"] {
        assert!(said.error.contains(left_out), "{}", said.error);
    }
    assert!(!said.error.contains("DS_Store"), "{}", said.error);

    let keyframes = sequence(&folder.join("frames"));
    assert_eq!(shown(&keyframes), [1, 2, 9, 10]);
    let film = sequence(&folder.join("film"));
    // Each transition has two film frames, and the first keyframe's film frame is one of the first two.
    assert_eq!(
        shown(&[0, 1, 3, 5].map(|at| film[at].clone())),
        [1, 2, 9, 10]
    );

    // The film carries its job, which names the pictures, and from which it is rendered again.
    let job = folder.run(&["show", "film"]).output;
    let lines = |key: &str| -> Vec<&str> {
        let lines = job.lines().filter_map(|line| line.strip_prefix(key));
        lines.map(|value| value.trim_matches('"')).collect()
    };
    assert_eq!(
        lines("prompt = "),
        [
            "a plain colour",
            "a plain colour",
            "a green meadow",
            "a plain colour"
        ]
    );
    let images = lines("image = ");
    assert_eq!(images.len(), 4, "{job}");
    assert!(images[0].ends_with("photos/walk1.JPEG"), "{images:?}");
    let again = ["film", "--allow-paths", "-o=again"];
    let said = folder.run(&[&["render"], &again[..]].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(sequence(&folder.join("again")) == film);
}

#[test]
fn a_film_of_a_folder_is_decoded_from_its_file() {
    let folder = Folder::new();
    let square = (64, 64);
    let pictures = [("3.png", square), ("12.png", square), ("18.png", square)];
    save(&folder.join("photos"), &pictures);
    let end = RgbImage::from_pixel(64, 64, colour(7));
    end.save(folder.join("end.png")).unwrap();
    let film = ["photos", "--to=end.png", "--size=64x64", "-o=film.mp4"];
    render(&folder, &film);
    let decoded = decode(&folder.join("film.mp4")).frames;
    assert_eq!(decoded.len(), 6);
    assert_eq!(
        shown(&[0, 1, 3, 5].map(|at| decoded[at].clone())),
        [3, 12, 18, 7]
    );
}

/// A JPEG picture whose EXIF says that it is to be turned by 90 degrees to the right.
fn save_turned(path: &Path, picture: &RgbImage) {
    let mut jpeg = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    let orientation = [
        b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01".as_slice(),
        b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
    ]
    .concat();
    let mut bytes = jpeg.into_inner();
    let length = (orientation.len() as u16 + 2).to_be_bytes();
    let segment = [&[0xff, 0xe1][..], &length, &orientation].concat();
    bytes.splice(2..2, segment);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn the_film_has_the_proportions_of_most_pictures_as_they_are_seen() {
    let folder = Folder::new();
    let photos = folder.join("photos");
    save(&photos, &[("1.png", (90, 120)), ("3.png", (200, 100))]);
    // Upright, this is a picture of 160x80 pixels: bright on the left, dark on the right.
    let turned = RgbImage::from_fn(80, 160, |_, y| match y < 80 {
        true => Rgb([20; 3]),
        false => Rgb([230; 3]),
    });
    save_turned(&photos.join("2.jpg"), &turned);
    render(&folder, &["photos", "--frames-dir=frames"]);
    let frames = sequence(&folder.join("frames"));
    // As many pixels as the model's 128x128, in the proportions of two of the three.
    assert_eq!(frames[0].dimensions(), (192, 64));
    let [left, right] = [10, 180].map(|x| frames[1].get_pixel(x, 32)[0]);
    assert!(left > 200 && right < 50, "{left} {right}");
    // --fit shows all of the first picture, between its repeated edges.
    let fitted = ["photos", "--fit=pad", "--size=64x128", "--frames-dir=whole"];
    render(&folder, &fitted);
    assert_eq!(sequence(&folder.join("whole"))[0].dimensions(), (64, 128));
}

#[test]
fn folders_that_make_no_film_are_refused_in_words() {
    let folder = Folder::new();
    let square = (64, 64);
    let photos = |name: &str| folder.join("photos").join(name);
    save(&folder.join("photos"), &[("1.png", square)]);
    let refused = |arguments: &[&str], words: &[&str]| {
        let arguments = [&["render"], arguments, &["-o=film"]].concat();
        folder.run(&arguments).assert_refused(2, words);
    };
    refused(&["photos"], &["photos has one picture", "--from"]);
    save(&folder.join("photos"), &[("2.png", square)]);
    std::fs::write(photos("3.jpg"), "no picture").unwrap();
    refused(&["photos"], &["3.jpg"]);
    std::fs::remove_file(photos("3.jpg")).unwrap();
    std::fs::write(photos("1.txt"), [0xff, 0xfe, 0x00]).unwrap();
    let said = folder.run(&["render", "photos", "-o=film"]);
    assert!(said.code.is_some_and(|code| code > 0) && said.error.contains("1.txt"));
    std::fs::remove_file(photos("1.txt")).unwrap();
    refused(
        &["photos/", "a pear"],
        &["photos/ is a folder among prompts"],
    );
    refused(&["photos", "--seed=3"], &["1 seeds", "0 prompts"]);
    let no_picture = ["an apple", "a pear", "--prompt=fruit"];
    refused(&no_picture, &["--prompt", "no keyframe is a picture"]);
    std::fs::create_dir(folder.join("phone")).unwrap();
    refused(&["phone"], &["phone has no PNG, JPEG or WebP pictures"]);
    std::fs::write(folder.join("phone").join("1.HEIC"), "").unwrap();
    refused(&["phone"], &["1.HEIC is of another format", "convert"]);
    assert!(!folder.join("film").exists());

    // Others are left out, and their names are said.
    std::fs::write(photos("4.heic"), "").unwrap();
    let plan = folder.run(&[&["plan", "photos"], FILM].concat());
    assert_eq!(plan.code, Some(0), "{}", plan.error);
    assert!(plan.error.contains("4.heic"), "{}", plan.error);
}

/// Frames that carry their job stand for it, and frames without it are pictures.
#[test]
fn frames_of_an_earlier_film_are_pictures_only_without_their_job() {
    let folder = Folder::new();
    save(
        &folder.join("photos"),
        &[("1.png", (64, 64)), ("9.png", (64, 64))],
    );
    let film = ["photos", "--size=64x64"];
    render(&folder, &[&film[..], &["--frames-dir=with"]].concat());
    render(
        &folder,
        &[&film[..], &["--frames-dir=without", "--no-job"]].concat(),
    );
    let keyframes = |name: &str| {
        let plan = ["plan", name, "--allow-paths", "--steps=2", "--frames=3"];
        let facts = folder.facts(&plan);
        (
            facts["keyframes"].as_u64(),
            facts["computed_frames"].as_u64(),
        )
    };
    assert_eq!(keyframes("with"), (Some(2), Some(3)));
    assert_eq!(keyframes("without"), (Some(2), Some(3)));
    let prompts = folder.run(&["show", "without"]);
    assert!(
        prompts.error.contains("carries no job"),
        "{}",
        prompts.error
    );
}
