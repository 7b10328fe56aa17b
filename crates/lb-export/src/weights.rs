//! The weights of one component: tensor names → places in one or more safetensors files.

mod facts;
mod single_file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::directory::Component;
use crate::error::ExportError;
use crate::regular_file;
use crate::safetensors::{Dtype, TensorPlace, read_header};
pub use facts::{WeightFacts, weight_facts};

/// File stems under which diffusers and transformers save a component, most usual first.
const STEMS: [&str; 2] = ["diffusion_pytorch_model", "model"];

/// Variants of a stem: full precision first, as diffusers loads it.
const VARIANTS: [&str; 2] = ["", ".fp16"];

/// The same for what torch has pickled.
const PICKLED_STEMS: [&str; 2] = ["diffusion_pytorch_model", "pytorch_model"];

/// The file in a model directory that has the weights of all components which have none of their
/// own: a checkpoint as CompVis' code saves it.
pub(crate) const SINGLE_FILE: &str = "checkpoint.safetensors";

/// A tensor (or some of its rows) as a byte range of a file.
#[derive(Clone, Debug)]
pub(crate) struct StoredTensor {
    /// Index into [`Weights::files`].
    pub(crate) file: usize,
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// Every tensor of a component.
#[derive(Debug)]
pub(crate) struct Weights {
    files: Vec<PathBuf>,
    tensors: BTreeMap<String, (usize, TensorPlace)>,
    /// What an error about a missing tensor points at.
    source: PathBuf,
}

impl Weights {
    /// Opens the weights of a component: those in its folder, else those of the single file.
    pub(crate) fn of_component(
        model_directory: &Path,
        component: Component,
    ) -> Result<Self, ExportError> {
        let folder = model_directory.join(component.source_name());
        match Self::open(&folder) {
            Err(ExportError::NoWeights { folder, expected }) => {
                let single = model_directory.join(SINGLE_FILE);
                if single.is_file() {
                    Self::from_single_file(&single, &read_header(&single)?, component)
                } else if let Some(path) = pickled(&folder) {
                    Err(ExportError::PickledWeights { path })
                } else {
                    let expected = format!("{expected}, or {SINGLE_FILE} in the folder above");
                    Err(ExportError::NoWeights { folder, expected })
                }
            }
            opened => opened,
        }
    }

    /// Weights that will lie in the file of this path.
    pub(crate) fn planned(path: PathBuf, tensors: &BTreeMap<String, TensorPlace>) -> Self {
        let tensors = tensors.iter();
        Self {
            files: vec![path.clone()],
            tensors: tensors
                .map(|(name, place)| (name.clone(), (0, place.clone())))
                .collect(),
            source: path,
        }
    }

    /// Opens the weights in a component's folder: one safetensors file, or an index of shards.
    fn open(folder: &Path) -> Result<Self, ExportError> {
        let mut expected = Vec::new();
        for stem in STEMS {
            for variant in VARIANTS {
                let file = folder.join(format!("{stem}{variant}.safetensors"));
                if file.is_file() {
                    return Self::from_file(file);
                }
                for index in [
                    format!("{stem}.safetensors.index{variant}.json"),
                    format!("{stem}{variant}.safetensors.index.json"),
                ] {
                    let index = folder.join(index);
                    if index.is_file() {
                        return Self::from_index(folder, index);
                    }
                }
                expected.push(format!("{stem}{variant}.safetensors (or its .index.json)"));
            }
        }
        Err(ExportError::NoWeights {
            folder: folder.to_owned(),
            expected: expected.join(", "),
        })
    }

    fn from_file(path: PathBuf) -> Result<Self, ExportError> {
        let tensors = read_header(&path)?;
        let tensors = tensors
            .into_iter()
            .map(|(name, place)| (name, (0, place)))
            .collect();
        Ok(Self {
            files: vec![path.clone()],
            tensors,
            source: path,
        })
    }

    fn from_index(folder: &Path, index: PathBuf) -> Result<Self, ExportError> {
        #[derive(serde::Deserialize)]
        struct Index {
            weight_map: BTreeMap<String, String>,
        }
        let broken = |problem: String| ExportError::Json {
            path: index.clone(),
            problem,
        };
        let text = regular_file::read(&index)?;
        let parsed: Index =
            serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
        let mut shards = BTreeMap::new();
        let mut files = Vec::new();
        let mut tensors = BTreeMap::new();
        for (tensor, shard) in parsed.weight_map {
            if !shards.contains_key(&shard) {
                if !is_plain_file_name(&shard) {
                    return Err(broken(format!(
                        "shard name \"{shard}\" is not a plain file name"
                    )));
                }
                let path = folder.join(&shard);
                shards.insert(shard.clone(), (files.len(), read_header(&path)?));
                files.push(path);
            }
            let (file, places) = &shards[&shard];
            let place = places.get(&tensor).ok_or_else(|| {
                broken(format!(
                    "tensor \"{tensor}\" should be in {shard}, which lacks it"
                ))
            })?;
            tensors.insert(tensor, (*file, place.clone()));
        }
        Ok(Self {
            files,
            tensors,
            source: index,
        })
    }

    /// The files, in the order that [`StoredTensor::file`] counts them.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The files, and the index of them if there is one.
    pub(crate) fn all_files(&self) -> impl Iterator<Item = &Path> {
        let index = Some(&self.source).filter(|source| !self.files.contains(source));
        self.files.iter().chain(index).map(PathBuf::as_path)
    }

    /// What lists the tensors: the one file, or the index of several.
    pub(crate) fn source(&self) -> &Path {
        &self.source
    }

    /// The shape of the tensor of this name.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors
            .get(name)
            .map(|(_, place)| place.shape.as_slice())
    }

    /// Whether any tensor's name begins like this.
    pub(crate) fn any_below(&self, start: &str) -> bool {
        let mut names = self.tensors.range(start.to_owned()..);
        names
            .next()
            .is_some_and(|(name, _)| name.starts_with(start))
    }

    /// Whether there is a tensor of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The tensor of this name, which must have exactly this shape.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<StoredTensor, ExportError> {
        let Some((file, place)) = self.tensors.get(name) else {
            return Err(ExportError::MissingTensor {
                path: self.source.clone(),
                tensor: name.to_owned(),
                expected: shape.to_vec(),
            });
        };
        let path = &self.files[*file];
        let dtype = Dtype::parse(&place.dtype).ok_or_else(|| ExportError::Dtype {
            path: path.clone(),
            tensor: name.to_owned(),
            found: place.dtype.clone(),
        })?;
        if place.shape != shape {
            return Err(ExportError::Shape {
                path: path.clone(),
                tensor: name.to_owned(),
                found: place.shape.clone(),
                expected: shape.to_vec(),
            });
        }
        Ok(StoredTensor {
            file: *file,
            dtype,
            shape: place.shape.clone(),
            offset: place.offset,
            length: place.length,
        })
    }
}

/// The file in a component's folder that torch has pickled its weights into.
fn pickled(folder: &Path) -> Option<PathBuf> {
    let names = PICKLED_STEMS
        .iter()
        .flat_map(|stem| VARIANTS.map(|variant| format!("{stem}{variant}.bin")));
    let mut files = names.map(|name| folder.join(name));
    files.find(|file| file.is_file())
}

/// Whether a name stays in its folder on every system.
fn is_plain_file_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', ':', '\0'])
}
