//! The camera of a film: what is asked of it for the whole film, and at keyframes.

use std::fmt;
use std::str::FromStr;

use lb_schedule::{Camera, CameraCourse, CameraMotion, Easing, Timeline};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::number_or_text::number_or_text;
use crate::{Job, JobError, Keyframe};

/// How the camera moves through a whole film, apart from what keyframes say.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FilmCamera {
    /// How many times larger the picture is than what the film shows of it, 1 to 100.
    pub zoom: FromTo<f64>,
    /// Where the camera looks.
    pub pan: FromTo<Pan>,
    /// The degrees by which the picture is turned clockwise, −3600 to 3600.
    pub rotation: FromTo<f64>,
    /// How the movement starts and ends, in the whole film or between keyframes.
    pub easing: Easing,
}

/// Where the camera is at a keyframe. What is open lies on the way between other keyframes.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct KeyframeCamera {
    /// How many times larger the picture is than what the film shows of it, 1 to 100.
    pub zoom: Option<f64>,
    /// Where the camera looks.
    pub pan: Option<Pan>,
    /// The degrees by which the picture is turned clockwise, −3600 to 3600.
    pub rotation: Option<f64>,
}

/// Where the camera looks, as shares of the room that the zoom leaves: −1 is the left or the upper edge of the
/// picture, 0 its middle, and 1 the right or the lower edge. As a text it is `X,Y`.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Pan {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

/// A value that the whole film has, or two between which it leads. As a text it is `1.2`, or `1..1.6`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FromTo<Value> {
    /// The value in the first frame.
    pub from: Value,
    /// The value in the last frame.
    pub to: Value,
}

impl Default for FilmCamera {
    /// A camera that shows whole pictures.
    fn default() -> Self {
        Self {
            zoom: FromTo::still(1.0),
            pan: FromTo::still(Pan::default()),
            rotation: FromTo::still(0.0),
            easing: Easing::default(),
        }
    }
}

impl<Value: Copy> FromTo<Value> {
    /// A value that does not change.
    #[must_use]
    pub const fn still(value: Value) -> Self {
        Self {
            from: value,
            to: value,
        }
    }

    /// The same with both values changed.
    fn map<Other>(self, change: impl Fn(Value) -> Other) -> FromTo<Other> {
        FromTo {
            from: change(self.from),
            to: change(self.to),
        }
    }
}

impl From<Pan> for [f64; 2] {
    fn from(pan: Pan) -> Self {
        [pan.x, pan.y]
    }
}

/// A text that is no value of the camera.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidCameraValue {
    /// Neither a number nor two of them.
    #[error("give a number, or two for the beginning and the end of the film, as in 1..1.6")]
    Number,
    /// Neither a place nor two of them.
    #[error(
        "give a place as X,Y, or two for the beginning and the end of the film, as in 0,0..0.5,-0.5"
    )]
    Place,
}

impl FromStr for Pan {
    type Err = InvalidCameraValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.trim().parse().ok();
        let place = text.split_once(',').and_then(|(x, y)| {
            Some(Self {
                x: number(x)?,
                y: number(y)?,
            })
        });
        place.ok_or(InvalidCameraValue::Place)
    }
}

impl fmt::Display for Pan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{},{}", self.x, self.y)
    }
}

impl Serialize for Pan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number_or_text(
            deserializer,
            "a place like \"0.5,-0.5\", to the right and down",
        )
    }
}

/// What a [`FromTo`] leads between.
pub trait CameraValue: Copy + PartialEq + fmt::Display {
    /// What is expected of a text.
    const EXPECTED: &'static str;

    /// Reads a value.
    ///
    /// # Errors
    /// An [`InvalidCameraValue`].
    fn read(text: &str) -> Result<Self, InvalidCameraValue>;
}

impl CameraValue for f64 {
    const EXPECTED: &'static str = "a number, or two like \"1..1.6\"";

    fn read(text: &str) -> Result<Self, InvalidCameraValue> {
        text.trim().parse().map_err(|_| InvalidCameraValue::Number)
    }
}

impl CameraValue for Pan {
    const EXPECTED: &'static str = "a place like \"0.5,-0.5\", or two like \"0,0..0.5,-0.5\"";

    fn read(text: &str) -> Result<Self, InvalidCameraValue> {
        text.parse()
    }
}

impl<Value: CameraValue> FromStr for FromTo<Value> {
    type Err = InvalidCameraValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        Ok(Self {
            from: Value::read(from)?,
            to: Value::read(to)?,
        })
    }
}

impl<Value: CameraValue> fmt::Display for FromTo<Value> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to {
            write!(formatter, "{}", self.from)
        } else {
            write!(formatter, "{}..{}", self.from, self.to)
        }
    }
}

impl<Value: CameraValue + Serialize> Serialize for FromTo<Value> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.from == self.to {
            self.from.serialize(serializer)
        } else {
            serializer.collect_str(self)
        }
    }
}

impl<'de, Value: CameraValue> Deserialize<'de> for FromTo<Value> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        number_or_text(deserializer, Value::EXPECTED)
    }
}

