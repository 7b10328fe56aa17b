//! Frames of a first stage that was rendered earlier.

use std::path::{Path, PathBuf};

use lb_schedule::{Spacing, fixed_fractions};
use lb_video::Frame;

use super::LowResFilm;
use crate::error::RenderError;
use crate::input::read_picture;
use crate::job::Job;
use crate::plan::Plan;

/// The computed frames of an earlier render, to be enlarged.
#[derive(Clone, Debug)]
pub struct EarlierFrames {
    pictures: Vec<Frame>,
    fractions: Option<Vec<Vec<f64>>>,
}

impl EarlierFrames {
    /// Reads `frame_0000.png` and on from a folder, or from the folder `frames` in it.
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
        let mut pictures: Vec<Frame> = Vec::with_capacity(paths.len());
        for path in paths {
            let picture = read_picture(&path)?;
            let found = (picture.width, picture.height);
            let frame = Frame::from_rgb(found.0, found.1, picture.rgb)?;
            if let Some(first) = pictures.first()
                && (first.width(), first.height()) != found
            {
                return Err(RenderError::FrameSize {
                    path,
                    found,
                    expected: (first.width(), first.height()),
                });
            }
            pictures.push(frame);
        }
        Ok(Self {
            pictures,
            fractions: None,
        })
    }

    /// With the fractions of every transition's frames, both keyframes included. Without them they
    /// are those of fixed spacing, or even where the job was spaced by what it showed.
    #[must_use]
    pub fn with_fractions(self, fractions: Option<Vec<Vec<f64>>>) -> Self {
        Self { fractions, ..self }
    }

    /// How many frames there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pictures.len()
    }

    /// Their width and height.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let first = self.pictures.first();
        first.map_or((0, 0), |frame| (frame.width(), frame.height()))
    }

    /// The fractions of every transition of this job.
    pub(crate) fn fractions(&self, job: &Job, plan: &Plan) -> Result<Vec<Vec<f64>>, RenderError> {
        let counts = plan.profiles.iter().map(|profile| profile.frame_count());
        let Some(given) = &self.fractions else {
            let mid_compression = match job.spacing {
                Spacing::Fixed { mid_compression } => mid_compression,
                Spacing::Perceptual => 1.0,
            };
            return Ok(counts
                .map(|count| fixed_fractions(count, mid_compression))
                .collect());
        };
        let found: Vec<usize> = given.iter().map(Vec::len).collect();
        let expected: Vec<usize> = counts.collect();
        let rises = |fractions: &Vec<f64>| {
            fractions.first() == Some(&0.0)
                && fractions.last() == Some(&1.0)
                && fractions.windows(2).all(|pair| pair[0] <= pair[1])
        };
        if found != expected || !given.iter().all(rises) {
            return Err(RenderError::Fractions { found, expected });
        }
        Ok(given.clone())
    }

    pub(crate) fn film(
        &self,
        fractions: &[Vec<f64>],
        looped: bool,
    ) -> Result<LowResFilm, RenderError> {
        LowResFilm::new(self.pictures.clone(), fractions, looped)
    }
}

fn frames_of(folder: &Path) -> Option<Vec<PathBuf>> {
    let paths = (0..).map(|index| folder.join(format!("frame_{index:04}.png")));
    let paths: Vec<PathBuf> = paths.take_while(|path| path.is_file()).collect();
    (paths.len() > 1).then_some(paths)
}
