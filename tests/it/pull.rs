//! Downloading models from a hub, which is on this machine, and rendering with them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lb_hub::testing::{Asked, LoopbackHub};
use lb_models::testing::write_tiny_model;
use serde_json::Value;

#[cfg(unix)]
use crate::full_disk::{can_mount, on_disk};
use crate::lb::{Folder, Said};

/// A folder with an empty home, and a hub.
struct Place {
    folder: Folder,
    hub: LoopbackHub,
}

impl Place {
    /// A hub with a tiny model as `some/model`, which has files that nobody needs as well.
    fn new() -> Self {
        let hub = LoopbackHub::start().unwrap();
        let model = tempfile::tempdir().unwrap();
        write_tiny_model("sd21", model.path()).unwrap();
        for name in ["some/model", "stabilityai/sd-turbo"] {
            hub.add_folder(name, model.path()).unwrap();
            for variant in 0..20 {
                let path = format!("unet/diffusion_pytorch_model.v{variant}.safetensors");
                hub.add(name, &path, vec![variant; 1000]);
            }
        }
        let folder = Folder::new();
        Self { folder, hub }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.with_environment(self.folder.command(arguments))
    }

    fn with_environment(&self, mut command: Command) -> Command {
        for variable in [
            "HF_HUB_CACHE",
            "HF_TOKEN",
            "HF_TOKEN_PATH",
            "HF_HUB_OFFLINE",
        ] {
            command.env_remove(variable);
        }
        command.env("NO_PROXY", "127.0.0.1");
        command.env("HF_HOME", self.folder.join("hf"));
        command.env("HF_ENDPOINT", self.hub.endpoint());
        command.env("XDG_DATA_HOME", self.folder.join("data"));
        command.env_remove("LB_MODELS");
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        Said::from(self.command(arguments).output().unwrap())
    }

    fn facts(&self, arguments: &[&str]) -> Value {
        self.run(&[arguments, &["--json"]].concat()).facts()
    }

    fn render(&self, model: &str) -> Value {
        self.facts(&[
            "render",
            "ab",
            "cd",
            "--model",
            model,
            "--steps=2",
            "--frames=3",
            "-o",
            "film.gif",
            "--force",
        ])
    }

    /// The large files of the repository in the cache.
    fn blobs(&self) -> Vec<PathBuf> {
        let folder = self.folder.join("hf/hub/models--some--model/blobs");
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }
}

fn is_incomplete(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending == "incomplete")
}

#[test]
fn a_model_is_downloaded_rendered_listed_and_removed() {
    let place = Place::new();
    let missing = place.run(&["render", "ab", "cd", "--model", "some/model", "-o", "a.gif"]);
    assert_eq!(missing.code, Some(2), "{}", missing.error);
    assert!(
        missing.error.contains("`lb pull some/model` downloads it"),
        "{}",
        missing.error
    );

    let said = place.run(&["pull", "some/model"]);
    assert_eq!(said.code, Some(0), "{}", said.error);
    assert!(
        said.error.contains("licence     openrail++"),
        "{}",
        said.error
    );
    assert!(
        said.output.contains("--model some/model"),
        "{}",
        said.output
    );
    let asked = place.hub.requests();
    assert!(
        asked.iter().all(|asked| !asked.path.contains(".v7.")),
        "one variant is enough"
    );

    let models = place.run(&["models"]).output;
    assert!(models.contains("some/model: text to image"), "{models}");
    let films = place.render("some/model");
    assert!(films["files"].to_string().contains("film.gif"), "{films}");
    let again = place.facts(&["pull", "some/model"]);
    assert_eq!(again["downloaded"], 0);

    let removed = place.run(&["models", "rm", "some/model", "--yes"]);
    assert_eq!(removed.code, Some(0), "{}", removed.error);
    assert!(!place.folder.join("hf/hub/models--some--model").exists());
}

#[test]
fn a_short_name_stays_the_name_of_the_model() {
    let place = Place::new();
    let facts = place.facts(&["pull", "sd-turbo"]);
    assert_eq!(facts["name"], "sd-turbo");
    assert_eq!(facts["repository"], "stabilityai/sd-turbo");
    place.render("sd-turbo");
    place.render("stabilityai/sd-turbo");
    let defaults = place.facts(&["models", "sd-turbo"])["defaults"].clone();
    assert_eq!(defaults["steps"], 4, "{defaults}");
    assert_eq!(defaults["guidance_scale"], 1.0, "{defaults}");
    place.facts(&["pull", "sd-turbo"]);
    let removed = place.run(&["models", "rm", "sd-turbo", "--yes"]);
    assert_eq!(removed.code, Some(0), "{}", removed.error);
    assert!(place.run(&["models", "sd-turbo"]).code != Some(0));

    // Another model that has the name keeps it.
    let own = place.folder.join("data/lb/models/sd-turbo");
    fs::create_dir_all(&own).unwrap();
    assert_eq!(
        place.facts(&["pull", "sd-turbo"])["name"],
        "stabilityai/sd-turbo"
    );
    assert!(own.is_dir() && !own.is_symlink());
}