impl Job {
    /// How the camera moves, which the whole film or its keyframes say.
    ///
    /// # Errors
    /// [`JobError::CameraTwice`] if both say the same.
    pub fn camera_motion(&self) -> Result<CameraMotion, JobError> {
        let (film, still) = (&self.camera, FilmCamera::default());
        let mut motion = CameraMotion::default();
        motion.easing = film.easing;
        motion.zoom = self.course("zoom", film.zoom, still.zoom, |at| at.zoom)?;
        motion.pan = self.course(
            "pan",
            film.pan.map(Into::into),
            still.pan.map(Into::into),
            |at| at.pan.map(Into::into),
        )?;
        motion.rotation =
            self.course("rotation", film.rotation, still.rotation, |at| at.rotation)?;
        Ok(motion)
    }

    /// How a quantity goes through the film. `still` is what it is where nothing is said.
    fn course<Value: Copy + PartialEq>(
        &self,
        quantity: &'static str,
        film: FromTo<Value>,
        still: FromTo<Value>,
        of_keyframe: impl Fn(&KeyframeCamera) -> Option<Value>,
    ) -> Result<CameraCourse<Value>, JobError> {
        let keyframes = self.keyframes.iter();
        let keyframes: Vec<Option<Value>> = keyframes.map(|at| of_keyframe(&at.camera)).collect();
        match keyframes.iter().position(Option::is_some) {
            None => Ok(CameraCourse::Whole {
                from: film.from,
                to: film.to,
            }),
            Some(_) if film == still => Ok(CameraCourse::Keyframes(keyframes)),
            Some(keyframe) => Err(JobError::CameraTwice { quantity, keyframe }),
        }
    }

    /// Whether the camera moves at all.
    #[must_use]
    pub fn moves_camera(&self) -> bool {
        let FilmCamera {
            zoom,
            pan,
            rotation,
            ..
        } = self.camera;
        let is_keyed = |at: &Keyframe| at.camera != KeyframeCamera::default();
        zoom.from != zoom.to
            || pan.from != pan.to
            || rotation.from != rotation.to
            || self.keyframes.iter().any(is_keyed)
    }

    /// The camera over this timeline; `None` for a film that shows whole pictures.
    pub(crate) fn camera_over(&self, timeline: &Timeline) -> Result<Option<Camera>, JobError> {
        let motion = self.camera_motion()?;
        let mut shows_all = CameraMotion::default();
        shows_all.easing = motion.easing;
        if self.has_stills() || motion == shows_all {
            return Ok(None);
        }
        Ok(Some(Camera::new(timeline, &motion)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_shown() {
        let zoom = |text: &str| text.parse::<FromTo<f64>>();
        let (from, to) = (1.0, 1.6);
        assert_eq!(zoom("1.0..1.6"), Ok(FromTo { from, to }));
        assert_eq!(zoom(" 1 .. 1.6 "), Ok(FromTo { from, to }));
        assert_eq!(zoom("1.6"), Ok(FromTo { from: to, to }));
        assert_eq!(FromTo { from, to }.to_string(), "1..1.6");
        assert_eq!(FromTo { from, to: from }.to_string(), "1");
        for wrong in ["", "big", "1..", "..2", "1..2..3", "1,2"] {
            assert_eq!(zoom(wrong), Err(InvalidCameraValue::Number), "{wrong}");
        }
        let pan = |text: &str| text.parse::<FromTo<Pan>>();
        let (from, to) = (Pan::default(), Pan { x: 0.5, y: -1.0 });
        assert_eq!(pan("0,0..0.5,-1"), Ok(FromTo { from, to }));
        assert_eq!(FromTo { from, to }.to_string(), "0,0..0.5,-1");
        for wrong in ["", "0.5", "0,0..1", "a,b", "1,2,3"] {
            assert_eq!(pan(wrong), Err(InvalidCameraValue::Place), "{wrong}");
        }
    }

    #[test]
    fn a_quantity_is_that_of_the_film_or_of_its_keyframes() {
        let mut job = Job::of_prompts(["a", "b", "c"]);
        assert_eq!(job.camera_motion().unwrap(), CameraMotion::default());
        assert!(!job.moves_camera());
        job.camera.zoom = FromTo { from: 1.0, to: 2.0 };
        job.keyframes[1].camera.pan = Some(Pan { x: 1.0, y: 0.0 });
        assert!(job.moves_camera());
        let motion = job.camera_motion().unwrap();
        assert_eq!(motion.zoom, CameraCourse::Whole { from: 1.0, to: 2.0 });
        assert_eq!(
            motion.pan,
            CameraCourse::Keyframes(vec![None, Some([1.0, 0.0]), None])
        );
        job.keyframes[2].camera.zoom = Some(1.5);
        let refused = job.camera_motion().unwrap_err();
        assert!(refused.is_request());
        assert_eq!(
            refused.to_string(),
            "zoom is given for the whole film and at keyframe 3; give one of them"
        );
    }
}
