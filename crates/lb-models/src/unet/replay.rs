//! CUDA graphs: the UNet's kernels recorded once for every size of batch, then replayed.
//!
//! Launching a thousand small kernels one by one takes the CPU longer than the GPU takes to run
//! them; a recorded graph is one launch. A replay reads and writes the very addresses that it was
//! recorded with, and nothing says so where they hold something else by then: the pictures would
//! just be wrong. So no graph is trusted before its replays have equalled kernels launched one by
//! one: when it was recorded, and when its size came back after calls of other sizes.

use super::batch::BoundBatch;
use crate::error::ModelError;
use crate::session::{ComponentSession, GraphRuns};

/// Sizes that get a graph of their own. A film has one for every level of its trees.
const MOST_GRAPHS: u16 = 64;
/// Visits of a size whose first call is run both ways.
const CHECKED_VISITS: u8 = 2;
/// Largest difference of a replay, relative to the largest value: cuBLAS may sum in another order,
/// in 16 bits; another tensor in place of an input differs by its whole size.
const TOLERANCE: f32 = 2e-2;

/// The graphs of one session.
pub(super) struct Replays {
    recorded: u16,
    /// The number of the graph of the call before.
    last: Option<u16>,
}

/// The graph of calls of one size.
pub(super) struct Replay {
    number: u16,
    runs: GraphRuns,
    unchecked_visits: u8,
}

impl Replays {
    /// `None` where the session records none.
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

    /// A graph for a size that had none, while there are any left.
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

    /// Runs the batch by its graph; `false` where a replay was wrong. What is in the batch
    /// afterwards is right either way.
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
    let largest = expected
        .iter()
        .fold(0.0_f32, |largest, value| largest.max(value.abs()));
    expected
        .iter()
        .zip(replayed)
        .all(|(expected, replayed)| (expected - replayed).abs() <= TOLERANCE * largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replays_that_differ_visibly_or_are_no_numbers_are_not_trusted() {
        assert!(agree(&[1.0, -2.0], &[1.001, -2.0]));
        assert!(agree(&[0.0, 0.0], &[0.0, 0.0]));
        assert!(!agree(&[1.0, -2.0], &[1.1, -2.0]));
        assert!(!agree(&[0.0, 0.0], &[0.0, 1e-9]));
        assert!(!agree(&[1.0, -2.0], &[f32::NAN, -2.0]));
    }
}
