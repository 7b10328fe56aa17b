//! Frames of a first stage that was rendered earlier.

mod places;

use std::path::{Path, PathBuf};

use lb_job::{Job, JobError, JobSettings, Plan};
use lb_schedule::fixed_fractions;
use lb_video::read_picture;

pub use self::places::FramePlaceError;
use self::places::Places;
use super::LowResFilm;
use super::low_res::LowResPictures;
use crate::error::RenderError;

/// The computed frames of an earlier render, to be enlarged. Their pictures stay on the disk.
#[derive(Clone, Debug)]
pub struct EarlierFrames {
    paths: Vec<PathBuf>,
    size: (usize, usize),
    fractions: Option<Vec<Vec<f64>>>,
}

impl EarlierFrames {
    /// Looks at `frame_0000.png` and on in a folder, or in the folder `frames` in it.
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
            // Whole, so that a damaged one is known before any work.
            let picture = read_picture(path)?;
            let found = lb_video::picture::size(&picture);
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

    /// With the fractions of every transition's frames, both keyframes included. Without them they
    /// are those that the frames carry. Where they carry none, as frames of other programs, the
    /// fractions are those of fixed spacing, or even where the job was spaced by what it showed.
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

    /// The job that the frames carry: the first one's that carries any.
    ///
    /// # Errors
    /// As [`JobSettings::find`].
    pub fn job(&self) -> Result<JobSettings, RenderError> {
        let mut none = None;
        for path in &self.paths {
            match JobSettings::find(path) {
                Err(error @ JobError::NoJob { .. }) => none = none.or(Some(error)),
                found => return Ok(found?),
            }
        }
        let folder = self.paths.first().map(PathBuf::as_path);
        Err(none.map_or_else(
            || RenderError::NoFrames {
                folder: folder.unwrap_or(Path::new("")).into(),
            },
            RenderError::from,
        ))
    }

    /// Computed frames of every transition of a film that has so many, both keyframes included: by
    /// the fractions, or by what every frame carries. None where neither tells.
    ///
    /// # Errors
    /// [`RenderError::FramePlace`] for frames that contradict each other.
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
            None => Ok(Places::read(&self.paths)?.transition_frames(transitions, looped)),
        }
    }

    /// The fractions of every transition of this job, and the frames that say nothing where others
    /// do: they are taken to stand evenly between their neighbours.
    pub(crate) fn fractions(
        &self,
        job: &Job,
        plan: &Plan,
    ) -> Result<(Vec<Vec<f64>>, Vec<&Path>), RenderError> {
        let profiles = plan.profiles.iter();
        let counts: Vec<usize> = profiles.map(|profile| profile.frame_count()).collect();
        if let Some(given) = &self.fractions {
            return Ok((checked(given, counts)?, Vec::new()));
        }
        let expected = plan.first_stage_frames();
        if self.count() != expected {
            let found = self.count();
            return Err(RenderError::LowResCount { found, expected });
        }
        let places = Places::read(&self.paths)?;
        if !places.are_carried() {
            let mid_compression = job.spacing.expected_mid_compression();
            let fractions = counts.into_iter();
            let fractions = fractions.map(|count| fixed_fractions(count, mid_compression));
            return Ok((fractions.collect::<Result<_, _>>()?, Vec::new()));
        }
        Ok((places.fractions(&counts, job.looped)?, places.missing()))
    }

    pub(crate) fn film(
        &self,
        fractions: &[Vec<f64>],
        looped: bool,
    ) -> Result<LowResFilm, RenderError> {
        let pictures = LowResPictures::Files(self.paths.clone(), self.size);
        LowResFilm::new(pictures, fractions, looped)
    }
}

/// Fractions that were given, if they can be those of transitions with so many frames.
fn checked(given: &[Vec<f64>], expected: Vec<usize>) -> Result<Vec<Vec<f64>>, RenderError> {
    let found: Vec<usize> = given.iter().map(Vec::len).collect();
    let rises = |fractions: &Vec<f64>| {
        fractions.first() == Some(&0.0)
            && fractions.last() == Some(&1.0)
            && fractions.windows(2).all(|pair| pair[0] <= pair[1])
    };
    if found != expected || !given.iter().all(rises) {
        return Err(RenderError::Fractions { found, expected });
    }
    Ok(given.to_vec())
}

fn frames_of(folder: &Path) -> Option<Vec<PathBuf>> {
    let paths = (0..).map(|index| folder.join(format!("frame_{index:04}.png")));
    let paths: Vec<PathBuf> = paths.take_while(|path| path.is_file()).collect();
    (paths.len() > 1).then_some(paths)
}
