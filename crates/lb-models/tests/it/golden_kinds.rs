//! The tiny models of every kind, and what diffusers computes with them.
//!
//! The golden files are written by `tests/golden/kinds.py` with the models of
//! `crates/lb-export/tests/golden/make.py`.

use std::path::{Path, PathBuf};

use lb_blend::{Backend as _, LatentShape, Latents, PredictRequest, noise};
use lb_models::testing::{NamedTensor, TensorValues, write_tiny_model};
use lb_models::{
    Device, GreyPicture, ModelDirectory, ModelError, ModelPool, Pipeline, PipelineOptions,
    RgbImage, SessionOptions, Tokens,
};
use lb_video::picture;

use crate::safetensors;
use crate::surroundings::{pool, workspace};

pub(crate) const KINDS: [&str; 6] = ["sd21", "sd21_base", "sd15", "inpaint", "depth", "upscale"];
/// The shape of the golden transitions' latents. It is not square, so that swapped sides are noticed.
pub(crate) const SHAPE: LatentShape = LatentShape {
    channels: 4,
    height: 8,
    width: 16,
};

/// A kind's whole model directory, and its golden numbers.
pub(crate) struct Golden {
    folder: tempfile::TempDir,
    tensors: Vec<NamedTensor>,
    kind: &'static str,
}

impl Golden {
    pub(crate) fn new(kind: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_tiny_model(kind, folder.path()).unwrap();
        Self {
            tensors: safetensors::read(&written().join(kind).join("golden.safetensors")),
            folder,
            kind,
        }
    }

