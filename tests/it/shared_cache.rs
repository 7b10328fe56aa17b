//! The cache of downloads that `lb` shares with Python's huggingface_hub. `cargo xtask wheel --try` runs these tests with
//! the Python of an environment that has this package.

use std::path::{Path, PathBuf};
use std::process::Command;

use lb_hub::testing::{Asked, LoopbackHub};
use lb_models::testing::write_tiny_model;

use crate::lb::{Folder, Said};

/// A hub with a tiny model, and a home for what is downloaded.
struct Place {
    folder: Folder,
    hub: LoopbackHub,
    home: PathBuf,
}

impl Place {
    fn new() -> Self {
        let hub = LoopbackHub::start().unwrap();
        let model = tempfile::tempdir().unwrap();
        write_tiny_model("sd21", model.path()).unwrap();
        hub.add_folder("some/model", model.path()).unwrap();
        hub.add("some/model", "unet/unused.safetensors", vec![7; 1000]);
        let folder = Folder::new();
        let home = folder.join("hf");
        Self { folder, hub, home }
    }

    fn prepare(&self, command: &mut Command) {
        let others = [
            "HF_HUB_CACHE",
            "HF_TOKEN",
            "HF_TOKEN_PATH",
            "HF_HUB_OFFLINE",
            "LB_MODELS",
        ];
        others.iter().for_each(|variable| {
            command.env_remove(variable);
        });
        command
            .env("HF_HOME", &self.home)
            .env("HF_ENDPOINT", self.hub.endpoint());
        command
            .env("NO_PROXY", "127.0.0.1")
            .env("HF_HUB_DISABLE_TELEMETRY", "1");
        command.env("XDG_DATA_HOME", self.folder.join("data"));
    }

    fn lb(&self, arguments: &[&str]) -> Said {
        let mut command = self.folder.command(arguments);
        self.prepare(&mut command);
        Said::from(command.output().unwrap())
    }

    /// What a script of Python prints.
    fn python(&self, script: &str) -> String {
        let python = std::env::var_os("LB_HUB_PYTHON");
        let python = python.expect("LB_HUB_PYTHON names a Python with huggingface_hub");
        let mut command = Command::new(python);
        self.prepare(&mut command);
        let said = Said::from(command.args(["-c", script]).output().unwrap());
        assert_eq!(said.code, Some(0), "{}", said.error);
        said.output.trim().to_owned()
    }

    /// The requests that `ask` has led to.
    fn asked<T>(&self, ask: impl FnOnce() -> T) -> (T, Vec<Asked>) {
        let before = self.hub.requests().len();
        let result = ask();
        (result, self.hub.requests().split_off(before))
    }
}

/// Whether a request has asked for the content of a file.
fn is_content(asked: &Asked) -> bool {
    asked.method == "GET" && asked.path.contains("/resolve/")
}

const UNET: &str = "unet/diffusion_pytorch_model.safetensors";

#[test]
#[ignore = "needs a Python with huggingface_hub, which LB_HUB_PYTHON names"]
fn python_finds_what_lb_has_downloaded() {
    let place = Place::new();
    let facts = place.lb(&["pull", "some/model", "--json"]).facts();
    let directory = Path::new(facts["directory"].as_str().unwrap())
        .canonicalize()
        .unwrap();
    let (found, asked) = place.asked(|| {
        place.python(&format!(
            "from huggingface_hub import hf_hub_download, snapshot_download\n\
             print(snapshot_download('some/model', local_files_only=True))\n\
             print(hf_hub_download('some/model', '{UNET}', local_files_only=True))"
        ))
    });
    assert!(asked.is_empty(), "{asked:?}");
    let found: Vec<PathBuf> = found
        .lines()
        .map(|line| Path::new(line).canonicalize().unwrap())
        .collect();
    assert_eq!(found[0], directory);
    assert_eq!(found[1], directory.join(UNET).canonicalize().unwrap());

    // With the hub, Python only asks whether the file has changed.
    let (_, asked) = place.asked(|| {
        place.python(&format!(
            "from huggingface_hub import hf_hub_download, snapshot_download\n\
             print(hf_hub_download('some/model', '{UNET}'))\n\
             snapshot_download('some/model', ignore_patterns=['unet/unused*', 'golden*', 'frames*'])"
        ))
    });
    assert!(
        !asked.is_empty() && !asked.iter().any(is_content),
        "{asked:?}"
    );

    let scanned = place.python(
        "from huggingface_hub import scan_cache_dir\n\
         cache = scan_cache_dir()\n\
         print(len(cache.repos), [str(warning) for warning in cache.warnings])\n\
         for repository in cache.repos:\n    \
             print(repository.repo_id, sorted(repository.refs))",
    );
    assert_eq!(scanned, "1 []\nsome/model ['main']");
}

#[test]
#[ignore = "needs a Python with huggingface_hub, which LB_HUB_PYTHON names"]
fn lb_uses_what_python_has_downloaded() {
    let place = Place::new();
    place.python("from huggingface_hub import snapshot_download; snapshot_download('some/model')");
    let ((), asked) = place.asked(|| {
        let arguments = [
            "--model",
            "some/model",
            "--steps=2",
            "--frames=3",
            "-o",
            "film.gif",
        ];
        let said = place.lb(&[&["render", "ab", "cd"][..], &arguments].concat());
        assert_eq!(said.code, Some(0), "{}", said.error);
        let models = place.lb(&["models"]).output;
        assert!(models.contains("some/model: text to image"), "{models}");
    });
    assert!(asked.is_empty(), "{asked:?}");

    let (facts, asked) = place.asked(|| place.lb(&["pull", "some/model", "--json"]).facts());
    assert_eq!(facts["downloaded"], 0, "{facts}");
    assert!(!asked.iter().any(is_content), "{asked:?}");
}
