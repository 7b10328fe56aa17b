//! Reads from `scheduler_config.json` the numbers that a sampler needs.
//!
//! Whichever scheduler a directory names, its betas and its prediction type describe how the model
//! was trained; sampling is this program's own choice. Where keys are absent, the defaults of the
//! named class hold, so that latents which it would not clip are not clipped here; the timestep
//! spacing is then the sampler's.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use lb_blend::{BetaSchedule, NoiseScheduleConfig, PredictionType, TimestepSpacing};
use lb_checkpoint::{ConfigFile, Count, Size};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

use crate::config::Config;
use crate::error::ModelError;

/// The classes that the directories of Stable Diffusion models name. Their betas, prediction type
/// and offset have the same defaults.
const KNOWN: [&str; 6] = [
    DDIM,
    "DDPMScheduler",
    "PNDMScheduler",
    "LMSDiscreteScheduler",
    "EulerDiscreteScheduler",
    "DPMSolverMultistepScheduler",
];

/// The class of a configuration that names none.
const DDIM: &str = "DDIMScheduler";

/// The classes that clip the predicted clean latents unless their configuration says otherwise.
const CLIPPING: [&str; 2] = [DDIM, "DDPMScheduler"];

/// The settings under diffusers' names.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SchedulerSettings {
    #[serde(rename = "_class_name")]
    class_name: Option<String>,
    beta_end: Option<f64>,
    beta_schedule: Option<Named<BetaSchedule>>,
    beta_start: Option<f64>,
    clip_sample: Option<bool>,
    clip_sample_range: Option<f64>,
    num_train_timesteps: Option<Size>,
    prediction_type: Option<Named<PredictionType>>,
    rescale_betas_zero_snr: bool,
    set_alpha_to_one: Option<bool>,
    steps_offset: Count,
    thresholding: bool,
    timestep_spacing: Option<Named<TimestepSpacing>>,
    trained_betas: Option<Vec<f64>>,
}

/// A value that the configuration gives by its name.
struct Named<T>(T);

impl<T> Named<T> {
    fn or(setting: Option<Self>, default: T) -> T {
        setting.map_or(default, |named| named.0)
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map(Self).map_err(D::Error::custom)
    }
}

/// Reads the file.
pub(crate) fn read(path: &Path) -> Result<NoiseScheduleConfig, ModelError> {
    let Config { file, settings } = Config::<SchedulerSettings>::open(path)?;
    let class = class(&file, &settings)?;
    report_other_sampler(&file, class);
    let clips = CLIPPING.contains(&class);
    let ends_without_noise = class != "PNDMScheduler";
    let default = NoiseScheduleConfig::diffusers_default();
    let clip_range = settings.clip_sample_range;
    let schedule = NoiseScheduleConfig {
        num_train_timesteps: Size::or(settings.num_train_timesteps, default.num_train_timesteps),
        beta_start: settings.beta_start.unwrap_or(default.beta_start),
        beta_end: settings.beta_end.unwrap_or(default.beta_end),
        beta_schedule: Named::or(settings.beta_schedule, default.beta_schedule),
        trained_betas: settings.trained_betas,
        prediction_type: Named::or(settings.prediction_type, default.prediction_type),
        steps_offset: settings.steps_offset.0,
        timestep_spacing: settings.timestep_spacing.map(|named| named.0),
        set_alpha_to_one: settings.set_alpha_to_one.unwrap_or(ends_without_noise),
        clip_sample: settings.clip_sample.unwrap_or(clips),
        clip_sample_range: clip_range.unwrap_or(default.clip_sample_range),
        rescale_betas_zero_snr: settings.rescale_betas_zero_snr,
        thresholding: settings.thresholding,
    };
    schedule
        .validate()
        .map_err(|error| ModelError::unreadable(path, error))?;
    Ok(schedule)
}

