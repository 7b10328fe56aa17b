//! Classifier-free guidance over a batch (Ho and Salimans 2022): which rows a batch of branches
//! has, and how their outputs become one output for each branch.

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
}

impl GuidedRows {
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

    /// Turns each conditional row into unconditional + scale · (conditional − unconditional).
    pub(crate) fn combine(&self, output: &mut [f32], stride: usize) {
        let (conditional, unconditional) = output.split_at_mut(self.branches() * stride);
        let rows = unconditional.chunks_exact(stride);
        for (&branch, row) in self.unconditional.iter().zip(rows) {
            let scale = self.scales[branch];
            let guided = &mut conditional[branch * stride..][..stride];
            for (value, &base) in guided.iter_mut().zip(row) {
                *value = base + scale * (*value - base);
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
}
