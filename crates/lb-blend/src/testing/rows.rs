//! What the conformance suite asks of a backend: predictions for rows of noise, and a small film.

use std::ops::Range;

use lb_schedule::BranchingProfile;

use crate::backend::{Backend, Conditioning, PredictRequest};
use crate::engine::{BlendRequest, blend};
use crate::film::{Keyframe, Transition};
use crate::latents::{LatentShape, Latents};
use crate::noise::{Generator, initial_latents};
use crate::observer::Blended;
use crate::options::BlendOptions;
use crate::sampler::{DdimSampler, NoiseScheduleConfig};

/// Rows of noise to predict from.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) shape: LatentShape,
    tokens: usize,
    width: usize,
    pub(super) count: usize,
    pub(super) latents: Vec<f32>,
    concatenated_channels: usize,
    concatenated: Vec<f32>,
    conditioning: Vec<f32>,
}

impl Rows {
    pub(super) fn new(
        shape: LatentShape,
        concatenated_channels: usize,
        (tokens, width): (usize, usize),
        count: usize,
    ) -> Self {
        let mut generator = Generator::seeded(2022);
        let concatenated = shape.with_channels(concatenated_channels);
        Self {
            shape,
            tokens,
            width,
            count,
            latents: generator.standard_normal(count * shape.len()),
            conditioning: generator.standard_normal(count * tokens * width),
            concatenated_channels,
            concatenated: generator.standard_normal(count * concatenated.len()),
        }
    }

    fn concatenated_shape(&self) -> LatentShape {
        self.shape.with_channels(self.concatenated_channels)
    }

    pub(super) fn request(&self, rows: Range<usize>, timestep: u32) -> PredictRequest<'_> {
        let (stride, width) = (self.shape.len(), self.tokens * self.width);
        let extra = self.concatenated_shape().len();
        PredictRequest {
            rows: rows.len(),
            shape: self.shape,
            latents: &self.latents[rows.start * stride..rows.end * stride],
            concatenated_channels: self.concatenated_channels,
            concatenated: &self.concatenated[rows.start * extra..rows.end * extra],
            timestep,
            tokens: self.tokens,
            width: self.width,
            conditioning: &self.conditioning[rows.start * width..rows.end * width],
            loras: 0,
            lora_strengths: &[],
        }
    }

    pub(super) fn predict(
        &self,
        backend: &mut dyn Backend,
        rows: Range<usize>,
        timestep: u32,
    ) -> Vec<f32> {
        let mut output = vec![f32::NAN; rows.len() * self.shape.len()];
        let answer = backend.predict(&self.request(rows, timestep), &mut output);
        answer.unwrap_or_else(|error| panic!("a proper request is answered: {error}"));
        assert!(
            output.iter().all(|value| value.is_finite()),
            "the whole output is written, with finite values"
        );
        output
    }

    pub(super) fn with_conditioning_of_row(&self, row: usize) -> Self {
        let (mut changed, width) = (self.clone(), self.tokens * self.width);
        changed
            .conditioning
            .copy_within(row * width..(row + 1) * width, 0);
        changed
    }

    pub(super) fn with_latents_of_row(&self, row: usize) -> Self {
        let (mut changed, stride) = (self.clone(), self.shape.len());
        changed
            .latents
            .copy_within(row * stride..(row + 1) * stride, 0);
        changed
    }

    pub(super) fn with_concatenated_of_row(&self, row: usize) -> Self {
        let (mut changed, extra) = (self.clone(), self.concatenated_shape().len());
        changed
            .concatenated
            .copy_within(row * extra..(row + 1) * extra, 0);
        changed
    }

    fn keyframe(&self, row: usize, negative: usize, seed: u64) -> Keyframe {
        let width = self.tokens * self.width;
        let conditioning = |row: usize| Conditioning {
            tokens: self.tokens,
            width: self.width,
            values: self.conditioning[row * width..][..width].to_vec(),
        };
        let initial_latents = initial_latents(seed, self.shape);
        let extra = self.concatenated_shape();
        let values = &self.concatenated[row * extra.len()..][..extra.len()];
        let concatenated = Latents::from_values(extra, values.to_vec()).ok();
        Keyframe {
            conditioning: conditioning(row),
            negative_conditioning: conditioning(negative),
            guidance_scale: 4.0,
            initial_latents: initial_latents.unwrap_or_else(|error| panic!("{error}")),
            concatenated,
            lora_strengths: Vec::new(),
        }
    }
}

pub(super) fn film(backend: &mut dyn Backend, rows: &Rows) -> Vec<Vec<f32>> {
    let mut made = || -> Result<_, Box<dyn std::error::Error>> {
        let sampler = DdimSampler::new(&NoiseScheduleConfig::default(), 4)?;
        let profile = BranchingProfile::manual(4, &[2, 5], &[0, 2])?;
        let mut blended = Blended::default();
        blend(BlendRequest {
            backend,
            sampler: &sampler,
            keyframes: &mut vec![rows.keyframe(0, 2, 1), rows.keyframe(1, 2, 2)],
            transitions: &[Transition::new(profile, 0.5)],
            options: BlendOptions::default(),
            snapshots: &mut (),
            observer: &mut blended,
        })?;
        Ok(blended)
    };
    let film = made().unwrap_or_else(|error| panic!("a small film is computed: {error}"));
    let frames = film.transitions.into_iter().flatten();
    frames.map(|frame| frame.latents.into_values()).collect()
}
