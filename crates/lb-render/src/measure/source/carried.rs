//! What the job that a film or picture carries tells about its frames.

use std::path::Path;

use lb_schedule::BranchingProfile;

use crate::job::JobSettings;
use crate::measure::Sections;
use crate::plan::Plan;

/// The film of a job.
pub(super) struct CarriedFilm(Plan);

impl CarriedFilm {
    /// None for a film that carries no job, or none that can be worked out any more: it is measured
    /// like any other.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let text = lb_video::metadata::read(path).ok()??;
        let job = JobSettings::parse(&text, path).ok()?.resolve().ok()?;
        Plan::new(&job).ok().map(Self)
    }

    pub(super) fn frames_per_second(&self) -> f64 {
        self.0.timeline.frames_per_second()
    }

    /// The transitions among the film's frames.
    pub(super) fn film_sections(&self) -> Sections {
        let spans = self.0.timeline.transitions().iter();
        Sections {
            transitions: spans
                .map(|span| (span.departure(), span.arrival()))
                .collect(),
            frame_count: self.0.film_frames() + usize::from(self.0.is_looped()),
            closes: self.0.is_looped(),
        }
    }

    /// The transitions among the computed frames.
    pub(super) fn computed_sections(&self) -> Sections {
        let mut last = 0;
        let profiles = self.0.profiles.iter().map(BranchingProfile::frame_count);
        let transitions: Vec<(usize, usize)> = profiles
            .map(|frames| {
                let first = last;
                last += frames - 1;
                (first, last)
            })
            .collect();
        Sections {
            transitions,
            frame_count: last + 1,
            closes: self.0.is_looped(),
        }
    }
}
