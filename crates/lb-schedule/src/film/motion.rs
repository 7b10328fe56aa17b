//! How a transition moves: where each of its film frames lies among its computed frames.

use std::collections::BTreeMap;

use super::FilmFrame;
use super::timeline::TransitionSpan;
use crate::error::ScheduleError;
use crate::limits::MAX_BRANCHES;

/// Where the film frames of one transition lie among its computed frames.
///
/// Computed frame j lies at position j, and a film frame at a position between two computed frames is
/// their cross-fade: at 4.25 it shows three quarters of frame 4 and one quarter of frame 5. The
/// positions lead from the first computed frame to the last one and never decrease. No computed frame
/// is moved to the time of a film frame, because gaps of one and two film frames in turn would show as
/// jolts.
#[derive(Clone, PartialEq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TransitionMotion {
    span: TransitionSpan,
    frames: usize,
    /// One position for each film frame from the departure to the arrival.
    positions: Vec<f64>,
}

impl TransitionMotion {
    /// Computed frames at equal distances in time, before easing.
    ///
    /// # Errors
    /// [`ScheduleError::ComputedFramesOutOfRange`] unless `frames` is 2 to 10000.
    pub fn even(span: &TransitionSpan, frames: usize) -> Result<Self, ScheduleError> {
        validate_frames(frames)?;
        let last = (frames - 1) as f64;
        let positions = (0..=span.intervals()).map(|interval| last * span.position_after(interval));
        Ok(Self {
            span: span.clone(),
            frames,
            positions: positions.collect(),
        })
    }

    /// Film frames at equal apparent distances, before easing: each one differs from the next as much
    /// as any other does. With easing, the distances are in proportion to how far the easing curve
    /// rises between the two.
    ///
    /// `distance(i, j)` is how far computed frames i and j differ, with i < j. It must be Euclidean (a
    /// root of a sum or mean of squares), because the distance of two cross-fades is computed from it.
    /// Its unit does not matter. It is called once for each pair of computed frames that a film frame
    /// or two neighbouring film frames touch, and these pairs are few. Measuring film frames instead of
    /// adding up the distances of computed frames matters where the film turns: cross-fades cut corners,
    /// and two film frames on either side of a corner differ less than the path between them is long.
    ///
    /// Where nothing differs, film frames lie evenly.
    ///
    /// # Errors
    /// [`ScheduleError::ComputedFramesOutOfRange`] unless `frames` is 2 to 10000,
    /// [`ScheduleError::InvalidFrameDistance`], and any error of `distance`.
    pub fn perceptual<E: From<ScheduleError>>(
        span: &TransitionSpan,
        frames: usize,
        distance: impl FnMut(usize, usize) -> Result<f64, E>,
    ) -> Result<Self, E> {
        let even = Self::even(span, frames)?;
        let Some(mut path) = Path::new(frames - 1, distance)? else {
            return Ok(even);
        };
        let rises: Vec<f64> = (0..span.intervals())
            .map(|interval| span.position_after(interval + 1) - span.position_after(interval))
            .collect();
        // At a speed of the whole length, the last film frame could only fit on a straight path.
        let (mut slow, mut fast) = (0.0, path.length);
        for _ in 0..HALVINGS {
            let speed = 0.5 * (slow + fast);
            if path.walk(&rises, speed)?.is_some() {
                slow = speed;
            } else {
                fast = speed;
            }
        }
        let mut positions = path.walk(&rises, slow)?.unwrap_or(even.positions);
        // Around a corner sharper than 90 degrees, the point that is one step away leaps, and there may
        // be no speed that arrives exactly.
        let arrived = positions[rises.len()];
        let last = (frames - 1) as f64;
        if arrived > 0.0 {
            for position in &mut positions {
                *position = (*position * (last / arrived)).min(last);
            }
        }
        positions[rises.len()] = last;
        Ok(Self {
            span: span.clone(),
            frames,
            positions,
        })
    }

    /// The number of computed frames, both keyframes included.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.frames
    }

    /// The position among the computed frames of each film frame from the departure to the arrival: one
    /// number more than the span has intervals.
    #[must_use]
    pub fn positions(&self) -> &[f64] {
        &self.positions
    }

    /// The film frames of the transition and of the hold after it.
    ///
    /// The film frame that still shows the left keyframe is not among them: it belongs to what comes
    /// before.
    pub fn film_frames(&self) -> impl Iterator<Item = FilmFrame> {
        let moving = self.positions[1..].iter().take(self.span.moving_frames());
        let keyframe = FilmFrame::unmixed(self.frames - 1);
        let held = std::iter::repeat_n(keyframe, self.span.held_frames());
        moving
            .map(|position| FilmFrame::mixed(*position as usize, position.fract()))
            .chain(held)
    }

    /// When each computed frame is shown, in film frames since the film's beginning, interpolated
    /// between the film frames before and after it. Most of these times are not whole.
    #[must_use]
    pub fn computed_frame_times(&self) -> Vec<f64> {
        let departure = self.span.departure() as f64;
        let time = |frame: usize| {
            let position = frame as f64;
            let after = self.positions.partition_point(|&other| other < position);
            let after = after.clamp(1, self.positions.len() - 1);
            let (from, to) = (self.positions[after - 1], self.positions[after]);
            let share = if to > from {
                ((position - from) / (to - from)).clamp(0.0, 1.0)
            } else {
                0.0
            };
            departure + (after - 1) as f64 + share
        };
        let mut times: Vec<f64> = (0..self.frames).map(time).collect();
        times[self.frames - 1] = self.span.arrival() as f64;
        times
    }
}

