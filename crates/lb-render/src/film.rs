//! Turning computed frames and in-betweens into film frames as soon as they are there.

use std::sync::Arc;

use image::RgbImage;
use lb_job::{Plan, Timing};
use lb_schedule::{Timeline, TransitionMotion, TransitionSpan};
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

/// Cross-fades pictures, which are computed frames and in-betweens, into a film. With even timing, at
/// most two pictures are held. With perceptual timing, those of a whole transition are held, because
/// the time of its first film frame depends on all distances.
pub(crate) struct FilmAssembler {
    timeline: Timeline,
    timing: Timing,
    /// What each transition consists of.
    transitions: Vec<TransitionPictures>,
    /// The last pictures of the current transition, the newest at the end.
    held: Vec<Arc<RgbImage>>,
    /// Where the pictures of the current transition lie among its computed frames, which lie at 0, 1, 2
    /// and so on.
    places: Vec<f64>,
    /// The newest computed frame.
    computed: Option<Arc<RgbImage>>,
    computed_distances: Vec<f64>,
    /// The film frames of the current transition that were shown.
    shown: usize,
    /// The motion of every transition that is complete.
    pub(crate) motions: Vec<Motion>,
}

/// How many pictures a transition consists of, its keyframes included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TransitionPictures {
    pub(crate) computed: usize,
    pub(crate) in_betweens: usize,
}

impl TransitionPictures {
    /// The pictures of every transition of a film.
    pub(crate) fn of_plan(plan: &Plan) -> Vec<Self> {
        let pairs = plan.transition_frames().zip(&plan.in_betweens);
        pairs
            .map(|(computed, &in_betweens)| Self {
                computed,
                in_betweens,
            })
            .collect()
    }
}

impl FilmAssembler {
    /// An assembler for a film whose transitions consist of these pictures.
    pub(crate) fn new(
        timeline: Timeline,
        transitions: Vec<TransitionPictures>,
        timing: Timing,
    ) -> Self {
        Self {
            timeline,
            timing,
            transitions,
            held: Vec::new(),
            places: vec![0.0],
            computed: None,
            computed_distances: Vec::new(),
            shown: 0,
            motions: Vec::new(),
        }
    }

    /// Takes the next picture, and calls `show` with `left`, `right` and `weight` for every film
    /// frame that can now be mixed as (1 − weight) · left + weight · right. An in-between comes with its
    /// share of the way from the computed frame before it to the one after it. A shared keyframe is
    /// taken once, but the first keyframe of a loop is taken again at the end.
    pub(crate) fn push(
        &mut self,
        frame: Arc<RgbImage>,
        in_between: Option<f64>,
        mut show: impl FnMut(&Arc<RgbImage>, &Arc<RgbImage>, f64) -> Result<(), RenderError>,
    ) -> Result<(), RenderError> {
        let Some(computed) = &self.computed else {
            for _ in 0..self.timeline.opening_frames() {
                show(&frame, &frame, 0.0)?;
            }
            self.computed = Some(Arc::clone(&frame));
            self.held.push(frame);
            return Ok(());
        };
        let passed = self.computed_distances.len() as f64;
        self.places.push(passed + in_between.unwrap_or(1.0));
        if in_between.is_none() {
            let distance = picture::distance(computed, &frame)?;
            self.computed_distances.push(distance);
            self.computed = Some(Arc::clone(&frame));
        }
        self.held.push(frame);
        let Some((span, pictures)) = self.current() else {
            return Ok(());
        };
        let is_last = self.places.len() == pictures.computed + pictures.in_betweens;
        match self.timing {
            Timing::Even => {
                self.show_even(&span, pictures, &mut show)?;
                if !is_last {
                    return Ok(());
                }
                if let Some(keyframe) = self.held.last() {
                    for _ in 0..span.held_frames() {
                        show(keyframe, keyframe, 0.0)?;
                    }
                }
                let motion = TransitionMotion::even(&span, pictures.computed)?;
                self.end_transition(motion.computed_frame_times())
            }
            Timing::Perceptual if is_last => {
                let held = &self.held;
                let distance = |left: usize, right: usize| {
                    picture::distance(&held[left], &held[right]).map_err(RenderError::from)
                };
                let motion = TransitionMotion::perceptual(&span, held.len(), distance)?;
                for frame in motion.film_frames() {
                    show(&held[frame.left], &held[frame.right], frame.weight)?;
                }
                let times = motion.computed_frame_times().into_iter();
                let of_computed = times.zip(&self.places);
                let of_computed = of_computed.filter(|(_, place)| place.fract() == 0.0);
                self.end_transition(of_computed.map(|(time, _)| time).collect())
            }
            Timing::Perceptual => Ok(()),
        }
    }

    /// Shows the film frames between the two newest pictures. With even timing, computed frames are at
    /// equal distances in time.
    fn show_even(
        &mut self,
        span: &TransitionSpan,
        pictures: TransitionPictures,
        show: &mut impl FnMut(&Arc<RgbImage>, &Arc<RgbImage>, f64) -> Result<(), RenderError>,
    ) -> Result<(), RenderError> {
        let newest = self.held.len() - 1;
        let (left, right) = (&self.held[newest - 1], &self.held[newest]);
        let count = self.places.len();
        let (from, to) = (self.places[count - 2], self.places[count - 1]);
        while self.shown < span.moving_frames() {
            let position = span.position_after(self.shown + 1) * (pictures.computed - 1) as f64;
            if position > to {
                break;
            }
            match (position - from) / (to - from) {
                weight if weight < 1.0 => show(left, right, weight)?,
                _ => show(right, right, 0.0)?,
            }
            self.shown += 1;
        }
        self.held.drain(..newest);
        Ok(())
    }

    /// The span and the pictures of the current transition.
    fn current(&self) -> Option<(TransitionSpan, TransitionPictures)> {
        let index = self.motions.len();
        let span = self.timeline.transitions().get(index)?;
        Some((span.clone(), *self.transitions.get(index)?))
    }

    /// Ends a transition whose computed frames are shown at these times, in film frames.
    fn end_transition(&mut self, times: Vec<f64>) -> Result<(), RenderError> {
        let frame_rate = self.timeline.frame_rate().as_f64();
        self.motions.push(Motion {
            seconds: times.into_iter().map(|time| time / frame_rate).collect(),
            distances: std::mem::take(&mut self.computed_distances),
        });
        self.held.drain(..self.held.len() - 1);
        self.places = vec![0.0];
        self.shown = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
