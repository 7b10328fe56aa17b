//! The models that films can be made with. They are known by their names only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

use lb_models::find_models;
use lb_render::ModelDirectory;
use sha2::{Digest as _, Sha256};

use crate::error::ApiError;
use crate::ids::hex;

/// For how long the configuration of a model is not read again.
const FRESH: Duration = Duration::from_secs(2);

/// See the documentation of the module.
#[derive(Debug)]
pub(crate) struct Models {
    folders: Vec<PathBuf>,
    default: String,
    known: Mutex<BTreeMap<String, (Instant, Arc<Model>)>>,
}

/// A model, and what distinguishes it from others of the same name.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) directory: ModelDirectory,
    /// A hash of the names, sizes and times of its files.
    pub(crate) identity: String,
}

impl Models {
    pub(crate) fn new(folders: Vec<PathBuf>, default: String) -> Self {
        Self {
            folders,
            default,
            known: Mutex::default(),
        }
    }

    /// The name of the model of jobs that name none.
    pub(crate) fn default_name(&self) -> &str {
        &self.default
    }

    /// The paths of all models. Of two with the same name, only the first can be chosen.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        let mut names = std::collections::BTreeSet::new();
        let mut paths = find_models(&self.folders);
        paths.retain(|path| names.insert(path.file_name().map(ToOwned::to_owned)));
        paths
    }

    /// The model of this name.
    pub(crate) fn open(&self, name: &str) -> Result<Arc<Model>, ApiError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, model)) = known().get(name)
            && since.elapsed() < FRESH
        {
            return Ok(Arc::clone(model));
        }
        let mut paths = self.folders.iter().map(|folder| folder.join(name));
        let path = paths.find(|path| path.join("model_index.json").is_file());
        let Some(path) = path.filter(|_| crate::job_document::is_model_name(name)) else {
            return Err(ApiError::request(format!(
                "there is no model `{name}` on this machine"
            )));
        };
        let model = Arc::new(Model {
            identity: identity(&path),
            directory: ModelDirectory::open(&path)?,
        });
        known().insert(name.to_owned(), (Instant::now(), Arc::clone(&model)));
        Ok(model)
    }
}

fn identity(folder: &Path) -> String {
    let mut hash = Sha256::new();
    let mut files = Vec::new();
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries(folder) {
        match entry.path().is_dir() {
            true => files.extend(entries(&entry.path()).map(|entry| entry.path())),
            false => files.push(entry.path()),
        }
    }
    files.sort();
    for path in files {
        let Ok(metadata) = path.metadata() else {
            continue;
        };
        let since = metadata.modified().ok();
        let since = since.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let nanoseconds = since.map_or(0, |since| since.as_nanos());
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update(metadata.len().to_le_bytes());
        hash.update(nanoseconds.to_le_bytes());
    }
    hex(&hash.finalize()[..16])
}
