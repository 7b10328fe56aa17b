//! The scheduler configuration of a model: what its UNet predicts, and the noise schedule with which it
//! was trained.

use std::path::Path;

use serde_json::{Map, Value, json};

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

impl ImportedPrediction {
    /// Returns the name of the prediction type in diffusers' configurations.
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
    /// All models of this kind have the same prediction type.
    ModelKind,
    /// The file's name suggests it: a word that ends with `base` or is `512` means the noise, and `768`
    /// means the velocity.
    FileName,
    /// It was guessed, because most Stable Diffusion 2 models predict the velocity.
    Assumed,
}

/// A scheduler's configuration, and the prediction type that it contains.
pub(super) struct Scheduler {
    pub(super) settings: Map<String, Value>,
    pub(super) prediction: Prediction,
}

/// Takes an existing scheduler configuration, and replaces its prediction type by `asked` if there is
/// one.
pub(super) fn given(
    mut settings: Map<String, Value>,
    asked: Option<ImportedPrediction>,
) -> Scheduler {
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
    asked: Option<ImportedPrediction>,
) -> Scheduler {
    let (prediction, known_from) = match asked {
        Some(asked) => (asked, PredictionSource::Options),
        None => infer_prediction(checkpoint, kind, has_open_clip),
    };
    let prediction = known(prediction.name(), known_from);
    let (beta_start, beta_end) = betas(kind);
    let settings = json!({
        "_class_name": "DDIMScheduler",
        "beta_end": beta_end,
        "beta_schedule": "scaled_linear",
        "beta_start": beta_start,
        "clip_sample": false,
        "num_train_timesteps": 1000,
        "prediction_type": prediction.name,
        "set_alpha_to_one": false,
        "steps_offset": 1,
        "timestep_spacing": "leading",
    });
    Scheduler {
        settings: settings.as_object().cloned().unwrap_or_default(),
        prediction,
    }
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
    words.find_map(|word| match word {
        "768" => Some(ImportedPrediction::VPrediction),
        "512" => Some(ImportedPrediction::Epsilon),
        word if word.ends_with("base") => Some(ImportedPrediction::Epsilon),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("dream1768.safetensors", None),
            ("basement.ckpt", None),
        ];
        for (name, expected) in cases {
            assert_eq!(from_file_name(Path::new(name)), expected, "{name}");
        }
    }
}
