//! `scheduler_config.json` to the numbers a sampler needs.
//!
//! Whatever scheduler a directory names, its betas and its prediction type describe how the model
//! was trained; sampling is this program's own choice.

use std::path::Path;
use std::str::FromStr;

use lb_blend::NoiseScheduleConfig;

use crate::config::Config;
use crate::error::ModelError;

/// Reads the file; a key that is absent has diffusers' own default for `DDIMScheduler`.
pub(crate) fn read(path: &Path) -> Result<NoiseScheduleConfig, ModelError> {
    let config = Config::read(path.to_path_buf())?;
    if let Some(class) = config.get("_class_name").and_then(|class| class.as_str())
        && class != "DDIMScheduler"
    {
        tracing::info!("the model names {class}; its noise schedule is sampled with DDIM");
    }
    let schedule = NoiseScheduleConfig {
        num_train_timesteps: config.positive_or("num_train_timesteps", 1000)?,
        beta_start: number(&config, "beta_start", 0.0001)?,
        beta_end: number(&config, "beta_end", 0.02)?,
        beta_schedule: named(&config, "beta_schedule", "linear")?,
        trained_betas: list(&config, "trained_betas")?,
        prediction_type: named(&config, "prediction_type", "epsilon")?,
        steps_offset: whole(&config, "steps_offset", 0)?,
        timestep_spacing: named(&config, "timestep_spacing", "leading")?,
        set_alpha_to_one: flag(&config, "set_alpha_to_one", true)?,
        clip_sample: flag(&config, "clip_sample", true)?,
        clip_sample_range: number(&config, "clip_sample_range", 1.0)?,
        rescale_betas_zero_snr: flag(&config, "rescale_betas_zero_snr", false)?,
        thresholding: flag(&config, "thresholding", false)?,
    };
    schedule
        .validate()
        .map_err(|error| ModelError::unreadable(path, error))?;
    Ok(schedule)
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

fn named<T>(config: &Config, key: &str, default: &str) -> Result<T, ModelError>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    let absent = serde_json::Value::from(default);
    let value = config.get(key).unwrap_or(&absent);
    let name = value
        .as_str()
        .ok_or_else(|| config.wrong(key, value, "a name"))?;
    name.parse()
        .map_err(|error: T::Err| config.wrong(key, value, error.to_string()))
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
