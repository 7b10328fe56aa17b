//! Classifier-free guidance over a batch (Ho and Salimans 2022): which rows a batch of branches
//! has, and how their outputs become one output for each branch.

use lb_schedule::GuidanceRescale;

/// Rows of a model call that a branch at this guidance scale takes: a conditional one, and an
/// unconditional one unless the scale is 1, where it would cancel out.
pub(crate) fn rows_at(guidance_scale: f64) -> usize {
    if guidance_scale == 1.0 { 1 } else { 2 }
}

/// The rows of a batch: one conditional row for each branch, in order, then one unconditional row
/// for each branch that has one (see [`rows_at`]).
#[derive(Default, Debug)]
pub(crate) struct GuidedRows {
    scales: Vec<f32>,
    unconditional: Vec<usize>,
    rescale: GuidanceRescale,
}

impl GuidedRows {
    /// No rows yet.
    pub(crate) fn new(rescale: GuidanceRescale) -> Self {
        Self {
            rescale,
            ..Self::default()
        }
    }

    pub(crate) fn set(&mut self, scales: impl Iterator<Item = f64>) {
        self.scales.clear();
        self.unconditional.clear();
        for (branch, scale) in scales.enumerate() {
            self.scales.push(scale as f32);
            if rows_at(scale) == 2 {
                self.unconditional.push(branch);
            }
        }
    }

    pub(crate) fn branches(&self) -> usize {
        self.scales.len()
    }

    pub(crate) fn rows(&self) -> usize {
        self.scales.len() + self.unconditional.len()
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

    /// Turns each conditional row into unconditional + scale · (conditional − unconditional), and then
    /// rescales it.
    pub(crate) fn combine(&self, output: &mut [f32], stride: usize) {
        let (conditional, unconditional) = output.split_at_mut(self.branches() * stride);
        let rows = unconditional.chunks_exact(stride);
        for (&branch, row) in self.unconditional.iter().zip(rows) {
            let scale = self.scales[branch];
            let guided = &mut conditional[branch * stride..][..stride];
            let wanted = (self.rescale != GuidanceRescale::OFF).then(|| standard_deviation(guided));
            for (value, &base) in guided.iter_mut().zip(row) {
                *value = base + scale * (*value - base);
            }
            if let Some(wanted) = wanted {
                rescale(guided, wanted, self.rescale.value());
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

    #[test]
    fn scale_one_has_no_unconditional_row() {
        let mut rows = GuidedRows::default();
        rows.set([4.0, 1.0, 2.5].into_iter());
        assert_eq!((rows.branches(), rows.rows()), (3, 5));
        assert_eq!(
            [2, 3, 4].map(|row| rows.branch_of(row)),
            [(2, true), (0, false), (2, false)]
        );

        let mut latents = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 0.0, 0.0, 0.0];
        rows.share(&mut latents, 2);
        assert_eq!(latents[6..], [1.0, 2.0, 5.0, 6.0]);

        let mut output = [1.0, 0.0, 7.0, 7.0, 2.0, 2.0, 0.0, 0.0, 4.0, 2.0];
        rows.combine(&mut output, 2);
        assert_eq!(output[..6], [4.0, 0.0, 7.0, 7.0, -1.0, 2.0]);
    }

    /// The output for these rows with this rescale and a guidance scale of 3.
    fn combined(rescale: f64, conditional: &[f32], unconditional: &[f32]) -> Vec<f32> {
        let mut rows = GuidedRows::new(GuidanceRescale::new(rescale).unwrap());
        rows.set([3.0].into_iter());
        let mut output = [conditional, unconditional].concat();
        rows.combine(&mut output, conditional.len());
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
