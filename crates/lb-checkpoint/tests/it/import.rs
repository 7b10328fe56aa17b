//! Tests of the files that an import makes, and of the sources and destinations that it refuses.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lb_checkpoint::{
    CheckpointError, Component, ImportOptions, ModelKind, PredictionSource, SourceFormat,
    WeightTransfer, link_or_copy,
};

use crate::{
    contents, files_below, golden, import, import_golden, import_observed, with_configuration,
};

#[test]
fn an_imported_directory_has_all_files_and_one_weight_file() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("new/model");
    let report = import_golden("sd2/checkpoint.safetensors", &target);
    assert_eq!(report.directory, target);
    assert_eq!(report.format, SourceFormat::Safetensors);
    assert_eq!(report.kind, ModelKind::TextToImage);
    assert_eq!(report.weights, WeightTransfer::HardLinked);
    assert_eq!(
        report.prediction.known_from,
        PredictionSource::Configuration
    );
    assert_eq!(report.prediction.name, "v_prediction");
    let expected = [
        "checkpoint.safetensors",
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "tokenizer/merges.txt",
        "tokenizer/vocab.json",
        "unet/config.json",
        "vae/config.json",
    ];
    assert_eq!(files_below(&target), expected);
    assert_eq!(
        files_below(folder.path()).len(),
        expected.len(),
        "there is no other file next to it"
    );
}

#[test]
fn a_diffusers_directory_is_linked_file_by_file() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    let source = golden("sd1/diffusers");
    let report = import(&source, &target, &ImportOptions::default()).unwrap();
    assert_eq!(report.format, SourceFormat::DiffusersDirectory);
    assert_eq!(report.weights, WeightTransfer::HardLinked);
    assert_eq!(report.prediction.name, "epsilon");
    assert_eq!(files_below(&target), files_below(&source));
    for component in Component::ALL {
        assert_eq!(contents(&target, component), contents(&source, component));
    }
    // The words of its captions belong to the model as well.
    fs::write(target.join("words.txt"), "apple\n").unwrap();
    let copied = folder.path().join("copied");
    import(&target, &copied, &ImportOptions::default()).unwrap();
    assert_eq!(fs::read(copied.join("words.txt")).unwrap(), b"apple\n");
    // An imported model can be imported again.
    let again = folder.path().join("again");
    let first = folder.path().join("first");
    import_golden("sd2/checkpoint.safetensors", &first);
    import(&first, &again, &ImportOptions::default()).unwrap();
    assert_eq!(files_below(&again), files_below(&first));
}

#[test]
fn the_snapshot_in_a_folder_of_hugging_faces_cache_is_imported() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("models--somebody--sd2");
    let snapshot = |commit: &str| {
        let snapshot = folder.join("snapshots").join(commit);
        import(
            &golden("sd2/diffusers"),
            &snapshot,
            &ImportOptions::default(),
        )
        .unwrap();
        snapshot
    };
    let imported = |name: &str| {
        let target = cache.path().join(name);
        import(&folder, &target, &ImportOptions::default()).map(|_| files_below(&target))
    };
    snapshot("0123abcd");
    let expected = files_below(&golden("sd2/diffusers"));
    assert_eq!(imported("only").unwrap(), expected);
    let newer = snapshot("4567cdef");
    fs::write(newer.join("LICENSE"), "mine").unwrap();
    imported("either").unwrap_err();
    fs::create_dir(folder.join("refs")).unwrap();
    fs::write(folder.join("refs/main"), "4567cdef\n").unwrap();
    assert!(imported("main").unwrap().contains(&"LICENSE".to_owned()));
}

/// transformers writes such a tokenizer since version 5.
#[test]
fn a_tokenizer_in_one_file_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let [source, target] = ["source", "target"].map(|name| folder.path().join(name));
    import(&golden("sd2/diffusers"), &source, &ImportOptions::default()).unwrap();
    fs::remove_file(source.join("tokenizer/vocab.json")).unwrap();
    fs::rename(
        source.join("tokenizer/merges.txt"),
        source.join("tokenizer/tokenizer.json"),
    )
    .unwrap();
    import(&source, &target, &ImportOptions::default()).unwrap();
    assert_eq!(files_below(&target), files_below(&source));
}

