//! The scheduler configuration of a model: what its UNet predicts, the noise schedule with which it was
//! trained, and at which timesteps it is sampled. This module also finds out whether a model was distilled to
//! few steps, which only its name or the class of its scheduler shows.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::told::Told;
use crate::kind::ModelKind;

/// What the UNet predicts from noised latents.
///
/// These are the two prediction types with which Stable Diffusion models were trained. Samplers may
/// support others as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ImportedPrediction {
    /// The noise, which diffusers calls `epsilon`.
    Epsilon,
    /// The velocity √ᾱ·noise − √(1 − ᾱ)·latents (Salimans and Ho, 2022), which diffusers calls
    /// `v_prediction`.
    VPrediction,
}

impl PredictionSource {
    /// Whether nothing but a name or what is usual speaks for the prediction type, so that the UNet should be asked.
    #[must_use]
    pub fn is_guess(self) -> bool {
        matches!(self, Self::FileName | Self::Assumed)
    }
}

impl ImportedPrediction {
    /// Returns the name of the prediction type in diffusers' configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The timesteps that a sampler visits, by diffusers' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ImportedSpacing {
    /// Multiples of the stride, from above 0: for models that are sampled in many steps.
    Leading,
    /// Evenly from the last timestep to 0.
    Linspace,
    /// From the last timestep downwards: for models that were distilled to few steps.
    Trailing,
}

impl ImportedSpacing {
    /// Returns the name of the spacing in diffusers' configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The prediction type of a model, and how it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// diffusers' name of the prediction type: [`ImportedPrediction::name`], or another name that a
    /// configuration contains.
    pub name: String,
    /// How it is known.
    pub known_from: PredictionSource,
}

/// How a prediction type is known. The tensors do not show it: those of Stable Diffusion 2.1 and 2.1-base
/// have the same shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PredictionSource {
    /// The caller gave it as [`ImportOptions::prediction`](super::ImportOptions::prediction).
    Options,
    /// A scheduler's configuration contains it.
    Configuration,
    /// The metadata of a safetensors file contain it, as `modelspec.prediction_type`.
    Metadata,
    /// A configuration of CompVis' code contains it: the `.yaml` of the same name as the file.
    Yaml,
    /// The file has the empty tensor `v_pred`.
    Marks,
    /// The UNet itself was asked: its output for noise at the last timestep shows it.
    Unet,
    /// All models of this kind have the same prediction type.
    ModelKind,
    /// The file's name suggests it: a word that ends with `base` or is `512` means the noise, `768` means
    /// the velocity, and `turbo` the noise.
    FileName,
    /// It was guessed: most models that derive from Stable Diffusion 1 predict the noise, and most of version 2
    /// the velocity.
    Assumed,
}

/// A scheduler's configuration, and the prediction type that it contains.
pub(super) struct Scheduler {
    pub(super) settings: Map<String, Value>,
    pub(super) prediction: Prediction,
}

/// Takes an existing scheduler configuration, and replaces its prediction type by `asked` if there is
/// one, and its timestep spacing likewise.
pub(super) fn given(
    mut settings: Map<String, Value>,
    asked: Option<ImportedPrediction>,
    spacing: Option<ImportedSpacing>,
) -> Scheduler {
    if let Some(spacing) = spacing {
        settings.insert("timestep_spacing".to_owned(), spacing.name().into());
    }
    let prediction = match asked {
        Some(asked) => {
            settings.insert("prediction_type".to_owned(), asked.name().into());
            known(asked.name(), PredictionSource::Options)
        }
        None => {
            let name = settings.get("prediction_type").and_then(Value::as_str);
            // diffusers' default for a configuration without a prediction type.
            known(name.unwrap_or("epsilon"), PredictionSource::Configuration)
        }
    };
    Scheduler {
        settings,
        prediction,
    }
}

