//! The number of rows of the UNet's calls, chosen for a film.
//!
//! A GPU plans its kernels for every size of call that it has not seen: cuDNN looks for algorithms and
//! compiles kernels, which takes as long as dozens of calls. A row, in contrast, takes almost the same time
//! in small calls as in large ones. So a film's batches are computed in calls of one size, or of two where the
//! film is long enough, and the last call of a batch is filled up with rows that nobody reads.
//!
//! A session that was compiled for one size of call takes no other. A call of one row then takes little longer
//! than its share of a large call, so the size is the one with which the batches take the least time, padding included.

use lb_blend::{BatchSteps, LatentShape};

/// Milliseconds until the first call of a size has been planned. Measured, like the other two, with
/// Stable Diffusion 2.1's UNet in 16 bits on an H100 (ONNX Runtime 1.31, cuDNN 9): 750 to 900.
const PLANNING: f64 = 800.0;
/// Milliseconds of a call that do not depend on its rows. Calls of 4 and of 20 rows were measured, of
/// latents of 64×64: 12.2 and 49 milliseconds.
const CALL: f64 = 3.0;
/// Milliseconds of each row of 64×64 latents.
const ROW: f64 = 2.3;
/// The latent pixels of the rows that were measured.
const MEASURED_AREA: f64 = 64.0 * 64.0;

/// What a call takes apart from its rows where a session is compiled for one size, as a part of what a row of
/// 64×64 latents takes. Measured with `pocket` (16×16) on OpenVINO in bf16: 5 milliseconds beside 7 for each row.
const COMPILED_CALL: f64 = 0.05;

/// How many rows the next calls have.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct CallSizes {
    /// The most rows of a call.
    most: usize,
    /// The only sizes that calls may have, the largest first. If there are none, calls have as many rows
    /// as there are to predict.
    fixed: Vec<usize>,
    /// Milliseconds of a row.
    row: f64,
    /// Whether calls may become smaller if there is no memory.
    may_shrink: bool,
}

impl CallSizes {
    /// Calls of as many rows as there are to predict, but of no more than `most`.
    pub(super) fn any(most: usize) -> Self {
        Self {
            most: most.max(1),
            fixed: Vec::new(),
            row: ROW,
            may_shrink: true,
        }
    }

    /// Calls of this many rows and no others, for which the session was compiled.
    pub(super) fn compiled(rows: usize) -> Self {
        Self {
            fixed: vec![rows.max(1)],
            may_shrink: false,
            ..Self::any(rows)
        }
    }

    /// The one or two sizes with which the batches of a film take the least time. None is larger than
    /// `most`.
    pub(super) fn chosen(batches: &[BatchSteps], shape: LatentShape, most: usize) -> Self {
        let most = most.max(1);
        let row = ROW * (shape.height * shape.width) as f64 / MEASURED_AREA;
        // A larger call than the largest batch is never the fastest.
        let largest = batches.iter().map(|batch| batch.rows).max();
        let useful = largest.unwrap_or(1).clamp(1, most);
        let single = (1..=useful).map(|size| vec![size]);
        let pairs = (2..=useful).flat_map(|large| (1..large).map(move |small| vec![large, small]));
        let choices = single.chain(pairs).map(|fixed| Self {
            most,
            fixed,
            row,
            may_shrink: true,
        });
        let times = choices.map(|sizes| (sizes.film_time(batches), sizes));
        let least = times.min_by(|(left, _), (right, _)| left.total_cmp(right));
        least.map_or_else(|| Self::any(most), |(_, sizes)| sizes)
    }

    /// Milliseconds for all batches of a film.
    fn film_time(&self, batches: &[BatchSteps]) -> f64 {
        let steps = batches
            .iter()
            .map(|batch| batch.steps as f64 * self.split(batch.rows).0);
        self.fixed.len() as f64 * PLANNING + steps.sum::<f64>()
    }