#[cfg(unix)]
#[test]
fn imported_weights_take_no_additional_space() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    import_golden("sd2/checkpoint.safetensors", &target);
    let inode = |path: PathBuf| fs::metadata(path).unwrap().ino();
    let original = inode(golden("sd2/checkpoint.safetensors"));
    assert_eq!(inode(target.join("checkpoint.safetensors")), original);
}

/// Both models keep their weights in a file of the same name, and both files are links to others.
#[test]
fn a_model_that_shares_parts_never_overwrites_the_files_of_the_other_one() {
    let folder = tempfile::tempdir().unwrap();
    let [own, other] = ["own", "other"].map(|name| folder.path().join(name));
    import_golden("sd2/checkpoint.safetensors", &other);
    import_golden("sd2/checkpoint.safetensors", &own);
    // Not a link any more: files of two models differ.
    let weights = own.join("checkpoint.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::remove_file(&weights).unwrap();
    fs::write(&weights, &bytes).unwrap();
    fs::write(own.join("lb.toml"), "[shared]\nvae = \"../other\"\n").unwrap();

    let target = folder.path().join("joined");
    let error = import(&own, &target, &ImportOptions::default()).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("would both become checkpoint.safetensors"),
        "{error}"
    );
    assert!(!target.exists());
    assert_eq!(
        fs::read(other.join("checkpoint.safetensors")).unwrap(),
        bytes
    );
}

#[test]
fn a_file_that_exists_is_never_copied_over() {
    let folder = tempfile::tempdir().unwrap();
    let [file, target] = ["file", "target"].map(|name| folder.path().join(name));
    fs::write(&file, "new").unwrap();
    fs::write(&target, "old").unwrap();
    let error = link_or_copy(&file, &target).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&target).unwrap(), "old");
}

/// The kind of model determines both noise schedules of the upscaler, its pipeline and its prediction
/// type.
#[test]
fn an_upscaler_has_two_schedulers() {
    let folder = tempfile::tempdir().unwrap();
    // These are the files that cannot be inferred from the tensors of a tiny model.
    let configuration = folder.path().join("configuration");
    for file in [
        "text_encoder/config.json",
        "tokenizer/merges.txt",
        "tokenizer/vocab.json",
        "unet/config.json",
        "vae/config.json",
    ] {
        let copy = configuration.join(file);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(golden("x4/diffusers").join(file), copy).unwrap();
    }
    let target = folder.path().join("model");
    let mut options = ImportOptions::default();
    options.configuration = Some(configuration);
    let report = import(&golden("x4/checkpoint.safetensors"), &target, &options).unwrap();
    assert_eq!(report.kind, ModelKind::Upscale);
    assert_eq!(report.prediction.name, "v_prediction");
    assert_eq!(report.prediction.known_from, PredictionSource::ModelKind);
    let json = |file: &str| -> serde_json::Value {
        serde_json::from_slice(&fs::read(target.join(file)).unwrap()).unwrap()
    };
    for (folder, class, prediction) in [
        ("scheduler", "DDIMScheduler", "v_prediction"),
        ("low_res_scheduler", "DDPMScheduler", "epsilon"),
    ] {
        let scheduler = json(&format!("{folder}/scheduler_config.json"));
        assert_eq!(scheduler["_class_name"], class);
        assert_eq!(scheduler["prediction_type"], prediction);
        assert_eq!(scheduler["beta_schedule"], "scaled_linear");
        assert_eq!(
            (&scheduler["beta_start"], &scheduler["beta_end"]),
            (&0.0001.into(), &0.02.into())
        );
    }
    let index = json("model_index.json");
    assert_eq!(index["_class_name"], "StableDiffusionUpscalePipeline");
    assert_eq!(index["max_noise_level"], 350);
}

