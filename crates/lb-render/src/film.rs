//! Cross-fading computed frames into film frames as soon as they are computed.

use std::sync::Arc;

use image::RgbImage;
use lb_job::Timing;
use lb_schedule::{
    ComputedPositions, FilmFrame, Timeline, TransitionSpan, computed_frame_times,
    perceptual_positions, transition_frames,
};
use lb_video::picture;

use crate::error::RenderError;

/// When a transition's computed frames are shown, and how far they differ.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Motion {
    /// When each computed frame is shown, in seconds since the film's beginning.
    pub(crate) seconds: Vec<f64>,
    /// Distances between neighbours, in grey levels.
    pub(crate) distances: Vec<f64>,
}

/// Cross-fades computed frames into a film. With even timing, at most two computed frames are held. With
/// perceptual timing, those of a whole transition are held, because the time of its first frame depends
/// on all distances.
pub(crate) struct FilmAssembler {
    timeline: Timeline,
    timing: Timing,
    /// The number of computed frames of each transition, its keyframes included.
    computed: Vec<usize>,
    /// The film frames of the current transition, as soon as they are known.
    film: std::iter::Peekable<std::vec::IntoIter<FilmFrame>>,
    /// The last computed frames of the current transition, the newest at the end.
    held: Vec<Arc<RgbImage>>,
    distances: Vec<f64>,
    /// The motion of every transition that is complete.
    pub(crate) motions: Vec<Motion>,
}

impl FilmAssembler {
    /// An assembler for a film whose transitions have these numbers of computed frames, keyframes
    /// included.
    pub(crate) fn new(timeline: Timeline, computed: Vec<usize>, timing: Timing) -> Self {
        Self {
            timeline,
            timing,
            computed,
            film: Vec::new().into_iter().peekable(),
            held: Vec::new(),
            distances: Vec::new(),
            motions: Vec::new(),
        }
    }

    /// Takes the next computed frame, and calls `show` with `left`, `right` and `weight` for every film
    /// frame that can now be mixed as (1 − weight) · left + weight · right. A shared keyframe is taken
    /// once, but the first keyframe of a loop is taken again at the end.
    pub(crate) fn push(
        &mut self,
        frame: Arc<RgbImage>,
        mut show: impl FnMut(&Arc<RgbImage>, &Arc<RgbImage>, f64) -> Result<(), RenderError>,
    ) -> Result<(), RenderError> {
        let Some(before) = self.held.last() else {
            for _ in 0..self.timeline.opening_frames() {
                show(&frame, &frame, 0.0)?;
            }
            self.held.push(frame);
            return self.begin_transition();
        };
        self.distances.push(picture::distance(before, &frame)?);
        self.held.push(frame);
        let arrived = self.distances.len();
        let is_last = self
            .current()
            .is_some_and(|(_, count)| arrived + 1 == count);
        if is_last {
            self.end_transition()?;
        }
        let oldest = arrived + 1 - self.held.len();
        while let Some(next) = self.film.next_if(|next| next.right <= arrived) {
            let [left, right] = [next.left, next.right].map(|at| &self.held[at - oldest]);
            show(left, right, next.weight)?;
        }
        if is_last {
            self.held.drain(..self.held.len() - 1);
            self.begin_transition()?;
        } else if self.timing == Timing::Even {
            self.held.drain(..self.held.len() - 1);
        }
        Ok(())
    }

    /// The span and the number of computed frames of the current transition.
    fn current(&self) -> Option<(TransitionSpan, usize)> {
        let index = self.motions.len();
        let span = self.timeline.transitions().get(index)?;
        Some((*span, *self.computed.get(index)?))
    }

    fn begin_transition(&mut self) -> Result<(), RenderError> {
        self.distances.clear();
        if let (Timing::Even, Some((span, frames))) = (self.timing, self.current()) {
            let film = transition_frames(&span, &ComputedPositions::Even { frames })?;
            self.film = film.into_iter().peekable();
        }
        Ok(())
    }

    fn end_transition(&mut self) -> Result<(), RenderError> {
        let Some((span, frames)) = self.current() else {
            return Ok(());
        };
        let positions = match self.timing {
            Timing::Even => ComputedPositions::Even { frames },
            Timing::Perceptual => {
                let positions = perceptual_positions(&self.distances)?;
                let positions = ComputedPositions::Given(positions);
                let film = transition_frames(&span, &positions)?;
                self.film = film.into_iter().peekable();
                positions
            }
        };
        let frame_rate = self.timeline.frames_per_second();
        let times = computed_frame_times(&span, &positions)?;
        self.motions.push(Motion {
            seconds: times.into_iter().map(|time| time / frame_rate).collect(),
            distances: self.distances.clone(),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
