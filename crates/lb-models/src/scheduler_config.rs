//! Reads from `scheduler_config.json` the numbers that a sampler needs.
//!
//! Whichever scheduler a directory names, its betas and its prediction type describe how the model
//! was trained. If a sampler equals the class, the class also chooses this sampler; other classes leave the
//! choice to the program. Where keys are absent, the defaults of the named class hold, so that latents which
//! it would not clip are not clipped here; an absent timestep spacing is the sampler's.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use lb_blend::{
    BetaSchedule, FinalSigmas, NoiseScheduleConfig, PredictionType, SamplerKind, TimestepSpacing,
};
use lb_checkpoint::{ConfigFile, Count, Size};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

use crate::config::Config;
use crate::error::ModelError;

/// A scheduler class of diffusers, and what is known about it.
struct Class {
    name: &'static str,
    /// The sampler that equals it, if there is one.
    sampler: Option<SamplerKind>,
    /// Whether it reads `set_alpha_to_one`. In the configurations of other classes the key may remain from
    /// a scheduler that the model had before.
    reads_alpha: bool,
    /// Whether it clips the predicted clean latents unless its configuration says otherwise.
    clips: bool,
}

/// The class of a configuration that names none.
const DDIM: &str = "DDIMScheduler";

/// The classes that the directories of Stable Diffusion models name. Their prediction type and offset have
/// the same defaults, and their betas too, except for those of the classes for consistency models.
#[rustfmt::skip]
const KNOWN: [Class; 9] = [
    Class { name: DDIM, sampler: None, reads_alpha: true, clips: true },
    Class { name: "DDPMScheduler", sampler: None, reads_alpha: false, clips: true },
    Class { name: "PNDMScheduler", sampler: None, reads_alpha: true, clips: false },
    Class { name: "LMSDiscreteScheduler", sampler: None, reads_alpha: false, clips: false },
    Class { name: "EulerDiscreteScheduler", sampler: Some(SamplerKind::Euler), reads_alpha: false, clips: false },
    Class { name: "EulerAncestralDiscreteScheduler", sampler: Some(SamplerKind::Euler), reads_alpha: false, clips: false },
    Class { name: "DPMSolverMultistepScheduler", sampler: Some(SamplerKind::DpmSolver), reads_alpha: false, clips: false },
    Class { name: "LCMScheduler", sampler: Some(SamplerKind::Tcd), reads_alpha: true, clips: false },
    Class { name: "TCDScheduler", sampler: Some(SamplerKind::Tcd), reads_alpha: true, clips: false },
];

