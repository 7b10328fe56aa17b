//! Folders and files of models.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lb_checkpoint::Component;

/// The model directories in `folders`, by folder and then by name; a folder that is given twice is
/// looked into once. What has no `model_index.json` but a UNet is one too: a broken one.
#[must_use]
pub fn find_models(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for folder in folders {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut candidates: Vec<_> = entries.map(|entry| entry.path()).collect();
        candidates.retain(|path| is_visible(path) && is_model(path));
        candidates.sort();
        candidates.retain(|path| match path.canonicalize() {
            Ok(place) => seen.insert(place),
            Err(_) => false,
        });
        found.append(&mut candidates);
    }
    found
}

/// An import under way lies under a name with a dot in front.
fn is_visible(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    !name.to_string_lossy().starts_with('.')
}

fn is_model(path: &Path) -> bool {
    path.join("model_index.json").is_file() || path.join("unet/config.json").is_file()
}

/// The name of a folder, also of `.`.
pub(super) fn name(path: &Path) -> String {
    let full = path.canonicalize();
    let name = full.as_deref().unwrap_or(path).file_name();
    name.unwrap_or_default().to_string_lossy().into_owned()
}

/// The files in the folders of a component's graphs, where it has no weights beside them.
pub(super) fn graph_files(path: &Path, component: Component) -> Vec<PathBuf> {
    let graphs = Component::ALL
        .into_iter()
        .filter(|other| other.source_name() == component.source_name());
    let folders = graphs.map(|graph| path.join(graph.directory_name()));
    let entries = folders.flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
    let files = entries.flatten().map(|entry| entry.path());
    files.filter(|file| file.is_file()).collect()
}

pub(super) fn size(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.len())
}
