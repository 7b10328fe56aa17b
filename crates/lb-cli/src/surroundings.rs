//! Where files are looked for on this machine. This is the only module that reads the environment.

mod environment;
mod packages;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::environment::Environment;

/// The folder of packages that belong to no environment of Python, in the user's data folder.
const PACKAGES: &str = "lb/packages";

/// The longest token that is read, in bytes.
const LONGEST_TOKEN: u64 = 10_000;

/// Folders and names that follow from the environment, the executable's folder and the user's home.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    /// The value of `ORT_DYLIB_PATH`: the path of the runtime's library.
    pub(crate) runtime_library: Option<PathBuf>,
    /// Folders that may hold the runtime's library, nearest first.
    pub(crate) runtime_folders: Vec<PathBuf>,
    /// The value of `LB_MODEL`: the model to use if the job names none.
    pub(crate) default_model: Option<String>,
    /// Folders that may hold model directories, nearest first.
    pub(crate) model_folders: Vec<PathBuf>,
    /// The folder of what TensorRT and OpenVINO compile, in the user's cache folder.
    pub(crate) engine_cache: Option<PathBuf>,
    /// The file that records the speed of earlier renders, in the user's cache folder.
    pub(crate) rates: Option<PathBuf>,
    /// The value of `LB_CACHE_DIR`: the folder of the cache that the user asks for.
    pub(crate) named_result_cache: Option<PathBuf>,
    /// The folder of the cache if the user names none, in the user's cache folder.
    pub(crate) result_cache: Option<PathBuf>,
    /// The value of `LB_CACHE_SIZE`: how much the cache may hold.
    pub(crate) result_cache_size: Option<String>,
    /// The folder for imported models: the first one of `LB_MODELS`, or the user's own. It may not
    /// exist yet.
    pub(crate) import_folder: Option<PathBuf>,
    /// The hub from which models are downloaded.
    pub(crate) hub: HubSurroundings,
    /// The folder of the studio's projects, in the user's data folder.
    pub(crate) projects: Option<PathBuf>,
    /// The user's home.
    pub(crate) home: Option<PathBuf>,
}

/// What the environment says about the hub from which models are downloaded, by the variables of Hugging Face's
/// own libraries.
#[derive(Clone)]
pub(crate) struct HubSurroundings {
    /// The value of `HF_ENDPOINT`.
    pub(crate) endpoint: Option<String>,
    /// The user's token: the value of `HF_TOKEN`, or what `hf auth login` has saved.
    pub(crate) token: Option<String>,
    /// The folder of downloads: the value of `HF_HUB_CACHE`, or `hub` in that of `HF_HOME`, which is usually
    /// `huggingface` in the folder `.cache`.
    pub(crate) cache: Option<PathBuf>,
    /// Whether `HF_HUB_OFFLINE` forbids downloads.
    pub(crate) is_offline: bool,
    /// The value of `SSL_CERT_FILE`.
    pub(crate) certificates: Option<PathBuf>,
    /// The value of `HF_HUB_DOWNLOAD_TIMEOUT`, in seconds.
    pub(crate) stall: Option<Duration>,
}

impl HubSurroundings {
    fn look(environment: Environment<'_>) -> Self {
        let home = environment.hugging_face();
        let folder = ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]
            .into_iter()
            .find_map(|variable| environment.path_from_home(variable));
        let saved = || {
            let named = environment.path_from_home("HF_TOKEN_PATH");
            let path = named.or_else(|| Some(home.as_ref()?.join("token")))?;
            lb_files::read_text(&path, LONGEST_TOKEN).ok()
        };
        let token = environment.text("HF_TOKEN").or_else(saved);
        let token = token.map(|token| token.trim().to_owned());
        Self {
            endpoint: environment.text("HF_ENDPOINT"),
            token: token.filter(|token| !token.is_empty()),
            cache: folder.or_else(|| Some(home.as_ref()?.join("hub"))),
            is_offline: environment.text("HF_HUB_OFFLINE").is_some_and(|value| {
                ["1", "on", "yes", "true"].contains(&&*value.to_ascii_lowercase())
            }),
            certificates: environment.path("SSL_CERT_FILE"),
            stall: environment
                .text("HF_HUB_DOWNLOAD_TIMEOUT")
                .and_then(|seconds| seconds.parse().ok())
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
        }
    }
}