/// What a model's `scheduler_config.json` asks for besides the noise schedule.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct NamedScheduler {
    /// The path of the file.
    pub path: PathBuf,
    /// The sampler that equals the scheduler, apart from noise that the scheduler may add; `None` if there
    /// is none, or if it is DDIM.
    pub sampler: Option<SamplerKind>,
    /// A setting of the scheduler that its sampler does not have, as in `"use_karras_sigmas": true`.
    pub unsupported: Option<String>,
}

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
    final_sigmas_type: Option<Named<FinalSigmas>>,
    num_train_timesteps: Option<Size>,
    original_inference_steps: Option<Size>,
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
pub(crate) fn read(path: &Path) -> Result<(NoiseScheduleConfig, NamedScheduler), ModelError> {
    let Config { file, settings } = Config::<SchedulerSettings>::open(path)?;
    let name = class_name(&file, &settings)?.to_owned();
    let known = KNOWN.iter().find(|class| class.name == name);
    let mut default = NoiseScheduleConfig::diffusers_default();
    if known.is_some_and(|class| class.sampler == Some(SamplerKind::Tcd)) {
        default.beta_start = 0.00085;
        default.beta_end = 0.012;
        default.beta_schedule = BetaSchedule::ScaledLinear;
    }
    let clip_range = settings.clip_sample_range;
    let final_sigmas_type = Named::or(settings.final_sigmas_type, FinalSigmas::default());
    // PNDM ends with the noise of timestep 0 by default, and the other classes end without noise.
    let alpha_to_one = match known.is_some_and(|class| class.reads_alpha) {
        true => settings.set_alpha_to_one.unwrap_or(name != "PNDMScheduler"),
        false => final_sigmas_type == FinalSigmas::Zero,
    };
    let schedule = NoiseScheduleConfig {
        num_train_timesteps: Size::or(settings.num_train_timesteps, default.num_train_timesteps),
        beta_start: settings.beta_start.unwrap_or(default.beta_start),
        beta_end: settings.beta_end.unwrap_or(default.beta_end),
        beta_schedule: Named::or(settings.beta_schedule, default.beta_schedule),
        trained_betas: settings.trained_betas,
        prediction_type: Named::or(settings.prediction_type, default.prediction_type),
        steps_offset: settings.steps_offset.0,
        timestep_spacing: settings.timestep_spacing.map(|named| named.0),
        set_alpha_to_one: alpha_to_one,
        final_sigmas_type,
        original_inference_steps: Size::or(
            settings.original_inference_steps,
            default.original_inference_steps,
        ),
        clip_sample: settings
            .clip_sample
            .unwrap_or(known.is_some_and(|class| class.clips)),
        clip_sample_range: clip_range.unwrap_or(default.clip_sample_range),
        rescale_betas_zero_snr: settings.rescale_betas_zero_snr,
        thresholding: settings.thresholding,
    };
    schedule
        .validate()
        .map_err(|error| ModelError::unreadable(path, error))?;
    let sampler = known.and_then(|class| class.sampler);
    report_difference(&name, sampler);
    let named = NamedScheduler {
        path: path.to_owned(),
        sampler,
        unsupported: sampler
            .and_then(|sampler| unsupported(&file, &name, sampler, final_sigmas_type)),
    };
    Ok((schedule, named))
}

/// The name of the scheduler's class, if its noise schedule is one of betas. Flow matching and other
/// families have none, and would silently be given the default ones.
fn class_name<'s>(
    file: &ConfigFile,
    settings: &'s SchedulerSettings,
) -> Result<&'s str, ModelError> {
    let class = settings.class_name.as_deref().unwrap_or(DDIM);
    let has_betas = settings.beta_start.is_some() || settings.trained_betas.is_some();
    if KNOWN.iter().any(|known| known.name == class) || has_betas {
        return Ok(class);
    }
    let known: Vec<_> = KNOWN.iter().map(|class| class.name).collect();
    let expected = format!("{}, or any other that gives beta_start", known.join(", "));
    Err(file.refuse("_class_name", expected).into())
}

/// The noise levels that Euler's class can choose by itself.
const EULER_SIGMAS: [&str; 7] = [
    "use_karras_sigmas",
    "use_exponential_sigmas",
    "use_beta_sigmas",
    "timestep_type",
    "interpolation_type",
    "sigma_min",
    "sigma_max",
];

/// Whether a class reads one of the settings in [`MUST_BE`]. Others may remain in its configuration from a
/// scheduler that the model had before.
fn reads(class: &str, key: &str) -> bool {
    match class {
        "EulerAncestralDiscreteScheduler" => false,
        "EulerDiscreteScheduler" => EULER_SIGMAS.contains(&key),
        _ => !matches!(
            key,
            "timestep_type" | "interpolation_type" | "sigma_min" | "sigma_max"
        ),
    }
}

/// Settings of the classes with a sampler of their own that must have one of these values, or be absent.
/// The first value is their default. They choose the noise levels, or the order of the method.
const MUST_BE: [(&str, &[&str]); 14] = [
    ("use_karras_sigmas", &["false"]),
    ("use_exponential_sigmas", &["false"]),
    ("use_beta_sigmas", &["false"]),
    ("use_lu_lambdas", &["false"]),
    ("use_flow_sigmas", &["false"]),
    ("timestep_type", &["\"discrete\""]),
    ("interpolation_type", &["\"linear\""]),
    ("sigma_min", &["null"]),
    ("sigma_max", &["null"]),
    ("algorithm_type", &["\"dpmsolver++\""]),
    ("solver_order", &["2"]),
    // diffusers reads the last three as the first one.
    (
        "solver_type",
        &["\"midpoint\"", "\"logrho\"", "\"bh1\"", "\"bh2\""],
    ),
    (
        "variance_type",
        &["null", "\"fixed_small\"", "\"fixed_large\""],
    ),
    ("lower_order_final", &["true"]),
];

