//! `scheduler_config.json` to the numbers a sampler needs.
//!
//! Whatever scheduler a directory names, its betas and its prediction type describe how the model
//! was trained; sampling is this program's own choice. Where keys are absent, the named class's own
//! defaults hold, so that latents which it would not clip are not clipped here; the timestep
//! spacing is then the sampler's.

use std::path::Path;
use std::str::FromStr;

use lb_blend::NoiseScheduleConfig;

use crate::config::Config;
use crate::error::ModelError;

/// The classes that Stable Diffusion 2 directories name. Their betas, prediction type and offset
/// have the same defaults.
const KNOWN: [&str; 6] = [
    "DDIMScheduler",
    "DDPMScheduler",
    "PNDMScheduler",
    "LMSDiscreteScheduler",
    "EulerDiscreteScheduler",
    "DPMSolverMultistepScheduler",
];
/// Those of them that clip the predicted clean latents unless told otherwise.
const CLIPPING: [&str; 2] = ["DDIMScheduler", "DDPMScheduler"];

/// Settings with which samplers place their steps otherwise.
const OWN_SIGMAS: [&str; 4] = [
    "use_karras_sigmas",
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "use_lu_lambdas",
];

/// Reads the file.
pub(crate) fn read(path: &Path) -> Result<NoiseScheduleConfig, ModelError> {
    let config = Config::read(path.to_path_buf())?;
    let class = class(&config)?;
    if class != "DDIMScheduler" {
        let sigmas: Vec<_> = OWN_SIGMAS
            .into_iter()
            .filter(|key| is_on(&config, key))
            .collect();
        let (with, sigmas) = (
            if sigmas.is_empty() { "" } else { " with " },
            sigmas.join(", "),
        );
        tracing::info!(
            "the model names {class}{with}{sigmas}: its noise schedule is used, its sampler is not"
        );
    }
    let schedule = NoiseScheduleConfig {
        num_train_timesteps: config.positive_or("num_train_timesteps", 1000)?,
        beta_start: number(&config, "beta_start", 0.0001)?,
        beta_end: number(&config, "beta_end", 0.02)?,
        beta_schedule: named_or(&config, "beta_schedule", "linear")?,
        trained_betas: list(&config, "trained_betas")?,
        prediction_type: named_or(&config, "prediction_type", "epsilon")?,
        steps_offset: whole(&config, "steps_offset", 0)?,
        timestep_spacing: named(&config, "timestep_spacing")?,
        set_alpha_to_one: flag(&config, "set_alpha_to_one", class != "PNDMScheduler")?,
        clip_sample: flag(&config, "clip_sample", CLIPPING.contains(&class))?,
        clip_sample_range: number(&config, "clip_sample_range", 1.0)?,
        rescale_betas_zero_snr: flag(&config, "rescale_betas_zero_snr", false)?,
        thresholding: flag(&config, "thresholding", false)?,
    };
    schedule
        .validate()
        .map_err(|error| ModelError::unreadable(path, error))?;
    Ok(schedule)
}

/// The scheduler's class, if its noise schedule is one of betas: flow matching and other families
/// have none, and would silently be given the default ones.
fn class(config: &Config) -> Result<&str, ModelError> {
    const KEY: &str = "_class_name";
    let Some(value) = config.get(KEY) else {
        return Ok("DDIMScheduler");
    };
    let class = value
        .as_str()
        .ok_or_else(|| config.wrong(KEY, value, "a name"))?;
    let has_betas = ["beta_start", "trained_betas"]
        .iter()
        .any(|key| config.get(key).is_some());
    if KNOWN.contains(&class) || has_betas {
        return Ok(class);
    }
    let allowed = format!("{}, or any other that gives beta_start", KNOWN.join(", "));
    Err(config.wrong(KEY, &class, allowed))
}

fn is_on(config: &Config, key: &str) -> bool {
    config.get(key).and_then(serde_json::Value::as_bool) == Some(true)
}

fn number(config: &Config, key: &str, default: f64) -> Result<f64, ModelError> {
    let Some(value) = config.get(key) else {
        return Ok(default);
    };
    value
        .as_f64()
        .ok_or_else(|| config.wrong(key, value, "a number"))
}

fn whole(config: &Config, key: &str, default: usize) -> Result<usize, ModelError> {
    let Some(value) = config.get(key) else {
        return Ok(default);
    };
    match value.as_u64() {
        Some(number @ 0..=1_000_000) => Ok(number as usize),
        _ => Err(config.wrong(key, value, "a whole number from 0 to 1000000")),
    }
}

fn flag(config: &Config, key: &str, default: bool) -> Result<bool, ModelError> {
    let Some(value) = config.get(key) else {
        return Ok(default);
    };
    value
        .as_bool()
        .ok_or_else(|| config.wrong(key, value, "true or false"))
}

fn named<T>(config: &Config, key: &str) -> Result<Option<T>, ModelError>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    let Some(value) = config.get(key) else {
        return Ok(None);
    };
    let name = value
        .as_str()
        .ok_or_else(|| config.wrong(key, value, "a name"))?;
    name.parse()
        .map(Some)
        .map_err(|error: T::Err| config.wrong(key, value, error.to_string()))
}

fn named_or<T>(config: &Config, key: &str, default: &str) -> Result<T, ModelError>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    match named(config, key)? {
        Some(value) => Ok(value),
        None => default
            .parse()
            .map_err(|error: T::Err| config.wrong(key, &default, error.to_string())),
    }
}

fn list(config: &Config, key: &str) -> Result<Option<Vec<f64>>, ModelError> {
    let Some(value) = config.get(key) else {
        return Ok(None);
    };
    let numbers = value
        .as_array()
        .and_then(|numbers| numbers.iter().map(serde_json::Value::as_f64).collect());
    match numbers {
        Some(numbers) => Ok(Some(numbers)),
        None => Err(config.wrong(key, &"something else", "a list of numbers")),
    }
}

#[cfg(test)]
mod tests {
    use lb_blend::{BetaSchedule, PredictionType, TimestepSpacing};

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
            error.contains("`_class_name` is FlowMatchEulerDiscreteScheduler"),
            "{error}"
        );
        assert!(error.contains("DDIMScheduler, DDPMScheduler"), "{error}");
        let sigmas =
            r#"{"_class_name": "EulerDiscreteScheduler", "prediction_type": "flow_prediction"}"#;
        let error = read_text(sigmas).expect_err("not a prediction").to_string();
        assert!(error.contains("prediction_type"), "{error}");
    }
}
