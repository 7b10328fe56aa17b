//! What a single file, and a `.yaml` beside it, tell about the prediction of a model.
//!
//! Three customs exist: metadata in the header (`modelspec.prediction_type`, which trainers write, or ComfyUI's
//! `modelspec.predict_key`), the configuration of CompVis' code under the name of the file, and empty tensors that
//! are called `v_pred` and `ztsnr`.

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

/// The entries of a header that tell the prediction, in the order in which they count.
const METADATA: [&str; 2] = ["modelspec.prediction_type", "modelspec.predict_key"];

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
        let mut keys = METADATA.iter();
        let mut told = keys
            .find_map(|key| named(metadata.get(*key)?))
            .map(by(PredictionSource::Metadata));
        if told.is_none() {
            told = of_yaml(path)?.map(by(PredictionSource::Yaml));
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

/// The prediction of this name, whatever its case and its separators.
fn named(name: &str) -> Option<ImportedPrediction> {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    match letters.collect::<String>().to_lowercase().as_str() {
        "v" | "vprediction" | "vpred" | "velocity" => Some(ImportedPrediction::VPrediction),
        "epsilon" | "eps" | "noise" => Some(ImportedPrediction::Epsilon),
        _ => None,
    }
}

/// The prediction in a configuration of CompVis' code, which leaves out that of noise; `None` if there is no
/// such file beside the one at `path`.
fn of_yaml(path: &Path) -> Result<Option<ImportedPrediction>, CheckpointError> {
    let beside = ["yaml", "yml", "YAML", "YML"].map(|ending| path.with_extension(ending));
    let Some(path) = beside.iter().find(|path| path.is_file()) else {
        return Ok(None);
    };
    let text = lb_files::read_text(path, LARGEST_YAML);
    let text = text.map_err(CheckpointError::file("read", path))?;
    let value = |key: &str| text.lines().find_map(|line| value_in(line, key));
    Ok(match value("parameterization") {
        Some(name) => named(name),
        // Another program's file of the same name says nothing.
        None => value("linear_start").map(|_| ImportedPrediction::Epsilon),
    })
}

/// The value of a key in a line of YAML, in the usual layout or between braces, without quotes.
fn value_in<'t>(line: &'t str, key: &str) -> Option<&'t str> {
    let comment = line.match_indices('#').find(|&(at, _)| {
        let before = &line[..at];
        before.is_empty() || before.ends_with(char::is_whitespace)
    });
    let line = comment.map_or(line, |(at, _)| &line[..at]);
    line.match_indices(key).find_map(|(at, _)| {
        let is_begun =
            line[..at].ends_with(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let behind = line[at + key.len()..].trim_start_matches(['"', '\'']);
        let value = behind.trim_start().strip_prefix(':')?;
        let value = value.split([',', '}', ']']).next()?;
        (at == 0 || is_begun).then(|| value.trim().trim_matches(['"', '\'']))
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
            (" v prediction ", VPrediction),
            ("EPS", Epsilon),
        ] {
            for key in METADATA {
                let told = told(&[(key, name)], None, &[]);
                assert_eq!(
                    told.prediction,
                    Some((expected, PredictionSource::Metadata))
                );
            }
        }
    }

    #[test]
    fn a_yaml_is_read_in_any_layout() {
        use ImportedPrediction::{Epsilon, VPrediction};
        let of = |yaml: &str| told(&[], Some(yaml), &[]).prediction.map(|(told, _)| told);
        for yaml in [
            "model:\n  params:\n    parameterization: \"v\"  # velocity\n    linear_start: 0.1",
            "model:\r\n  params:\r\n    parameterization: v\r\n",
            "\u{feff}parameterization: 'v'",
            "model: {params: {linear_start: 0.1, parameterization: 'v'}}",
            r#"{"model": {"params": {"parameterization": "v", "linear_start": 0.1}}}"#,
            "params:\n  - \"parameterization\" : v",
        ] {
            assert_eq!(of(yaml), Some(VPrediction), "{yaml}");
        }
        for yaml in [
            "params:\n  # parameterization: v\n  linear_start: 0.1",
            "params: {linear_start: 0.1}",
            "my_parameterization: v\nlinear_start: 0.1",
            "parameterization: eps",
        ] {
            assert_eq!(of(yaml), Some(Epsilon), "{yaml}");
        }
        for yaml in [
            "",
            "parameterization: x0\nlinear_start: 0.1",
            "a: b",
            "\0\u{1}",
        ] {
            assert_eq!(of(yaml), None, "{yaml}");
        }
    }

    #[test]
    fn a_yaml_is_found_by_any_ending() {
        for ending in ["yaml", "yml", "YAML"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("model.v1.SAFETENSORS");
            std::fs::write(path.with_extension(ending), "parameterization: v").unwrap();
            let told = Told::about(&path, &BTreeMap::new(), &Metadata::new()).unwrap();
            assert!(told.prediction.is_some(), "{ending}");
        }
    }
}