/// The first setting that the sampler of a class does not have.
fn unsupported(
    file: &ConfigFile,
    class: &str,
    sampler: SamplerKind,
    final_sigmas: FinalSigmas,
) -> Option<String> {
    let ends_clean = final_sigmas == FinalSigmas::Zero;
    let wrong = |&(key, allowed): &(&'static str, &[&str])| {
        let value = file.settings().get(key).filter(|_| reads(class, key))?;
        // A last step without noise is of first order anyway.
        let has_effect = key != "lower_order_final" || !ends_clean;
        let is_allowed = value.is_null() || allowed.contains(&value.to_string().as_str());
        (has_effect && !is_allowed).then(|| format!("\"{key}\": {value}"))
    };
    let first_order_end = || {
        let at_final = file.settings().get("euler_at_final") == Some(&Value::Bool(true));
        (at_final && !ends_clean).then(|| "\"euler_at_final\": true".to_owned())
    };
    let found = MUST_BE.iter().find_map(wrong);
    match sampler {
        SamplerKind::DpmSolver => found.or_else(first_order_end),
        // TCD and LCM visit a fixed grid of timesteps, so these settings have no effect on them.
        SamplerKind::Tcd => None,
        _ => found,
    }
}

/// Logs in what the sampler differs from the class.
fn report_difference(class: &str, sampler: Option<SamplerKind>) {
    match (class, sampler) {
        (DDIM, _) => {}
        ("EulerAncestralDiscreteScheduler" | "LCMScheduler", Some(sampler)) => tracing::info!(
            "the model names {class}: it is sampled by {sampler}, which adds no noise between steps"
        ),
        (_, Some(_)) => {}
        (_, None) => tracing::info!("the model names {class}: only its noise schedule is used"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_both(text: &str) -> Result<(NoiseScheduleConfig, NamedScheduler), ModelError> {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("scheduler_config.json");
        std::fs::write(&path, text).expect("the test's folder is writable");
        read(&path)
    }

    fn read_text(text: &str) -> Result<NoiseScheduleConfig, ModelError> {
        Ok(read_both(text)?.0)
    }

    fn text_of(class: &str, keys: &str) -> String {
        format!(r#"{{"_class_name": "{class}", {keys} "trained_betas": null}}"#)
    }

    fn read_class(class: &str, keys: &str) -> NoiseScheduleConfig {
        read_text(&text_of(class, keys)).unwrap_or_else(|error| panic!("{class}: {error}"))
    }

    fn named(class: &str, keys: &str) -> NamedScheduler {
        read_both(&text_of(class, keys)).expect("it can be read").1
    }

    const BETAS: &str =
        r#""beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear","#;

    #[test]
    fn every_class_of_a_stable_diffusion_directory_is_read() {
        for class in &KNOWN {
            let keys = r#""prediction_type": "v_prediction", "steps_offset": 1, "clip_sample": false,
                "timestep_spacing": "trailing", "set_alpha_to_one": false, "skip_prk_steps": true,"#;
            let expected = NoiseScheduleConfig {
                timestep_spacing: Some(TimestepSpacing::Trailing),
                // Euler's configuration of SD-Turbo, for example, has `false` from an earlier scheduler.
                set_alpha_to_one: !class.reads_alpha,
                ..Default::default()
            };
            assert_eq!(read_class(class.name, &format!("{BETAS}{keys}")), expected);
        }
    }

    #[test]
    fn absent_keys_have_the_defaults_of_the_class() {
        for class in KNOWN.iter().map(|class| class.name) {
            let read = read_class(class, "");
            let clips = ["DDIMScheduler", "DDPMScheduler"].contains(&class);
            let of_consistency = ["LCMScheduler", "TCDScheduler"].contains(&class);
            let diffusers = NoiseScheduleConfig::diffusers_default();
            let (beta_start, beta_end, beta_schedule) = match of_consistency {
                true => (0.00085, 0.012, BetaSchedule::ScaledLinear),
                false => (
                    diffusers.beta_start,
                    diffusers.beta_end,
                    BetaSchedule::Linear,
                ),
            };
            let expected = NoiseScheduleConfig {
                clip_sample: clips,
                set_alpha_to_one: class != "PNDMScheduler",
                beta_start,
                beta_end,
                beta_schedule,
                ..diffusers
            };
            assert_eq!(read, expected, "{class}");
            assert_eq!(read.timestep_spacing, None, "the sampler's own");
            assert_eq!(read.prediction_type, PredictionType::Epsilon);
        }
        let nameless = read_text("{}").expect("every key has a default");
        assert_eq!(nameless, NoiseScheduleConfig::diffusers_default());
    }

    #[test]
    fn classes_name_the_sampler_that_equals_them() {
        for (class, sampler) in [
            ("DDIMScheduler", None),
            ("PNDMScheduler", None),
            ("EulerDiscreteScheduler", Some(SamplerKind::Euler)),
            ("DPMSolverMultistepScheduler", Some(SamplerKind::DpmSolver)),
            ("LCMScheduler", Some(SamplerKind::Tcd)),
            ("TCDScheduler", Some(SamplerKind::Tcd)),
        ] {
            let usual = r#""use_karras_sigmas": false, "interpolation_type": "linear",
                "solver_order": 2, "sigma_max": null, "original_inference_steps": 20,"#;
            let named = named(class, usual);
            assert_eq!(named.sampler, sampler, "{class}");
            assert_eq!(named.unsupported, None, "{class}");
        }
        let grid = read_class("TCDScheduler", r#""original_inference_steps": 20,"#);
        assert_eq!(grid.original_inference_steps, 20);
        let end = r#""final_sigmas_type": "sigma_min","#;
        let end = read_class("EulerDiscreteScheduler", end);
        assert_eq!(end.final_sigmas_type, FinalSigmas::SigmaMin);
        assert!(!end.set_alpha_to_one, "DDIM ends there as well");
    }

    #[test]
    fn settings_that_no_sampler_has_are_named() {
        let (euler, solver) = ("EulerDiscreteScheduler", "DPMSolverMultistepScheduler");
        for (class, keys, expected) in [
            (
                euler,
                r#""use_karras_sigmas": true,"#,
                r#""use_karras_sigmas": true"#,
            ),
            (
                euler,
                r#""timestep_type": "continuous","#,
                r#""timestep_type": "continuous""#,
            ),
            (
                solver,
                r#""algorithm_type": "sde-dpmsolver++","#,
                "sde-dpmsolver++",
            ),
            (solver, r#""solver_order": 3,"#, r#""solver_order": 3"#),
            (
                solver,
                r#""euler_at_final": true, "final_sigmas_type": "sigma_min","#,
                "euler_at_final",
            ),
        ] {
            let unsupported = named(class, keys).unsupported.expect("there is one");
            assert!(unsupported.contains(expected), "{unsupported}");
        }
        // Without noise at the end, the last step is of first order whatever these say.
        let keys = r#""euler_at_final": true, "lower_order_final": false,"#;
        assert_eq!(named(solver, keys).unsupported, None);
        // Left from another scheduler, whose settings these classes do not read.
        for (class, keys) in [
            (
                euler,
                r#""solver_order": 3, "variance_type": "fixed_small","#,
            ),
            (
                solver,
                r#""variance_type": "fixed_small", "timestep_type": "continuous","#,
            ),
            (
                "EulerAncestralDiscreteScheduler",
                r#""use_karras_sigmas": true,"#,
            ),
        ] {
            assert_eq!(named(class, keys).unsupported, None, "{class}");
        }
        assert!(read_text(&text_of(euler, r#""final_sigmas_type": "one","#)).is_err());
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
