//! The branches that are denoised together: their rows, and the buffers that hold them.

use std::borrow::Cow;
use std::ops::Range;

use super::origin::Origin;
use crate::backend::{Backend, PredictRequest};
use crate::error::BlendError;
use crate::film::{Branch, Keyframe};
use crate::guidance::{GuidanceOptions, GuidedRows};
use crate::keyframe_source::KeyframeForm;
use crate::latents::{Latents, ShapeError};
use crate::mix::{lerp, slerp};
use crate::sampler::Sampler;
use crate::snapshot::Snapshot;

/// How a branch starts. A keyframe's own trajectory has itself on both sides.
pub(super) struct Start<'a> {
    pub(super) branch: Branch,
    pub(super) guidance_scale: f64,
    pub(super) origin: Origin<'a>,
    /// The transition's keyframes and the fraction between them, for the conditioning, the strengths of
    /// LoRAs and the concatenated channels.
    pub(super) keyframes: (&'a Keyframe, &'a Keyframe, f64),
    /// The difference that guidance made when it was last computed. A guided branch needs it if its first step
    /// reuses the difference.
    pub(super) guidance_difference: Option<Cow<'a, [f32]>>,
}

impl Start<'_> {
    /// Whether the branch is, or lies between, guided keyframes.
    fn is_guided(&self) -> bool {
        let (left, right, _) = self.keyframes;
        left.is_guided() || right.is_guided()
    }
}

/// A denoising step, its timestep, and whether guidance is computed there.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    step: usize,
    timestep: u32,
    computes_guidance: bool,
}

impl Moment {
    /// The step with this index among these timesteps.
    pub(super) fn new(step: usize, timesteps: &[u32], computes_guidance: bool) -> Self {
        Self {
            step,
            timestep: timesteps[step],
            computes_guidance,
        }
    }
}

/// One batch of branches. It is filled for every level, and again before each step at which
/// branches move; its buffers are allocated once for a film.
///
/// Rows are laid out as [`GuidedRows`] describes. The conditional rows of `latents` are the branches'
/// own latents, which the sampler changes in place. `predicted_clean` is what the sampler predicted
/// last, which a multistep sampler reads at the next step. `concatenated` is empty where the model
/// takes latents alone.
pub(super) struct Batch {
    /// The dimensions of every branch.
    form: KeyframeForm,
    branches: Vec<Branch>,
    guided: GuidedRows,
    latents: Vec<f32>,
    concatenated: Vec<f32>,
    conditioning: Vec<f32>,
    lora_strengths: Vec<f32>,
    output: Vec<f32>,
    predicted_clean: Vec<f32>,
}

impl Batch {
    /// A batch without branches.
    pub(super) fn new(guidance: GuidanceOptions) -> Self {
        Self {
            guided: GuidedRows::new(guidance),
            form: KeyframeForm::default(),
            branches: Vec::new(),
            latents: Vec::new(),
            concatenated: Vec::new(),
            conditioning: Vec::new(),
            lora_strengths: Vec::new(),
            output: Vec::new(),
            predicted_clean: Vec::new(),
        }
    }

