//! Where files are looked for on this machine. This is the only module that reads the environment.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// The folder of TensorRT's engines, in the user's cache folder.
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
    fn look() -> Self {
        // The same folder on every system, also on macOS and Windows.
        let usual = || {
            let home = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
            let cache = non_empty("XDG_CACHE_HOME").map(PathBuf::from);
            let cache = cache.or_else(|| Some(PathBuf::from(non_empty(home)?).join(".cache")));
            Some(cache?.join("huggingface"))
        };
        let home = non_empty("HF_HOME").map(PathBuf::from).or_else(usual);
        let cache = non_empty("HF_HUB_CACHE").map(PathBuf::from);
        let saved = || {
            let named = non_empty("HF_TOKEN_PATH").map(PathBuf::from);
            let path = named.or_else(|| Some(home.as_ref()?.join("token")))?;
            lb_files::read_text(&path, LONGEST_TOKEN).ok()
        };
        let token = text("HF_TOKEN").or_else(saved);
        let token = token.map(|token| token.trim().to_owned());
        Self {
            endpoint: text("HF_ENDPOINT"),
            token: token.filter(|token| !token.is_empty()),
            cache: cache.or_else(|| Some(home.as_ref()?.join("hub"))),
            is_offline: text("HF_HUB_OFFLINE").is_some_and(|value| {
                ["1", "on", "yes", "true"].contains(&&*value.to_ascii_lowercase())
            }),
            certificates: non_empty("SSL_CERT_FILE").map(PathBuf::from),
            stall: text("HF_HUB_DOWNLOAD_TIMEOUT")
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

impl Surroundings {
    pub(crate) fn look() -> Self {
        let hub = HubSurroundings::look();
        let executable = std::env::current_exe()
            .ok()
            .and_then(|path| path.canonicalize().ok());
        let beside = executable.as_deref().and_then(Path::parent);
        let mut runtime_folders = Vec::new();
        let mut model_folders = split_paths("LB_MODELS");
        if let Some(beside) = beside {
            runtime_folders.push(beside.to_path_buf());
            // In a build of this workspace, the program is target/<profile>/lb, and `cargo xtask
            // setup` has put the library into a folder in target/. The GPU build also runs on
            // CPUs.
            runtime_folders.extend(beside.ancestors().skip(1).take(3).flat_map(|above| {
                ["onnxruntime-gpu", "onnxruntime"].map(|folder| above.join(folder))
            }));
            runtime_folders.extend(beside.parent().into_iter().flat_map(packaged_runtimes));
        }
        model_folders.extend(user_data().map(|data| data.join("lb/models")));
        let import_folder = model_folders.first().cloned();
        if let Some(beside) = beside {
            model_folders.extend(beside.ancestors().take(5).map(|above| above.join("models")));
            model_folders.extend(beside.parent().map(packaged_models));
        }
        model_folders.extend(hub.cache.clone());
        model_folders.retain(|folder| folder.is_dir());
        runtime_folders.retain(|folder| folder.is_dir());
        Self {
            runtime_library: non_empty("ORT_DYLIB_PATH").map(PathBuf::from),
            runtime_folders,
            default_model: text("LB_MODEL"),
            model_folders,
            engine_cache: user_cache().map(|cache| cache.join("lb/engines")),
            rates: user_cache().map(|cache| cache.join("lb/rates.json")),
            named_result_cache: non_empty("LB_CACHE_DIR").map(PathBuf::from),
            result_cache: user_cache().map(|cache| cache.join("lb/results")),
            result_cache_size: non_empty("LB_CACHE_SIZE")
                .map(|size| size.to_string_lossy().into_owned()),
            import_folder,
            hub,
            projects: user_data().map(|data| data.join("lb/projects")),
        }
    }
}

/// The models that a package has put into the environment in this folder, whose `bin` or `Scripts` contains
/// the program.
fn packaged_models(environment: &Path) -> PathBuf {
    environment.join("share/lb/models")
}

/// The folders in which pip puts ONNX Runtime's library, for each Python in the environment, the newest
/// first.
fn packaged_runtimes(environment: &Path) -> Vec<PathBuf> {
    let libraries = ["lib", "lib64"].map(|folder| environment.join(folder));
    let entries = libraries.iter().filter_map(|folder| folder.read_dir().ok());
    let names = entries.flatten().flatten().map(|entry| entry.path());
    let version = |folder: &PathBuf| {
        let name = folder.file_name()?.to_str()?;
        name.strip_prefix("python3.")?.parse::<u32>().ok()
    };
    let mut pythons: Vec<(u32, PathBuf)> = names
        .filter_map(|folder| Some((version(&folder)?, folder)))
        .collect();
    pythons.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let pythons = pythons.into_iter().map(|(_, folder)| folder);
    // On Windows, packages are in a folder that belongs to one Python.
    pythons
        .chain([environment.join("Lib")])
        .flat_map(|python| ["site-packages", "dist-packages"].map(|packages| python.join(packages)))
        .map(|packages| packages.join("onnxruntime/capi"))
        .collect()
}

fn non_empty(variable: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(variable).filter(|value| !value.is_empty())
}

/// The value of a variable that is text.
fn text(variable: &str) -> Option<String> {
    non_empty(variable)?.into_string().ok()
}

fn split_paths(variable: &str) -> Vec<PathBuf> {
    non_empty(variable)
        .map(|value| std::env::split_paths(&value).collect())
        .unwrap_or_default()
}

fn user_data() -> Option<PathBuf> {
    user_folder(
        "Library/Application Support",
        "XDG_DATA_HOME",
        ".local/share",
    )
}

fn user_cache() -> Option<PathBuf> {
    user_folder("Library/Caches", "XDG_CACHE_HOME", ".cache")
}

/// A folder of the user: local application data on Windows, and on other systems what is
/// named by the variable (not on macOS) or lies in the home folder.
fn user_folder(mac: &str, variable: &str, usual: &str) -> Option<PathBuf> {
    let named = |variable| non_empty(variable).map(PathBuf::from);
    if cfg!(target_os = "windows") {
        return named("LOCALAPPDATA");
    }
    let at_home = |folder| named("HOME").map(|home| home.join(folder));
    match cfg!(target_os = "macos") {
        true => at_home(mac),
        false => named(variable).or_else(|| at_home(usual)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_runtime_is_looked_for_in_the_newest_python_first() {
        let environment = tempfile::tempdir().unwrap();
        let lib = environment.path().join("lib");
        for python in ["python3.9", "python3.13", "python3.x", "perl5"] {
            fs::create_dir_all(lib.join(python)).unwrap();
        }
        let found = packaged_runtimes(environment.path());
        let expected = ["python3.13", "python3.9"].map(|python| lib.join(python));
        let windows = environment.path().join("Lib");
        let expected = expected.into_iter().chain([windows]).flat_map(|python| {
            ["site-packages", "dist-packages"].map(|at| python.join(at).join("onnxruntime/capi"))
        });
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
}
