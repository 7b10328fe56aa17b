//! What the bundled models for inpainting and for depth draw.

use std::path::Path;

use image::RgbImage;

use crate::lb::Folder;
use crate::pictures;

fn example(name: &str) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    models.join(name).to_str().unwrap().to_owned()
}

fn grey(path: &str) -> image::GrayImage {
    image::open(path).unwrap().into_luma8()
}

/// The mean difference in grey levels between those neighbouring pixels whose places `counts` accepts.
fn mean_step(picture: &RgbImage, counts: impl Fn([u32; 2], [u32; 2]) -> bool) -> f64 {
    let level = |[x, y]: [u32; 2]| {
        let channels = picture.get_pixel(x, y).0.map(f64::from);
        channels.iter().sum::<f64>() / 3.0
    };
    let (mut sum, mut count) = (0.0, 0.0);
    for (x, y, _) in picture.enumerate_pixels() {
        for next in [[x + 1, y], [x, y + 1]] {
            let is_inside = next[0] < picture.width() && next[1] < picture.height();
            if is_inside && counts([x, y], next) {
                sum += (level([x, y]) - level(next)).abs();
                count += 1.0;
            }
        }
    }
    assert!(count > 0.0, "no neighbours are counted");
    sum / count
}

#[test]
fn the_crown_stays_and_no_edge_is_seen_around_it() {
    let folder = Folder::new();
    let [image, mask] =
        ["crown.png", "crown-mask.png"].map(|name| example(&format!("pocket-inpaint/{name}")));
    let inputs = ["--model=pocket-inpaint", "--image", &image, "--mask", &mask];
    let tree = [
        "--steps=10",
        "--frames=5",
        "--seconds=0.5",
        "--feather=8",
        "-o=film/",
    ];
    let prompts = [
        "render",
        "a fox, blue background",
        "a panda, blue background",
    ];
    let facts = folder.facts(&[&prompts[..], &inputs[..], &tree[..]].concat());
    assert!(facts["in_betweens"].as_u64() > Some(0), "{facts}");
    let (source, mask) = (pictures::read(Path::new(&image)), grey(&mask));
    let is_repainted = |[x, y]: [u32; 2]| mask.get_pixel(x, y).0[0] >= 128;
    let frames = pictures::sequence(&folder.join("film"));
    assert_eq!(frames.len(), 15);
    for (number, frame) in frames.iter().enumerate() {
        let places = source.enumerate_pixels();
        let changed =
            places.filter(|&(x, y, pixel)| !is_repainted([x, y]) && frame.get_pixel(x, y) != pixel);
        assert_eq!(changed.count(), 0, "kept pixels of frame {number} differ");
        let across = mean_step(frame, |a, b| is_repainted(a) != is_repainted(b));
        let inside = mean_step(frame, |a, b| is_repainted(a) && is_repainted(b));
        assert!(
            across <= inside,
            "frame {number}: {across:.2} across the edge, {inside:.2} inside"
        );
    }
    let [first, last] = [&frames[0], &frames[14]];
    assert!(pictures::distance(first.as_raw(), last.as_raw()) > 20.0);
}

#[test]
fn a_heart_keeps_its_shape_in_every_material() {
    let folder = Folder::new();
    let map = example("pocket-depth/relief.png");
    let inputs = [
        "--model=pocket-depth",
        "--depth",
        &map,
        "--steps=12",
        "--frames=5",
    ];
    let prompts = ["render", "a kiwi", "a basketball", "--frames-dir=frames"];
    folder.facts(&[&prompts[..], &inputs[..]].concat());
    let map = grey(&map);
    let frames = pictures::sequence(&folder.join("frames"));
    for (number, frame) in frames.iter().enumerate() {
        let (mut both, mut either) = (0, 0);
        for (x, y, pixel) in frame.enumerate_pixels() {
            // The ground is nearly white, and so is no part of these two things.
            let is_drawn = pixel.0.iter().any(|&channel| channel < 190);
            let is_near = map.get_pixel(x, y).0[0] > 20;
            both += u32::from(is_drawn && is_near);
            either += u32::from(is_drawn || is_near);
        }
        let overlap = f64::from(both) / f64::from(either);
        assert!(
            overlap > 0.85,
            "frame {number} overlaps with the map by {overlap:.2}"
        );
    }
}
