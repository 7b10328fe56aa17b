//! CUDA graphs: the UNet's kernels recorded once for every size of batch, then replayed.
//!
//! Launching a thousand small kernels one by one takes the CPU longer than the GPU takes to run
//! them; a recorded graph is one launch. A replay reads and writes the very addresses that it was
//! recorded with. If they hold something else by then, there is no error: the pictures are just
//! wrong. So no graph is trusted until its replays have equalled kernels launched one by one: when it
//! was recorded, and when its size came back after calls of other sizes.

use super::batch::BoundBatch;
use crate::error::ModelError;
use crate::session::{ComponentSession, GraphRuns};

/// How many sizes get a graph of their own. A film has one or two sizes.
const MOST_GRAPHS: u16 = 64;
/// How many times calls come back to a size before its graph is trusted: the first call after each
/// return is run both ways.
const CHECKED_VISITS: u8 = 2;
/// Largest difference of a replay, relative to the largest value. cuBLAS may sum in another order, in
/// 16 bits, which differs less; a wrong tensor in place of an input differs by its whole size.
const TOLERANCE: f32 = 2e-2;

/// The graphs of one session.
pub(super) struct Replays {
    recorded: u16,
    /// The number of the graph of the previous call.
    last: Option<u16>,
}

/// The graph of calls of one size.
pub(super) struct Replay {
    number: u16,
    runs: GraphRuns,
    unchecked_visits: u8,
}

impl Replays {
    /// `None` if the session records no graphs.
    pub(super) fn of(session: &ComponentSession) -> Option<Self> {
        session.records_graphs().then_some(Self {
            recorded: 0,
            last: None,
        })
    }

    /// Whether another size can get a graph.
    pub(super) fn has_room(&self) -> bool {
        self.recorded < MOST_GRAPHS
    }

    /// A graph for a size that has none yet; `None` if there are too many already.
    pub(super) fn assign(
        &mut self,
        session: &ComponentSession,
    ) -> Result<Option<Replay>, ModelError> {
        if !self.has_room() {
            return Ok(None);
        }
        self.recorded += 1;
        Ok(Some(Replay {
            number: self.recorded,
            runs: session.graph(self.recorded)?,
            unchecked_visits: CHECKED_VISITS,
        }))
    }

    /// Runs the batch by its graph. Returns `false` if a replay was wrong; the batch's prediction is
    /// right in either case.
    pub(super) fn run(
        &mut self,
        session: &mut ComponentSession,
        batch: &mut BoundBatch,
        replay: &mut Replay,
    ) -> Result<bool, ModelError> {
        let resumed = self.last.replace(replay.number) != Some(replay.number);
        if !resumed || replay.unchecked_visits == 0 {
            batch.run(session, Some(&replay.runs))?;
            return Ok(true);
        }
        replay.unchecked_visits -= 1;
        let expected = batch.run(session, None)?.to_vec();
        let replayed = batch.run(session, Some(&replay.runs))?;
        if agree(&expected, replayed) {
            return Ok(true);
        }
        batch.run(session, None)?;
        Ok(false)
    }
}

fn agree(expected: &[f32], replayed: &[f32]) -> bool {
    let magnitudes = expected.iter().map(|value| value.abs());
    let tolerance = TOLERANCE * magnitudes.fold(0.0, f32::max);
    let mut pairs = expected.iter().zip(replayed);
    pairs.all(|(expected, replayed)| (expected - replayed).abs() <= tolerance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replays_that_differ_visibly_or_are_nan_are_not_trusted() {
        assert!(agree(&[1.0, -2.0], &[1.001, -2.0]));
        assert!(agree(&[0.0, 0.0], &[0.0, 0.0]));
        assert!(!agree(&[1.0, -2.0], &[1.1, -2.0]));
        assert!(!agree(&[0.0, 0.0], &[0.0, 1e-9]));
        assert!(!agree(&[1.0, -2.0], &[f32::NAN, -2.0]));
    }
}
