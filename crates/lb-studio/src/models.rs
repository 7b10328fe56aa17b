//! The models that films can be made with. They are known by their names only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

use lb_models::{find_models, model_name};
use lb_render::{Job, ModelDirectory, changed_by};
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
    /// Models with the files that jobs add to them, by the paths of all.
    changed: Mutex<BTreeMap<Vec<PathBuf>, Arc<Model>>>,
}

/// How many of the latter are remembered.
const MOST_CHANGED: usize = 64;

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
            changed: Mutex::default(),
        }
    }

    /// The name of the model of jobs that name none.
    pub(crate) fn default_name(&self) -> &str {
        &self.default
    }

    /// The names of all models. Of two with the same name, only the first can be chosen.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = BTreeSet::new();
        let models = find_models(&self.folders).into_iter();
        let named = models.map(|path| model_name(&path));
        named.filter(|name| names.insert(name.clone())).collect()
    }

    /// The model of this name.
    pub(crate) fn open(&self, name: &str) -> Result<Arc<Model>, ApiError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, model)) = known().get(name)
            && since.elapsed() < FRESH
        {
            return Ok(Arc::clone(model));
        }
        let is_name = crate::job_document::is_model_name(name);
        let path = is_name.then(|| ModelDirectory::named(name, &self.folders));
        let Some(path) = path.flatten() else {
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

    /// The model with the VAE decoder and the embeddings of a job, whose LoRAs were found to fit the model.
    pub(crate) fn changed(&self, model: &Arc<Model>, job: &Job) -> Result<Arc<Model>, ApiError> {
        let files = job.vae.iter().map(PathBuf::as_path);
        let mut paths = vec![PathBuf::from(&model.identity)];
        paths.extend(files.chain(job.lora_files()).map(Path::to_owned));
        paths.extend(job.embeddings.iter().map(|at| at.to_string().into()));
        if paths.len() == 1 {
            return Ok(Arc::clone(model));
        }
        let known = || self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(changed) = known().get(&paths) {
            return Ok(Arc::clone(changed));
        }
        let mut directory = model.directory.clone();
        if let Some(vae) = &job.vae {
            directory = directory.with_decoder(vae)?;
        }
        changed_by(job, &directory)?;
        let embeddings = job.embeddings.iter();
        let named = embeddings.map(|embedding| (&embedding.path, embedding.name.clone()));
        let directory = directory.with_embeddings(named)?;
        let changed = Arc::new(Model {
            directory,
            identity: model.identity.clone(),
        });
        let mut known = known();
        if known.len() >= MOST_CHANGED {
            known.clear();
        }
        known.insert(paths, Arc::clone(&changed));
        Ok(changed)
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
