//! Where a model of a name lies.

use std::path::{Path, PathBuf};

use super::ModelDirectory;
use crate::error::ModelError;

impl ModelDirectory {
    /// Finds a model (see [`locate`](Self::locate)) and opens it.
    ///
    /// # Errors
    /// [`ModelError::ModelMissing`], naming every folder that was tried, and those of
    /// [`ModelDirectory::open`].
    pub fn find(name: &str, folders: &[PathBuf]) -> Result<Self, ModelError> {
        Self::open(&Self::locate(name, folders)?)
    }

    /// Where a model lies: `name` as a folder (or as a file, which opening refuses), else as a
    /// folder of this name in one of `folders`.
    ///
    /// # Errors
    /// [`ModelError::ModelMissing`], naming every folder that was tried.
    pub fn locate(name: &str, folders: &[PathBuf]) -> Result<PathBuf, ModelError> {
        let direct = Path::new(name);
        let is_place = direct.is_file() || (direct.is_dir() && name.contains('/'));
        if direct.join("model_index.json").is_file() || is_place {
            return Ok(direct.to_path_buf());
        }
        let mut candidates = folders.iter().map(|folder| folder.join(name));
        let found = candidates.find(|candidate| candidate.join("model_index.json").is_file());
        found.ok_or_else(|| {
            let searched = std::iter::once(direct.to_path_buf()).chain(folders.iter().cloned());
            ModelError::ModelMissing {
                name: name.into(),
                searched: searched.collect(),
            }
        })
    }
}