    /// The rows of the next call, if this many are left to predict. A fixed size may be larger than
    /// that.
    pub(super) fn next(&self, left: usize) -> usize {
        match self.fixed.is_empty() {
            true => left.min(self.most),
            false => self.split(left).1,
        }
    }

    /// The only sizes of calls; none if any size may come.
    pub(super) fn fixed(&self) -> &[usize] {
        &self.fixed
    }

    /// Whether [`Self::shrink`] helps where a call of this many rows does not fit into memory.
    pub(super) fn may_shrink(&self, size: usize) -> bool {
        self.may_shrink && size > 1
    }

    /// Allows no call as large as this one any more, because the device has no memory for it.
    pub(super) fn shrink(&mut self, size: usize) {
        self.most = size.div_ceil(2);
        if !self.fixed.is_empty() {
            self.fixed = vec![self.most];
        }
    }

    /// The fastest way to compute this many rows in calls of the fixed sizes: its milliseconds, and the
    /// rows of its largest call.
    fn split(&self, rows: usize) -> (f64, usize) {
        let time = |size: usize, calls: usize| calls as f64 * (CALL + size as f64 * self.row);
        let (large, small) = match *self.fixed {
            [size] => (size, size),
            [large, small] => (large, small),
            _ => return (time(rows, 1), rows),
        };
        let ways = (0..=rows.div_ceil(large)).map(|calls| {
            let left = rows.saturating_sub(calls * large);
            let rest = time(small, left.div_ceil(small));
            let largest = if calls > 0 { large } else { small };
            (time(large, calls) + rest, largest)
        });
        let fastest = ways.min_by(|(left, _), (right, _)| left.total_cmp(right));
        fastest.unwrap_or((0.0, large))
    }
}

