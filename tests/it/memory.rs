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
