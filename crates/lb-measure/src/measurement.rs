//! Measuring a sequence of frames, transition by transition.

use std::sync::Arc;

use image::RgbImage;
use lb_video::{FrameSpool, picture};

use crate::background::{Background, BackgroundLuma};
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
/// `open` is called twice: the first reading finds the last frame of every transition, and the second measures.
/// So no more than four frames are held in memory, however many there are, and one for each further
/// transition that `sections` name. Where a frame is shown again, a reading may return the same [`Arc`] again,
/// which costs nothing. Without `sections` the whole sequence is one transition.
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
    Frames: Iterator<Item = Result<Arc<RgbImage>, Error>>,
    Error: From<MeasureError>,
{
    let closes = sections.is_some_and(|sections| sections.closes);
    let again = if closes { open()?.next() } else { None };
    let again = again.transpose()?;
    let open = || Ok::<_, Error>(open()?.chain(again.clone().map(Ok)));

    let mut ahead = Reader::begin(open()?)?;
    let (width, height) = picture::size(&ahead.frame);
    let mut ends = RightEnds::default();
    for &(first, last) in sections.iter().flat_map(|sections| &sections.transitions) {
        if first >= last || !ahead.read_to(last)? {
            break;
        }
        ends.push(&ahead.frame)?;
    }
    ahead.read_to_end()?;
    let frames = ahead.index + 1 - usize::from(closes);
    let whole = [(0, ahead.index)];
    let spans = match sections {
        Some(sections) => {
            let (found, expected) = (frames, sections.shown_frames());
            if found != expected || ends.count() != sections.transitions.len() {
                return Err(MeasureError::FrameCount { found, expected }.into());
            }
            &sections.transitions[..]
        }
        None => {
            ends.push(&ahead.frame)?;
            &whole
        }
    };
    if frames < MeasureError::FEWEST_FRAMES {
        return Err(MeasureError::TooFewFrames { found: frames }.into());
    }
    // A decoder takes several times the memory of a frame, so there is one at a time.
    drop(ahead);

    let mut reader = Reader::begin(open()?)?;
    let mut transitions = Vec::new();
    for (index, &(first, last)) in spans.iter().enumerate() {
        if !reader.read_to(first)? {
            let (found, expected) = (frames, reader.index);
            return Err(MeasureError::FrameCount { found, expected }.into());
        }
        transitions.push(transition(&mut reader, &ends.take(index)?, last)?);
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

/// The last frames of transitions, in order. All but the newest wait on the disk.
#[derive(Default)]
struct RightEnds {
    /// Where each of them is among those that differ.
    places: Vec<usize>,
    newest: Option<Arc<RgbImage>>,
    older: Option<FrameSpool>,
}

impl RightEnds {
    fn count(&self) -> usize {
        self.places.len()
    }

    fn older_count(&self) -> usize {
        self.older.as_ref().map_or(0, FrameSpool::count)
    }

    fn push(&mut self, frame: &Arc<RgbImage>) -> Result<(), MeasureError> {
        if let Some(newest) = &self.newest
            && !Arc::ptr_eq(newest, frame)
        {
            let spool = match &mut self.older {
                Some(spool) => spool,
                None => {
                    let (width, height) = picture::size(newest);
                    self.older.insert(FrameSpool::temporary(width, height)?)
                }
            };
            spool.push(newest)?;
        }
        self.newest = Some(Arc::clone(frame));
        self.places.push(self.older_count());
        Ok(())
    }

    fn take(&self, index: usize) -> Result<Arc<RgbImage>, MeasureError> {
        let place = self.places[index];
        match (&self.older, &self.newest) {
            (Some(older), _) if place < older.count() => Ok(Arc::new(older.read(place)?)),
            (_, Some(newest)) => Ok(Arc::clone(newest)),
            (_, None) => Err(MeasureError::TooFewFrames { found: 0 }),
        }
    }
}

/// Measures the transition from the frame that `reader` has reached to `right`, which is the one at `last`.
fn transition<Frames, Error>(
    reader: &mut Reader<Frames>,
    right: &Arc<RgbImage>,
    last: usize,
) -> Result<TransitionMeasure, Error>
where
    Frames: Iterator<Item = Result<Arc<RgbImage>, Error>>,
    Error: From<MeasureError>,
{
    let first = reader.index;
    let ends = Ends::new(&reader.frame, right);
    let background = Background::find(&reader.frame, right);
    let look = |frame: &RgbImage| Look {
        variance: laplacian_variance(frame),
        residual: ends.residual(frame),
        background: background.as_ref().map(|of| of.luma(frame)),
    };
    let mut distances = Vec::with_capacity(last - first);
    let mut looks = vec![look(&reader.frame)];
    for index in first + 1..=last {
        let before = Arc::clone(&reader.frame);
        if !reader.read_to(index)? {
            break;
        }
        let frame = &reader.frame;
        let (distance, look) = match looks.last() {
            Some(&same) if Arc::ptr_eq(&before, frame) => (0.0, same),
            _ => {
                let distance = picture::distance(&before, frame).map_err(MeasureError::from)?;
                (distance, look(frame))
            }
        };
        distances.push(distance);
        looks.push(look);
    }
    let variances: Vec<f64> = looks.iter().map(|look| look.variance).collect();
    let residual = looks.iter().map(|look| look.residual);
    let backgrounds = looks.iter().map(|look| look.background);
    let positions = shares(&distances);
    let retention = retention(&variances, &positions);
    let backgrounds: Option<Vec<_>> = backgrounds.collect();
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
        residual: residual.collect(),
        background,
    };
    measured.statistics = Statistics::with_ends(&[&measured], ends.distance());
    Ok(measured)
}

/// What is measured of a single frame.
#[derive(Clone, Copy)]
struct Look {
    variance: f64,
    residual: Option<f64>,
    background: Option<BackgroundLuma>,
}

/// A reading of the frames that has reached one of them.
struct Reader<Frames> {
    frames: Frames,
    frame: Arc<RgbImage>,
    index: usize,
}

impl<Frames, Error> Reader<Frames>
where
    Frames: Iterator<Item = Result<Arc<RgbImage>, Error>>,
    Error: From<MeasureError>,
{
    fn begin(mut frames: Frames) -> Result<Self, Error> {
        let first = frames.next();
        Ok(Self {
            frame: first.ok_or(MeasureError::TooFewFrames { found: 0 })??,
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
        self.frame = frame;
        Ok(true)
    }
}