#[cfg(unix)]
#[test]
fn what_was_downloaded_is_not_changed_by_other_names() {
    let place = Place::new();
    place.facts(&["pull", "sd-turbo"]);
    let link = place.folder.join("data/lb/models/sd-turbo");
    let snapshot = fs::read_link(&link).unwrap();
    let index = fs::read(snapshot.join("unet/config.json")).unwrap();
    write_tiny_model("sd15", &place.folder.join("mine")).unwrap();
    let said = place.run(&["import", "mine", "--name", "sd-turbo", "--force"]);
    assert_eq!(said.code, Some(2), "{}", said.error);
    assert_eq!(fs::read(snapshot.join("unet/config.json")).unwrap(), index);

    // A link of the user's own is neither replaced nor followed.
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(place.folder.join("mine"), &link).unwrap();
    assert_eq!(
        place.facts(&["pull", "sd-turbo"])["name"],
        "stabilityai/sd-turbo"
    );
    assert_eq!(fs::read_link(&link).unwrap(), place.folder.join("mine"));
    let own = link.with_file_name("own");
    std::os::unix::fs::symlink(&snapshot, &own).unwrap();
    let removed = place.run(&["models", "rm", "own", "--yes"]);
    assert_eq!(removed.code, Some(0), "{}", removed.error);
    assert!(!own.is_symlink() && snapshot.is_dir());

    let refused = place.run(&["models", "rm", "stabilityai/sd-turbo@v1", "--yes"]);
    assert_eq!(refused.code, Some(2), "{}", refused.error);
}

#[test]
fn a_killed_download_goes_on_where_it_was() {
    let place = Place::new();
    place.hub.behave(|manners| manners.stall_after = Some(3000));
    let mut killed = place.command(&["pull", "some/model"]).spawn().unwrap();
    assert!(place.hub.wait_for_stall());
    killed.kill().unwrap();
    killed.wait().unwrap();
    let models = place.run(&["models", "some/model"]);
    assert_ne!(models.code, Some(0), "it has no name yet");

    place.hub.behave(|manners| manners.stall_after = None);
    let facts = place.facts(&["pull", "some/model"]);
    assert!(place.blobs().iter().all(|path| !is_incomplete(path)));
    assert!(facts["downloaded"].as_u64() < facts["bytes"].as_u64());
    place.render("some/model");
}

