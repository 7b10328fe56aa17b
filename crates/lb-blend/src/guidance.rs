//! Classifier-free guidance over a batch (Ho and Salimans 2022): which rows a batch of branches
//! has, and how their outputs become one output for each branch.

use lb_schedule::GuidanceRescale;

/// Rows of a model call that a branch at this guidance scale takes: a conditional one, and an
/// unconditional one unless the scale is 1, where it would cancel out.
pub(crate) fn rows_at(guidance_scale: f64) -> usize {
    if guidance_scale == 1.0 { 1 } else { 2 }
}

/// How guidance is applied; see the fields of the same names of [`BlendOptions`](crate::BlendOptions).
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuidanceOptions {
    pub(crate) rescale: GuidanceRescale,
    pub(crate) every: usize,
}

impl GuidanceOptions {
    /// Whether guidance is computed at a step of a keyframe or level whose first step is this one.
    pub(crate) fn computes(&self, first: usize, step: usize) -> bool {
        (step - first).is_multiple_of(self.every.max(1))
    }
}

/// At how many of this many steps guidance is computed.
pub(crate) fn guidance_steps(steps: usize, every: usize) -> usize {
    steps.div_ceil(every.max(1))
}

/// The rows of a batch: one conditional row for each branch, in order, then one unconditional row
/// for each guided branch (see [`rows_at`]). Where the differences are reused, the unconditional rows are left
/// out.
#[derive(Debug)]
pub(crate) struct GuidedRows {
    options: GuidanceOptions,
    scales: Vec<f32>,
    /// The guided branches.
    unconditional: Vec<usize>,
    /// For each guided branch the difference that guidance made at the last step that computed it: the output
    /// of the conditional row minus that of the unconditional one. Empty where it is computed at every step.
    differences: Vec<f32>,
}

impl GuidedRows {
    /// No rows yet.
    pub(crate) fn new(options: GuidanceOptions) -> Self {
        Self {
            options,
            scales: Vec::new(),
            unconditional: Vec::new(),
            differences: Vec::new(),
        }
    }

    /// Takes other branches: for each its guidance scale, and whether it belongs to a guided keyframe or
    /// transition. `stride` is the number of values of a row's output.
    ///
    /// The damper may take the guidance scale of a branch to exactly 1, and then its unconditional row is
    /// spared. Where differences are reused, it is computed all the same: the branch may move, and will need it.
    pub(crate) fn set(&mut self, branches: impl Iterator<Item = (f64, bool)>, stride: usize) {
        self.scales.clear();
        self.unconditional.clear();
        let reused = self.options.every > 1;
        for (branch, (scale, is_guided)) in branches.enumerate() {
            self.scales.push(scale as f32);
            if rows_at(scale) == 2 || reused && is_guided {
                self.unconditional.push(branch);
            }
        }
        let kept = match reused {
            true => self.unconditional.len() * stride,
            false => 0,
        };
        // A branch that reuses a difference must be given one: without it, its output is not finite, and that is noticed.
        self.differences.clear();
        self.differences.resize(kept, f32::NAN);
    }

    /// The difference of a branch, to be read or replaced. `None` if the branch is not guided, or if
    /// differences are computed at every step.
    pub(crate) fn difference(&mut self, branch: usize, stride: usize) -> Option<&mut [f32]> {
        let index = self.unconditional.iter().position(|&at| at == branch)?;
        self.differences.chunks_exact_mut(stride).nth(index)
    }

    pub(crate) fn branches(&self) -> usize {
        self.scales.len()
    }

    /// All rows of the batch.
    pub(crate) fn rows(&self) -> usize {
        self.scales.len() + self.unconditional.len()
    }

    /// The rows that are predicted at a step that computes guidance, or at one that reuses it. They are the
    /// first ones.
    pub(crate) fn predicted(&self, computes_guidance: bool) -> usize {
        match computes_guidance {
            true => self.rows(),
            false => self.branches(),
        }
    }

    /// Which branch a row belongs to, and whether it is the conditional one.
    pub(crate) fn branch_of(&self, row: usize) -> (usize, bool) {
        match row.checked_sub(self.branches()) {
            None => (row, true),
            Some(row) => (self.unconditional[row], false),
        }
    }

    /// Copies what both rows of a branch have in common (`stride` values each: latents or
    /// concatenated channels) from the conditional rows to the unconditional ones.
    pub(crate) fn share(&self, values: &mut [f32], stride: usize) {
        let (conditional, unconditional) = values.split_at_mut(self.branches() * stride);
        let rows = unconditional.chunks_exact_mut(stride);
        for (&branch, row) in self.unconditional.iter().zip(rows) {
            row.copy_from_slice(&conditional[branch * stride..][..stride]);
        }
    }

    /// Turns each conditional row of a step's output into unconditional + scale · (conditional −
    /// unconditional), and then rescales it. At a step that reuses differences, that is conditional +
    /// (scale − 1) · difference.
    pub(crate) fn combine(&mut self, output: &mut [f32], stride: usize, computes_guidance: bool) {
        let (conditional, unconditional) = output.split_at_mut(self.branches() * stride);
        let share = self.options.rescale;
        let mut differences = self.differences.chunks_exact_mut(stride);
        for (index, &branch) in self.unconditional.iter().enumerate() {
            let scale = self.scales[branch];
            let guided = &mut conditional[branch * stride..][..stride];
            let wanted = (share != GuidanceRescale::OFF).then(|| standard_deviation(guided));
            let difference = differences.next();
            if computes_guidance {
                let row = &unconditional[index * stride..][..stride];
                if let Some(difference) = difference {
                    for ((kept, &value), &base) in difference.iter_mut().zip(&*guided).zip(row) {
                        *kept = value - base;
                    }
                }
                for (value, &base) in guided.iter_mut().zip(row) {
                    *value = base + scale * (*value - base);
                }
            } else if let Some(difference) = difference {
                for (value, &kept) in guided.iter_mut().zip(&*difference) {
                    *value += (scale - 1.0) * kept;
                }
            }
            if let Some(wanted) = wanted {
                rescale(guided, wanted, share.value());
            }
        }
    }
}