/// Makes the scheduler's configuration for a checkpoint that has none.
pub(super) fn inferred(
    checkpoint: &Path,
    kind: ModelKind,
    has_open_clip: bool,
    told: Told,
    asked: Option<ImportedPrediction>,
    spacing: Option<ImportedSpacing>,
) -> Scheduler {
    let asked = asked.map(|asked| (asked, PredictionSource::Options));
    let (prediction, known_from) = asked
        .or(told.prediction)
        .unwrap_or_else(|| infer_prediction(checkpoint, kind, has_open_clip));
    let prediction = known(prediction.name(), known_from);
    let (beta_start, beta_end) = betas(kind);
    let mut settings = json!({
        "_class_name": "DDIMScheduler",
        "beta_end": beta_end,
        "beta_schedule": "scaled_linear",
        "beta_start": beta_start,
        "clip_sample": false,
        "num_train_timesteps": 1000,
        "prediction_type": prediction.name,
        "set_alpha_to_one": false,
        "steps_offset": 1,
        "timestep_spacing": spacing.unwrap_or(ImportedSpacing::Leading).name(),
    });
    if kind == ModelKind::TextToImage && is_turbo(checkpoint) {
        // The configuration with which SD-Turbo is published.
        settings = json!({
            "_class_name": "EulerDiscreteScheduler",
            "beta_end": beta_end,
            "beta_schedule": "scaled_linear",
            "beta_start": beta_start,
            "interpolation_type": "linear",
            "num_train_timesteps": 1000,
            "prediction_type": prediction.name,
            "steps_offset": 1,
            "timestep_spacing": spacing.unwrap_or(ImportedSpacing::Trailing).name(),
            "use_karras_sigmas": false,
        });
    }
    if told.zero_terminal_snr {
        // The last timestep, where such a model has to start, is only among the trailing ones.
        settings["rescale_betas_zero_snr"] = true.into();
        let spacing = spacing.unwrap_or(ImportedSpacing::Trailing);
        settings["timestep_spacing"] = spacing.name().into();
    }
    Scheduler {
        settings: settings.as_object().cloned().unwrap_or_default(),
        prediction,
    }
}

/// The settings that a model for few steps needs.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct DistilledDefaults {
    /// Inference steps.
    pub steps: usize,
    /// Guidance scale; 1 is none.
    pub guidance_scale: f64,
}

impl DistilledDefaults {
    /// The table `[defaults]` of a manifest.
    pub(super) fn table(self) -> toml::Table {
        let steps = i64::try_from(self.steps).unwrap_or(i64::MAX);
        toml::Table::from_iter([
            ("steps".to_owned(), toml::Value::Integer(steps)),
            (
                "guidance_scale".to_owned(),
                toml::Value::Float(self.guidance_scale),
            ),
        ])
    }
}

/// The settings that a model for few steps needs if it has no manifest, or `None` for other models. A model is
/// for few steps if the name of its file or folder, or the class in its scheduler's `settings`, says so.
#[must_use]
pub fn distilled_defaults(
    source: &Path,
    settings: &Map<String, Value>,
) -> Option<DistilledDefaults> {
    let class = settings.get("_class_name").and_then(Value::as_str);
    let is_distilled = is_turbo(source) || matches!(class, Some("LCMScheduler" | "TCDScheduler"));
    is_distilled.then_some(DistilledDefaults {
        steps: 4,
        guidance_scale: 1.0,
    })
}

/// Whether the name of a file or folder contains "turbo", as the names of models do that were distilled from
/// Stable Diffusion 2.1 by adversarial diffusion distillation.
fn is_turbo(source: &Path) -> bool {
    published_name(source).to_lowercase().contains("turbo")
}

/// The name under which a model was published: that of a file without its ending, that of a folder, or
/// that of the model above a snapshot in Hugging Face's cache (`models--OWNER--NAME/snapshots/COMMIT`).
fn published_name(source: &Path) -> String {
    let above = source.parent();
    let snapshots = above.filter(|above| above.ends_with("snapshots"));
    let named = match snapshots.and_then(Path::parent) {
        Some(model) => model.file_name(),
        None => source.file_stem(),
    };
    named.unwrap_or_default().to_string_lossy().into_owned()
}

/// Makes the configuration of the scheduler that adds noise to an upscaler's low-resolution pictures.
pub(super) fn low_resolution() -> Value {
    let (beta_start, beta_end) = betas(ModelKind::Upscale);
    json!({
        "_class_name": "DDPMScheduler",
        "beta_end": beta_end,
        "beta_schedule": "scaled_linear",
        "beta_start": beta_start,
        "clip_sample": true,
        "num_train_timesteps": 1000,
        "prediction_type": "epsilon",
    })
}

