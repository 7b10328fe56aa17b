//! The camera: which part of the picture every film frame shows.
//!
//! # Zoom
//!
//! A zoom is perceived by its factor: from 1 to 2 is as much as from 2 to 4. So it is interpolated
//! exponentially, and at one speed each film frame is larger than the one before it by the same factor.
//!
//! # Pan
//!
//! A pan says where in the picture the camera looks, as a share of the room that the zoom leaves: 0 is the
//! middle, and −1 and 1 are where the view touches an edge of the picture. So no pan can look past an edge.
//! While the zoom changes and the pan does not, one point of the picture stays where it is on the screen, and
//! everything moves away from it: with a pan p it is the one at p, in half widths or heights from the middle.
//!
//! # In the same way back
//!
//! What is interpolated from a to b at a share s of the time is bit for bit what is interpolated from b to a at
//! the share 1 − s, so that a film that zooms in and out again passes through the same views.

mod motion;
mod track;
mod view;

pub use motion::{CameraCourse, CameraMotion};
pub use view::{CameraView, Section};

use self::track::{Track, along_factors, along_line};
use crate::error::ScheduleError;
use crate::film::Timeline;

/// Which part of the picture every frame of a film shows.
#[derive(Clone, PartialEq, Debug)]
pub struct Camera {
    zoom: Track<f64>,
    pan: Track<[f64; 2]>,
    rotation: Track<f64>,
    frame_count: usize,
    endless: Option<EndlessZoom>,
}

/// What a film frame shows of the pictures that it is mixed from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CameraFrame {
    /// The part that is shown.
    pub view: CameraView,
    /// In an endless zoom, the part that begins the next round, and its share from 0 to 1. The rest is the share
    /// of `view`.
    pub next_round: Option<(CameraView, f64)>,
}

impl CameraFrame {
    /// The parts that are shown, each with its share; together they have 1.
    pub fn views(&self) -> impl Iterator<Item = (CameraView, f64)> {
        let next_share = self.next_round.map_or(0.0, |(_, share)| share);
        let view = (next_share < 1.0).then_some((self.view, 1.0 - next_share));
        view.into_iter().chain(self.next_round)
    }

    /// Whether the whole picture is shown, upright.
    #[must_use]
    pub fn shows_all(&self) -> bool {
        self.views().all(|(view, _)| view.is_whole())
    }
}

/// A zoom that never ends although the film repeats. While the last transition of the loop moves, the view is
/// dissolved into another one that is as much smaller or larger as the whole film has zoomed, and that moves on
/// at the same speed.
#[derive(Clone, Copy, PartialEq, Debug)]
struct EndlessZoom {
    /// The factor of one round.
    factor: f64,
    /// The film frame at which the dissolve begins, and the one at which it ends, which is the first of the next
    /// round.
    departure: usize,
    arrival: usize,
}

impl Camera {
    /// The camera of a film.
    ///
    /// A looped film whose zoom does not end as it begins zooms without an end: its last transition is dissolved
    /// into the beginning of the next round. The smaller one of both zooms is then the smallest that is ever shown, so
    /// that what appears during the dissolve needs nothing from beyond the picture.
    ///
    /// # Errors
    /// [`ScheduleError::ZoomOutOfRange`], [`ScheduleError::PanOutOfRange`], [`ScheduleError::RotationOutOfRange`],
    /// [`ScheduleError::PanWithoutZoom`], [`ScheduleError::CameraKeyframes`],
    /// [`ScheduleError::PanOpensLoop`] and [`ScheduleError::RotationOpensLoop`].
    pub fn new(timeline: &Timeline, motion: &CameraMotion) -> Result<Self, ScheduleError> {
        motion.validate(timeline)?;
        let easing = motion.easing;
        let mut zoom = Track::new(timeline, &motion.zoom, easing, CameraView::WHOLE.zoom);
        let mut endless = None;
        if let CameraCourse::Whole { from, to } = motion.zoom
            && timeline.is_loop()
            && from != to
            && let Some(last) = timeline.transitions().last()
        {
            let dissolve = EndlessZoom {
                factor: to / from,
                departure: last.departure(),
                arrival: last.arrival(),
            };
            // The view of the next round appears before the round begins, where a growing zoom is smaller.
            let departing = zoom.at(dissolve.departure, along_factors);
            let ahead = from * dissolve.factor / departing;
            zoom = zoom.map(|value| value * ahead.max(1.0));
            endless = Some(dissolve);
        }
        Ok(Self {
            zoom,
            pan: Track::new(timeline, &motion.pan, easing, CameraView::WHOLE.pan),
            rotation: Track::new(
                timeline,
                &motion.rotation,
                easing,
                CameraView::WHOLE.rotation,
            ),
            frame_count: timeline.frame_count(),
            endless,
        })
    }

