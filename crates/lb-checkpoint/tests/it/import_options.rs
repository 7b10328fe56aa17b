//! Tests of what the options of an import change, and of when they are needed.

use std::fs;
use std::ops::ControlFlow;

use lb_checkpoint::{CheckpointError, ImportOptions, ImportedPrediction, PredictionSource};

use crate::{files_below, golden, import, import_observed, with_configuration};

#[test]
fn the_prediction_type_can_be_given() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let mut options = with_configuration("sd2");
    options.prediction = Some(ImportedPrediction::Epsilon);
    let report = import(&golden("sd2/checkpoint.safetensors"), &target, &options).unwrap();
    assert_eq!(report.prediction.known_from, PredictionSource::Options);
    let scheduler = fs::read(target.join("scheduler/scheduler_config.json")).unwrap();
    let scheduler: serde_json::Value = serde_json::from_slice(&scheduler).unwrap();
    assert_eq!(scheduler["prediction_type"], "epsilon");
}

#[test]
fn a_configuration_folder_that_does_not_exist_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ImportOptions::default();
    options.configuration = Some(folder.path().join("nowhere"));
    let source = golden("sd2/checkpoint.safetensors");
    let refused = import(&source, &folder.path().join("model"), &options).unwrap_err();
    let message = refused.to_string();
    assert!(message.contains("nowhere: cannot read"), "{message}");
}

#[test]
fn a_configuration_that_cannot_be_inferred_is_requested() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let source = golden("sd2/checkpoint.safetensors");
    let refused = import(&source, &target, &ImportOptions::default()).unwrap_err();
    let message = refused.to_string();
    assert!(
        matches!(refused, CheckpointError::NotInferable { .. }),
        "{message}"
    );
    assert!(
        message.contains("layers are used") && message.contains("it has 3"),
        "{message}"
    );
    assert!(
        message.contains("configuration has to be given"),
        "{message}"
    );
    assert!(
        fs::read_dir(folder.path()).unwrap().next().is_none(),
        "no file is left"
    );
}

#[test]
fn an_interrupted_import_keeps_the_model_that_it_would_replace() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let mut options = with_configuration("sd2");
    options.replace = true;
    let source = golden("sd2/checkpoint.ckpt");
    let mut calls = 0;
    import_observed(&source, &target, &options, &mut || {
        calls += 1;
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(calls > 100, "it is called for each tensor");
    let before = files_below(folder.path());
    for last in [1, calls / 2, calls] {
        let mut left = last;
        let mut observe = || {
            left -= 1;
            if left == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let refused = import_observed(&source, &target, &options, &mut observe).unwrap_err();
        assert!(matches!(refused, CheckpointError::Interrupted), "{refused}");
        assert_eq!(files_below(folder.path()), before);
    }
}
