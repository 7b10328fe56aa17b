//! Imports: published models become models of the user, and draw what they drew before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::lb::{Folder, Said};
use crate::pickle_writer::{archive, call, dictionary, name, program, text};

/// Tiny models in all their forms (`crates/lb-checkpoint/tests/golden/make_checkpoints.py`).
pub(crate) fn golden(form: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/lb-checkpoint/tests/golden");
    let path = root.join("checkpoints").join(form);
    path.canonicalize().unwrap().to_string_lossy().into_owned()
}

/// A call of the program in this folder, which keeps its models there too.
fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = folder.command(arguments);
    command.env("LB_MODELS", folder.join("models"));
    command
}

pub(crate) fn run(folder: &Folder, arguments: &[&str]) -> Said {
    Said::from(command(folder, arguments).output().unwrap())
}

pub(crate) fn facts(folder: &Folder, arguments: &[&str]) -> Value {
    run(folder, &[arguments, &["--json"]].concat()).facts()
}

/// The tiny model under a name; its proportions are no published model's, so it needs the
/// configurations.
pub(crate) fn import(folder: &Folder, form: &str, options: &[&str]) -> Said {
    let (source, config) = (golden(form), configuration(form));
    run(folder, &[&["import", &source, &config], options].concat())
}

pub(crate) fn configuration(form: &str) -> String {
    let (model, _) = form.split_once('/').unwrap();
    format!("--config={}", golden(&format!("{model}/diffusers")))
}

/// Renders a short film and returns the pixels of its computed frames.
fn frames(folder: &Folder, model: &str) -> Vec<Vec<u8>> {
    let called = Path::new(model).file_name().unwrap().to_string_lossy();
    let frames_dir = format!("frames of {called}");
    let output = format!("--frames-dir={frames_dir}");
    let model = format!("--model={model}");
    let tree = ["--steps=4", "--branches=2,3", "--injection-steps=0,2"];
    let film = ["render", "a b", "ab c", "--threads=1", &output, &model];
    facts(folder, &[&film[..], &tree].concat());
    let folder = folder.join(&frames_dir);
    // The files themselves differ, because they contain the job, which names the model.
    let frame = |index: usize| image::open(folder.join(format!("frame_{index:04}.png"))).unwrap();
    (0..3)
        .map(|index| frame(index).into_rgb8().into_raw())
        .collect()
}

#[test]
fn every_form_of_a_model_gives_the_same_frames() {
    let folder = Folder::new();
    let expected = frames(&folder, &golden("sd2/diffusers"));
    assert!(expected[0] != expected[1] && expected[1] != expected[2]);
    for (name, form, source, weights) in [
        ("folder", "sd2/diffusers", "diffusers", "hard-linked"),
        (
            "single-file",
            "sd2/checkpoint.safetensors",
            "safetensors",
            "hard-linked",
        ),
        ("torch", "sd2/checkpoint.ckpt", "torch", "copied"),
    ] {
        let options = [
            "import",
            &golden(form),
            &configuration(form),
            "--name",
            name,
        ];
        let facts = facts(&folder, &options);
        assert_eq!(facts["name"], name);
        assert_eq!(facts["source"], source);
        assert!(
            facts["weights"] == weights || facts["weights"] == "copied",
            "{facts}"
        );
        assert_eq!(facts["kind"], "text to image");
        assert_eq!(facts["precision"], "fp16");
        assert_eq!(facts["prediction_type"], "v_prediction");
        assert_eq!(facts["prediction_known_from"], "configuration");
        assert_eq!(frames(&folder, name), expected, "{form}");
    }
    let frames_of_all = folder
        .contents()
        .into_iter()
        .filter(|path| path.ends_with(".png"));
    assert_eq!(frames_of_all.count(), 12, "rendered from four places");
}