impl fmt::Debug for HubSurroundings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HubSurroundings")
            .field("endpoint", &self.endpoint)
            .field("has_token", &self.token.is_some())
            .field("cache", &self.cache)
            .finish_non_exhaustive()
    }
}

/// The folder in which ONNX Runtime is found if pip has been told to put it there (`--target`).
pub(crate) fn package_folder() -> Option<PathBuf> {
    let data = Environment::of_process().user_data()?;
    Some(data.join(PACKAGES))
}

impl Surroundings {
    pub(crate) fn look() -> Self {
        let environment = Environment::of_process();
        let executable = std::env::current_exe().ok();
        let executable = match environment.is_windows() {
            // There a canonical path begins with `\\?\`, and programs are rarely links.
            true => executable,
            false => executable.and_then(|path| path.canonicalize().ok()),
        };
        let mut found = Self::of(environment, executable.as_deref().and_then(Path::parent));
        found.model_folders.retain(|folder| folder.is_dir());
        found.runtime_folders.retain(|folder| folder.is_dir());
        found
    }

    /// What follows from the environment and from the folder of the program, whether it exists or not.
    fn of(environment: Environment<'_>, beside: Option<&Path>) -> Self {
        let hub = HubSurroundings::look(environment);
        let (data, cache) = (environment.user_data(), environment.user_cache());
        let in_data = |path| data.as_ref().map(|data| data.join(path));
        let in_cache = |path| cache.as_ref().map(|cache| cache.join(path));
        let mut runtime_folders = Vec::new();
        let mut model_folders = environment.paths("LB_MODELS");
        model_folders.extend(in_data("lb/models"));
        let import_folder = model_folders.first().cloned();
        if let Some(beside) = beside {
            runtime_folders.push(beside.to_path_buf());
            // In a build of this workspace, the program is target/<profile>/lb, and `cargo xtask
            // setup` has put the library into a folder in target/. The GPU build also runs on
            // CPUs.
            runtime_folders.extend(beside.ancestors().skip(1).take(3).flat_map(|above| {
                ["onnxruntime-gpu", "onnxruntime"].map(|folder| above.join(folder))
            }));
            runtime_folders.extend(packages::runtimes(beside));
            runtime_folders.extend(packages::runtimes_of_tools(environment));
            model_folders.extend(beside.ancestors().take(5).map(|above| above.join("models")));
            model_folders.extend(packages::models(beside));
            model_folders.extend(packages::models_of_tools(environment));
        }
        let packages = in_data(PACKAGES);
        runtime_folders.extend(packages.map(|packages| packages.join(packages::RUNTIME)));
        model_folders.extend(hub.cache.clone());
        Self {
            runtime_library: environment.path("ORT_DYLIB_PATH"),
            runtime_folders,
            default_model: environment.text("LB_MODEL"),
            model_folders,
            engine_cache: in_cache("lb/engines"),
            rates: in_cache("lb/rates.json"),
            named_result_cache: environment.path("LB_CACHE_DIR"),
            result_cache: in_cache("lb/results"),
            result_cache_size: environment
                .non_empty("LB_CACHE_SIZE")
                .map(|size| size.to_string_lossy().into_owned()),
            import_folder,
            hub,
            projects: in_data("lb/projects"),
            home: environment.home(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::environment::tests::with;
    use super::*;

    #[test]
    fn models_of_the_user_come_before_those_of_the_program() {
        let variables = [("HOME", "/home/me"), ("HF_HUB_CACHE", "~/hub")];
        let found = with("linux", &variables, |linux| {
            Surroundings::of(linux, Some("/env/bin".as_ref()))
        });
        let import = "/home/me/.local/share/lb/models";
        assert_eq!(found.import_folder.as_deref(), Some(Path::new(import)));
        assert_eq!(found.hub.cache.as_deref(), Some(Path::new("/home/me/hub")));
        let position = |path: &str| {
            let mut folders = found.model_folders.iter();
            folders
                .position(|folder| folder == Path::new(path))
                .unwrap()
        };
        assert!(position(import) < position("/env/bin/models"));
        assert!(position("/env/bin/models") < position("/env/share/lb/models"));
        assert!(position("/env/share/lb/models") < position("/home/me/hub"));
        assert_eq!(found.runtime_folders[0], Path::new("/env/bin"));
    }
}