/// Returns the first and the last β of the noise schedule with which a kind of model was trained.
fn betas(kind: ModelKind) -> (f64, f64) {
    match kind {
        ModelKind::Upscale => (0.0001, 0.02),
        _ => (0.00085, 0.012),
    }
}

fn infer_prediction(
    checkpoint: &Path,
    kind: ModelKind,
    has_open_clip: bool,
) -> (ImportedPrediction, PredictionSource) {
    use ImportedPrediction::{Epsilon, VPrediction};
    match kind {
        ModelKind::Upscale => (VPrediction, PredictionSource::ModelKind),
        ModelKind::TextToImage if has_open_clip => match from_file_name(checkpoint) {
            Some(named) => (named, PredictionSource::FileName),
            None => (VPrediction, PredictionSource::Assumed),
        },
        ModelKind::TextToImage => (Epsilon, PredictionSource::Assumed),
        _ => (Epsilon, PredictionSource::ModelKind),
    }
}

fn known(name: &str, known_from: PredictionSource) -> Prediction {
    Prediction {
        name: name.to_owned(),
        known_from,
    }
}

/// Returns the prediction type that a file's name suggests. The published files are called
/// `v2-1_512-ema-pruned`, `512-base-ema`, `v2-1_768-ema-pruned` and `768-v-ema`, and the names of models
/// that are derived from them often contain one of these words.
fn from_file_name(checkpoint: &Path) -> Option<ImportedPrediction> {
    let name = checkpoint.file_stem()?.to_string_lossy().to_lowercase();
    let mut words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    let named = words.find_map(|word| match word {
        "768" => Some(ImportedPrediction::VPrediction),
        "512" => Some(ImportedPrediction::Epsilon),
        word if word.ends_with("base") => Some(ImportedPrediction::Epsilon),
        _ => None,
    });
    // SD-Turbo is distilled from 2.1-base.
    named.or_else(|| is_turbo(checkpoint).then_some(ImportedPrediction::Epsilon))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distilled_models_are_known_by_a_name() {
        let plain = Map::new();
        let consistency = json!({"_class_name": "LCMScheduler"});
        let consistency = consistency.as_object().unwrap();
        let is_distilled =
            |name: &str, settings| distilled_defaults(Path::new(name), settings).is_some();
        for name in [
            "sd_turbo.safetensors",
            "models/SD-Turbo",
            "hub/models--stabilityai--sd-turbo/snapshots/b261bac6fd2cf515557d5d0707481eafa0485ec2",
        ] {
            assert!(is_distilled(name, &plain), "{name}");
        }
        assert!(is_distilled("dreamshaper", consistency));
        for name in ["sd21.safetensors", "turbo/sd21.safetensors"] {
            assert!(!is_distilled(name, &plain), "{name}");
        }
        let scheduler = inferred(
            Path::new("sd_turbo.safetensors"),
            ModelKind::TextToImage,
            true,
            Told::default(),
            None,
            None,
        );
        assert_eq!(scheduler.settings["_class_name"], "EulerDiscreteScheduler");
        assert_eq!(scheduler.settings["timestep_spacing"], "trailing");
        assert_eq!(scheduler.prediction.name, "epsilon");
    }

    #[test]
    fn names_of_published_files_show_the_prediction() {
        let cases = [
            (
                "v2-1_512-ema-pruned.ckpt",
                Some(ImportedPrediction::Epsilon),
            ),
            (
                "512-base-ema.safetensors",
                Some(ImportedPrediction::Epsilon),
            ),
            ("My_SD21Base.safetensors", Some(ImportedPrediction::Epsilon)),
            (
                "v2-1_768-ema-pruned.ckpt",
                Some(ImportedPrediction::VPrediction),
            ),
            (
                "768-v-ema.safetensors",
                Some(ImportedPrediction::VPrediction),
            ),
            ("sd_turbo.safetensors", Some(ImportedPrediction::Epsilon)),
            (
                "turbo-768-v.safetensors",
                Some(ImportedPrediction::VPrediction),
            ),
            ("dream1768.safetensors", None),
            ("basement.ckpt", None),
        ];
        for (name, expected) in cases {
            assert_eq!(from_file_name(Path::new(name)), expected, "{name}");
        }
    }
}
