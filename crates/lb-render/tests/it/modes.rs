//! Films of inpainting and depth models, compared with diffusers; and jobs that are refused.

use std::path::{Path, PathBuf};

use image::{GrayImage, Luma, RgbImage};
use lb_render::{DepthMap, Fit, Inpaint, Job, Outputs, RenderError};

use crate::cached_films::assert_found_again;
use crate::tiny_models::{Pixels, TinyModel, frames, golden, golden_job, psnr, read, render};

/// The smallest allowed peak signal-to-noise ratio between frames, in dB.
const LEAST_PSNR: f64 = 45.0;

fn inpaint_job() -> Job {
    Job {
        inpaint: Some(Inpaint {
            image: golden().join("inpaint/source.png"),
            mask: golden().join("inpaint/mask.png"),
            feather: 3.0,
        }),
        ..golden_job((128, 64))
    }
}

fn depth_job() -> Job {
    Job {
        depth: Some(DepthMap {
            image: golden().join("depth/map.png"),
        }),
        ..golden_job((64, 64))
    }
}

fn assert_golden(name: &str, found: &[crate::tiny_models::Pixels]) {
    let expected = frames(&golden().join(name));
    assert_eq!((found.len(), expected.len()), (7, 7));
    for (frame, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found.0, expected.0);
        let psnr = psnr(&found.1, &expected.1);
        assert!(psnr >= LEAST_PSNR, "{name}, frame {frame}: {psnr} dB");
    }
}

#[test]
fn an_inpainted_film_equals_that_of_diffusers_and_keeps_the_masked_part() {
    let job = inpaint_job();
    let rendered = render(&TinyModel::new("inpaint").renderer(), &job);
    assert_golden("inpaint", &rendered.computed);

    let (size, source) = read(&golden().join("inpaint/source.png"));
    let mask = image::open(golden().join("inpaint/mask.png"))
        .unwrap()
        .into_luma8();
    let kept: Vec<bool> = mask.as_raw().iter().map(|&level| level < 128).collect();
    assert!(kept.iter().filter(|&&kept| kept).count() > 1000);
    let mut repainted = 0;
    assert_eq!(rendered.film.len(), 8);
    for (found, pixels) in rendered.computed.iter().chain(&rendered.film) {
        assert_eq!(*found, size);
        let pairs = pixels.chunks_exact(3).zip(source.chunks_exact(3));
        for (kept, (found, source)) in kept.iter().zip(pairs) {
            assert!(!kept || found == source, "a kept pixel is not the source's");
            repainted += usize::from(!kept && found != source);
        }
    }
    assert!(repainted > 1000);
}

#[test]
fn an_inpainted_film_may_begin_with_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let source = golden().join("inpaint/source.png");
    let other = folder.path().join("mirrored.png");
    let mirrored = image::open(&source).unwrap().fliph();
    mirrored.save(&other).unwrap();
    let mask = golden().join("inpaint/mask.png");
    let mut job = Job {
        inpaint: Some(Inpaint {
            image: source.clone(),
            mask: mask.clone(),
            feather: 0.0,
        }),
        ..golden_job((128, 64))
    };
    for (keyframe, image) in [(0, &source), (2, &other)] {
        job.keyframes[keyframe].image = Some(image.clone());
        job.keyframes[keyframe].guidance_scale = 1.0;
    }
    let rendered = assert_found_again(&TinyModel::new("inpaint").renderer(), &job);

    let (source, mirrored) = (read(&source), read(&other));
    assert!(rendered.computed[0] == source);
    let mask = image::open(mask).unwrap().into_luma8();
    let pixels = |picture: &Pixels| -> Vec<[u8; 3]> {
        let pixels = picture.1.chunks_exact(3);
        pixels.map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
    };
    let (kept, repainted) = (pixels(&source), pixels(&mirrored));
    for (frame, computed) in rendered.computed.iter().enumerate() {
        for (index, (&found, &level)) in
            std::iter::zip(&pixels(computed), mask.as_raw()).enumerate()
        {
            match (level < 128, frame) {
                (true, _) => assert_eq!(found, kept[index], "frame {frame}, pixel {index}"),
                (false, 6) => assert_eq!(found, repainted[index], "pixel {index}"),
                (false, _) => {}
            }
        }
    }
    assert!(rendered.computed[3] != source && rendered.computed[6] != source);
}

