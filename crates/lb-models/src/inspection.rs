//! What is in a folder of models, and what is wrong with it, without loading anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lb_checkpoint::{Component, ConfigFile, Manifest, Weights};
use lb_export::ExportOptions;
use lb_hub::HubCache;
use serde_json::Value;

use crate::directory::{ModelDirectory, model_name};
use crate::graph_source::GraphSource;
use crate::tokenizer::Tokenizer;

/// Files that can hold a model's licence, in the order in which they are tried.
const LICENCE_FILES: [&str; 3] = ["LICENSE", "LICENSE.md", "LICENSE.txt"];

/// How much of a licence file's first line is shown, in characters: a longer line is no title.
const LONGEST_TITLE: usize = 80;

/// The most bytes of a model card or a licence that is read.
const LARGEST_NOTICE: u64 = 4 << 20;

/// The model directories in `folders`, in the order of the folders and then by name. A folder that is
/// given twice is searched once. In one that is a cache of Hugging Face, the main branches of models count. A directory with a UNet but without `model_index.json` is listed too,
/// so that an inspection can say what is wrong with it.
#[must_use]
pub fn find_models(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for folder in folders {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut candidates: Vec<_> = entries.map(|entry| entry.path()).collect();
        candidates.retain(|path| is_visible(path) && is_model(path));
        candidates.sort();
        let downloaded = HubCache::new(folder).snapshots().into_iter();
        candidates.extend(
            downloaded
                .map(|(_, path)| path)
                .filter(|path| is_model(path)),
        );
        candidates.retain(|path| match path.canonicalize() {
            Ok(full) => seen.insert(full),
            Err(_) => false,
        });
        found.append(&mut candidates);
    }
    found
}

/// What a model directory holds, as far as it can be found out. Whatever is wrong with a part of it,
/// the other parts are described all the same.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ModelInspection {
    /// The name of the folder.
    pub name: String,
    /// The path of the folder.
    pub path: PathBuf,
    /// The content of its configurations; `None` if one of them cannot be read.
    pub configuration: Option<ModelConfiguration>,
    /// The networks: text encoder, UNet, autoencoder.
    pub components: Vec<ComponentInspection>,
    /// Size of the networks' files in bytes. A file that several networks share counts once.
    pub bytes: u64,
    /// The name of the licence, from `README.md` or a licence file.
    pub licence: Option<String>,
    /// What is missing or broken; empty if the model can be used.
    pub problems: Vec<String>,
}

/// The content of a model's configurations.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ModelConfiguration {
    /// The model directory: kind, sizes of pictures and prompts, and noise schedule.
    pub directory: ModelDirectory,
    /// The major version of Stable Diffusion whose layers it has: 1 or 2.
    pub generation: u8,
    /// diffusers' name of the scheduler, if the directory names one.
    pub scheduler: Option<String>,
    /// The number of tokens in the vocabulary; `None` if the tokenizer cannot be read.
    pub vocabulary: Option<usize>,
}

/// One network of a model.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ComponentInspection {
    /// diffusers' name of its folder.
    pub name: &'static str,
    /// The number of its parameters; `None` if there are only ONNX graphs.
    pub parameters: Option<u64>,
    /// The number formats of its weights, by the names that safetensors files use.
    pub formats: BTreeSet<String>,
    /// Size of its tensors, or of its graphs' files, in bytes.
    pub bytes: u64,
}

impl ModelInspection {
    /// Looks at the model directory at `path`. Only configurations and the headers of weights are
    /// read.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let mut problems = Vec::new();
        let configuration = match ModelDirectory::open(path) {
            Ok(directory) => Some(ModelConfiguration::of(directory, &mut problems)),
            Err(error) => {
                problems.push(error.to_string());
                None
            }
        };
        let mut components = Vec::new();
        let mut counted = BTreeSet::new();
        for component in [
            Component::TextEncoder,
            Component::Unet,
            Component::VaeDecoder,
        ] {
            let (inspected, files) = inspect(path, component);
            components.push(inspected);
            counted.extend(files);
        }
        for component in Component::ALL {
            let found = GraphSource::find(path, component, &[], &ExportOptions::default());
            let problem = found.err().map(|error| error.to_string());
            problems.extend(problem.filter(|problem| !problems.contains(problem)));
        }
        Self {
            name: model_name(path),
            path: path.to_owned(),
            configuration,
            components,
            bytes: counted.iter().map(|file| size_of(file)).sum(),
            licence: licence_of(path),
            problems,
        }
    }

    /// The number formats of all weights.
    #[must_use]
    pub fn formats(&self) -> BTreeSet<&str> {
        let formats = self.components.iter().flat_map(|part| &part.formats);
        formats.map(String::as_str).collect()
    }
}

