//! The settings that a model needs.

use std::fmt::Display;
use std::str::FromStr;

use lb_blend::{SamplerKind, TimestepSpacing};
use lb_checkpoint::{CheckpointError, Manifest};
use lb_schedule::GuidanceRescale;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::error::ModelError;

/// The settings with which a model is used if nothing else is asked for: the table `[defaults]` of its
/// `lb.toml` (see [`Manifest`]). Where a field is `None`, the default of all models applies.
///
/// A distilled model, for example, needs few steps and no guidance.
#[derive(Clone, Copy, PartialEq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ModelDefaults {
    /// Inference steps, 1 to 1000, in place of those of the qualities.
    pub steps: Option<usize>,
    /// Guidance scale, 1 (no guidance) to 100; 0 is read as 1.
    pub guidance_scale: Option<f64>,
    /// How far the standard deviation that guidance adds is taken back.
    pub guidance_rescale: Option<GuidanceRescale>,
    /// The text encoder's layer that gives the conditioning, counted from the last one, which is 1.
    pub clip_skip: Option<usize>,
    /// The sampler.
    #[serde(deserialize_with = "named")]
    pub sampler: Option<SamplerKind>,
    /// The timesteps that the sampler visits, in place of those that the scheduler's configuration names.
    #[serde(deserialize_with = "named")]
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Where blending begins, as a share of the steps from 0 to 1.
    pub depth_strength: Option<f64>,
}

impl ModelDefaults {
    /// Reads and checks the defaults of a manifest.
    ///
    /// # Errors
    /// [`ModelError::Checkpoint`] for a key or value that is not allowed.
    pub(crate) fn read(manifest: &Manifest) -> Result<Self, ModelError> {
        let mut defaults: Self = manifest.defaults()?;
        let refuse = |key: &str, found: String, expected: &str| {
            ModelError::from(CheckpointError::Setting {
                path: manifest.path().to_owned(),
                key: format!("defaults.{key}"),
                found,
                expected: expected.into(),
            })
        };
        if let Some(steps) = defaults.steps
            && !(1..=lb_schedule::MAX_STEPS).contains(&steps)
        {
            return Err(refuse("steps", steps.to_string(), "1 to 1000"));
        }
        if let Some(scale) = &mut defaults.guidance_scale {
            if *scale == 0.0 {
                *scale = 1.0;
            }
            if !(1.0..=100.0).contains(scale) {
                let expected = "1 (no guidance) to 100";
                return Err(refuse("guidance_scale", scale.to_string(), expected));
            }
        }
        if let Some(skip @ 0) = defaults.clip_skip {
            return Err(refuse(
                "clip_skip",
                skip.to_string(),
                "1 (the last layer) or more",
            ));
        }
        if let Some(depth) = defaults.depth_strength
            && !(0.0..=1.0).contains(&depth)
        {
            return Err(refuse("depth_strength", depth.to_string(), "0 to 1"));
        }
        Ok(defaults)
    }
}

/// Reads a choice by its name.
fn named<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ModelDefaults, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(Manifest::FILE), text).unwrap();
        let manifest = Manifest::read(folder.path()).unwrap();
        ModelDefaults::read(&manifest).map_err(|error| error.to_string())
    }

    #[test]
    fn every_setting_is_read() {
        let text = "[defaults]\nsteps = 4\nguidance_scale = 0\nsampler = \"dpmpp-2m\"\n\
                    guidance_rescale = 0.7\nclip_skip = 2\n\
                    depth_strength = 0.5\ntimestep_spacing = \"trailing\"\n";
        let expected = ModelDefaults {
            steps: Some(4),
            guidance_scale: Some(1.0),
            guidance_rescale: Some(GuidanceRescale::new(0.7).unwrap()),
            clip_skip: Some(2),
            sampler: Some(SamplerKind::DpmSolver),
            timestep_spacing: Some(TimestepSpacing::Trailing),
            depth_strength: Some(0.5),
        };
        assert_eq!(read(text), Ok(expected));
        assert_eq!(read(""), Ok(ModelDefaults::default()));
    }

    #[test]
    fn wrong_values_are_named_with_what_is_allowed() {
        for (line, expected) in [
            ("steps = 0", "\"defaults.steps\" is 0; expected 1 to 1000"),
            ("guidance_scale = 0.5", "expected 1 (no guidance) to 100"),
            ("depth_strength = 1.5", "expected 0 to 1"),
            ("guidance_rescale = 1.5", "0 (off) to 1, got 1.5"),
            ("clip_skip = 0", "expected 1 (the last layer) or more"),
            ("sampler = \"heun\"", "got \"heun\""),
            ("quality = \"high\"", "quality"),
        ] {
            let error = read(&format!("[defaults]\n{line}\n")).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains("lb.toml"), "{error}");
        }
    }
}
