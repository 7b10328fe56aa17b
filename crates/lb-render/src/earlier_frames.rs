//! The frames of a first stage that was rendered earlier.

mod error;
mod positions;

use std::path::{Path, PathBuf};

use lb_job::{EmbeddingFile, Job, JobError, JobSettings, Plan};
use lb_schedule::{Spacing, fixed_fractions};
use lb_video::{picture, read_picture};

pub use self::error::FramePositionError;
use self::positions::Positions;
use crate::error::RenderError;
use crate::observe::{RenderEvent, RenderObserver, proceed};
use crate::position::rise_from_0_to_1;
use crate::upscale::{LowResFrames, LowResPictures};

/// The computed frames of an earlier render, which are to be upscaled. The pictures stay on disk.
#[derive(Clone, Debug)]
pub struct EarlierFrames {
    paths: Vec<PathBuf>,
    size: (usize, usize),
    fractions: Option<Vec<Vec<f64>>>,
}

impl EarlierFrames {
    /// Finds `frame_0000.png`, `frame_0001.png` and so on in a folder, or in the folder `frames` in
    /// it.
    ///
    /// # Errors
    /// [`RenderError::NoFrames`] for a folder with fewer than two, [`RenderError::FrameSize`] for
    /// frames of different sizes, and [`RenderError::Input`] for what cannot be read.
    pub fn read(folder: &Path) -> Result<Self, RenderError> {
        let paths = frames_of(folder).or_else(|| frames_of(&folder.join("frames")));
        let Some(paths) = paths else {
            return Err(RenderError::NoFrames {
                folder: folder.into(),
            });
        };
        let mut size = None;
        for path in &paths {
            // Every frame is decoded, so that a damaged one is found before any work.
            let found = picture::size(&read_picture(path)?);
            let expected = *size.get_or_insert(found);
            if found != expected {
                return Err(RenderError::FrameSize {
                    path: path.clone(),
                    found,
                    expected,
                });
            }
        }
        Ok(Self {
            paths,
            size: size.unwrap_or_default(),
            fractions: None,
        })
    }

    /// The same frames at these fractions: a list for every transition, both keyframes included.
    ///
    /// Without fractions, the frames have the positions that their files carry. If the files carry
    /// none, because another program saved them, the fractions are those of fixed spacing, or evenly
    /// spaced if the job has perceptual spacing.
    #[must_use]
    pub fn with_fractions(self, fractions: Option<Vec<Vec<f64>>>) -> Self {
        Self { fractions, ..self }
    }

    /// How many frames there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.paths.len()
    }

    /// Their width and height.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    /// The job of the first frame that carries one. The pictures and models of its first stage are not
    /// needed, and are forgotten where they lie outside of the frames' folder. Because the job may come from
    /// anybody, it keeps only the embeddings that lie in this folder; the others are returned beside it.
    ///
    /// # Errors
    /// As [`JobSettings::find_alone`].
    pub fn job(&self) -> Result<(JobSettings, Vec<EmbeddingFile>), RenderError> {
        let carries = |job: &Result<_, JobError>| !matches!(job, Err(JobError::NoJob { .. }));
        let mut jobs = self.paths.iter().map(|path| JobSettings::find_alone(path));
        let mut job = match jobs.find(carries) {
            Some(job) => job?,
            // There is always a first frame, and its error says that it carries no job.
            None => JobSettings::find_alone(&self.paths[0])?,
        };
        let left_out = job.leave_out_embeddings_outside(&self.paths[0]);
        Ok((job, left_out))
    }

    /// How many computed frames each of a film's `transitions` has, both keyframes included. This
    /// follows from the fractions, or from the positions that the frames carry; it is `None` if
    /// neither is known.
    ///
    /// # Errors
    /// [`RenderError::FramePosition`] for frames that contradict each other.
    pub fn transition_frames(
        &self,
        transitions: usize,
        looped: bool,
    ) -> Result<Option<Vec<usize>>, RenderError> {
        match &self.fractions {
            Some(given) => {
                let counts = (given.len() == transitions).then_some(given);
                Ok(counts.map(|given| given.iter().map(Vec::len).collect()))
            }
            None => Ok(Positions::read(&self.paths)?.transition_frames(transitions, looped)),
        }
    }

    /// The frames as the first stage of a job.
    ///
    /// If only some frames carry a position, the others are spaced evenly between their neighbours, and
    /// this is reported.
    pub(crate) fn of_job(
        &self,
        job: &Job,
        plan: &Plan,
        observer: &mut dyn RenderObserver,
    ) -> Result<LowResFrames, RenderError> {
        let fractions = self.fractions(job, plan, observer)?;
        let pictures = LowResPictures::Files(self.paths.clone());
        LowResFrames::new(pictures, self.size, fractions, job.looped)
    }

    fn fractions(
        &self,
        job: &Job,
        plan: &Plan,
        observer: &mut dyn RenderObserver,
    ) -> Result<Vec<Vec<f64>>, RenderError> {
        let profiles = plan.profiles.iter();
        let counts: Vec<usize> = profiles.map(|profile| profile.frame_count()).collect();
        if let Some(given) = &self.fractions {
            return validated(given, counts);
        }
        let expected = plan.first_stage_frames();
        if self.count() != expected {
            let found = self.count();
            return Err(RenderError::LowResCount { found, expected });
        }
        let positions = Positions::read(&self.paths)?;
        if !positions.are_carried() {
            let mid_compression = match job.spacing {
                Spacing::Fixed { mid_compression } => mid_compression,
                Spacing::Perceptual => 1.0,
            };
            let fractions = counts.into_iter();
            let fractions = fractions.map(|count| fixed_fractions(count, mid_compression));
            return Ok(fractions.collect::<Result<_, _>>()?);
        }
        let fractions = positions.fractions(&counts, job.looped)?;
        let missing = positions.missing();
        if let Some(first) = missing.first() {
            let count = missing.len();
            proceed(observer.event(&RenderEvent::FramesWithoutPosition { first, count }))?;
        }
        Ok(fractions)
    }
}

/// The given fractions, if they are valid for transitions with these numbers of frames.
fn validated(given: &[Vec<f64>], expected: Vec<usize>) -> Result<Vec<Vec<f64>>, RenderError> {
    let found: Vec<usize> = given.iter().map(Vec::len).collect();
    if found != expected || !given.iter().all(|fractions| rise_from_0_to_1(fractions)) {
        return Err(RenderError::Fractions { found, expected });
    }
    Ok(given.to_vec())
}

fn frames_of(folder: &Path) -> Option<Vec<PathBuf>> {
    let paths = (0..).map(|index| folder.join(format!("frame_{index:04}.png")));
    let paths: Vec<PathBuf> = paths.take_while(|path| path.is_file()).collect();
    (paths.len() > 1).then_some(paths)
}
