//! What lies in a folder of models: found, described, and told what is wrong, without loading.

mod files;
mod licence;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lb_blend::NoiseScheduleConfig;
use lb_checkpoint::{Component, Weights, read_settings};

use crate::directory::{ModelDirectory, graph_of};
use crate::kind::ModelKind;
use crate::tokenizer::Tokenizer;
pub use files::find_models;

/// What a model directory holds, as far as it can be told. Nothing that is wrong with it keeps the
/// rest from being told.
#[derive(Clone, Debug)]
pub struct ModelInspection {
    /// The name of the folder.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// What its configurations say, where all of them can be read.
    pub configuration: Option<ModelConfiguration>,
    /// The networks: text encoder, UNet, autoencoder.
    pub components: Vec<ComponentInspection>,
    /// Size of the networks' files; a file that several share counts once.
    pub bytes: u64,
    /// As its `README.md` or its licence file has it.
    pub licence: Option<String>,
    /// What is missing or broken; nothing where the model can be used.
    pub problems: Vec<String>,
}

/// What a model's configurations say.
#[derive(Clone, Debug)]
pub struct ModelConfiguration {
    /// What it is made for.
    pub kind: ModelKind,
    /// The major version of Stable Diffusion whose layers it has: 1 or 2.
    pub generation: u8,
    /// Width and height of the pictures that it was trained with, in pixels.
    pub default_side: usize,
    /// What sides of its pictures are multiples of, in pixels.
    pub side_multiple: usize,
    /// The scheduler that the directory names, as diffusers calls it.
    pub scheduler: Option<String>,
    /// The noise that it was trained with, and what it predicts of it.
    pub schedule: NoiseScheduleConfig,
    /// Tokens of the vocabulary, where the tokenizer can be read.
    pub vocabulary: Option<usize>,
    /// Tokens of a prompt.
    pub text_length: usize,
}

/// One network of a model.
#[derive(Clone, Debug)]
pub struct ComponentInspection {
    /// Its folder, as diffusers calls it.
    pub name: &'static str,
    /// How many numbers its weights have; none where there are only ONNX graphs.
    pub parameters: Option<u64>,
    /// The number formats of its weights, as safetensors files call them.
    pub formats: BTreeSet<String>,
    /// Size of its tensors, or of its graphs' files.
    pub bytes: u64,
}

impl ModelInspection {
    /// Looks at the model directory at `path`. Reads configurations and the headers of weights.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let mut problems = Vec::new();
        let directory = ModelDirectory::open(path);
        let directory = directory.map_err(|error| problems.push(error.to_string()));
        let configuration = directory
            .as_ref()
            .ok()
            .map(|directory| ModelConfiguration::of(directory, &mut problems));
        let mut components = Vec::new();
        let mut counted = BTreeSet::new();
        let mut bytes = 0;
        for component in [
            Component::TextEncoder,
            Component::Unet,
            Component::VaeDecoder,
        ] {
            let (inspected, files) = inspect(path, component);
            components.push(inspected);
            let new = files
                .into_iter()
                .filter(|file| counted.insert(file.clone()));
            bytes += new.map(|file| files::size(&file)).sum::<u64>();
        }
        for component in Component::ALL {
            let problem = graph_of(path, component, &lb_export::ExportOptions::default())
                .err()
                .map(|error| error.to_string());
            problems.extend(problem.filter(|problem| !problems.contains(problem)));
        }
        Self {
            name: files::name(path),
            path: path.to_owned(),
            configuration,
            components,
            bytes,
            licence: licence::of(path),
            problems,
        }
    }

    /// Number formats of all weights.
    #[must_use]
    pub fn formats(&self) -> BTreeSet<&str> {
        let formats = self.components.iter().flat_map(|part| &part.formats);
        formats.map(String::as_str).collect()
    }
}

impl ModelConfiguration {
    fn of(directory: &ModelDirectory, problems: &mut Vec<String>) -> Self {
        let setting = |file: &str, key: &str| {
            let settings = read_settings(&directory.path().join(file)).ok()?;
            settings.get(key).cloned()
        };
        // Linear projections in the transformers came with the second version.
        let linear = setting("unet/config.json", "use_linear_projection");
        let class = setting("scheduler/scheduler_config.json", "_class_name");
        let tokenizer = Tokenizer::open(&directory.tokenizer_folder(), directory.text_length());
        let vocabulary = match tokenizer {
            Ok(tokenizer) => Some(tokenizer.vocabulary_size()),
            Err(error) => {
                problems.push(error.to_string());
                None
            }
        };
        Self {
            kind: directory.kind(),
            generation: if linear == Some(true.into()) { 2 } else { 1 },
            default_side: directory.default_side(),
            side_multiple: directory.side_multiple(),
            scheduler: class.and_then(|class| class.as_str().map(str::to_owned)),
            schedule: directory.schedule().clone(),
            vocabulary,
            text_length: directory.text_length(),
        }
    }
}

/// A component, and the files that it lies in.
fn inspect(path: &Path, component: Component) -> (ComponentInspection, Vec<PathBuf>) {
    let name = component.source_name();
    if let Ok(weights) = Weights::open(path, component) {
        let facts = weights.facts();
        let inspected = ComponentInspection {
            name,
            parameters: Some(facts.parameters),
            formats: facts.formats,
            bytes: facts.bytes,
        };
        return (inspected, facts.files);
    }
    let files = files::graph_files(path, component);
    let inspected = ComponentInspection {
        name,
        parameters: None,
        formats: BTreeSet::new(),
        bytes: files.iter().map(|file| files::size(file)).sum(),
    };
    (inspected, files)
}