/// The scheduler's class, if its noise schedule is one of betas. Flow matching and other families
/// have none, and would silently be given the default ones.
fn class<'s>(file: &ConfigFile, settings: &'s SchedulerSettings) -> Result<&'s str, ModelError> {
    let class = settings.class_name.as_deref().unwrap_or(DDIM);
    let has_betas = settings.beta_start.is_some() || settings.trained_betas.is_some();
    if KNOWN.contains(&class) || has_betas {
        return Ok(class);
    }
    let expected = format!("{}, or any other that gives beta_start", KNOWN.join(", "));
    Err(file.refuse("_class_name", expected).into())
}

/// Settings with which samplers choose their steps in another way.
const OWN_SIGMAS: [&str; 4] = [
    "use_karras_sigmas",
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "use_lu_lambdas",
];

/// Mentions that the sampler which a model names is not the one that is used.
fn report_other_sampler(file: &ConfigFile, class: &str) {
    if class == DDIM {
        return;
    }
    let is_on = |name: &&str| file.settings().get(*name).and_then(Value::as_bool) == Some(true);
    let sigmas: Vec<_> = OWN_SIGMAS.into_iter().filter(is_on).collect();
    let (with, sigmas) = (
        if sigmas.is_empty() { "" } else { " with " },
        sigmas.join(", "),
    );
    tracing::info!(
        "the model names {class}{with}{sigmas}: its noise schedule is used, its sampler is not"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<NoiseScheduleConfig, ModelError> {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("scheduler_config.json");
        std::fs::write(&path, text).expect("the test's folder is writable");
        read(&path)
    }

    fn read_class(class: &str, keys: &str) -> NoiseScheduleConfig {
        let text = format!(r#"{{"_class_name": "{class}", {keys} "trained_betas": null}}"#);
        read_text(&text).unwrap_or_else(|error| panic!("{class}: {error}"))
    }

    const BETAS: &str =
        r#""beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear","#;

    #[test]
    fn every_class_of_a_stable_diffusion_directory_is_read() {
        for class in KNOWN {
            let keys = r#""prediction_type": "v_prediction", "steps_offset": 1, "clip_sample": false,
                "timestep_spacing": "trailing", "set_alpha_to_one": false, "skip_prk_steps": true,"#;
            let expected = NoiseScheduleConfig {
                timestep_spacing: Some(TimestepSpacing::Trailing),
                ..Default::default()
            };
            assert_eq!(read_class(class, &format!("{BETAS}{keys}")), expected);
        }
    }

    #[test]
    fn absent_keys_have_the_defaults_of_the_class() {
        for class in KNOWN {
            let read = read_class(class, "");
            let clips = ["DDIMScheduler", "DDPMScheduler"].contains(&class);
            let expected = NoiseScheduleConfig {
                clip_sample: clips,
                set_alpha_to_one: class != "PNDMScheduler",
                ..NoiseScheduleConfig::diffusers_default()
            };
            assert_eq!(read, expected, "{class}");
            assert_eq!(read.timestep_spacing, None, "the sampler's own");
            assert_eq!(read.prediction_type, PredictionType::Epsilon);
            assert_eq!(read.beta_schedule, BetaSchedule::Linear);
        }
        let nameless = read_text("{}").expect("every key has a default");
        assert_eq!(nameless, NoiseScheduleConfig::diffusers_default());
    }

    #[test]
    fn other_classes_must_give_their_betas() {
        assert_eq!(read_class("UniPCMultistepScheduler", BETAS).beta_end, 0.012);
        let flow = r#"{"_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0}"#;
        let error = read_text(flow).expect_err("no betas").to_string();
        assert!(
            error.contains(r#""_class_name" is "FlowMatchEulerDiscreteScheduler""#),
            "{error}"
        );
        assert!(error.contains("DDIMScheduler, DDPMScheduler"), "{error}");
        let sigmas =
            r#"{"_class_name": "EulerDiscreteScheduler", "prediction_type": "flow_prediction"}"#;
        let error = read_text(sigmas).expect_err("not a prediction").to_string();
        assert!(error.contains("prediction_type"), "{error}");
    }
}
