//! What the options of an import change, and where one is needed.

use std::fs;
use std::ops::ControlFlow;

use lb_export::{
    ExportError, ImportOptions, PredictionSource, PredictionType, import, import_observed,
};

use crate::import::{files_below, golden, import_golden, with_configuration};

#[test]
fn a_model_is_replaced_when_the_new_one_is_whole_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let replacing = ImportOptions {
        replace: true,
        graphs: true,
        ..with_configuration("sd2")
    };
    let again = |source: &str| import(&golden(source), &target, &replacing);
    import_golden("sd1/checkpoint.safetensors", &target);
    let before = files_below(folder.path());
    assert!(
        again("sd1/checkpoint.safetensors").is_err(),
        "another model's configuration"
    );
    assert_eq!(files_below(folder.path()), before);
    let report = again("sd2/checkpoint.safetensors").unwrap();
    assert_eq!(report.graphs.len(), 4);
    assert!(report.graphs.iter().all(|graph| graph.path.is_file()));
    let entries = fs::read_dir(folder.path()).unwrap();
    assert_eq!(entries.count(), 1, "nothing lies beside it");
    fs::remove_file(target.join("model_index.json")).unwrap();
    let refused = again("sd2/checkpoint.safetensors").unwrap_err();
    assert!(
        matches!(refused, ExportError::NotReplaceable { .. }),
        "{refused}"
    );
    assert!(refused.is_request());
}

#[test]
fn the_prediction_type_can_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let options = ImportOptions {
        prediction: Some(PredictionType::Epsilon),
        ..with_configuration("sd2")
    };
    let report = import(&golden("sd2/checkpoint.safetensors"), &target, &options).unwrap();
    assert_eq!(report.prediction.known_from, PredictionSource::Options);
    let scheduler = fs::read(target.join("scheduler/scheduler_config.json")).unwrap();
    let scheduler: serde_json::Value = serde_json::from_slice(&scheduler).unwrap();
    assert_eq!(scheduler["prediction_type"], "epsilon");
}

#[test]
fn a_configuration_that_is_not_there_is_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let options = ImportOptions {
        configuration: Some(folder.path().join("nowhere")),
        ..ImportOptions::default()
    };
    let source = golden("sd2/checkpoint.safetensors");
    let refused = import(&source, &folder.path().join("model"), &options).unwrap_err();
    let message = refused.to_string();
    assert!(message.contains("nowhere: cannot read"), "{message}");
}

#[test]
fn what_cannot_be_told_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let source = golden("sd2/checkpoint.safetensors");
    let refused = import(&source, &target, &ImportOptions::default()).unwrap_err();
    let message = refused.to_string();
    assert!(
        matches!(refused, ExportError::NotInferable { .. }),
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
        "nothing is left"
    );
}

#[test]
fn an_import_that_is_broken_off_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let options = ImportOptions {
        replace: true,
        ..with_configuration("sd2")
    };
    let source = golden("sd2/checkpoint.ckpt");
    let mut asked = 0;
    import_observed(&source, &target, &options, &mut || {
        asked += 1;
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(asked > 100, "once a tensor");
    let before = files_below(folder.path());
    for last in [1, asked / 2, asked] {
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
        assert!(matches!(refused, ExportError::Interrupted), "{refused}");
        assert_eq!(files_below(folder.path()), before);
    }
}
