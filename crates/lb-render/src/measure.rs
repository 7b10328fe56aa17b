//! How smoothly a sequence of frames moves, and whether it is a morph at all.
//!
//! # What is measured
//!
//! For a frame, R'G'B' values are taken as they are, 0 to 255. In a film whose keyframes are known
//! each transition is measured by itself, from its left keyframe A to its right keyframe B; else
//! the whole sequence counts as one transition. Frames held still between transitions are left out.
//!
//! - The **distance** of two frames is √(Σ (x − y)² / values): the Euclidean distance over all
//!   values, normalised to one of them; in grey levels, 0 to 255.
//! - **Coefficient of variation**: the standard deviation of the distances between neighbours over
//!   their mean. 0 is one apparent speed.
//! - **Peak ratio**: the largest distance between neighbours over their mean. 1 is one apparent
//!   speed.
//! - **Directness**: the distance of A and B over the sum of the distances between neighbours. 1 is
//!   the straight line, a cross-fade; lower is a longer way.
//! - The **position** of a frame is the share of the sum of distances that lies behind it, 0 at A
//!   and 1 at B.
//!
//! Two guards tell a morph from a cross-fade, which both may move at one speed. They look at the
//! frames between A and B:
//!
//! - **High-frequency retention**: V(frame) / ((1 − p)·V(A) + p·V(B)) for a frame at position p,
//!   with V the variance of the luma's Laplacian (0.2126·R' + 0.7152·G' + 0.0722·B'; kernel
//!   0 1 0, 1 −4 1, 0 1 0; without the border). 1 is as sharp as the keyframes are. Where pictures
//!   lie over each other, edges lose contrast: two unrelated pictures have ½ in the middle.
//! - **Blend residual**: min over w in \[0, 1\] of ‖frame − ((1 − w)·A + w·B)‖ / ‖B − A‖. 0 is a
//!   cross-fade of A and B, whatever its speed.
//!
//! Sums are exact integers, so the numbers are the same on every machine.

mod error;
mod picture;
mod reader;
mod source;
mod statistics;

use std::sync::Arc;

use image::RgbImage;
use serde::Serialize;

pub use error::MeasureError;
pub(crate) use picture::distance;
pub use source::FrameSource;
pub use statistics::{Residual, Retention, Statistics, coefficient_of_variation};

use picture::Ends;
use reader::Reader;
use statistics::shares;

/// Where the transitions of a sequence of frames lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sections {
    /// First and last frame of every transition, in order; a frame may end one and begin the next.
    pub transitions: Vec<(usize, usize)>,
    /// Frames of the whole sequence, in a loop with the first one counted again at the end.
    pub frame_count: usize,
    /// Whether the sequence is a loop: then its first frame follows on its last one.
    pub closes: bool,
}

impl Sections {
    /// Frames that are shown: a loop's first one only once.
    #[must_use]
    pub fn shown_frames(&self) -> usize {
        self.frame_count - usize::from(self.closes)
    }
}

/// What was measured.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Measurement {
    /// Frames of the sequence.
    pub frames: usize,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Frames a second, where known.
    pub frames_per_second: Option<f64>,
    /// All transitions together.
    pub overall: Statistics,
    /// Every transition by itself: one where the keyframes are not known.
    pub transitions: Vec<TransitionMeasure>,
}

/// One transition, frame by frame.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TransitionMeasure {
    /// The frame that shows the left keyframe, from 0.
    pub first: usize,
    /// The frame that shows the right keyframe; in a loop's last transition, one after all others.
    pub last: usize,
    /// The transition in a few numbers.
    pub statistics: Statistics,
    /// Distances between neighbours, one less than there are frames.
    pub distances: Vec<f64>,
    /// Position of every frame, 0 to 1.
    pub positions: Vec<f64>,
    /// High-frequency retention of every frame; 1 at both ends.
    pub retention: Vec<f64>,
    /// Blend residual of every frame, 0 at both ends; none where the ends do not differ.
    pub residual: Option<Vec<f64>>,
}

/// Measures frames that `open` reads from the beginning. It is called more than once: one reading
/// runs ahead to the keyframes, so that no more than five frames are held, however many there are.
///
/// Without `sections`, the whole sequence is one transition.
///
/// # Errors
/// [`MeasureError::TooFewFrames`], [`MeasureError::SizesDiffer`]; [`MeasureError::FrameCount`] if
/// `sections` is about other frames; whatever reading fails with.
pub fn measure<Frames, Error>(
    open: impl Fn() -> Result<Frames, Error>,
    sections: Option<&Sections>,
    frames_per_second: Option<f64>,
) -> Result<Measurement, Error>
where
    Frames: Iterator<Item = Result<RgbImage, Error>>,
    Error: From<MeasureError>,
{
    let closes = sections.is_some_and(|sections| sections.closes);
    let again = if closes { open()?.next() } else { None };
    let again = again.transpose()?;
    let open = || Ok::<_, Error>(open()?.chain(again.clone().map(Ok)));
    let mut ahead = Reader::begin(open()?)?;
    let mut behind = Reader::begin(open()?)?;
    let (width, height) = lb_video::picture::size(ahead.frame());
    let mut transitions = Vec::new();
    match sections {
        Some(sections) => {
            for &(first, last) in &sections.transitions {
                let counted = ahead.read_to(last)? && behind.read_to(first)?;
                if !counted || first >= last {
                    break;
                }
                transitions.push(transition(&mut behind, &ahead)?);
            }
            ahead.read_to_end()?;
            let again = usize::from(closes);
            let (found, expected) = (ahead.index() + 1 - again, sections.shown_frames());
            if found != expected || transitions.len() != sections.transitions.len() {
                return Err(MeasureError::FrameCount { found, expected }.into());
            }
        }
        None => {
            ahead.read_to_end()?;
            transitions.push(transition(&mut behind, &ahead)?);
        }
    }
    let frames = ahead.index() + 1 - usize::from(closes);
    if frames < MeasureError::FEWEST_FRAMES {
        return Err(MeasureError::TooFewFrames { found: frames }.into());
    }
    Ok(Measurement {
        frames,
        width,
        height,
        frames_per_second,
        overall: Statistics::of(&transitions),
        transitions,
    })
}

/// From the frame that `behind` is at to the one that `ahead` is at.
fn transition<Frames, Error>(
    behind: &mut Reader<Frames>,
    ahead: &Reader<Frames>,
) -> Result<TransitionMeasure, Error>
where
    Frames: Iterator<Item = Result<RgbImage, Error>>,
    Error: From<MeasureError>,
{
    let (first, last) = (behind.index(), ahead.index());
    let ends = Ends::new(behind.frame(), ahead.frame());
    let mut distances = Vec::with_capacity(last - first);
    let mut variances = vec![picture::laplacian_variance(behind.frame())];
    let mut residual = vec![ends.residual(behind.frame())];
    for index in first + 1..=last {
        let before = Arc::clone(behind.frame());
        if !behind.read_to(index)? {
            break;
        }
        let frame = behind.frame();
        distances.push(picture::distance(&before, frame));
        variances.push(picture::laplacian_variance(frame));
        residual.push(ends.residual(frame));
    }
    let positions = shares(&distances);
    let retention = statistics::retention(&variances, &positions);
    let mut measured = TransitionMeasure {
        first,
        last,
        statistics: Statistics::default(),
        distances,
        positions,
        retention,
        residual: residual.into_iter().collect(),
    };
    measured.statistics = Statistics::with_ends(&[&measured], ends.distance());
    Ok(measured)
}