#[test]
fn a_depth_film_equals_that_of_diffusers() {
    let rendered = render(&TinyModel::new("depth").renderer(), &depth_job());
    assert_golden("depth", &rendered.computed);
    let plan = lb_render::Plan::new(&depth_job()).unwrap();
    let evaluations = rendered.summary.statistics.model_evaluations;
    assert_eq!(evaluations, plan.cost.model_evaluations);
}

/// Writes a picture and a mask of these sizes. The mask is a white disk, or has one level everywhere.
fn written(folder: &Path, picture: (u32, u32), mask: (u32, u32), level: Option<u8>) -> Inpaint {
    let paths: [PathBuf; 2] = ["picture.png", "mask.png"].map(|name| folder.join(name));
    RgbImage::from_fn(picture.0, picture.1, |x, y| {
        image::Rgb([x as u8, y as u8, 90])
    })
    .save(&paths[0])
    .unwrap();
    GrayImage::from_fn(mask.0, mask.1, |x, y| {
        let away = |at: u32, side: u32| f64::from(at) / f64::from(side) - 0.5;
        let inside = away(x, mask.0).hypot(away(y, mask.1)) < 0.3;
        Luma([level.unwrap_or(if inside { 255 } else { 0 })])
    })
    .save(&paths[1])
    .unwrap();
    let [image, mask] = paths;
    Inpaint {
        image,
        mask,
        feather: 2.0,
    }
}

/// The message of a render that must refuse its job before it computes a frame.
fn refusal(kind: &str, job: &Job) -> String {
    let folder = tempfile::tempdir().unwrap();
    let outputs = Outputs {
        frames_dir: Some(folder.path().join("frames")),
        ..Default::default()
    };
    let model = TinyModel::new(kind);
    let error: RenderError = model.renderer().render(job, &outputs, &mut ()).unwrap_err();
    assert!(error.is_request(), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    error.to_string()
}

#[test]
fn pictures_of_other_sizes_are_refused_or_fitted() {
    let folder = tempfile::tempdir().unwrap();
    let with = |picture, mask, fit| Job {
        inpaint: Some(written(folder.path(), picture, mask, None)),
        fit,
        ..inpaint_job()
    };
    assert_eq!(
        refusal("inpaint", &with((128, 64), (64, 64), None)),
        "the mask has 64x64 pixels, but the film has 128x64"
    );
    assert_eq!(
        refusal("inpaint", &with((100, 80), (100, 80), None)),
        "the source picture has 100x80 pixels, but the film has 128x64"
    );
    let message = refusal("inpaint", &with((100, 80), (80, 100), Some(Fit::Crop)));
    assert!(
        message.contains("80x100") && message.contains("100x80"),
        "{message}"
    );
    let model = TinyModel::new("inpaint");
    for &fit in <Fit as lb_job::Choice>::ALL {
        let rendered = render(&model.renderer(), &with((100, 80), (100, 80), Some(fit)));
        let corner = |frame: &crate::tiny_models::Pixels| frame.1[..3].to_vec();
        // The source's corner is kept, unless the film's corner is padding.
        let first = corner(&rendered.computed[0]);
        let all_same = rendered.computed.iter().all(|frame| corner(frame) == first);
        assert_eq!(all_same, fit != Fit::Pad, "{fit:?}");
    }
}

#[test]
fn masks_that_repaint_nothing_or_everything_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let even = |level| Job {
        inpaint: Some(written(folder.path(), (128, 64), (128, 64), Some(level))),
        ..inpaint_job()
    };
    let message = refusal("inpaint", &even(0));
    assert!(message.contains("repaints nothing"), "{message}");
    let message = refusal("inpaint", &even(255));
    assert!(message.contains("repaints everything"), "{message}");
}

#[test]
fn an_error_says_which_kind_of_model_is_needed() {
    let both = Job {
        depth: depth_job().depth,
        ..inpaint_job()
    };
    for (kind, job, needed) in [
        ("sd21", inpaint_job(), "a mask needs one for inpainting"),
        ("depth", inpaint_job(), "a mask needs one for inpainting"),
        ("inpaint", depth_job(), "a depth map needs one for depth"),
        (
            "inpaint",
            golden_job((64, 64)),
            "a film of prompts alone needs one for text to image",
        ),
        ("inpaint", both, "each needs a different model"),
    ] {
        let message = refusal(kind, &job);
        assert!(message.contains(needed), "{kind}: {message}");
    }
}
