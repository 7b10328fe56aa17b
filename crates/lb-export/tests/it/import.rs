//! Tests of imports that check and write graphs.

use std::cell::Cell;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lb_export::{
    CheckpointError, Component, ExportOptions, ImportOptions, ImportReport, ImportedModel,
    ImportedPrediction, PredictionSource, WeightTransfer, build_graph, export_directory, import,
    import_observed,
};

/// Returns the path of a golden model in one of its forms.
pub(crate) fn golden(path: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder
        .join("../lb-checkpoint/tests/golden/checkpoints")
        .join(path)
}

/// Returns options with the configurations of a golden model. They cannot be inferred, because the tiny
/// models have other numbers of heads and groups than Stable Diffusion.
fn with_configuration(model: &str) -> ImportOptions {
    let mut options = ImportOptions::default();
    options.configuration = Some(golden(model).join("diffusers"));
    options
}

pub(crate) fn import_golden(path: &str, target: &Path) -> ImportReport {
    let (model, _) = path.split_once('/').unwrap();
    import(&golden(path), target, &with_configuration(model))
        .unwrap()
        .report
}

/// Lists the files below a folder in order.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.append(&mut files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn an_imported_directory_can_be_exported() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    import_golden("sd2/checkpoint.safetensors", &target);
    let exported = export_directory(&target, &ExportOptions::default()).unwrap();
    for graph in exported {
        assert_eq!(graph.weights, WeightTransfer::HardLinked);
        let beside = graph.path.with_file_name("checkpoint.safetensors");
        assert_eq!(
            fs::read(beside).unwrap(),
            fs::read(golden("sd2/checkpoint.safetensors")).unwrap()
        );
    }
    build_graph(&target, Component::Unet, &ExportOptions::default()).unwrap();
}

#[test]
fn an_import_of_a_diffusers_directory_has_the_same_graphs() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let source = golden("sd1/diffusers");
    import(&source, &target, &ImportOptions::default()).unwrap();
    for component in Component::ALL {
        let build = |directory: &Path| {
            build_graph(directory, component, &ExportOptions::default())
                .unwrap()
                .bytes
        };
        assert_eq!(build(&target), build(&source));
    }
}

#[test]
fn only_a_model_directory_is_replaced_and_only_by_a_complete_one() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let mut replacing = with_configuration("sd2");
    replacing.replace = true;
    let again = |source: &str| -> Result<ImportedModel, CheckpointError> {
        let graphs = ExportOptions::default();
        let go_on = &mut || ControlFlow::Continue(());
        let source = golden(source);
        import_observed(
            &source,
            &target,
            &replacing,
            Some(&graphs),
            &mut |_| None,
            go_on,
        )
    };
    import_golden("sd1/checkpoint.safetensors", &target);
    let before = files_below(folder.path());
    assert!(
        again("sd1/checkpoint.safetensors").is_err(),
        "the configuration belongs to another model"
    );
    assert_eq!(files_below(folder.path()), before);
    let report = again("sd2/checkpoint.safetensors").unwrap();
    assert_eq!(report.graphs.len(), 4);
    assert!(report.graphs.iter().all(|graph| graph.path.is_file()));
    let entries = fs::read_dir(folder.path()).unwrap();
    assert_eq!(entries.count(), 1, "there is nothing else next to it");
    fs::remove_file(target.join("model_index.json")).unwrap();
    let refused = again("sd2/checkpoint.safetensors").unwrap_err();
    assert!(
        matches!(refused, CheckpointError::NotReplaceable { .. }),
        "{refused}"
    );
    assert!(refused.is_request());
}

/// Writes configurations of the golden model that do not tell what its UNet predicts.
fn write_silent_configuration(config: &Path) {
    for component in ["unet", "vae", "text_encoder", "tokenizer"] {
        let (from, to) = (
            golden("sd2/diffusers").join(component),
            config.join(component),
        );
        fs::create_dir_all(&to).unwrap();
        for path in files_below(&from) {
            if path
                .extension()
                .is_some_and(|extension| extension != "safetensors")
            {
                fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
            }
        }
    }
}

#[test]
fn what_the_unet_is_found_to_predict_replaces_a_guess() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    write_silent_configuration(&config);
    let target = folder.path().join("model");
    let run = |prediction, answer: Option<ImportedPrediction>| {
        let mut options = ImportOptions::default();
        options.configuration = Some(config.clone());
        options.prediction = prediction;
        options.replace = true;
        let mut asked = 0;
        let mut ask = |model: &Path| {
            asked += 1;
            assert_ne!(model, target, "it has no name yet");
            build_graph(model, Component::Unet, &ExportOptions::default()).unwrap();
            answer
        };
        let source = golden("sd2/checkpoint.safetensors");
        let go_on = &mut || ControlFlow::Continue(());
        let imported = import_observed(&source, &target, &options, None, &mut ask, go_on);
        let scheduler = fs::read_to_string(target.join("scheduler/scheduler_config.json")).unwrap();
        let prediction = imported.unwrap().report.prediction;
        assert!(scheduler.contains(&format!("\"prediction_type\": \"{}\"", prediction.name)));
        (asked, prediction.name, prediction.known_from)
    };
    use ImportedPrediction::{Epsilon, VPrediction};
    let (epsilon, velocity) = (Epsilon.name().to_owned(), VPrediction.name().to_owned());
    assert_eq!(
        run(None, None),
        (1, velocity.clone(), PredictionSource::Assumed)
    );
    assert_eq!(
        run(None, Some(Epsilon)),
        (1, epsilon, PredictionSource::Unet)
    );
    let told = run(Some(VPrediction), Some(Epsilon));
    assert_eq!(told, (0, velocity, PredictionSource::Options));
}

#[test]
fn an_interruption_while_the_unet_is_asked_ends_the_import() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    write_silent_configuration(&config);
    let mut options = ImportOptions::default();
    options.configuration = Some(config);
    let asked = Cell::new(false);
    let refused = import_observed(
        &golden("sd2/checkpoint.safetensors"),
        &folder.path().join("model"),
        &options,
        None,
        &mut |_| {
            asked.set(true);
            Some(ImportedPrediction::Epsilon)
        },
        &mut || match asked.get() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        },
    );
    assert!(asked.get());
    let refused = refused.unwrap_err();
    assert!(matches!(refused, CheckpointError::Interrupted), "{refused}");
    let left = fs::read_dir(folder.path()).unwrap();
    assert_eq!(left.count(), 1, "only the configuration is left");
}
