//! Models whose activations do not fit into 16-bit floats.

use std::fs;
use std::ops::Range;
use std::path::Path;

use lb_models::testing::write_tiny_model;

use crate::decode::psnr;
use crate::lb::Folder;

const FILM: &[&str] = &[
    "render",
    "a b",
    "ab c",
    "--model=./model",
    "--quality=lowest",
    "--size=64x64",
    "--no-cache",
];

/// Writes a tiny model into the folder, and makes the weights of this tensor 32768 times larger. They fit
/// into 16 bits, but what is computed with them does not until the next norm takes it out again.
fn write_overflowing_model(folder: &Folder, part: &str, tensor: &str) {
    let model = folder.join("model");
    write_tiny_model("sd21", &model).unwrap();
    let path = model.join(part).join("diffusion_pytorch_model.safetensors");
    let mut bytes = fs::read(&path).unwrap();
    let values = values_of(&bytes, tensor);
    for number in bytes[values].chunks_exact_mut(2) {
        let bits = u16::from_le_bytes([number[0], number[1]]);
        let exponent = (bits >> 10) & 0x1f;
        assert!(exponent < 16, "{tensor} has weights of 2 or more");
        if exponent > 0 {
            number.copy_from_slice(&(bits + (15 << 10)).to_le_bytes());
        }
    }
    fs::write(path, bytes).unwrap();
}

/// Where a tensor of 16-bit floats lies in the bytes of a safetensors file.
fn values_of(bytes: &[u8], tensor: &str) -> Range<usize> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    assert_eq!(header[tensor]["dtype"], "F16");
    let at = |end: usize| header[tensor]["data_offsets"][end].as_u64().unwrap() as usize;
    8 + length + at(0)..8 + length + at(1)
}

fn frame(folder: &Path) -> lb_video::RgbImage {
    image::open(folder.join("frame_0003.png"))
        .unwrap()
        .to_rgb8()
}

#[test]
fn a_picture_that_overflows_is_decoded_once_more() {
    let folder = Folder::new();
    write_overflowing_model(&folder, "vae", "decoder.conv_in.weight");
    let whole = folder.run(&[FILM, &["--precision=fp32", "--frames-dir=whole"]].concat());
    assert_eq!(whole.code, Some(0), "{}", whole.error);
    let half = folder.run(&[FILM, &["--precision=fp16", "--frames-dir=half"]].concat());
    assert_eq!(half.code, Some(0), "{}", half.error);
    assert_eq!(half.error.matches("16 bits").count(), 1, "{}", half.error);
    let alike = psnr(&frame(&folder.join("half")), &frame(&folder.join("whole")));
    assert!(alike > 40.0, "{alike} dB");
}

#[test]
fn a_unet_that_overflows_is_refused_with_the_way_out() {
    let folder = Folder::new();
    write_overflowing_model(&folder, "unet", "conv_in.weight");
    let flags = [FILM, &["--frames-dir=frames", "--precision=fp16"]].concat();
    folder.run(&flags).assert_refused(
        1,
        &["unet", "not finite in 16-bit floats", "--precision fp32"],
    );
    let flags = [FILM, &["--frames-dir=frames", "--precision=fp32"]].concat();
    let whole = folder.run(&flags);
    assert_eq!(whole.code, Some(0), "{}", whole.error);
}