#[test]
fn an_import_tells_what_it_found_and_how_to_use_it() {
    let folder = Folder::new();
    let said = import(
        &folder,
        "sd2/checkpoint.safetensors",
        &["--prediction=epsilon"],
    );
    assert_eq!(said.code, Some(0), "{}", said.error);
    for words in [
        "text to image (SD2)",
        "fp16",
        "epsilon (given by --prediction)",
        "a safetensors file",
        "--model checkpoint ",
        &folder.join("models/checkpoint").to_string_lossy(),
    ] {
        assert!(
            said.output.contains(words),
            "`{words}` is not in {}",
            said.output
        );
    }
    let said = import(
        &folder,
        "x4/checkpoint.safetensors",
        &["--name=x4", "--onnx"],
    );
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(
        said.output.contains("x4 upscaling (SD2)"),
        "{}",
        said.output
    );
    assert!(folder.join("models/x4/unet/model.onnx").is_file());
    assert!(
        folder
            .join("models/x4/low_res_scheduler/scheduler_config.json")
            .is_file()
    );
}

#[test]
fn models_of_hugging_faces_cache_keep_their_names() {
    let folder = Folder::new();
    let cached = folder.join("models--somebody--tiny-sd2");
    let snapshot = cached.join("snapshots/0123abcd");
    fs::create_dir_all(snapshot.parent().unwrap()).unwrap();
    let made = import(&folder, "sd2/diffusers", &["--name=made"]);
    assert_eq!(made.code, Some(0), "{}", made.error);
    fs::rename(folder.join("models/made"), &snapshot).unwrap();
    for (source, force) in [(&cached, "--quiet"), (&snapshot, "--force")] {
        let facts = facts(&folder, &["import", &source.to_string_lossy(), force]);
        assert_eq!(facts["name"], "tiny-sd2");
    }
}

#[test]
fn a_model_is_replaced_only_by_force() {
    let folder = Folder::new();
    let form = "sd2/checkpoint.safetensors";
    assert_eq!(import(&folder, form, &["--name=mine"]).code, Some(0));
    let before = folder.contents();
    let again = import(&folder, form, &["--name=mine"]);
    again.assert_refused(2, &["mine", "exists", "--force"]);
    let broken = import(&folder, "sd1/checkpoint.safetensors", &["--name=mine"]);
    broken.assert_refused(2, &["mine", "exists"]);
    let unfit = [
        "import",
        &golden("sd1/checkpoint.safetensors"),
        &configuration(form),
    ];
    let unfit = run(&folder, &[&unfit[..], &["--name=mine", "--force"]].concat());
    unfit.assert_refused(1, &["checkpoint.safetensors"]);
    assert_eq!(folder.contents(), before, "the older model stays");
    assert_eq!(
        import(&folder, form, &["--name=mine", "--force"]).code,
        Some(0)
    );
    assert_eq!(folder.contents(), before);

    fs::create_dir(folder.join("models/notes")).unwrap();
    fs::write(folder.join("models/notes/mine.txt"), "mine").unwrap();
    let taken = import(&folder, form, &["--name=notes"]);
    taken.assert_refused(2, &["notes", "--name"]);
    let taken = import(&folder, form, &["--name=notes", "--force"]);
    taken.assert_refused(2, &["notes", "not a model directory"]);
    assert!(folder.join("models/notes/mine.txt").is_file());
}

#[test]
fn of_two_imports_of_one_name_one_succeeds_and_the_other_says_that_it_exists() {
    let folder = Folder::new();
    let form = "sd2/checkpoint.safetensors";
    for round in 0..5 {
        let name = format!("--name=model{round}");
        let (source, config) = (golden(form), configuration(form));
        let arguments = ["import", &source, &config, &name];
        let begin = || {
            let mut command = command(&folder, &arguments);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        };
        let running: Vec<_> = (0..3).map(|_| begin()).collect();
        let ended = running.into_iter().map(|one| one.wait_with_output());
        let said: Vec<Said> = ended.map(|one| Said::from(one.unwrap())).collect();
        let (imported, refused): (Vec<_>, Vec<_>) =
            said.iter().partition(|said| said.code == Some(0));
        assert_eq!(imported.len(), 1);
        for said in refused {
            said.assert_refused(2, &["exists"]);
        }
        let model = folder.join("models").join(format!("model{round}"));
        assert!(model.join("model_index.json").is_file());
    }
    let names = fs::read_dir(folder.join("models")).unwrap();
    assert_eq!(
        names.count(),
        5,
        "nothing is left of those that were refused"
    );
}

