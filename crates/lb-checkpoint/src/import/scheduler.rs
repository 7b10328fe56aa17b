//! What a UNet predicts, and the noise schedule with which it was trained.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::kind::ModelKind;

/// What the UNet predicts of noised latents.
///
/// These are the two prediction types that Stable Diffusion models were trained for. A sampler may
/// know more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportedPrediction {
    /// The noise: `epsilon` in diffusers.
    Epsilon,
    /// √ᾱ·noise − √(1 − ᾱ)·latents: `v_prediction` in diffusers (Salimans and Ho, 2022).
    VPrediction,
}

impl ImportedPrediction {
    /// The name in diffusers' configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Epsilon => "epsilon",
            Self::VPrediction => "v_prediction",
        }
    }
}

/// A prediction type and how it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// diffusers' name of the prediction type: [`ImportedPrediction::name`], or another that a
    /// configuration gives.
    pub name: String,
    /// How it is known.
    pub known_from: PredictionSource,
}

/// How a prediction type is known. It does not show in the tensors: Stable Diffusion 2.1 and 2.1-base
/// have the same shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PredictionSource {
    /// [`ImportOptions::prediction`](super::ImportOptions::prediction) says so.
    Options,
    /// A scheduler's configuration says so.
    Configuration,
    /// All models of this kind predict the same.
    ModelKind,
    /// The file's name has a word that ends with `base`, or `512` (noise), or `768` (velocity).
    FileName,
    /// A guess: most models of Stable Diffusion 2 predict the velocity.
    Assumed,
}

/// A scheduler's configuration, given or to be written.
pub(super) struct Scheduler {
    pub(super) settings: Map<String, Value>,
    pub(super) prediction: Prediction,
}

/// A scheduler's configuration as it was given, but with the prediction type that was asked for.
pub(super) fn given(
    mut settings: Map<String, Value>,
    asked: Option<ImportedPrediction>,
) -> Scheduler {
    let prediction = match asked {
        Some(asked) => {
            settings.insert("prediction_type".to_owned(), asked.name().into());
            known(asked, PredictionSource::Options)
        }
        None => Prediction {
            // diffusers' default where a configuration says nothing.
            name: settings
                .get("prediction_type")
                .and_then(Value::as_str)
                .unwrap_or("epsilon")
                .to_owned(),
            known_from: PredictionSource::Configuration,
        },
    };
    Scheduler {
        settings,
        prediction,
    }
}

/// The scheduler's configuration for a checkpoint that has none.
pub(super) fn inferred(
    checkpoint: &Path,
    kind: ModelKind,
    has_open_clip: bool,
    asked: Option<ImportedPrediction>,
) -> Scheduler {
    let prediction = match asked {
        Some(asked) => known(asked, PredictionSource::Options),
        None => infer_prediction(checkpoint, kind, has_open_clip),
    };
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

/// The configuration of the scheduler that adds noise to an upscaler's pictures of low resolution.
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

/// The first and the last β.
fn betas(kind: ModelKind) -> (f64, f64) {
    match kind {
        ModelKind::Upscale => (0.0001, 0.02),
        _ => (0.00085, 0.012),
    }
}

fn infer_prediction(checkpoint: &Path, kind: ModelKind, has_open_clip: bool) -> Prediction {
    match kind {
        ModelKind::Upscale => known(ImportedPrediction::VPrediction, PredictionSource::ModelKind),
        ModelKind::Inpaint | ModelKind::Depth => {
            known(ImportedPrediction::Epsilon, PredictionSource::ModelKind)
        }
        ModelKind::TextToImage if !has_open_clip => {
            known(ImportedPrediction::Epsilon, PredictionSource::ModelKind)
        }
        ModelKind::TextToImage => match from_file_name(checkpoint) {
            Some(named) => known(named, PredictionSource::FileName),
            None => known(ImportedPrediction::VPrediction, PredictionSource::Assumed),
        },
    }
}

fn known(prediction: ImportedPrediction, known_from: PredictionSource) -> Prediction {
    Prediction {
        name: prediction.name().to_owned(),
        known_from,
    }
}

/// The prediction type that a file's name suggests. The published files are called
/// `v2-1_512-ema-pruned`, `512-base-ema`, `v2-1_768-ema-pruned` and `768-v-ema`, and models that are
/// derived from them often keep such a word.
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
