//! What a single file, and a `.yaml` beside it, tell about the prediction of a model.
//!
//! Three customs exist: metadata in the header (`modelspec.prediction_type`, which trainers write), the
//! configuration of CompVis' code under the name of the file, and empty tensors that are called `v_pred` and
//! `ztsnr`.

use std::collections::BTreeMap;
use std::path::Path;

use super::scheduler::{ImportedPrediction, PredictionSource};
use crate::error::CheckpointError;
use crate::safetensors::{Metadata, TensorEntry};

/// The largest `.yaml` that is read, in bytes. Those of CompVis have 2 kB.
const LARGEST_YAML: u64 = 1 << 20;

/// The names of the empty tensors that mark a model: it predicts the velocity, and its last training timestep is
/// noise alone.
pub(super) const MARKS: [&str; 2] = ["v_pred", "ztsnr"];

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) prediction: Option<(ImportedPrediction, PredictionSource)>,
    /// Whether the last training timestep is noise alone (zero terminal signal-to-noise ratio).
    pub(super) zero_terminal_snr: bool,
}

impl Told {
    /// Reads what there is about the file at `path`, in this order: metadata, `.yaml`, marks.
    pub(super) fn about(
        path: &Path,
        tensors: &BTreeMap<String, TensorEntry>,
        metadata: &Metadata,
    ) -> Result<Self, CheckpointError> {
        let [velocity, zero_terminal_snr] = MARKS;
        let by = |source| move |prediction| (prediction, source);
        let mut told = metadata
            .get("modelspec.prediction_type")
            .and_then(|name| named(name))
            .map(by(PredictionSource::Metadata));
        if told.is_none() {
            told = of_yaml(&path.with_extension("yaml"))?.map(by(PredictionSource::Yaml));
        }
        if told.is_none() && tensors.contains_key(velocity) {
            told = Some((ImportedPrediction::VPrediction, PredictionSource::Marks));
        }
        Ok(Self {
            prediction: told,
            zero_terminal_snr: tensors.contains_key(zero_terminal_snr),
        })
    }
}

/// The prediction of this name.
fn named(name: &str) -> Option<ImportedPrediction> {
    match name.to_lowercase().replace('-', "_").as_str() {
        "v" | "v_prediction" | "v_pred" | "velocity" => Some(ImportedPrediction::VPrediction),
        "epsilon" | "eps" | "noise" => Some(ImportedPrediction::Epsilon),
        _ => None,
    }
}

/// The prediction in a configuration of CompVis' code, which leaves out that of noise; `None` if there is no
/// such file.
fn of_yaml(path: &Path) -> Result<Option<ImportedPrediction>, CheckpointError> {
    if !path.is_file() {
        return Ok(None);
    }
    let text = lb_files::read_text(path, LARGEST_YAML);
    let text = text.map_err(CheckpointError::file("read", path))?;
    let value = |key: &str| {
        let mut lines = text
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default());
        lines.find_map(|line| {
            let value = line
                .trim()
                .strip_prefix(key)?
                .trim_start()
                .strip_prefix(':')?;
            Some(value.trim().trim_matches(['"', '\'']).to_owned())
        })
    };
    Ok(match value("parameterization") {
        Some(name) => named(&name),
        // Another program's file of the same name says nothing.
        None => value("linear_start").map(|_| ImportedPrediction::Epsilon),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(metadata: &[(&str, &str)], yaml: Option<&str>, marks: &[&str]) -> Told {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        if let Some(yaml) = yaml {
            std::fs::write(path.with_extension("yaml"), yaml).unwrap();
        }
        let pairs = metadata
            .iter()
            .map(|&(key, value)| (key.into(), value.into()));
        let entry = TensorEntry {
            dtype: "F32".into(),
            shape: vec![0],
            offset: 0,
            length: 0,
        };
        let tensors = marks.iter().map(|&mark| (mark.into(), entry.clone()));
        Told::about(&path, &tensors.collect(), &pairs.collect()).unwrap()
    }

    #[test]
    fn metadata_come_before_a_yaml_and_that_before_marks() {
        use ImportedPrediction::{Epsilon, VPrediction};
        let (v, noise) = (
            "model:\n  parameterization: \"v\"",
            "params:\n  linear_start: 0.1",
        );
        let spec = |name| [("modelspec.prediction_type", name)];
        let all = told(&spec("epsilon"), Some(v), &["v_pred"]);
        assert_eq!(all.prediction, Some((Epsilon, PredictionSource::Metadata)));
        let v_spec = told(&spec("v"), Some(noise), &[]);
        assert_eq!(
            v_spec.prediction,
            Some((VPrediction, PredictionSource::Metadata))
        );
        let yaml = told(&[], Some(noise), &["v_pred"]);
        assert_eq!(yaml.prediction, Some((Epsilon, PredictionSource::Yaml)));
        let yaml = told(&spec("sample"), Some(v), &[]);
        assert_eq!(yaml.prediction, Some((VPrediction, PredictionSource::Yaml)));
        let marks = told(&[], Some("prompts:\n  - a cat"), &["v_pred", "ztsnr"]);
        assert_eq!(
            marks.prediction,
            Some((VPrediction, PredictionSource::Marks))
        );
        assert!(marks.zero_terminal_snr);
        assert_eq!(told(&[], None, &[]), Told::default());
        for (name, expected) in [
            ("V_Prediction", VPrediction),
            ("v-pred", VPrediction),
            ("EPS", Epsilon),
        ] {
            let told = told(&spec(name), None, &[]);
            assert_eq!(
                told.prediction,
                Some((expected, PredictionSource::Metadata))
            );
        }
    }
}
