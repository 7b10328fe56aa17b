//! What joins two keyframes.

use lb_schedule::{Easing, Guidance};

use crate::Branching;
use crate::JobError;

/// The way from a keyframe to the next.
#[derive(Clone, PartialEq, Debug)]
pub struct Transition {
    /// Seconds of film.
    pub seconds: f64,
    /// The branching tree.
    pub branching: Branching,
    /// What is left of the guidance in the middle: 1 keeps it constant, 0 takes it down to none.
    pub guidance_damper: f64,
    /// How the motion starts and ends.
    pub easing: Easing,
}

impl Default for Transition {
    fn default() -> Self {
        Self {
            seconds: 3.0,
            branching: Branching::default(),
            guidance_damper: Guidance::default().damper,
            easing: Easing::default(),
        }
    }
}

impl Transition {
    pub(crate) fn validate(&self, scale: f64) -> Result<(), JobError> {
        let damper = self.guidance_damper;
        Ok(Guidance::new(scale, damper).validate()?)
    }
}

/// Where in film time a transition's computed frames sit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Timing {
    /// At even times.
    #[default]
    Even,
    /// In proportion to the distances between them, so that the film moves at one apparent speed.
    Perceptual,
}

impl Timing {
    /// Both, by name.
    pub const ALL: [Self; 2] = [Self::Even, Self::Perceptual];

    /// The name in a job file and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Perceptual => "perceptual",
        }
    }
}
