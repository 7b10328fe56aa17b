//! Measuring a sequence of frames, transition by transition.

use std::sync::Arc;

use image::RgbImage;
use lb_video::picture;

use crate::background::Background;
use crate::error::MeasureError;
use crate::frame::{Ends, laplacian_variance};
use crate::statistics::{Statistics, TransitionMeasure, retention, shares};
use crate::verdict::{time, verdict};

/// Where the transitions lie in a sequence of frames.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sections {
    /// The first and the last frame of every transition, in order. A frame may end one transition and
    /// begin the next.
    pub transitions: Vec<(usize, usize)>,
    /// The number of frames of the whole sequence. In a loop the first frame is counted again at the end.
    pub frame_count: usize,
    /// Whether the sequence is a loop, so that its first frame follows after its last one.
    pub closes: bool,
}

impl Sections {
    /// The number of frames that are shown. The first frame of a loop counts once.
    #[must_use]
    pub fn shown_frames(&self) -> usize {
        self.frame_count.saturating_sub(usize::from(self.closes))
    }
}

/// What was measured of a sequence of frames.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Measurement {
    /// What the numbers say, in words: one sentence about all transitions.
    pub verdict: String,
    /// The number of frames.
    pub frames: usize,
    /// The width of the frames in pixels.
    pub width: usize,
    /// The height of the frames in pixels.
    pub height: usize,
    /// Frames a second, where known.
    pub frames_per_second: Option<f64>,
    /// The statistics of all transitions together.
    pub overall: Statistics,
    /// Every transition separately. Where the keyframes are not known there is one.
    pub transitions: Vec<TransitionMeasure>,
}

impl Measurement {
    /// When a frame is shown, in words: `0.80 s`, or `frame 20` if the frame rate is not known.
    #[must_use]
    pub fn time(&self, frame: usize) -> String {
        time(frame, self.frames_per_second)
    }
}

/// Measures frames that `open` reads from the beginning.
///
/// `open` is called more than once: one reading runs ahead to the keyframes, so that no more than five
/// frames are held in memory, however many there are. Without `sections` the whole sequence is one
/// transition.
///
/// # Errors
/// [`MeasureError::TooFewFrames`] for less than three frames, [`MeasureError::SizesDiffer`],
/// [`MeasureError::FrameCount`] if `sections` is not about these frames, and any error of reading.
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
    let (width, height) = picture::size(&ahead.frame);
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
            let (found, expected) = (ahead.index + 1 - again, sections.shown_frames());
            if found != expected || transitions.len() != sections.transitions.len() {
                return Err(MeasureError::FrameCount { found, expected }.into());
            }
        }
        None => {
            ahead.read_to_end()?;
            transitions.push(transition(&mut behind, &ahead)?);
        }
    }
    let frames = ahead.index + 1 - usize::from(closes);
    if frames < MeasureError::FEWEST_FRAMES {
        return Err(MeasureError::TooFewFrames { found: frames }.into());
    }
    for measured in &mut transitions {
        measured.verdict = verdict(&[&measured.statistics], frames_per_second);
    }
    let all: Vec<&Statistics> = transitions.iter().map(|of| &of.statistics).collect();
    Ok(Measurement {
        verdict: verdict(&all, frames_per_second),
        frames,
        width,
        height,
        frames_per_second,
        overall: Statistics::of(&transitions),
        transitions,
    })
}

/// Measures the transition from the frame that `behind` has reached to the one that `ahead` has reached.
fn transition<Frames, Error>(
    behind: &mut Reader<Frames>,
    ahead: &Reader<Frames>,
) -> Result<TransitionMeasure, Error>
where
    Frames: Iterator<Item = Result<RgbImage, Error>>,
    Error: From<MeasureError>,
{
    let (first, last) = (behind.index, ahead.index);
    let ends = Ends::new(&behind.frame, &ahead.frame);
    let mut distances = Vec::with_capacity(last - first);
    let mut variances = vec![laplacian_variance(&behind.frame)];
    let mut residual = vec![ends.residual(&behind.frame)];
    let background = Background::find(&behind.frame, &ahead.frame);
    let luma = |frame: &RgbImage| background.as_ref().map(|of| of.luma(frame));
    let mut backgrounds = vec![luma(&behind.frame)];
    for index in first + 1..=last {
        let before = Arc::clone(&behind.frame);
        if !behind.read_to(index)? {
            break;
        }
        let frame = &behind.frame;
        distances.push(picture::distance(&before, frame).map_err(MeasureError::from)?);
        variances.push(laplacian_variance(frame));
        residual.push(ends.residual(frame));
        backgrounds.push(luma(frame));
    }
    let positions = shares(&distances);
    let retention = retention(&variances, &positions);
    let backgrounds: Option<Vec<_>> = backgrounds.into_iter().collect();
    let background = background.zip(backgrounds);
    let background = background.map(|(of, luma)| of.curves(&luma, &positions));
    let mut measured = TransitionMeasure {
        first,
        last,
        verdict: String::new(),
        statistics: Statistics::default(),
        distances,
        positions,
        retention,
        residual: residual.into_iter().collect(),
        background,
    };
    measured.statistics = Statistics::with_ends(&[&measured], ends.distance());
    Ok(measured)
}

/// A reading of the frames that has reached one of them.
struct Reader<Frames> {
    frames: Frames,
    frame: Arc<RgbImage>,
    index: usize,
}

impl<Frames, Error> Reader<Frames>
where
    Frames: Iterator<Item = Result<RgbImage, Error>>,
    Error: From<MeasureError>,
{
    fn begin(mut frames: Frames) -> Result<Self, Error> {
        let first = frames.next();
        Ok(Self {
            frame: Arc::new(first.ok_or(MeasureError::TooFewFrames { found: 0 })??),
            frames,
            index: 0,
        })
    }

    /// Reads on to the frame with this index. Returns whether there is one that was not read before.
    fn read_to(&mut self, index: usize) -> Result<bool, Error> {
        while self.index < index {
            if !self.advance()? {
                return Ok(false);
            }
        }
        Ok(self.index == index)
    }

    fn read_to_end(&mut self) -> Result<(), Error> {
        while self.advance()? {}
        Ok(())
    }

    fn advance(&mut self) -> Result<bool, Error> {
        let Some(frame) = self.frames.next() else {
            return Ok(false);
        };
        let frame = frame?;
        let (found, expected) = (picture::size(&frame), picture::size(&self.frame));
        self.index += 1;
        if found != expected {
            let index = self.index;
            return Err(MeasureError::SizesDiffer {
                index,
                found,
                expected,
            }
            .into());
        }
        self.frame = Arc::new(frame);
        Ok(true)
    }
}
