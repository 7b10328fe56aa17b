//! Decoding and encoding in tiles compared with doing it whole: how much the results differ, and
//! whether a seam shows.

use lb_blend::{LatentShape, Latents, noise};
use lb_models::{
    DecodeTiling, ModelDirectory, Pipeline, PipelineOptions, RgbImage, SessionOptions,
};
use lb_video::picture::{psnr, size};

use crate::golden_kinds::Golden;
use crate::surroundings::{pocket, pool};

/// Tiles with the default's proportions, also for latents that would otherwise be decoded whole.
const TILING: DecodeTiling = DecodeTiling::new(0, 48, 12);
const SHAPE: LatentShape = LatentShape {
    channels: 4,
    height: 72,
    width: 88,
};

fn pipeline(directory: &ModelDirectory, tiling: DecodeTiling) -> Pipeline {
    let mut options = PipelineOptions::from(SessionOptions::default().with_threads(1));
    options.tiling = tiling;
    let scale = directory.pixels_per_latent;
    let (width, height) = (SHAPE.width * scale, SHAPE.height * scale);
    Pipeline::open(&pool(), directory.clone(), width, height, options).unwrap()
}

/// One picture decoded whole, in tiles, and in tiles that do not overlap.
fn decoded(directory: &ModelDirectory, latents: &Latents) -> [RgbImage; 3] {
    let abutting = DecodeTiling::new(0, 48, 0);
    [DecodeTiling::default(), TILING, abutting].map(|tiling| {
        let decoder = pipeline(directory, tiling).decoder();
        decoder.decode(&[latents]).unwrap().remove(0)
    })
}

/// A sky, a disk, and a busy half, so that each tile sees a different part of the scene.
fn scene(width: usize, height: usize) -> RgbImage {
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let disk = (x as f64 - 200.0).hypot(y as f64 - 250.0) < 120.0;
        let pixel = match (disk, x > 400 && (x / 13 + y / 13) % 2 == 0) {
            (true, _) => [220, 40, 30],
            (false, true) => [30, 90, 20],
            (false, false) => [120 + y / 8, 160 + x / 16, 255 - x / 8].map(|level| level as u8),
        };
        pixel.into()
    })
}

/// For each column, the mean step from the previous column in the difference of two pictures.
fn steps(whole: &RgbImage, tiled: &RgbImage) -> Vec<f64> {
    let (width, height) = size(whole);
    let pairs = whole.iter().zip(tiled.iter());
    let difference: Vec<f64> = pairs.map(|(&w, &t)| f64::from(t) - f64::from(w)).collect();
    let mut steps = vec![0.0; width];
    for line in difference.chunks_exact(3 * width) {
        for (column, pixels) in line.windows(6).step_by(3).enumerate() {
            let step: f64 = (0..3).map(|c| (pixels[c + 3] - pixels[c]).abs()).sum();
            steps[column + 1] += step / (3 * height) as f64;
        }
    }
    steps
}

/// The largest step where a tile begins or ends, and the largest elsewhere.
fn at_seams_and_elsewhere(steps: &[f64], borders: &[usize]) -> (f64, f64) {
    let (mut seams, mut elsewhere) = (0.0_f64, 0.0_f64);
    for (column, &step) in steps.iter().enumerate() {
        let largest = if borders.contains(&column) {
            &mut seams
        } else {
            &mut elsewhere
        };
        *largest = largest.max(step);
    }
    (seams, elsewhere)
}

fn assert_seamless(name: &str, directory: &ModelDirectory, latents: &Latents, least_psnr: f64) {
    let [whole, tiled, abutting] = decoded(directory, latents);
    let scale = directory.pixels_per_latent;
    // 88 columns in three tiles of 38; without overlap two of 44.
    let borders = [25, 38, 50, 63].map(|column| column * scale);
    let (seams, elsewhere) = at_seams_and_elsewhere(&steps(&whole, &tiled), &borders);
    let psnr = psnr(&whole, &tiled).unwrap();
    assert!(
        seams <= elsewhere,
        "{name}: {seams} at seams, {elsewhere} elsewhere"
    );
    assert!(
        psnr >= least_psnr,
        "{name}: {psnr} dB from the whole picture"
    );
    // The measure detects a seam if there is one.
    let (seam, _) = at_seams_and_elsewhere(&steps(&whole, &abutting), &[44 * scale]);
    assert!(
        seam > 5.0 * seams,
        "{name}: {seam} without overlap, {seams} with"
    );
}

#[test]
fn the_bundled_model_decodes_in_tiles_without_a_seam() {
    let directory = pocket();
    let scene = scene(8 * SHAPE.width, 8 * SHAPE.height);
    let latents = pipeline(&directory, DecodeTiling::default()).encode_pictures(&[scene]);
    assert_seamless("pocket", &directory, &latents.unwrap()[0], 30.0);
}

#[test]
fn an_upscaler_decodes_in_tiles_without_a_seam() {
    let golden = Golden::new("upscale");
    let values = noise::standard_normal(5, SHAPE.len());
    let latents = Latents::from_values(SHAPE, values).unwrap();
    assert_seamless("upscaler", &golden.directory(), &latents, 40.0);
}

#[test]
fn the_bundled_model_encodes_in_tiles_without_a_seam() {
    let directory = pocket();
    let scene = scene(8 * SHAPE.width, 8 * SHAPE.height);
    let encoded = [DecodeTiling::default(), TILING].map(|tiling| {
        let latents = pipeline(&directory, tiling).encode_pictures(std::slice::from_ref(&scene));
        latents.unwrap().remove(0)
    });
    assert_ne!(encoded[0], encoded[1]);
    let decoder = pipeline(&directory, DecodeTiling::default()).decoder();
    let [whole, tiled] = encoded.map(|latents| decoder.decode(&[&latents]).unwrap().remove(0));
    let borders = [25, 38, 50, 63].map(|column| column * 8);
    let (seams, elsewhere) = at_seams_and_elsewhere(&steps(&whole, &tiled), &borders);
    let far = psnr(&whole, &tiled).unwrap();
    assert!(
        seams <= elsewhere,
        "{seams} at seams, {elsewhere} elsewhere"
    );
    assert!(far >= 36.0, "{far} dB from the picture encoded whole");
}

#[test]
fn small_latents_are_decoded_whole_and_large_ones_in_tiles() {
    let directory = pocket();
    let latents = noise::initial_latents(
        0,
        LatentShape {
            height: 16,
            width: 16,
            ..SHAPE
        },
    )
    .unwrap();
    let picture = |tiling| {
        let decoder = pipeline(&directory, tiling).decoder();
        decoder.decode(&[&latents]).unwrap().remove(0)
    };
    let whole = picture(DecodeTiling::new(256, 8, 2));
    let tiled = picture(DecodeTiling::new(255, 8, 2));
    assert_eq!(whole, picture(DecodeTiling::default()));
    assert_ne!(whole, tiled);
    assert_eq!(tiled.dimensions(), (128, 128));
}