    /// Starts these branches, of which there is at least one. They replace the previous ones.
    pub(super) fn fill(&mut self, starts: &[Start<'_>]) -> Result<(), ShapeError> {
        self.form = KeyframeForm::of(starts[0].keyframes.0);
        self.branches.clear();
        self.branches
            .extend(starts.iter().map(|start| start.branch));
        let values = self.form.latents.len();
        let guidance = starts
            .iter()
            .map(|start| (start.guidance_scale, start.is_guided()));
        self.guided.set(guidance, values);
        for (branch, start) in starts.iter().enumerate() {
            if let Some(difference) = &start.guidance_difference
                && let Some(kept) = self.guided.difference(branch, values)
            {
                kept.copy_from_slice(difference);
            }
        }

        let rows = self.guided.rows();
        self.latents.resize(rows * values, 0.0);
        self.output.resize(rows * values, 0.0);
        self.predicted_clean.resize(starts.len() * values, 0.0);
        let latents = self.latents.chunks_exact_mut(values);
        let predictions = self.predicted_clean.chunks_exact_mut(values);
        for ((start, latents), predicted) in starts.iter().zip(latents).zip(predictions) {
            start.origin.write(latents, predicted)?;
        }
        self.fill_concatenated(starts)?;

        let values = self.form.tokens * self.form.width;
        self.conditioning.resize(rows * values, 0.0);
        for row in 0..rows {
            let (branch, conditional) = self.guided.branch_of(row);
            let (left, right, fraction) = starts[branch].keyframes;
            let (left, right) = match conditional {
                true => (&left.conditioning, &right.conditioning),
                false => (&left.negative_conditioning, &right.negative_conditioning),
            };
            let mixed = &mut self.conditioning[row * values..][..values];
            lerp(&left.values, &right.values, fraction, mixed)?;
        }
        self.fill_lora_strengths(starts)
    }

    /// Fills in how strong LoRAs are on each row: the same with and without the conditioning, as a LoRA
    /// changes the model itself.
    fn fill_lora_strengths(&mut self, starts: &[Start<'_>]) -> Result<(), ShapeError> {
        let count = self.form.loras;
        if count == 0 {
            self.lora_strengths.clear();
            return Ok(());
        }
        let rows = self.guided.rows();
        self.lora_strengths.resize(rows * count, 0.0);
        for (row, mixed) in self.lora_strengths.chunks_exact_mut(count).enumerate() {
            let (branch, _) = self.guided.branch_of(row);
            let (left, right, fraction) = starts[branch].keyframes;
            lerp(&left.lora_strengths, &right.lora_strengths, fraction, mixed)?;
        }
        Ok(())
    }

    fn fill_concatenated(&mut self, starts: &[Start<'_>]) -> Result<(), ShapeError> {
        let values = self.concatenated_values();
        if values == 0 {
            return Ok(());
        }
        self.concatenated.resize(self.guided.rows() * values, 0.0);
        let rows = self.concatenated.chunks_exact_mut(values);
        for (start, row) in starts.iter().zip(rows) {
            let (left, right, fraction) = start.keyframes;
            let (left, right) = (left.concatenated_values(), right.concatenated_values());
            // What both keyframes share must be copied: a mix would round it.
            if left == right {
                row.copy_from_slice(left);
            } else {
                slerp(left, right, fraction, row)?;
            }
        }
        self.guided.share(&mut self.concatenated, values);
        Ok(())
    }

    fn concatenated_values(&self) -> usize {
        self.form
            .latents
            .with_channels(self.form.concatenated_channels)
            .len()
    }

    pub(super) fn branches(&self) -> usize {
        self.branches.len()
    }

    /// The rows that the model sees.
    pub(super) fn rows(&self, at: Moment) -> usize {
        self.guided.predicted(at.computes_guidance)
    }

    /// Draws a branch's latents along the arc towards other latents, and the prediction that its
    /// sampler reads next along the line towards theirs.
    pub(super) fn crossfeed(
        &mut self,
        branch: usize,
        (latents, predicted_clean): (&[f32], &[f32]),
        coefficient: f64,
    ) -> Result<(), ShapeError> {
        let own = branch * self.form.latents.len()..(branch + 1) * self.form.latents.len();
        // The model's next output overwrites what is left in this buffer.
        let mixed = &mut self.output[own.clone()];
        slerp(&self.latents[own.clone()], latents, coefficient, mixed)?;
        self.latents[own.clone()].copy_from_slice(mixed);
        let predicted = &mut self.predicted_clean[own];
        lerp(predicted, predicted_clean, coefficient, mixed)?;
        predicted.copy_from_slice(mixed);
        Ok(())
    }

    /// Evaluates the model for every row of the step, in calls of at most `limit` rows, and applies guidance.
    /// Returns the number of calls.
    pub(super) fn predict(
        &mut self,
        backend: &mut dyn Backend,
        limit: usize,
        at: Moment,
    ) -> Result<usize, BlendError> {
        let (rows, values) = (self.rows(at), self.form.latents.len());
        self.guided.share(&mut self.latents, values);
        let request = PredictRequest {
            rows: self.guided.rows(),
            shape: self.form.latents,
            latents: &self.latents,
            concatenated_channels: self.form.concatenated_channels,
            concatenated: &self.concatenated,
            timestep: at.timestep,
            tokens: self.form.tokens,
            width: self.form.width,
            conditioning: &self.conditioning,
            loras: self.form.loras,
            lora_strengths: &self.lora_strengths,
        };
        let mut calls = 0;
        for first in (0..rows).step_by(limit) {
            let last = rows.min(first.saturating_add(limit));
            let output = &mut self.output[first * values..last * values];
            backend.predict(&request.of_rows(first..last), output)?;
            calls += 1;
        }
        for (row, output) in self.output.chunks_exact(values).take(rows).enumerate() {
            let (branch, conditional) = self.guided.branch_of(row);
            let what = match conditional {
                true => "the model's output for the conditioning",
                false => "the model's output for the negative conditioning",
            };
            self.validate_finite(output, what, branch, at)?;
        }
        self.guided
            .combine(&mut self.output, values, at.computes_guidance);
        Ok(calls)
    }

    /// Takes the sampler's step with what [`predict`](Self::predict) found.
    pub(super) fn step(&mut self, sampler: &dyn Sampler, at: Moment) -> Result<(), BlendError> {
        let values = self.branches.len() * self.form.latents.len();
        let (latents, output) = (&mut self.latents[..values], &self.output[..values]);
        sampler.step(at.step, latents, output, &mut self.predicted_clean)?;
        self.validate_latents("the denoised latents", at)
    }

    /// The branches' latents, one after the other.
    pub(super) fn latents(&self) -> &[f32] {
        &self.latents[..self.branches.len() * self.form.latents.len()]
    }

    /// Replaces the latents by what `solve` makes of the output of [`predict`](Self::predict).
    pub(super) fn replace(
        &mut self,
        at: Moment,
        solve: impl FnOnce(&[f32], &mut [f32]) -> Result<(), ShapeError>,
    ) -> Result<(), BlendError> {
        let values = self.branches.len() * self.form.latents.len();
        solve(&self.output[..values], &mut self.latents[..values])?;
        self.validate_latents("the inverted latents", at)
    }

    /// The present state of these branches, with or without the differences that guidance made for the guided
    /// ones.
    pub(super) fn snapshot(
        &mut self,
        branches: Range<usize>,
        has_differences: bool,
    ) -> Result<Snapshot, ShapeError> {
        let mut differences = Vec::new();
        if has_differences {
            let shape = self.form.latents;
            for branch in branches.clone() {
                if let Some(difference) = self.guided.difference(branch, shape.len()) {
                    differences.push(Latents::from_values(shape, difference.to_vec())?);
                }
            }
        }
        Ok(Snapshot {
            fractions: Vec::new(),
            latents: self.copied(&self.latents, branches.clone())?,
            predicted_clean: self.copied(&self.predicted_clean, branches)?,
            guidance_differences: differences,
        })
    }

    fn copied(&self, values: &[f32], branches: Range<usize>) -> Result<Vec<Latents>, ShapeError> {
        let stride = self.form.latents.len();
        let each = values[branches.start * stride..branches.end * stride].chunks_exact(stride);
        each.map(|part| Latents::from_values(self.form.latents, part.to_vec()))
            .collect()
    }

    fn validate_latents(&self, what: &'static str, at: Moment) -> Result<(), BlendError> {
        let latents = self.latents().chunks_exact(self.form.latents.len());
        for (branch, latents) in latents.enumerate() {
            self.validate_finite(latents, what, branch, at)?;
        }
        Ok(())
    }

    fn validate_finite(
        &self,
        values: &[f32],
        what: &'static str,
        branch: usize,
        at: Moment,
    ) -> Result<(), BlendError> {
        if values.iter().all(|value| value.is_finite()) {
            return Ok(());
        }
        Err(BlendError::NotFinite {
            what,
            branch: self.branches[branch],
            step: at.step + 1,
            timestep: at.timestep,
        })
    }
}
