//! Inputs beside text that do not fit the model: each is a clear error, and none a panic.

use std::fs;
use std::path::Path;

use lb_blend::{Backend, PredictRequest};
use lb_models::{GreyPicture, ModelDirectory, ModelError, RgbImage};

use crate::golden_kinds::{Golden, SHAPE};

fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_pixel(width, height, [100; 3].into())
}

fn gray(width: usize, height: usize, value: f32) -> GreyPicture {
    GreyPicture {
        width,
        height,
        values: vec![value; width * height],
    }
}

#[test]
fn inputs_of_another_kind_name_the_kind_they_need() {
    let golden = Golden::new("depth");
    let mut pipeline = golden.pipeline(None);
    let error = pipeline.inpaint_channels(&picture(128, 64), &gray(128, 64, 1.0));
    let message = error.unwrap_err().to_string();
    assert!(
        message.contains("is for depth; a mask needs one for inpainting"),
        "{message}"
    );
    assert!(matches!(
        pipeline.upscale_noise(0),
        Err(ModelError::WrongKind { .. })
    ));
    let golden = Golden::new("sd21");
    let text_to_image = golden.pipeline(None);
    assert!(matches!(
        text_to_image.depth_channel(&gray(5, 5, 0.0)),
        Err(ModelError::WrongKind { .. })
    ));
}

#[test]
fn pictures_of_another_size_are_refused() {
    let golden = Golden::new("inpaint");
    let mut inpainting = golden.pipeline(None);
    let error = inpainting.inpaint_channels(&picture(64, 128), &gray(128, 64, 1.0));
    assert_eq!(
        error.unwrap_err().to_string(),
        "the source picture has 64x128 pixels; 128x64 are needed"
    );
    let error = inpainting.inpaint_channels(&picture(128, 64), &gray(128, 64, 1.0));
    assert!(matches!(
        error,
        Err(ModelError::MaskRepaintsEverything { pixels: 8192 })
    ));
    let error = inpainting.encode_pictures(&[picture(128, 64), picture(64, 64)]);
    assert!(matches!(error, Err(ModelError::InputSize { .. })));

    let golden = Golden::new("upscale");
    let upscaler = golden.pipeline(None);
    let noise = upscaler.upscale_noise(0).unwrap();
    let error = upscaler.low_res_channels(&picture(64, 32), &noise);
    assert_eq!(
        error.unwrap_err().to_string(),
        "the picture of low resolution has 64x32 pixels; 16x8 are needed"
    );
}

#[test]
fn a_request_without_the_models_channels_is_refused() {
    for (kind, message) in [
        (
            "inpaint",
            "a model for inpainting takes 5 channels beside the latents; the request has 0",
        ),
        (
            "upscale",
            "a model for x4 upscaling takes 3 channels beside the latents; the request has 0",
        ),
    ] {
        let golden = Golden::new(kind);
        let mut pipeline = golden.pipeline(None);
        let request = PredictRequest {
            rows: 1,
            shape: SHAPE,
            latents: &[0.0; 512],
            concatenated_channels: 0,
            concatenated: &[],
            timestep: 1,
            tokens: 11,
            width: 12,
            conditioning: &[0.0; 132],
            loras: 0,
            lora_strengths: &[],
        };
        let error = pipeline.predict(&request, &mut [0.0; 512]).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

/// The error of opening the kind's directory after one of its files was changed.
fn changed(kind: &'static str, file: &str, from: &str, to: &str) -> String {
    let golden = Golden::new(kind);
    let path = golden.folder().join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} is not in {file}");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    open(golden.folder())
}

fn open(folder: &Path) -> String {
    ModelDirectory::open(folder).unwrap_err().to_string()
}

#[test]
fn directories_that_contradict_themselves_are_refused() {
    let class = "model_index.json";
    let error = changed(
        "depth",
        class,
        "StableDiffusionDepth2ImgPipeline",
        "StableDiffusionPipeline",
    );
    assert!(
        error.contains(r#""_class_name" is "StableDiffusionPipeline""#)
            && error.contains("a pipeline for depth"),
        "{error}"
    );
    let unet = "unet/config.json";
    let error = changed("inpaint", unet, "\"in_channels\": 9", "\"in_channels\": 8");
    assert!(
        error.contains(r#""in_channels" is 8 without num_class_embeds"#)
            && error.contains("9 (inpainting)"),
        "{error}"
    );
    let error = changed(
        "upscale",
        unet,
        "\"num_class_embeds\": 40",
        "\"num_class_embeds\": null",
    );
    assert!(error.contains("7 without num_class_embeds"), "{error}");

    let golden = Golden::new("upscale");
    let file = "low_res_scheduler/scheduler_config.json";
    fs::remove_file(golden.folder().join(file)).unwrap();
    assert!(open(golden.folder()).contains(file));
}