#[test]
fn what_a_killed_import_leaves_is_removed_by_the_next() {
    let folder = Folder::new();
    // What is left if the program is killed before it has published the model.
    let left = folder.join("models/.lb-Abc123.partial/unet");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("diffusion_pytorch_model.safetensors"), "half").unwrap();
    assert_eq!(
        import(&folder, "sd2/checkpoint.safetensors", &[]).code,
        Some(0)
    );
    let names = fs::read_dir(folder.join("models")).unwrap();
    let names: Vec<_> = names.map(|name| name.unwrap().file_name()).collect();
    assert_eq!(names, ["checkpoint"]);
}

#[cfg(unix)]
#[test]
fn a_model_behind_a_link_is_replaced_where_it_is() {
    let folder = Folder::new();
    let form = "sd2/checkpoint.safetensors";
    assert_eq!(import(&folder, form, &["--name=mine"]).code, Some(0));
    fs::create_dir(folder.join("disk")).unwrap();
    let (link, there) = (folder.join("models/mine"), folder.join("disk/mine"));
    fs::rename(&link, &there).unwrap();
    std::os::unix::fs::symlink(&there, &link).unwrap();
    fs::write(there.join("old"), "").unwrap();
    assert_eq!(
        import(&folder, form, &["--name=mine", "--force"]).code,
        Some(0)
    );
    assert!(link.is_symlink() && there.join("model_index.json").is_file());
    assert!(!there.join("old").exists());
    assert_eq!(fs::read_dir(folder.join("disk")).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_imported_is_refused_and_leaves_nothing() {
    let folder = Folder::new();
    fs::create_dir(folder.join("empty")).unwrap();
    fs::write(folder.join("words.safetensors"), "no tensors").unwrap();
    let single = golden("sd2/checkpoint.safetensors");
    let bytes = fs::read(&single).unwrap();
    fs::write(folder.join("cut.safetensors"), &bytes[..bytes.len() / 2]).unwrap();
    let before = folder.contents();
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["nowhere.ckpt"], 2, &["does not exist: nowhere.ckpt"]),
        (&["empty"], 1, &["empty", "model_index.json"]),
        (&["words.safetensors"], 1, &["words.safetensors", "neither"]),
        (&["cut.safetensors"], 1, &["cut.safetensors"]),
        (&[&single], 2, &["cannot be inferred", "--config"]),
        (&[&single, "--config=nowhere"], 2, &["--config", "nowhere"]),
        (&[&single, "--name=../other"], 2, &["`../other`", "--name"]),
        (&[&single, "--name=a/b"], 2, &["`a/b`"]),
        (&[&single, "--name=.."], 2, &["`..`"]),
        (&[&single, "--name="], 2, &["``"]),
        (&[&single, "--prediction=sample"], 2, &["sample", "epsilon"]),
    ];
    for (arguments, code, words) in cases {
        let said = run(&folder, &[&["import"], *arguments].concat());
        said.assert_refused(*code, words);
        let left: Vec<PathBuf> = folder.contents().into_iter().map(PathBuf::from).collect();
        let left = left.iter().filter(|path| !path.starts_with("models"));
        assert_eq!(left.count(), before.len(), "{arguments:?}");
        assert!(
            !folder.join("models").exists(),
            "{arguments:?} left something behind"
        );
    }
}

#[test]
fn a_checkpoint_that_would_run_code_is_refused() {
    let folder = Folder::new();
    let trace = folder.join("trace");
    let harm = call(
        name("os", "system"),
        &[text(&format!("touch {}", trace.display()))],
    );
    let state = dictionary(&[("state_dict", dictionary(&[])), ("callbacks", harm)]);
    fs::write(folder.join("harm.ckpt"), archive(&program(&state), &[])).unwrap();
    let said = run(&folder, &["import", "harm.ckpt"]);
    said.assert_refused(1, &["os.system", "nothing in it was run"]);
    assert_eq!(folder.contents(), ["harm.ckpt"]);
}