/// The rows for which a film's session is compiled: the power of two, at most `most`, with which its batches take
/// the least time. Only powers of two, so that other films find the session compiled.
pub(crate) fn compiled_rows(batches: &[BatchSteps], shape: LatentShape, most: usize) -> usize {
    let row = (shape.height * shape.width) as f64 / MEASURED_AREA;
    let time = |size: usize| {
        let calls = batches
            .iter()
            .map(|batch| (batch.steps * batch.rows.div_ceil(size)) as f64);
        calls.sum::<f64>() * (COMPILED_CALL + size as f64 * row)
    };
    let sizes = std::iter::successors(Some(1), |size| Some(2 * size));
    let sizes = sizes.take_while(|&size| size <= most.max(1));
    let best = sizes.min_by(|&left, &right| time(left).total_cmp(&time(right)));
    best.unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(side: usize) -> LatentShape {
        LatentShape {
            channels: 4,
            height: side,
            width: side,
        }
    }

    fn batches(sizes: &[(usize, usize)]) -> Vec<BatchSteps> {
        let batch = |&(rows, steps)| BatchSteps { rows, steps };
        sizes.iter().map(batch).collect()
    }

    /// The rows of a film's keyframes and levels with the steps of each: 30 steps, 12 computed frames,
    /// 282 rows.
    const CLASSIC: &[(usize, usize)] = &[(4, 30), (2, 3), (4, 4), (8, 4), (12, 4), (20, 3)];

    fn calls(sizes: &CallSizes, rows: usize) -> Vec<usize> {
        let mut left = rows;
        let mut calls = Vec::new();
        while left > 0 {
            let size = sizes.next(left);
            calls.push(size);
            left = left.saturating_sub(size);
        }
        calls
    }

    #[test]
    fn a_short_film_has_one_size_of_call() {
        let film = CallSizes::chosen(&batches(CLASSIC), shape(64), 16);
        assert_eq!(film.fixed, [4]);
        // As measured: 0.9 seconds after planning, where calls of 20 rows took 2.4.
        let time = |fixed: Vec<usize>| {
            let sizes = CallSizes {
                fixed,
                ..film.clone()
            };
            (sizes.film_time(&batches(CLASSIC)) - PLANNING) / 1e3
        };
        assert!((time(vec![4]) - 0.92).abs() < 0.1, "{}", time(vec![4]));
        assert!((time(vec![20]) - 2.4).abs() < 0.1, "{}", time(vec![20]));
    }

    #[test]
    fn a_long_film_has_two_sizes() {
        let long: Vec<_> = CLASSIC.iter().map(|at| (at.0, at.1 * 30)).collect();
        let film = CallSizes::chosen(&batches(&long), shape(64), 16);
        assert_eq!(film.fixed.len(), 2, "{film:?}");
        assert!(film.fixed[0] > film.fixed[1]);
    }

    #[test]
    fn where_rows_cost_nothing_calls_are_large() {
        let film = CallSizes::chosen(&batches(CLASSIC), shape(1), 64);
        assert_eq!(film.fixed, [20]);
        assert_eq!(calls(&film, 2), [20]);
    }

    #[test]
    fn no_call_is_larger_than_allowed() {
        for most in 1..=5 {
            let film = CallSizes::chosen(&batches(CLASSIC), shape(64), most);
            assert!(film.fixed.iter().all(|&size| size <= most), "{film:?}");
        }
        assert_eq!(calls(&CallSizes::any(16), 20), [16, 4]);
    }

    #[test]
    fn every_row_has_its_call_and_the_last_call_may_be_padded() {
        let sizes = |fixed: &[usize]| CallSizes {
            fixed: fixed.to_vec(),
            ..CallSizes::any(16)
        };
        assert_eq!(calls(&sizes(&[4]), 10), [4, 4, 4]);
        assert_eq!(calls(&sizes(&[12, 4]), 20), [12, 4, 4]);
        assert_eq!(calls(&sizes(&[12, 4]), 2), [4]);
        // One call that is padded is faster than three.
        assert_eq!(calls(&sizes(&[12, 4]), 11), [12]);
        for rows in 1..100 {
            let sizes = sizes(&[12, 5]);
            let calls = calls(&sizes, rows);
            assert!(calls.iter().sum::<usize>() >= rows, "{rows}: {calls:?}");
            assert!(calls.is_sorted_by(|left, right| left >= right), "{calls:?}");
        }
    }

    #[test]
    fn a_session_is_compiled_for_a_size_that_wastes_little() {
        let film = batches(CLASSIC);
        let padded = |size: usize| {
            let rows = film
                .iter()
                .map(|at| at.steps * at.rows.div_ceil(size) * size);
            let needed = film.iter().map(|at| at.steps * at.rows);
            rows.sum::<usize>() - needed.sum::<usize>()
        };
        for side in [16, 64, 96] {
            let size = compiled_rows(&film, shape(side), 64);
            assert!(padded(size) <= 10, "{side}: {size}");
        }
        // Where rows cost almost nothing, few calls are the fastest.
        assert_eq!(compiled_rows(&film, shape(1), 64), 16);
        assert_eq!(compiled_rows(&film, shape(1), 6), 4);
        assert_eq!(compiled_rows(&[], shape(64), 0), 1);
    }

    #[test]
    fn a_compiled_size_never_changes() {
        let sizes = CallSizes::compiled(4);
        assert_eq!(calls(&sizes, 9), [4, 4, 4]);
        assert!(!sizes.may_shrink(4));
        assert!(CallSizes::any(4).may_shrink(4) && !CallSizes::any(4).may_shrink(1));
    }

    #[test]
    fn a_size_that_does_not_fit_into_memory_is_halved() {
        let mut sizes = CallSizes::chosen(&batches(CLASSIC), shape(64), 16);
        sizes.shrink(4);
        assert_eq!(calls(&sizes, 5), [2, 2, 2]);
        let mut any = CallSizes::any(16);
        any.shrink(16);
        assert_eq!(calls(&any, 20), [8, 8, 4]);
    }
}
