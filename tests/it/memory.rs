//! Memory does not grow with the length of the film.
#![cfg(target_os = "linux")]

use crate::lb::Folder;
use crate::stored::TREE;

const PROMPTS: [&str; 8] = [
    "a red apple",
    "a green pear",
    "a lemon",
    "a sunflower",
    "a red rose",
    "a tulip",
    "a blue heart",
    "a burger",
];

#[test]
fn eight_keyframes_take_no_more_memory_than_two() {
    let peak = |keyframes: usize| {
        let folder = Folder::new();
        let more = ["--threads=1", "--fps=5", "--output=film.mp4"];
        let facts = folder.facts(&[&["render"], &PROMPTS[..keyframes], TREE, &more].concat());
        facts["peak_memory"].as_f64().unwrap()
    };
    let (two, eight) = (peak(2), peak(8));
    assert!(
        eight <= 1.1 * two,
        "{:.1} MB for 8 keyframes, {:.1} MB for 2",
        eight / 1e6,
        two / 1e6
    );
}

/// A film of a thousand prompts, of the least work for each. A GIF is written as it grows, whereas an MP4 has its
/// encoded frames in memory until its index is written before them.
#[test]
fn a_thousand_keyframes_take_no_more_memory_than_two() {
    let things = [
        "an apple", "a pear", "a lemon", "a rose", "a tulip", "a heart", "a burger",
    ];
    let peak = |keyframes: usize| {
        let folder = Folder::new();
        let things = things.iter().cycle().take(keyframes).enumerate();
        let prompts: Vec<String> = things
            .map(|(number, thing)| format!("{thing} {number}"))
            .collect();
        let film = [
            "--steps=1",
            "--frames=2",
            "--size=64x64",
            "--threads=1",
            "--no-cache",
        ];
        let time = ["--seconds=0.4", "--fps=5", "--output=film.gif"];
        let mut arguments = vec!["render"];
        arguments.extend(prompts.iter().map(String::as_str));
        let facts = folder.facts(&[&arguments[..], &film, &time].concat());
        facts["peak_memory"].as_f64().unwrap()
    };
    let (two, thousand) = (peak(2), peak(1000));
    assert!(
        thousand <= 1.1 * two,
        "{:.1} MB for 1000 keyframes, {:.1} MB for 2",
        thousand / 1e6,
        two / 1e6
    );
}

/// The same for a folder of pictures, all of which are encoded and inverted before the first transition, up to 64 at a
/// time.
#[test]
fn two_hundred_pictures_take_no_more_memory_than_eighty() {
    let peak = |pictures: u8| {
        let folder = Folder::new();
        std::fs::create_dir(folder.join("photos")).unwrap();
        for number in 0..pictures {
            let picture = image::RgbImage::from_pixel(400, 300, image::Rgb([number, 90, 128]));
            picture
                .save(folder.join(&format!("photos/{number}.png")))
                .unwrap();
        }
        let film = [
            "render",
            "photos",
            "--steps=2",
            "--frames=2",
            "--size=64x64",
            "--threads=1",
            "--no-cache",
            "--seconds=0.4",
            "--fps=5",
            "--output=film.gif",
        ];
        folder.facts(&film)["peak_memory"].as_f64().unwrap()
    };
    let (eighty, many) = (peak(80), peak(200));
    assert!(
        many <= 1.1 * eighty,
        "{:.1} MB for 200 pictures, {:.1} MB for 80",
        many / 1e6,
        eighty / 1e6
    );
}
