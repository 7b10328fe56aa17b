//! Films of more than two prompts, other sizes, and films that are folders of pictures.

use crate::lb::Folder;
use crate::pictures::{largest_difference, sequence};

const THREE: &[&str] = &[
    "render",
    "a red apple",
    "a green pear",
    "a lemon",
    "--steps=8",
    "--frames=4",
    "--depth-strength=0.2",
    "--frames-dir=frames",
];

#[test]
fn a_shared_keyframe_is_computed_once_and_shown_once() {
    let folder = Folder::new();
    let film = ["--seconds=1", "--fps=8", "-o=film"];
    let facts = folder.facts(&[THREE, &film].concat());
    let computed = sequence(&folder.join("frames"));
    assert_eq!(
        computed.len(),
        7,
        "two transitions of four frames that share one"
    );
    // There is a picture for each of 16 film frames; those of the shared keyframe count once.
    assert_eq!(facts["in_betweens"].as_u64(), Some(16 - 7));
    assert_eq!(facts["decodes"].as_u64(), Some(16));
    assert_eq!(facts["transitions"].as_array().unwrap().len(), 2);

    // In a folder of pictures, film frames at the time of a computed frame are equal to it.
    let shown = sequence(&folder.join("film"));
    assert_eq!(facts["film_frames"].as_u64(), Some(shown.len() as u64));
    assert!(shown[0] == computed[0] && shown[shown.len() - 1] == computed[6]);
    let middle = shown.iter().filter(|frame| **frame == computed[3]).count();
    assert_eq!(middle, 1, "the shared keyframe");
}

#[test]
fn a_keyframe_does_not_depend_on_its_neighbours() {
    let folder = Folder::new();
    folder.facts(THREE);
    let film = sequence(&folder.join("frames"));
    let alone = Folder::new();
    let two = [
        &["render", "a green pear", "a lemon", "--seed=1,2"],
        &THREE[4..],
    ]
    .concat();
    alone.facts(&two);
    let part = sequence(&alone.join("frames"));
    for (kept, index) in [(0, 3), (3, 6)] {
        let difference = largest_difference(&part[kept], &film[index]);
        assert!(difference <= 2, "{difference} grey levels");
    }
}

#[test]
fn other_sizes_than_the_models_own() {
    let folder = Folder::new();
    let mut arguments = vec!["render", "a red apple", "a green pear", "--size=192x64"];
    arguments.extend(["--steps=3", "--frames=2", "--frames-dir=frames"]);
    folder.facts(&arguments);
    assert!(
        sequence(&folder.join("frames"))
            .iter()
            .all(|frame| frame.dimensions() == (192, 64))
    );
}