    /// The number of film frames.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.frame_count
    }

    /// The factor by which each round of a film zooms further than the one before it, if its zoom is endless.
    #[must_use]
    pub fn endless_factor(&self) -> Option<f64> {
        self.endless.map(|endless| endless.factor)
    }

    /// What this film frame shows, counted from 0.
    #[must_use]
    pub fn frame(&self, film_frame: usize) -> CameraFrame {
        let view = CameraView {
            zoom: self.zoom.at(film_frame, along_factors),
            pan: self.pan.at(film_frame, |left, right, shares| {
                [0, 1].map(|axis| along_line(left[axis], right[axis], shares))
            }),
            rotation: self.rotation.at(film_frame, along_line),
        };
        let Some(endless) = self
            .endless
            .filter(|endless| film_frame > endless.departure)
        else {
            return CameraFrame {
                view,
                next_round: None,
            };
        };
        let next = CameraView {
            // Rounding must not lead past the picture's edge.
            zoom: (view.zoom / endless.factor).max(1.0),
            ..view
        };
        let passed = (film_frame - endless.departure) as f64;
        let share = passed / (endless.arrival - endless.departure) as f64;
        CameraFrame {
            view,
            next_round: Some((next, share.min(1.0))),
        }
    }

    /// The largest upright section of pictures of this width and height that every film frame shows; `None` if
    /// they have nothing in common.
    #[must_use]
    pub fn common_section(&self, size: (usize, usize)) -> Option<Section> {
        let mut common = [[0.0, size.0 as f64], [0.0, size.1 as f64]];
        for (view, _) in
            (0..self.frame_count).flat_map(|frame| self.frame(frame).views().collect::<Vec<_>>())
        {
            let shown = view.upright(size);
            for (axis, [from, to]) in common.iter_mut().enumerate() {
                let half = 0.5 * (shown.across[axis] + shown.down[axis]);
                *from = from.max(shown.centre[axis] - half);
                *to = to.min(shown.centre[axis] + half);
            }
        }
        let [[left, right], [top, bottom]] = common;
        (left < right && top < bottom).then_some(Section {
            centre: [0.5 * (left + right), 0.5 * (top + bottom)],
            across: [right - left, 0.0],
            down: [0.0, bottom - top],
        })
    }

    /// The largest zoom of any film frame.
    #[must_use]
    pub fn largest_zoom(&self) -> f64 {
        self.zooms().fold(1.0, f64::max)
    }

    /// The zoom of everything that film frames show, in their order.
    pub fn zooms(&self) -> impl Iterator<Item = f64> {
        let frames = (0..self.frame_count).map(|frame| self.frame(frame));
        frames.flat_map(|frame| frame.views().map(|(view, _)| view.zoom).collect::<Vec<_>>())
    }

    /// Checks that no film frame looks past the edges of pictures of this width and height. Only rotation can do
    /// that: a turned view needs more room than an upright one.
    ///
    /// # Errors
    /// [`ScheduleError::CameraPastEdge`] for the first film frame that does.
    pub fn validate_for(&self, (width, height): (usize, usize)) -> Result<(), ScheduleError> {
        if self.rotation.is_always(0.0) {
            return Ok(());
        }
        for film_frame in 0..self.frame_count {
            for (view, _) in self.frame(film_frame).views() {
                let needed = view.least_zoom((width, height));
                // A zoom that is given as it should be must not fail by rounding.
                if view.zoom < needed * (1.0 - 1e-9) {
                    return Err(ScheduleError::CameraPastEdge {
                        film_frame,
                        rotation: view.rotation,
                        width,
                        height,
                        zoom: view.zoom,
                        needed: (needed * 1000.0).ceil() / 1000.0,
                    });
                }
            }
        }
        Ok(())
    }
}