#[test]
fn wrong_names_wrong_bytes_and_closed_doors_are_explained() {
    let place = Place::new();
    let said = |arguments: &[&str]| {
        let said = place.run(arguments);
        (said.code, said.error)
    };
    let (code, error) = said(&["pull", "some/other"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("has no repository some/other"), "{error}");
    assert!(error.contains("docs/models.md"), "{error}");
    let (code, error) = said(&["pull", "sd99"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("short names sd21, sd21-base,"), "{error}");
    let (code, error) = said(&["pull", "../../etc@x"]);
    assert_eq!(code, Some(2), "{error}");

    place.hub.behave(|manners| manners.lies = true);
    let (code, error) = said(&["pull", "some/model"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("is not what the hub has listed"), "{error}");
    assert!(place.blobs().is_empty());

    place.hub.behave(|manners| {
        manners.lies = false;
        manners.token = Some("hf_secret".into());
    });
    let (code, error) = said(&["pull", "some/model"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("HF_TOKEN"), "{error}");
    fs::create_dir_all(place.folder.join("hf")).unwrap();
    fs::write(place.folder.join("hf/token"), "hf_secret\n").unwrap();
    let (code, error) = said(&["pull", "some/model", "-vv"]);
    assert_eq!(code, Some(0), "{error}");
    assert!(!error.contains("hf_secret"));
}

#[test]
fn a_model_of_another_family_is_refused_before_its_weights_arrive() {
    let place = Place::new();
    let index = r#"{"_class_name": "StableDiffusionXLPipeline"}"#;
    place.hub.add("some/model", "model_index.json", index);
    let said = place.run(&["pull", "some/model"]);
    assert_eq!(said.code, Some(1), "{}", said.error);
    assert!(
        said.error.contains("StableDiffusionXLPipeline"),
        "{}",
        said.error
    );
    let asked = place.hub.requests();
    assert!(
        asked
            .iter()
            .all(|asked| !asked.path.ends_with(".safetensors"))
    );
}

#[test]
fn of_two_variants_the_full_one_is_read_whichever_came_first() {
    let place = Place::new();
    let model = tempfile::tempdir().unwrap();
    write_tiny_model("sd21", model.path()).unwrap();
    for stem in [
        "text_encoder/model",
        "unet/diffusion_pytorch_model",
        "vae/diffusion_pytorch_model",
    ] {
        let full = fs::read(model.path().join(format!("{stem}.safetensors"))).unwrap();
        let fp16 = format!("{stem}.fp16.safetensors");
        // The tests need another content, and not other numbers: what is in front of them may be followed by spaces.
        place
            .hub
            .add("some/model", &fp16, with_longer_header(&full));
    }
    let snapshot = place.facts(&["pull", "some/model", "--fp16"])["directory"].clone();
    let snapshot = PathBuf::from(snapshot.as_str().unwrap());
    let unet = |variant| snapshot.join(format!("unet/diffusion_pytorch_model{variant}"));
    assert!(!unet(".safetensors").exists());
    place.render("some/model");

    let full = place.facts(&["pull", "some/model"]);
    assert!(full["downloaded"].as_u64() > Some(0), "{full}");
    fs::write(unet(".fp16.safetensors"), "damaged").unwrap();
    place.render("some/model");

    let again = place.run(&["pull", "some/model", "--fp16"]);
    assert!(
        again.error.contains("in full precision are here already"),
        "{}",
        again.error
    );
}

/// The same tensors in a safetensors file with another hash.
fn with_longer_header(file: &[u8]) -> Vec<u8> {
    let (length, rest) = file.split_first_chunk().unwrap();
    let length = u64::from_le_bytes(*length);
    let (header, numbers) = rest.split_at(length as usize);
    let longer = (length + 8).to_le_bytes();
    [&longer, header, &[b' '; 8], numbers].concat()
}

#[test]
fn a_lora_alone_is_downloaded_and_its_path_printed() {
    let place = Place::new();
    place.hub.add("some/lora", "README.md", "a card");
    place
        .hub
        .add("some/lora", "style.safetensors", vec![7; 500]);
    let said = place.run(&["pull", "some/lora"]);
    let path = PathBuf::from(said.output.trim());
    assert_eq!(fs::read(&path).unwrap(), [7; 500], "{}", said.error);
    let card = place.run(&["pull", "some/lora", "--file", "README.md"]);
    assert_eq!(fs::read_to_string(card.output.trim()).unwrap(), "a card");
}

#[cfg(unix)]
#[test]
fn a_full_disk_is_named_and_leaves_no_model() {
    let place = Place::new();
    if !can_mount(&place.folder) {
        eprintln!("skipped: a file system cannot be mounted here");
        return;
    }
    let command = on_disk(&place.folder, &["pull", "some/model"]);
    let mut command = place.with_environment(command);
    command.env("HF_HOME", place.folder.join("disk"));
    let said = Said::from(command.output().unwrap());
    assert_eq!(said.code, Some(1), "{}", said.error);
    assert!(
        said.error.contains("there is no room for"),
        "{}",
        said.error
    );
    assert!(
        said.error.contains("more bytes are needed"),
        "{}",
        said.error
    );
}

#[test]
fn a_proxy_is_asked_unless_the_hub_is_exempt() {
    let place = Place::new();
    let mut command = place.command(&["pull", "some/model"]);
    command.env("HTTPS_PROXY", "http://127.0.0.1:1");
    let said = Said::from(command.output().unwrap());
    assert_eq!(said.code, Some(0), "{}", said.error);

    let mut command = place.command(&["pull", "some/model"]);
    command.env("HTTPS_PROXY", place.hub.endpoint());
    command.env("HF_ENDPOINT", "http://hub.example");
    let mut waiting = command.stderr(Stdio::null()).spawn().unwrap();
    let is_tunnel = |asked: &Asked| asked.method == "CONNECT" && asked.path == "hub.example:80";
    let until = Instant::now() + Duration::from_secs(60);
    while !place.hub.requests().iter().any(is_tunnel) {
        assert!(Instant::now() < until, "{:?}", place.hub.requests());
        std::thread::sleep(Duration::from_millis(20));
    }
    waiting.kill().unwrap();
    waiting.wait().unwrap();
}

#[test]
fn nothing_is_downloaded_where_that_is_forbidden() {
    let place = Place::new();
    let mut command = place.command(&["pull", "some/model"]);
    let said = Said::from(command.env("HF_HUB_OFFLINE", "1").output().unwrap());
    assert_eq!(said.code, Some(2));
    assert!(said.error.contains("HF_HUB_OFFLINE"), "{}", said.error);
    assert!(place.hub.requests().is_empty());
}