/// Replaces a share of the values by values of the wanted standard deviation (Lin et al. 2023, equations 15
/// and 16). Values that are all equal have no deviation that could be scaled, and stay as they are.
fn rescale(values: &mut [f32], wanted: f64, share: f64) {
    let present = standard_deviation(values);
    if present == 0.0 {
        return;
    }
    let factor = (share * (wanted / present) + (1.0 - share)) as f32;
    for value in values {
        *value *= factor;
    }
}

/// The standard deviation. Whether it is that of a sample or of a population cancels out in a quotient.
fn standard_deviation(values: &[f32]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().copied().map(f64::from).sum::<f64>() / count;
    let squares = values.iter().map(|&value| {
        let from_mean = f64::from(value) - mean;
        from_mean * from_mean
    });
    libm::sqrt(squares.sum::<f64>() / count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Branches of a guided transition with these guidance scales, and two values a row.
    fn rows(rescale: f64, every: usize, scales: &[f64]) -> GuidedRows {
        let rescale = GuidanceRescale::new(rescale).unwrap();
        let mut rows = GuidedRows::new(GuidanceOptions { rescale, every });
        rows.set(scales.iter().map(|&scale| (scale, true)), 2);
        rows
    }

    #[test]
    fn between_the_steps_that_compute_it_the_difference_is_reused() {
        // The second branch is at a scale of 1, and keeps a difference all the same.
        let mut rows = rows(0.0, 2, &[4.0, 1.0]);
        assert_eq!([true, false].map(|at| rows.predicted(at)), [4, 2]);
        let mut output = [3.0, 1.0, 5.0, 5.0, 2.0, 2.0, 1.0, 6.0];
        rows.combine(&mut output, 2, true);
        assert_eq!(output[..4], [6.0, -2.0, 5.0, 5.0]);
        let mut output = [10.0, 20.0, 30.0, 40.0];
        rows.combine(&mut output, 2, false);
        assert_eq!(output, [13.0, 17.0, 30.0, 40.0]);
        rows.difference(1, 2).unwrap().fill(8.0);
        rows.set([(1.0, false), (3.0, true)].into_iter(), 2);
        assert_eq!(rows.predicted(true), 3);
        assert_eq!(rows.difference(0, 2), None);
    }

    #[test]
    fn scale_one_has_no_unconditional_row() {
        let mut rows = rows(0.0, 1, &[4.0, 1.0, 2.5]);
        assert_eq!((rows.branches(), rows.rows()), (3, 5));
        assert_eq!(
            [2, 3, 4].map(|row| rows.branch_of(row)),
            [(2, true), (0, false), (2, false)]
        );

        let mut latents = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 0.0, 0.0, 0.0];
        rows.share(&mut latents, 2);
        assert_eq!(latents[6..], [1.0, 2.0, 5.0, 6.0]);

        let mut output = [1.0, 0.0, 7.0, 7.0, 2.0, 2.0, 0.0, 0.0, 4.0, 2.0];
        rows.combine(&mut output, 2, true);
        assert_eq!(output[..6], [4.0, 0.0, 7.0, 7.0, -1.0, 2.0]);
    }

    /// The output for these rows with this rescale and a guidance scale of 3.
    fn combined(rescale: f64, conditional: &[f32], unconditional: &[f32]) -> Vec<f32> {
        let mut rows = rows(rescale, 1, &[3.0]);
        let mut output = [conditional, unconditional].concat();
        rows.combine(&mut output, conditional.len(), true);
        output.truncate(conditional.len());
        output
    }

    #[test]
    fn values_without_deviation_are_left_as_they_are() {
        assert_eq!(combined(0.7, &[2.0; 4], &[1.0; 4]), [4.0; 4]);
        // Guidance adds what the conditional row lacks, so that nothing is wanted.
        assert_eq!(combined(1.0, &[1.0; 2], &[0.0, 2.0]), [0.0; 2]);
    }

    proptest! {
        #[test]
        fn rescale_moves_the_deviation_towards_that_of_the_conditional_row(
            (conditional, unconditional) in (2_usize..40).prop_flat_map(|length| {
                let values = || prop::collection::vec(-4.0_f32..4.0, length);
                (values(), values())
            }),
            share in 0.0..=1.0_f64,
        ) {
            let [plain, whole, part] = [0.0, 1.0, share]
                .map(|rescale| combined(rescale, &conditional, &unconditional));
            let guided = conditional.iter().zip(&unconditional).map(|(c, u)| u + 3.0 * (c - u));
            prop_assert_eq!(&plain, &guided.collect::<Vec<_>>());
            prop_assume!(standard_deviation(&plain) > 1e-3);
            let wanted = standard_deviation(&conditional);
            prop_assert!((standard_deviation(&whole) - wanted).abs() < 1e-5 * (1.0 + wanted));
            for ((plain, whole), part) in plain.iter().zip(&whole).zip(&part) {
                let expected = share * f64::from(*whole) + (1.0 - share) * f64::from(*plain);
                prop_assert!((f64::from(*part) - expected).abs() < 1e-5 * (1.0 + expected.abs()));
            }
        }
    }
}
