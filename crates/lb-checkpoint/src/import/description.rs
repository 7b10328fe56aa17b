//! Collects the small files of a model directory, which describe the model: configurations, scheduler
//! and tokenizer.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::ImportOptions;
use super::infer;
use super::scheduler::{self, Prediction, Scheduler};
use super::source::{ModelWeights, Source};
use super::tokenizer;
use crate::component::Component;
use crate::config::{ConfigFile, pretty};
use crate::error::CheckpointError;
use crate::kind::ModelKind;
use crate::manifest::{self, Manifest};

/// Documents about the model, which are copied along with it: its card, its licence, and the words of the
/// captions that it was trained on.
const NOTICES: [&str; 6] = [
    "README.md",
    "LICENSE",
    "LICENSE.md",
    "LICENSE.txt",
    "NOTICE",
    "words.txt",
];

/// The most bytes of such a document.
const LARGEST_NOTICE: u64 = 4 << 20;

/// The most bytes of a file with tokens, or with pairs of them. Those of CLIP have up to 4 MB.
const LARGEST_VOCABULARY: u64 = 16 << 20;

/// The files of a tokenizer whose vocabulary and merges are in two files.
const TOKENS: &[&str] = &["vocab.json", "merges.txt"];
/// The file of a tokenizer in one file, which transformers writes since version 5.
const TOKENS_IN_ONE_FILE: &[&str] = &["tokenizer.json"];
/// The tokens that were added to a vocabulary.
const ADDED_TOKENS: &str = "added_tokens.json";
/// The files about a tokenizer's special and added tokens, which may be missing.
const FURTHER_TOKENS: [&str; 3] = [
    "special_tokens_map.json",
    "tokenizer_config.json",
    ADDED_TOKENS,
];

/// The small files of a model directory, and what is known about the model from them.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) kind: ModelKind,
    pub(super) prediction: Prediction,
    /// The path of each file, relative to the directory, and its contents.
    pub(super) files: Vec<(PathBuf, Vec<u8>)>,
    /// The configurations, by the names of the components' folders.
    configs: BTreeMap<&'static str, ConfigFile>,
}

impl Description {
    /// Reads the files that exist, and infers the missing ones from the weights.
    pub(super) fn new(
        source: &Source,
        weights: &ModelWeights,
        options: &ImportOptions,
        destination: &Path,
    ) -> Result<Self, CheckpointError> {
        let configuration = options.configuration.as_deref();
        let (prediction, spacing) = (options.prediction, options.timestep_spacing);
        let unet = weights.of(Component::Unet);
        let kind = infer::kind(unet, weights.of(Component::VaeDecoder))?;
        if let Some(folder) = configuration {
            fs::read_dir(folder).map_err(CheckpointError::io("read", folder))?;
        }
        let complete = source.manifest();
        let given = Given {
            configuration,
            complete,
        };
        let open_clip = source.has_open_clip();
        let scheduler = match given.json("scheduler/scheduler_config.json")? {
            Some(settings) => scheduler::given(settings, prediction, spacing),
            None => {
                let told = source.told()?;
                scheduler::inferred(&source.path, kind, open_clip, told, prediction, spacing)
            }
        };
        let Scheduler {
            settings,
            prediction,
        } = scheduler;
        let model = infer::Model {
            kind,
            open_clip,
            predicts_noise: prediction.name == "epsilon",
        };

        let mut files = Vec::new();
        let mut add = |path: &str, json: &Value| files.push((PathBuf::from(path), pretty(json)));
        add("scheduler/scheduler_config.json", &json!(settings));
        let infer: [(Component, infer::Infer); 3] = [
            (Component::TextEncoder, infer::text_encoder),
            (Component::Unet, infer::unet),
            (Component::VaeDecoder, infer::vae),
        ];
        let mut configs = BTreeMap::new();
        for (component, infer) in infer {
            let name = component.source_name();
            let inside = format!("{name}/config.json");
            let separate = weights.vae().filter(|_| component == Component::VaeDecoder);
            let settings = match separate {
                None => given.json(&inside)?,
                Some(vae) => match (&vae.settings, given.path(&inside)) {
                    (Some(settings), _) => Some(settings.clone()),
                    (None, Some(path)) => Some(ConfigFile::open(&path)?.into_settings()),
                    (None, None) => None,
                },
            };
            let settings = match settings {
                Some(settings) => settings,
                None => infer(weights.of(component), model)?
                    .as_object()
                    .cloned()
                    .unwrap_or_default(),
            };
            add(&inside, &json!(settings));
            configs.insert(name, ConfigFile::new(destination.join(inside), settings));
        }
        let index = given.json("model_index.json")?;
        let class = settings.get("_class_name").and_then(Value::as_str);
        let class = class.unwrap_or("DDIMScheduler");
        let index = index.map_or_else(|| infer::model_index(kind, class), Value::Object);
        add("model_index.json", &index);
        let low_resolution = "low_res_scheduler/scheduler_config.json";
        if kind == ModelKind::Upscale {
            let settings = given.json(low_resolution)?;
            let settings = settings.map_or_else(scheduler::low_resolution, Value::Object);
            add(low_resolution, &settings);
        }
        files.extend(given.tokenizer(weights, open_clip)?);
        files.extend(given.notices()?);
        // The model's own defaults come before those that are usual for a model of its kind.
        let defaults = complete.and_then(Manifest::defaults_alone);
        let usual = || scheduler::distilled_defaults(&source.path, &settings);
        let defaults = defaults.or_else(|| Some(manifest::text_of(&usual()?.table())));
        files.extend(defaults.map(|text| (Manifest::FILE.into(), text.into_bytes())));
        Ok(Self {
            kind,
            prediction,
            files,
            configs,
        })
    }

