//! What is asked of the camera.

use crate::error::ScheduleError;
use crate::film::{Easing, Timeline};
use crate::limits::{MAX_ROTATION, MAX_ZOOM};

/// How one quantity of the camera goes through a film.
#[derive(Clone, PartialEq, Debug)]
pub enum CameraCourse<Value> {
    /// From a value in the film's first frame to another one in its last, through holds as well.
    Whole {
        /// The value in the first frame.
        from: Value,
        /// The value in the last frame, or in a loop the one with which the first frame of the next round
        /// would follow.
        to: Value,
    },
    /// From keyframe to keyframe: a value for each of them, or `None` for a keyframe that lies somewhere on the way
    /// between those that have one. The camera rests while the film rests on a keyframe with a value. Before the
    /// first and after the last keyframe with a value it does not move, unless the film is a loop.
    Keyframes(Vec<Option<Value>>),
}

impl<Value: Copy> CameraCourse<Value> {
    /// A quantity that does not change.
    #[must_use]
    pub const fn still(value: Value) -> Self {
        Self::Whole {
            from: value,
            to: value,
        }
    }

    /// All values that are given.
    pub fn values(&self) -> impl Iterator<Item = Value> {
        let (ends, keyframes) = match self {
            Self::Whole { from, to } => (Some([*from, *to]), &[][..]),
            Self::Keyframes(values) => (None, &values[..]),
        };
        let keyframes = keyframes.iter().filter_map(|value| *value);
        ends.into_iter().flatten().chain(keyframes)
    }
}

/// How the camera moves through a film.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct CameraMotion {
    /// How many times larger the picture is than the part of it that is shown: 1 to 100.
    pub zoom: CameraCourse<f64>,
    /// Where the camera looks, to the right and down: −1 to 1, as shares of the room that the zoom leaves.
    pub pan: CameraCourse<[f64; 2]>,
    /// The degrees by which the picture is turned clockwise: −3600 to 3600.
    pub rotation: CameraCourse<f64>,
    /// How the movement starts and ends, in the whole film or from each keyframe with a value to the next.
    pub easing: Easing,
}

impl Default for CameraMotion {
    /// A camera that shows the whole picture all the time.
    fn default() -> Self {
        Self {
            zoom: CameraCourse::still(1.0),
            pan: CameraCourse::still([0.0; 2]),
            rotation: CameraCourse::still(0.0),
            easing: Easing::default(),
        }
    }
}

impl CameraMotion {
    /// Checks every value against its range, and that a loop closes.
    ///
    /// # Errors
    /// Those of [`Camera::new`](super::Camera::new).
    pub(super) fn validate(&self, timeline: &Timeline) -> Result<(), ScheduleError> {
        for value in self.zoom.values() {
            if !(1.0..=MAX_ZOOM).contains(&value) {
                return Err(ScheduleError::ZoomOutOfRange { value });
            }
        }
        for value in self.pan.values().flatten() {
            if !(-1.0..=1.0).contains(&value) {
                return Err(ScheduleError::PanOutOfRange { value });
            }
        }
        for value in self.rotation.values() {
            if !(-MAX_ROTATION..=MAX_ROTATION).contains(&value) {
                return Err(ScheduleError::RotationOutOfRange { value });
            }
        }
        let is_panned = self.pan.values().any(|pan| pan != [0.0; 2]);
        if is_panned && self.zoom.values().all(|zoom| zoom == 1.0) {
            return Err(ScheduleError::PanWithoutZoom);
        }
        let keyframes = timeline.transitions().len() + usize::from(!timeline.is_loop());
        validate_count(&self.zoom, keyframes)?;
        validate_count(&self.pan, keyframes)?;
        validate_count(&self.rotation, keyframes)?;
        if !timeline.is_loop() {
            return Ok(());
        }
        if matches!(self.pan, CameraCourse::Whole { from, to } if from != to) {
            return Err(ScheduleError::PanOpensLoop);
        }
        match self.rotation {
            CameraCourse::Whole { from, to } if (to - from) % 360.0 != 0.0 => {
                let degrees = to - from;
                Err(ScheduleError::RotationOpensLoop { degrees })
            }
            _ => Ok(()),
        }
    }
}

fn validate_count<Value>(
    course: &CameraCourse<Value>,
    keyframes: usize,
) -> Result<(), ScheduleError> {
    match course {
        CameraCourse::Keyframes(values) if values.len() != keyframes => {
            let found = values.len();
            Err(ScheduleError::CameraKeyframes { keyframes, found })
        }
        _ => Ok(()),
    }
}
