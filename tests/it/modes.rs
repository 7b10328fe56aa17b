//! Inpainting, depth maps and second stages from the command line, on tiny models of every kind.

use std::fs;
use std::path::Path;

use lb_models::testing::write_tiny_model;

use crate::lb::Folder;
use crate::pictures;

const PROMPTS: [&str; 2] = ["red leaf", "blue sea"];
const TREE: [&str; 3] = ["--steps=4", "--frames=3", "--no-cache"];

pub(crate) fn golden(path: &str) -> String {
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/lb-render/tests/golden/modes"
    );
    Path::new(golden).join(path).to_str().unwrap().to_owned()
}

fn render<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    [&["render"], &PROMPTS[..], &TREE[..], flags].concat()
}

#[test]
fn what_a_mask_keeps_is_the_pictures_own() {
    let folder = Folder::new();
    write_tiny_model("inpaint", &folder.join("inpaint")).unwrap();
    let (image, mask) = (golden("inpaint/source.png"), golden("inpaint/mask.png"));
    let inpaint = ["--model=./inpaint", "--image", &image, "--mask", &mask];
    let frames = ["--size=128x64", "--frames-dir=frames"];
    folder.facts(&render(&[&inpaint[..], &frames[..]].concat()));
    let source = pictures::read(Path::new(&image));
    let frames = pictures::sequence(&folder.join("frames"));
    assert_eq!(frames.len(), 3);
    for frame in &frames {
        assert_eq!(frame.size, source.size);
        assert_eq!(frame.pixels[..3 * 20], source.pixels[..3 * 20]);
        assert_ne!(frame.pixels, source.pixels);
    }

    let refused = |flags: &[&str], words: &[&str]| {
        let flags = [flags, &["--frames-dir=refused"]].concat();
        folder.run(&render(&flags)).assert_refused(2, words);
    };
    refused(
        &[&inpaint[..], &["--size=64x64"]].concat(),
        &["128x64 pixels", "64x64", "--fit crop"],
    );
    refused(&["--model=./inpaint", "--mask", &mask], &["image"]);
    refused(&["--model=./inpaint"], &["text to image"]);
    refused(&["--model=./inpaint", "--depth", &mask], &["depth"]);
}

#[test]
fn frames_of_low_resolution_are_upscaled_now_or_later() {
    let folder = Folder::new();
    write_tiny_model("sd21", &folder.join("sd21")).unwrap();
    write_tiny_model("upscale", &folder.join("upscale")).unwrap();
    let first = ["--model=./sd21", "--size=64x64"];
    let second = ["--upscale-steps=2", "--upscale-frames=2"];
    let at_once = ["--upscale=./upscale", "--frames-dir=at-once"];
    let facts = folder.facts(&render(&[&first[..], &second[..], &at_once[..]].concat()));
    assert_eq!(
        (&facts["width"], &facts["computed_frames"]),
        (&256.into(), &3.into())
    );

    let facts = folder.facts(&render(&[&first[..], &["--frames-dir=low"]].concat()));
    fs::write(folder.join("low.json"), facts.to_string()).unwrap();
    let later = ["upscale", "low", "--model=./upscale", "--no-cache"];
    let rest = ["--facts=low.json", "--frames-dir=later", "-o", "film.mp4"];
    let facts = folder.facts(&[&later[..], &second[..], &rest[..]].concat());
    assert_eq!(facts["model_evaluations"], 3 * 2);
    let [at_once, later_frames] =
        ["at-once", "later"].map(|name| pictures::sequence(&folder.join(name)));
    assert!(at_once == later_frames, "frames are the same now or later");

    let by_prompts = [&later[..], &PROMPTS[..], &second[..]].concat();
    folder.facts(&[&by_prompts[..], &["--frames-dir=by-prompts"]].concat());
    let others = ["old oak", "--frames-dir=refused"];
    let refused = folder.run(&[&by_prompts[..], &others[..], &["red sea"]].concat());
    refused.assert_refused(2, &["3 frames", "3 transitions"]);
    let refused = folder.run(&["upscale", "low", "--model=./sd21", "-o", "refused.mp4"]);
    refused.assert_refused(2, &["x4 upscaling"]);
    let refused = folder.run(&[
        "upscale",
        "upscale",
        "--model=./upscale",
        "-o",
        "refused.mp4",
    ]);
    refused.assert_refused(2, &["holds no frames"]);
}