    /// Returns the configuration of a component.
    pub(super) fn config(&self, component: Component) -> &ConfigFile {
        &self.configs[component.source_name()]
    }
}

/// The folders that may contain the small files. A file is taken from the first folder that has it.
struct Given<'p> {
    /// The folder with configurations that the caller names.
    configuration: Option<&'p Path>,
    /// The source, if it is a diffusers directory. It must have all files, as nothing is inferred for it.
    complete: Option<&'p Manifest>,
}

impl Given<'_> {
    fn path(&self, inside: &str) -> Option<PathBuf> {
        let given = self.configuration.map(|folder| folder.join(inside));
        let mut paths = given.into_iter().chain(self.in_source(inside));
        paths.find(|path| path.is_file())
    }

    /// The path of a file in the source, or in the model from which the source takes the file's folder.
    fn in_source(&self, inside: &str) -> Option<PathBuf> {
        let folder = inside.split('/').next().unwrap_or(inside);
        self.complete
            .map(|source| source.home_of(folder).join(inside))
    }

    fn json(&self, inside: &str) -> Result<Option<Map<String, Value>>, CheckpointError> {
        let required = self.in_source(inside);
        let path = self.path(inside).or(required);
        path.map(|path| Ok(ConfigFile::open(&path)?.into_settings()))
            .transpose()
    }

    fn notices(&self) -> Result<Vec<(PathBuf, Vec<u8>)>, CheckpointError> {
        let Some(source) = self.complete else {
            return Ok(Vec::new());
        };
        let folder = source.directory();
        let mut notices = Vec::new();
        for name in NOTICES {
            let path = folder.join(name);
            if path.is_file() {
                let bytes = lb_files::read(&path, LARGEST_NOTICE);
                let bytes = bytes.map_err(CheckpointError::file("read", path))?;
                notices.push((name.into(), bytes));
            }
        }
        Ok(notices)
    }

    fn tokenizer(
        &self,
        weights: &ModelWeights,
        open_clip: bool,
    ) -> Result<Vec<(PathBuf, Vec<u8>)>, CheckpointError> {
        let folder = Path::new("tokenizer");
        let mut files = Vec::new();
        let is_given = |name| self.path(&format!("tokenizer/{name}")).is_some();
        let (two, one) = (is_given(TOKENS[0]), is_given(TOKENS_IN_ONE_FILE[0]));
        if self.complete.is_some() || two || one {
            let tokens = if one && !two {
                TOKENS_IN_ONE_FILE
            } else {
                TOKENS
            };
            // Added tokens may be named by the one file alone.
            let both = TOKENS_IN_ONE_FILE.iter().filter(|_| one && two);
            let optional = FURTHER_TOKENS.iter().filter(|name| is_given(name));
            for name in tokens.iter().chain(both).chain(optional) {
                files.push(self.tokenizer_file(name)?);
            }
            return Ok(files);
        }
        let is_named = is_given(ADDED_TOKENS);
        infer::validate_vocabulary(weights.of(Component::TextEncoder), is_named)?;
        if is_named {
            files.push(self.tokenizer_file(ADDED_TOKENS)?);
        }
        // OpenCLIP pads with token 0, and CLIP with the end token.
        let pad = if open_clip { "!" } else { tokenizer::END };
        let clip = tokenizer::files(pad).map_err(CheckpointError::io("unpack", folder))?;
        let clip = clip.into_iter();
        files.extend(clip.map(|(name, bytes)| (folder.join(name), bytes)));
        Ok(files)
    }

    /// A file of the tokenizer: its path in the model, and its contents.
    fn tokenizer_file(&self, name: &str) -> Result<(PathBuf, Vec<u8>), CheckpointError> {
        let inside = Path::new("tokenizer").join(name);
        let name = inside.to_string_lossy();
        // The folder in which a missing file is reported.
        let missing = self.configuration.map(|folder| folder.join(&inside));
        let path = self.path(&name).or(missing).or(self.in_source(&name));
        let path = path.unwrap_or_else(|| inside.clone());
        let bytes = lb_files::read(&path, LARGEST_VOCABULARY);
        let bytes = bytes.map_err(CheckpointError::file("read", path))?;
        Ok((inside, bytes))
    }
}