impl ModelConfiguration {
    fn of(directory: ModelDirectory, problems: &mut Vec<String>) -> Self {
        let setting = |file: &str, key: &str| {
            let file = ConfigFile::open(&directory.path.join(file)).ok()?;
            file.settings().get(key).cloned()
        };
        // Stable Diffusion 2 introduced linear projections in the transformers.
        let is_linear = setting("unet/config.json", "use_linear_projection");
        let scheduler = setting("scheduler/scheduler_config.json", "_class_name");
        let tokenizer = Tokenizer::of(&directory);
        let tokenizer = tokenizer.map_err(|error| problems.push(error.to_string()));
        Self {
            generation: if is_linear == Some(Value::Bool(true)) {
                2
            } else {
                1
            },
            scheduler: scheduler.and_then(|class| class.as_str().map(str::to_owned)),
            vocabulary: tokenizer.ok().map(|tokenizer| tokenizer.vocabulary_size()),
            directory,
        }
    }
}

/// Describes a component, and lists its files.
fn inspect(path: &Path, component: Component) -> (ComponentInspection, Vec<PathBuf>) {
    let name = component.source_name();
    if let Ok(weights) = Weights::open(path, component) {
        let statistics = weights.statistics();
        let inspected = ComponentInspection {
            name,
            parameters: Some(statistics.parameters),
            formats: statistics.formats,
            bytes: statistics.bytes,
        };
        return (inspected, statistics.files);
    }
    let manifest = Manifest::read(path);
    let home = manifest.as_ref().map_or(path, |found| found.home_of(name));
    let files = graph_files(home, component);
    let inspected = ComponentInspection {
        name,
        parameters: None,
        formats: BTreeSet::new(),
        bytes: files.iter().map(|file| size_of(file)).sum(),
    };
    (inspected, files)
}

/// Whether the name does not start with a dot, as that of an unfinished import does.
fn is_visible(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    !name.to_string_lossy().starts_with('.')
}

fn is_model(path: &Path) -> bool {
    path.join("model_index.json").is_file() || path.join("unet/config.json").is_file()
}

/// The files in the folders of a component's graphs, for a component without weights.
fn graph_files(path: &Path, component: Component) -> Vec<PathBuf> {
    let mut parts = Component::ALL.to_vec();
    parts.retain(|part| part.source_name() == component.source_name());
    let folders = parts.iter().map(|part| path.join(part.directory_name()));
    let entries = folders.flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
    let files = entries.flatten().map(|entry| entry.path());
    files.filter(|file| file.is_file()).collect()
}

/// The size of a file in bytes; 0 if it cannot be looked at.
fn size_of(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.len())
}

/// The licence that the front matter of `README.md` names, else the first line of a licence file.
fn licence_of(folder: &Path) -> Option<String> {
    let read = |name: &str| {
        let path = folder.join(name);
        let bytes = lb_files::read(&path, LARGEST_NOTICE).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let named = read("README.md").and_then(|text| front_matter(&text));
    let mut files = LICENCE_FILES.into_iter();
    named.or_else(|| files.find_map(|name| title(&read(name)?)))
}

/// The value of `license:` between the two lines of dashes that a model card begins with, or of
/// `license_name:` if the former is just "other".
fn front_matter(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim_end);
    lines.next().filter(|line| *line == "---")?;
    let lines: Vec<_> = lines.take_while(|line| *line != "---").collect();
    let value = |key: &str| {
        let mut values = lines.iter().filter_map(|line| line.strip_prefix(key));
        let value = values.next()?.trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    };
    match value("license:") {
        Some(other) if other == "other" => value("license_name:").or(Some(other)),
        named => named,
    }
}

/// The first line that is not empty, without the marks of a heading.
fn title(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let line = line.trim_start_matches(['#', ' ']);
    Some(line.chars().take(LONGEST_TITLE).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_cards_name_their_licence() {
        let card = "---\nlicense: openrail++\ntags:\n- art\n---\n# A model\nlicense: mine";
        assert_eq!(front_matter(card).as_deref(), Some("openrail++"));
        let other = "---\nlicense: other\nlicense_name: \"my-own\"\n---\n";
        assert_eq!(front_matter(other).as_deref(), Some("my-own"));
        for none in [
            "",
            "license: mit",
            "---\ntags:\n---\nlicense: mit",
            "---\nlicense:\n---",
        ] {
            assert_eq!(front_matter(none), None, "{none}");
        }
        assert_eq!(
            title("\n# MIT License\n\nCopyright").as_deref(),
            Some("MIT License")
        );
    }
}
