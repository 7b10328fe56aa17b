//! Inpainting, depth maps and upscaling from the command line, on tiny models of every kind.

use std::fs;
use std::path::Path;

use lb_models::testing::write_tiny_model;

use crate::lb::Folder;
use crate::pictures;

const PROMPTS: [&str; 2] = ["red leaf", "blue sea"];
const TREE: [&str; 3] = ["--steps=4", "--frames=3", "--no-cache"];
/// Time for a few in-betweens.
const SHORT: &str = "--seconds=0.4";

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
        assert_eq!(frame.dimensions(), source.dimensions());
        assert_eq!(frame.as_raw()[..3 * 20], source.as_raw()[..3 * 20]);
        assert!(*frame != source);
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
    let render = |flags: &[&'static str]| {
        let tree = ["--steps=4", "--frames=4", "--no-cache", SHORT];
        [&["render"], &PROMPTS[..], &tree[..], flags].concat()
    };
    let first = ["--model=./sd21", "--size=64x64"];
    let second = ["--upscale-steps=2", "--upscale-frames=2"];
    let at_once = [
        "--upscale=./upscale",
        "--frames-dir=at-once",
        "-o=at-once.gif",
    ];
    let facts = folder.facts(&render(&[&first[..], &second[..], &at_once[..]].concat()));
    let numbers = ["width", "computed_frames", "in_betweens"].map(|name| facts[name].as_u64());
    // Twelve film frames, each with a picture.
    assert_eq!(numbers, [Some(256), Some(4), Some(12 - 4)]);

    let facts = folder.facts(&render(&[&first[..], &["--frames-dir=low"]].concat()));
    fs::write(folder.join("low.json"), facts.to_string()).unwrap();
    let later = ["upscale", "low", "--model=./upscale", "--no-cache"];
    let rest = ["--frames-dir=later", "-o=later.gif"];
    let facts = folder.facts(&[&later[..], &second[..], &rest[..]].concat());
    assert_eq!(facts["model_evaluations"], 4 * 2);
    assert_eq!(facts["in_betweens"], 12 - 4);
    // The folder alone tells everything: the files are the same now or later, their texts too.
    let bytes = |name: &str| fs::read(folder.join(name)).unwrap();
    assert!(bytes("at-once.gif") == bytes("later.gif"));
    for frame in 0..4 {
        let name = format!("frame_{frame:04}.png");
        let same = bytes(&format!("at-once/{name}")) == bytes(&format!("later/{name}"));
        assert!(same, "{name}");
    }
    let rest = ["--facts=low.json", "--frames-dir=by-facts"];
    folder.facts(&[&later[..], &second[..], &rest[..]].concat());
    let [at_once, by_facts] =
        ["at-once", "by-facts"].map(|name| pictures::sequence(&folder.join(name)));
    assert!(at_once == by_facts);

    // Another program that saves a picture keeps only its pixels.
    let retouched = folder.join("low/frame_0002.png");
    let frame = image::open(&retouched).unwrap();
    frame.save(&retouched).unwrap();
    let said = folder.run(&[&later[..], &second[..], &["--frames-dir=retouched"]].concat());
    assert_eq!(said.code, Some(0), "{}", said.error);
    let warning = "1 of the frames, first low/frame_0002.png, do not carry their position";
    assert!(said.error.contains(warning), "{}", said.error);
    fs::create_dir(folder.join("mixed")).unwrap();
    for frame in 0..4 {
        let [from, to] = ["low", "mixed"].map(|name| format!("{name}/frame_000{frame}.png"));
        fs::copy(folder.join(&from), folder.join(&to)).unwrap();
    }
    let [from, to] = [1, 3].map(|frame| folder.join(&format!("mixed/frame_000{frame}.png")));
    fs::copy(from, to).unwrap();
    let refused = ["upscale", "mixed", "--model=./upscale", "-o=refused.gif"];
    let refused = folder.run(&refused);
    refused.assert_refused(2, &["frame_0003.png", "the end of transition 1", "--facts"]);

    let by_prompts = [&later[..], &PROMPTS[..], &second[..], &[SHORT]].concat();
    folder.facts(&[&by_prompts[..], &["--frames-dir=by-prompts"]].concat());
    let others = ["old oak", "--frames-dir=refused"];
    let refused = folder.run(&[&by_prompts[..], &others[..]].concat());
    refused.assert_refused(2, &["4 frames", "2 transitions"]);
    let refused = folder.run(&["upscale", "low", "--model=./sd21", "-o", "refused.mp4"]);
    refused.assert_refused(2, &["x4 upscaling"]);
    let refused = folder.run(&[
        "upscale",
        "upscale",
        "--model=./upscale",
        "-o",
        "refused.mp4",
    ]);
    refused.assert_refused(2, &["contains no frames"]);
}