#[test]
fn nothing_is_inferred_for_a_diffusers_directory() {
    let folder = tempfile::tempdir().unwrap();
    for missing in [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
    ] {
        let source = folder.path().join("source");
        import(&golden("sd2/diffusers"), &source, &ImportOptions::default()).unwrap();
        fs::remove_file(source.join(missing)).unwrap();
        let target = folder.path().join("model");
        let refused = import(&source, &target, &ImportOptions::default()).unwrap_err();
        let (_, file) = missing.rsplit_once('/').unwrap_or(("", missing));
        let message = refused.to_string();
        assert!(message.contains(file), "{missing}: {message}");
        assert!(!target.exists(), "{missing}");
        // A device is not read either, because it may have no end.
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/dev/null", source.join(missing)).unwrap();
            let refused = import(&source, &target, &ImportOptions::default()).unwrap_err();
            assert!(refused.to_string().contains(file), "{missing}: {refused}");
            assert!(!target.exists(), "{missing}");
        }
        fs::remove_dir_all(source).unwrap();
    }
}

#[test]
fn existing_destinations_and_sources_that_are_not_models_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = golden("sd2/checkpoint.safetensors");
    let refusal = |source: &Path, target: &Path| {
        let refused = import(source, target, &with_configuration("sd2")).unwrap_err();
        refused.to_string()
    };
    fs::write(folder.path().join("file"), "kept").unwrap();
    for target in [folder.path().to_owned(), folder.path().join("file")] {
        assert!(refusal(&source, &target).contains("already exists"));
    }
    assert_eq!(fs::read(folder.path().join("file")).unwrap(), b"kept");
    let target = folder.path().join("model");
    for (bytes, expected) in [
        (&b""[..], "empty"),
        (b"<html></html>", "a web page"),
        (b"\x80\x02}q\x00.", "neither"),
    ] {
        let source = folder.path().join("source");
        fs::write(&source, bytes).unwrap();
        assert!(refusal(&source, &target).contains(expected));
    }
    assert!(refusal(&folder.path().join("nowhere"), &target).contains("cannot open"));
    let unet = golden("sd2/diffusers/unet/diffusion_pytorch_model.safetensors");
    let message = refusal(&unet, &target);
    assert!(
        message.contains("this is a UNet alone and not a whole model"),
        "{message}"
    );
    assert!(!target.exists());
    fs::create_dir(&target).unwrap();
    import(&source, &target, &with_configuration("sd2")).unwrap();
}

/// Somebody else's folder is never removed, even if it gets the name at the last moment.
#[test]
fn what_gets_the_name_while_the_import_runs_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let source = golden("sd2/checkpoint.safetensors");
    for (name, replace) in [("new", false), ("replaced", true)] {
        let target = folder.path().join(name);
        let mut options = with_configuration("sd2");
        options.replace = replace;
        let notes = target.join("notes.txt");
        let mut put = || {
            fs::create_dir_all(&target).unwrap();
            fs::write(&notes, "mine").unwrap();
            ControlFlow::Continue(())
        };
        let refused = import_observed(&source, &target, &options, &mut put).unwrap_err();
        let expected = match replace {
            true => matches!(refused, CheckpointError::NotReplaceable { .. }),
            false => matches!(refused, CheckpointError::DestinationExists { .. }),
        };
        assert!(expected, "{refused}");
        assert_eq!(files_below(&target), ["notes.txt"]);
    }
    assert_eq!(files_below(folder.path()).len(), 2, "nothing else is left");
}

#[test]
fn a_model_that_is_replaced_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("model");
    import_golden("sd2/checkpoint.safetensors", &target);
    let before = files_below(folder.path());
    fs::write(target.join("old"), "").unwrap();
    let mut options = with_configuration("sd2");
    options.replace = true;
    import(&golden("sd2/checkpoint.safetensors"), &target, &options).unwrap();
    assert_eq!(files_below(folder.path()), before);
}
