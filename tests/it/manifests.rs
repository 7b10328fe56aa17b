//! Models that have defaults of their own, and models that take parts from others.

use std::fs;

use lb_models::testing::copy_folder;

use crate::broken_models::copy_of_pocket;
use crate::lb::{Folder, Said};
use crate::pictures::sequence;

const DEFAULTS: &str = "[defaults]\nsteps = 3\nguidance_scale = 1.0\ndepth_strength = 0.5\n";
const SHARED: &str =
    "[shared]\ntext_encoder = \"../model\"\ntokenizer = \"../model\"\nvae = \"../model\"\n";

/// A folder with a copy of the bundled model, and `turbo`, which has only a UNet and a scheduler of its
/// own.
fn models() -> Folder {
    let folder = Folder::new();
    let whole = copy_of_pocket(&folder);
    let turbo = folder.join("turbo");
    for part in ["unet", "scheduler"] {
        copy_folder(&whole.join(part), &turbo.join(part)).unwrap();
    }
    fs::copy(
        whole.join("model_index.json"),
        turbo.join("model_index.json"),
    )
    .unwrap();
    fs::write(turbo.join("lb.toml"), format!("{DEFAULTS}{SHARED}")).unwrap();
    folder
}

fn run(folder: &Folder, arguments: &[&str]) -> Said {
    let mut command = folder.command(arguments);
    command.env("LB_MODELS", folder.path());
    Said::from(command.output().unwrap())
}

#[test]
fn a_model_with_shared_parts_draws_what_a_whole_one_does() {
    let folder = models();
    let render = ["render", "a red apple", "a green pear", "--force"];
    let outputs = |name| ["--json", "--frames-dir", name, "--frames=4"];
    let own = run(
        &folder,
        &[&render[..], &outputs("own"), &["--model=turbo"]].concat(),
    );
    assert_eq!(own.facts()["width"], 128);
    let given = ["--steps=3", "--guidance-scale=1", "--depth-strength=0.5"];
    let whole = [
        &render[..],
        &outputs("whole"),
        &given,
        &["--model=./model", "--no-cache"],
    ];
    let whole = run(&folder, &whole.concat()).facts();
    assert_eq!(own.facts()["predicted_rows"], whole["predicted_rows"]);
    let frames = ["own", "whole"].map(|name| sequence(&folder.join(name)));
    assert!(frames[0] == frames[1]);

    // A sheet of seeds has the steps of the model, too.
    let sheet = [
        "seeds",
        "an owl",
        "--seeds=0..1",
        "-o",
        "sheet.png",
        "--json",
    ];
    let sheet = run(&folder, &[&sheet[..], &["--model=turbo"]].concat()).facts();
    assert_eq!(sheet["model_evaluations"], 2 * 3);
}

#[test]
fn flags_and_job_files_come_before_a_models_defaults() {
    let folder = models();
    let plan = |more: &[&str]| {
        let plan = ["plan", "a red apple", "a green pear", "--model=turbo"];
        run(&folder, &[&plan[..], more, &["--json"]].concat()).facts()["transitions"][0].clone()
    };
    let preset = plan(&[]);
    assert_eq!(preset["steps"], 3);
    let better = plan(&["--quality=high"]);
    assert_eq!(better["steps"], 3);
    let branches = |tree: &serde_json::Value| tree["branch_counts"].as_array().unwrap().clone();
    assert!(
        branches(&better).last().unwrap().as_u64() > branches(&preset).last().unwrap().as_u64()
    );
    assert_eq!(plan(&["--steps=8"])["steps"], 8);
    let job = "[[keyframe]]\nprompt = \"a\"\nsteps = 6\n[[keyframe]]\nprompt = \"b\"\n";
    fs::write(folder.join("job.toml"), job).unwrap();
    let plan = run(&folder, &["plan", "job.toml", "--model=turbo", "--json"]).facts();
    assert_eq!(plan["transitions"][0]["steps"], 6);

    // A film that was made with the defaults has them written out.
    let saved = run(
        &folder,
        &["render", "a", "b", "--model=turbo", "--save-job=saved.toml"],
    );
    assert_eq!(saved.code, Some(0), "{}", saved.error);
    let text = fs::read_to_string(folder.join("saved.toml")).unwrap();
    for line in ["steps = 3", "guidance_scale = 1.0", "depth_strength = 0.5"] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn what_a_model_needs_and_shares_is_shown() {
    let folder = models();
    let said = run(&folder, &["models", "turbo"]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    let line = "defaults     3 steps, no guidance, depth strength 0.5";
    assert!(said.output.contains(line), "{}", said.output);
    let from = said.output.lines().filter(|line| line.contains(", from "));
    assert_eq!(from.count(), 3, "{}", said.output);
    let facts = run(&folder, &["models", "turbo", "--json"]).facts();
    assert_eq!(facts["defaults"]["steps"], 3);
    let home = facts["shared"]["vae"].as_str().unwrap();
    assert!(home.ends_with("model"), "{home}");

    // A model that another one needs is not removed by accident.
    let refused = run(&folder, &["models", "rm", "model", "--yes"]);
    refused.assert_refused(2, &["turbo", "takes parts", "--force"]);
    let removed = run(&folder, &["models", "rm", "model", "--yes", "--force"]);
    assert_eq!(removed.code, Some(0), "{}", removed.error);
    let broken = run(&folder, &["models", "turbo"]);
    assert_eq!(broken.code, Some(1));
    assert!(
        broken.error.contains("shared.text_encoder"),
        "{}",
        broken.error
    );
}

#[test]
fn an_import_has_all_parts_and_keeps_the_defaults() {
    let folder = models();
    let said = run(&folder, &["import", "turbo", "--name=own"]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    let text = fs::read_to_string(folder.join("own/lb.toml")).unwrap();
    assert!(
        text.contains("steps = 3") && !text.contains("shared"),
        "{text}"
    );
    for part in ["unet", "vae", "text_encoder", "tokenizer"] {
        assert!(folder.join("own").join(part).is_dir(), "{part}");
    }
    fs::remove_dir_all(folder.join("model")).unwrap();
    let own = run(&folder, &["models", "own"]);
    assert_eq!(own.code, Some(0), "{}", own.error);
}

#[test]
fn a_wrong_manifest_is_refused_with_its_path() {
    let folder = models();
    for (text, words) in [
        ("[shared]\nvae = \"../../model\"\n", "same folder of models"),
        ("[shared]\nvae = \"/etc\"\n", "same folder of models"),
        ("[shared]\nvae = \"../nowhere\"\n", "a model that exists"),
        ("[defaults]\nsteps = 0\n", "1 to 1000"),
        ("[defaults]\nstep = 4\n", "unknown field"),
        ("steps = 4\n", "unknown field"),
        ("[defaults\n", "not a valid"),
    ] {
        fs::write(folder.join("turbo/lb.toml"), text).unwrap();
        let render = ["render", "a", "b", "--model=turbo", "-o", "film.mp4"];
        run(&folder, &render).assert_refused(1, &["lb.toml", words]);
    }
}