fn validate_frames(frames: usize) -> Result<(), ScheduleError> {
    if (2..=MAX_BRANCHES).contains(&frames) {
        Ok(())
    } else {
        Err(ScheduleError::ComputedFramesOutOfRange { frames })
    }
}

/// A double has 53 significant bits, so more halvings than these would change nothing that can be seen.
const HALVINGS: usize = 48;

/// The polygon whose corners are the computed frames, in the space of all their values. Film frames lie
/// on its edges.
struct Path<Distance> {
    /// The last corner.
    last: usize,
    distance: Distance,
    /// The longest edge, by which distances are divided so that the squares of huge ones are finite.
    unit: f64,
    /// The squared distances of the pairs of corners that were measured.
    squares: BTreeMap<(usize, usize), f64>,
    /// The sum of all edges.
    length: f64,
}

impl<Distance, E> Path<Distance>
where
    Distance: FnMut(usize, usize) -> Result<f64, E>,
    E: From<ScheduleError>,
{
    /// The path to the last corner, or nothing if it has no length.
    fn new(last: usize, distance: Distance) -> Result<Option<Self>, E> {
        let mut path = Self {
            last,
            distance,
            unit: 1.0,
            squares: BTreeMap::new(),
            length: 0.0,
        };
        let edges = (0..last).map(|corner| path.measure(corner, corner + 1));
        let edges = edges.collect::<Result<Vec<f64>, E>>()?;
        path.unit = edges.iter().copied().fold(0.0, f64::max);
        for (corner, edge) in edges.into_iter().enumerate() {
            let edge = edge / path.unit;
            path.squares.insert((corner, corner + 1), edge * edge);
            path.length += edge;
        }
        Ok((path.unit > 0.0).then_some(path))
    }

    fn measure(&mut self, left: usize, right: usize) -> Result<f64, E> {
        let value = (self.distance)(left, right)?;
        if value.is_finite() && value >= 0.0 {
            Ok(value)
        } else {
            Err(ScheduleError::InvalidFrameDistance { left, right, value }.into())
        }
    }

    /// The squared distance of two corners.
    fn square(&mut self, one: usize, other: usize) -> Result<f64, E> {
        if one == other {
            return Ok(0.0);
        }
        let pair = (one.min(other), one.max(other));
        if let Some(square) = self.squares.get(&pair) {
            return Ok(*square);
        }
        let distance = self.measure(pair.0, pair.1)? / self.unit;
        self.squares.insert(pair, distance * distance);
        Ok(distance * distance)
    }

    /// The positions of film frames that start at the first corner and are `speed · rise` apart, or
    /// nothing if they do not fit on the path.
    fn walk(&mut self, rises: &[f64], speed: f64) -> Result<Option<Vec<f64>>, E> {
        let mut position = 0.0;
        let mut positions = vec![position];
        for rise in rises {
            let Some(next) = self.next(position, speed * rise)? else {
                return Ok(None);
            };
            position = next;
            positions.push(position);
        }
        Ok(Some(positions))
    }

    /// The first position after `from` that is `step` away from it in a straight line.
    ///
    /// The squared length of a difference of two mixes is −½ Σ cᵢ cⱼ dᵢⱼ², where c are the shares of the
    /// corners, which add up to 0. Along an edge it is quadratic.
    fn next(&mut self, from: f64, step: f64) -> Result<Option<f64>, E> {
        if step <= 0.0 {
            return Ok(Some(from));
        }
        let left = (from as usize).min(self.last - 1);
        let share = from - left as f64;
        let spread = share * (1.0 - share) * self.square(left, left + 1)?;
        let ahead = share + step / self.square(left, left + 1)?.sqrt();
        if ahead <= 1.0 {
            return Ok(Some(left as f64 + ahead));
        }
        for corner in left + 1..self.last {
            let edge = self.square(corner, corner + 1)?;
            let mut square_to = |to: usize| -> Result<f64, E> {
                let (near, far) = (self.square(left, to)?, self.square(left + 1, to)?);
                Ok((1.0 - share) * near + share * far - spread)
            };
            let (here, there) = (square_to(corner)?, square_to(corner + 1)?);
            if edge == 0.0 || there < step * step {
                continue;
            }
            // edge·v² + slope·v + here − step² = 0; the larger root leads away from `from`.
            let slope = there - here - edge;
            let discriminant = slope * slope - 4.0 * edge * (here - step * step);
            let along = (discriminant.max(0.0).sqrt() - slope) / (2.0 * edge);
            return Ok(Some(corner as f64 + along.clamp(0.0, 1.0)));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Easing;
    use super::*;

    fn span(intervals: usize, easing: Easing) -> TransitionSpan {
        TransitionSpan {
            departure: 0,
            intervals,
            moving_frames: intervals,
            held_frames: 0,
            easing,
            pace: super::super::Pace::EVEN,
        }
    }

    /// The motion along computed frames that are points of a plane.
    fn among(points: &[[f64; 2]], intervals: usize, easing: Easing) -> TransitionMotion {
        let distance = |left: usize, right: usize| {
            let [from, to] = [points[left], points[right]];
            Ok::<_, ScheduleError>((from[0] - to[0]).hypot(from[1] - to[1]))
        };
        TransitionMotion::perceptual(&span(intervals, easing), points.len(), distance).unwrap()
    }

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (one, other) in found.iter().zip(expected) {
            assert!((one - other).abs() < 1e-9, "{found:?} is not {expected:?}");
        }
    }

    #[test]
    fn computed_frames_keep_their_times() {
        let motion = TransitionMotion::even(&span(5, Easing::Linear), 3).unwrap();
        assert_close(motion.positions(), &[0.0, 0.4, 0.8, 1.2, 1.6, 2.0]);
        assert_close(&motion.computed_frame_times(), &[0.0, 2.5, 5.0]);
    }

    #[test]
    fn easing_bends_time() {
        // 2t² and its mirror image, times two intervals.
        let even = TransitionMotion::even(&span(4, Easing::EaseInOutQuad), 3).unwrap();
        assert_eq!(even.positions(), [0.0, 0.25, 1.0, 1.75, 2.0]);
        assert_eq!(even.computed_frame_times(), [0.0, 2.0, 4.0]);
        let perceptual = among(
            &[[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]],
            4,
            Easing::EaseInOutQuad,
        );
        assert_close(perceptual.positions(), even.positions());
    }

    #[test]
    fn a_straight_path_is_divided_by_its_length() {
        let line = [[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [5.0, 0.0], [10.0, 0.0]];
        let motion = among(&line, 5, Easing::Linear);
        assert_close(motion.positions(), &[0.0, 1.25, 1.75, 3.2, 3.6, 4.0]);
        assert_close(
            &motion.computed_frame_times(),
            &[0.0, 0.8, 2.0 + 0.25 / 1.45, 2.0 + 1.25 / 1.45, 5.0],
        );
    }

    #[test]
    fn a_corner_is_passed_at_the_same_apparent_speed() {
        // The middle step is 2·(1 − a) long around the corner, but the film frames differ by (1 − a)·√2.
        let corner = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]];
        let motion = among(&corner, 3, Easing::Linear);
        // All steps are equal if (1 − a)·√2 = a, where the inner film frames lie a away from the ends.
        let outer = 2.0_f64.sqrt() / (1.0 + 2.0_f64.sqrt());
        assert_close(motion.positions(), &[0.0, outer, 2.0 - outer, 2.0]);
        let straight = among(&corner, 1, Easing::Linear);
        assert_eq!(straight.positions(), [0.0, 2.0]);
    }

    #[test]
    fn pictures_that_do_not_differ_are_evenly_shown() {
        let still = among(&[[3.0, 1.0]; 3], 4, Easing::Linear);
        assert_eq!(still.positions(), [0.0, 0.5, 1.0, 1.5, 2.0]);
    }

    #[test]
    fn huge_and_bad_distances() {
        let film = |value: f64| {
            let distance =
                |left: usize, right: usize| Ok::<_, ScheduleError>(value * (right - left) as f64);
            TransitionMotion::perceptual(&span(4, Easing::Linear), 3, distance)
        };
        assert_close(film(1e200).unwrap().positions(), &[0.0, 0.5, 1.0, 1.5, 2.0]);
        assert_close(
            film(1e-200).unwrap().positions(),
            &[0.0, 0.5, 1.0, 1.5, 2.0],
        );
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            let error = film(bad).unwrap_err();
            assert!(matches!(
                error,
                ScheduleError::InvalidFrameDistance {
                    left: 0,
                    right: 1,
                    ..
                }
            ));
        }
    }

    #[test]
    fn a_transition_has_two_keyframes() {
        assert_eq!(
            TransitionMotion::even(&span(4, Easing::Linear), 1).unwrap_err(),
            ScheduleError::ComputedFramesOutOfRange { frames: 1 }
        );
    }

    #[test]
    fn a_hold_repeats_the_right_keyframe() {
        let held = TransitionSpan {
            held_frames: 2,
            ..span(2, Easing::Linear)
        };
        let motion = TransitionMotion::even(&held, 2).unwrap();
        let shown: Vec<f64> = motion
            .film_frames()
            .map(|frame| frame.left as f64 + frame.weight)
            .collect();
        assert_eq!(shown, [0.5, 1.0, 1.0, 1.0]);
    }
}