    /// This kind, with the numbers of another file of `tests/golden`.
    pub(crate) fn with_numbers(kind: &'static str, file: &str) -> Self {
        let file = written().join("..").join(file);
        Self {
            tensors: safetensors::read(&file),
            ..Self::new(kind)
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn directory(&self) -> ModelDirectory {
        ModelDirectory::open(self.folder()).unwrap()
    }

    /// A pipeline for pictures of this golden's size.
    pub(crate) fn pipeline(&self, batch_limit: Option<usize>) -> Pipeline {
        self.pipeline_with(|options| options.batch_limit = batch_limit)
            .unwrap()
    }

    pub(crate) fn pipeline_with(
        &self,
        change: impl FnOnce(&mut PipelineOptions),
    ) -> Result<Pipeline, ModelError> {
        self.pipeline_in(&pool(), change)
    }

    /// A pipeline on the components of this pool.
    pub(crate) fn pipeline_in(
        &self,
        pool: &ModelPool,
        change: impl FnOnce(&mut PipelineOptions),
    ) -> Result<Pipeline, ModelError> {
        let session = SessionOptions::new(Device::Cpu).with_threads(1);
        let mut options = PipelineOptions::from(session);
        change(&mut options);
        let scale = self.directory().pixels_per_latent;
        let (width, height) = (SHAPE.width * scale, SHAPE.height * scale);
        Pipeline::open(pool, self.directory(), width, height, options)
    }

    /// The negative prompt's ids, then those of the keyframes' prompts.
    pub(crate) fn prompts(&self) -> Vec<Tokens> {
        let ids = self.whole_numbers("input_ids");
        let ids = ids.chunks_exact(11).map(<[i64]>::to_vec);
        ids.map(|ids| Tokens {
            ids,
            ..Default::default()
        })
        .collect()
    }

    pub(crate) fn seeds(&self) -> Vec<u64> {
        let seeds = self.whole_numbers("seeds").into_iter();
        seeds.map(|seed| seed as u64).collect()
    }

    /// The pictures that the kind takes, of this size.
    pub(crate) fn pictures(&self, width: usize, height: usize) -> Vec<RgbImage> {
        read_pictures(&written().join(self.kind).join("inputs.png"), width, height)
    }

    pub(crate) fn frames(&self, width: usize, height: usize) -> Vec<RgbImage> {
        read_pictures(&written().join(self.kind).join("frames.png"), width, height)
    }

    pub(crate) fn gray(&self, name: &str) -> GreyPicture {
        let [height, width] = self.tensor(name).shape[..] else {
            panic!("{name} has one channel")
        };
        GreyPicture {
            width,
            height,
            values: self.numbers(name),
        }
    }

    /// Latents, or concatenated channels: one for each row of the tensor.
    pub(crate) fn latents(&self, name: &str) -> Vec<Latents> {
        let [_, channels, height, width] = self.tensor(name).shape[..] else {
            panic!("{name} has rows of channels")
        };
        let shape = LatentShape {
            channels,
            height,
            width,
        };
        let values = self.numbers(name);
        let rows = values.chunks_exact(shape.len());
        rows.map(|row| Latents::from_values(shape, row.to_vec()).unwrap())
            .collect()
    }

    fn tensor(&self, name: &str) -> &NamedTensor {
        let mut named = self.tensors.iter().filter(|tensor| tensor.name == name);
        named.next().expect(name)
    }

    pub(crate) fn numbers(&self, name: &str) -> Vec<f32> {
        match &self.tensor(name).values {
            TensorValues::Float32(values) => values.clone(),
            TensorValues::Int64(_) => panic!("{name} is of floats"),
        }
    }

    fn whole_numbers(&self, name: &str) -> Vec<i64> {
        match &self.tensor(name).values {
            TensorValues::Int64(values) => values.clone(),
            TensorValues::Float32(_) => panic!("{name} is of whole numbers"),
        }
    }
}

fn written() -> PathBuf {
    workspace().join("crates/lb-models/tests/golden/kinds")
}

/// The pictures of this size that a file has one below the other.
pub(crate) fn read_pictures(path: &Path, width: usize, height: usize) -> Vec<RgbImage> {
    let stacked = image::open(path).unwrap().to_rgb8();
    assert_eq!(stacked.width() as usize, width);
    let pictures = stacked.as_raw().chunks_exact(width * height * 3);
    pictures
        .map(|rgb| picture::from_rgb(width, height, rgb.to_vec()).unwrap())
        .collect()
}

/// How well each frame agrees with a golden file that has every `stride`th byte of all frames, in dB. What is left of
/// `expected` belongs to further frames.
pub(crate) fn psnr_of_samples(
    frames: &[RgbImage],
    stride: usize,
    expected: &mut &[u8],
) -> Vec<f64> {
    let mut first = 0;
    let psnr = frames.iter().map(|frame| {
        let found: Vec<u8> = frame
            .as_raw()
            .iter()
            .skip(first)
            .step_by(stride)
            .copied()
            .collect();
        first = first + found.len() * stride - frame.as_raw().len();
        let (of_frame, rest) = expected.split_at(found.len());
        *expected = rest;
        let squares = found.iter().zip(of_frame);
        let squares = squares.map(|(&found, &wanted)| f64::from(found.abs_diff(wanted)).powi(2));
        let mean = squares.sum::<f64>() / found.len() as f64;
        10.0 * (255.0 * 255.0 / mean).log10()
    });
    psnr.collect()
}

/// What the UNet of the tiny upscaler predicts of noise.
pub(crate) fn upscaled(pipeline: &mut Pipeline) -> Vec<f32> {
    let latents = noise::standard_normal(0, SHAPE.len());
    let request = PredictRequest {
        rows: 1,
        shape: SHAPE,
        latents: &latents,
        concatenated_channels: 3,
        concatenated: &latents[..3 * 8 * 16],
        timestep: 500,
        tokens: 11,
        width: 12,
        conditioning: &latents[..11 * 12],
        loras: 0,
        lora_strengths: &[],
    };
    let mut output = vec![f32::NAN; SHAPE.len()];
    pipeline.predict(&request, &mut output).unwrap();
    output
}

/// The largest difference, as a fraction of the largest expected value.
pub(crate) fn relative_error(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected
        .iter()
        .fold(0.0_f32, |most, value| most.max(value.abs()));
    let differences = found
        .iter()
        .zip(expected)
        .map(|(f, e)| f64::from(f - e).abs());
    assert!(found.iter().all(|value| value.is_finite()));
    differences.fold(0.0, f64::max) / f64::from(largest)
}
