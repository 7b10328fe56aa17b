//! The words of the bundled model's captions.

use crate::surroundings::{pocket, workspace};

#[test]
fn the_bundled_model_knows_the_words_of_its_training() {
    let words = pocket().words.expect("words.txt");
    let objects = workspace().join("models/pocket/train/objects.txt");
    let objects = std::fs::read_to_string(objects).unwrap();
    for object in objects.split([',', '\n']) {
        for prompt in [
            format!("a photo of a {object} on a blue background"),
            format!("an emoji of a {object}, grey background"),
            format!("the picture of {object}"),
        ] {
            assert_eq!(words.unseen(&prompt), [], "{prompt}");
        }
    }
    let names: Vec<String> = objects.split_whitespace().map(str::to_owned).collect();
    assert!(names.len() > 20);
    let unseen = words.unseen("a ferrari and two apples");
    let unseen: Vec<(&str, &str)> = unseen
        .iter()
        .map(|unseen| {
            (
                unseen.word.as_str(),
                unseen.near.first().map_or("", |near| near),
            )
        })
        .collect();
    assert_eq!(unseen, [("ferrari", ""), ("two", ""), ("apples", "apple")]);
}
