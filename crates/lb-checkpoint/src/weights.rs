//! The weights of one component: the file and byte range of each of its tensors, in one or more
//! safetensors files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lb_files::FileError;

use crate::component::Component;
use crate::error::CheckpointError;
use crate::manifest::Manifest;
use crate::names::{self, Part, Renamed, UnknownKey};
use crate::safetensors::{Dtype, TensorEntry, read_header};

/// The names, without extensions, under which diffusers and transformers save a component's weights.
const STEMS: [&str; 2] = ["diffusion_pytorch_model", "model"];

/// The suffixes of variants. Full precision comes first, because diffusers prefers it too.
const VARIANTS: [&str; 2] = ["", ".fp16"];

/// The names, without extensions, of weights that torch has pickled.
const PICKLED_STEMS: [&str; 2] = ["diffusion_pytorch_model", "pytorch_model"];

/// The most bytes of an index of shards. One of a thousand tensors has a hundred thousand.
const LARGEST_INDEX: u64 = 16 << 20;

/// The name of a single-file checkpoint in a model directory. It holds the weights of each component
/// whose own folder has none, with the tensor names of CompVis' code.
pub(crate) const SINGLE_FILE: &str = "checkpoint.safetensors";

/// What errors call the decoder of a tiny autoencoder.
pub(crate) const TINY_DECODER: &str = "decoder of AutoencoderTiny (TAESD)";

/// The byte range of a file in which a tensor, or some rows of one, is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTensor {
    /// The file that holds it, as an index into [`Weights::files`].
    pub file: usize,
    /// The number format in which it is stored.
    pub dtype: Dtype,
    /// Its sizes along all axes, the outermost first.
    pub shape: Vec<usize>,
    /// The position of its first byte, counted from the start of the file.
    pub offset: u64,
    /// The number of its bytes.
    pub length: u64,
}

/// Statistics of a component's weights, which are known from the headers of the files alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WeightStatistics {
    /// How many numbers the weights consist of. Buffers of integers, which are not weights, are left out.
    pub parameters: u64,
    /// The size of the component's tensors in bytes.
    pub bytes: u64,
    /// The number formats in which the weights are stored: `F32`, `F16`, `BF16`.
    pub formats: BTreeSet<String>,
    /// The files that hold the weights. They may hold the weights of other components too.
    pub files: Vec<PathBuf>,
}

/// The tensors of a component, with diffusers' names. Where they are stored has been checked against the
/// files, but their numbers have not been read.
#[derive(Clone, Debug)]
pub struct Weights {
    files: Vec<PathBuf>,
    /// For each name, the index of the file and the entry in its header.
    tensors: BTreeMap<String, (usize, TensorEntry)>,
    /// The file that is named in an error about a missing tensor.
    source: PathBuf,
}

impl Weights {
    /// Opens the weights of a component of a model directory.
    ///
    /// They are taken from the component's folder, where they are one safetensors file, or shards with an
    /// index. If it has none, they are taken from `checkpoint.safetensors` in the model directory. If the
    /// model takes the component from another one (see [`Manifest`]), both are looked for there. Only
    /// the headers of the files are read.
    ///
    /// # Errors
    /// Those of [`Manifest::read`];
    /// [`CheckpointError::NoWeights`] or [`CheckpointError::PickledWeights`] if there is no safetensors
    /// file, and other errors if a file cannot be read or is damaged.
    pub fn open(model_directory: &Path, component: Component) -> Result<Self, CheckpointError> {
        let manifest = Manifest::read(model_directory)?;
        let model_directory = manifest.home_of(component.source_name());
        let folder = model_directory.join(component.source_name());
        match Self::from_folder(&folder) {
            Err(CheckpointError::NoWeights { folder, expected }) => {
                let single = model_directory.join(SINGLE_FILE);
                if single.is_file() {
                    Self::from_single_file(&single, &read_header(&single)?, component)
                } else if let Some(path) = pickled_file(&folder) {
                    Err(CheckpointError::PickledWeights { path })
                } else {
                    let expected = format!("{expected}, or {SINGLE_FILE} in the folder above");
                    Err(CheckpointError::NoWeights { folder, expected })
                }
            }
            opened => opened,
        }
    }

    /// Opens the weights in a component's folder, which has no model directory around it.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub(crate) fn in_folder(folder: &Path) -> Result<Self, CheckpointError> {
        match (Self::from_folder(folder), pickled_file(folder)) {
            (Err(CheckpointError::NoWeights { .. }), Some(path)) => {
                Err(CheckpointError::PickledWeights { path })
            }
            (opened, _) => opened,
        }
    }

    /// Opens a file with the weights of an `AutoencoderTiny`, or of its decoder alone, and gives them
    /// diffusers' names. In the file that TAESD's authors publish, the clamping of the latents counts as the
    /// first layer; diffusers does not count it.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] for tensors with other names, and other errors if the file cannot be
    /// read or is damaged.
    pub(crate) fn of_tiny_decoder(path: &Path) -> Result<Self, CheckpointError> {
        let tensors = read_header(path)?;
        if tensors.keys().any(|key| key.starts_with("decoder.layers.")) {
            return Ok(Self::in_one_file(path.to_owned(), tensors));
        }
        let malformed = |problem| CheckpointError::Malformed {
            path: path.to_owned(),
            format: TINY_DECODER,
            problem,
        };
        let mut renamed = BTreeMap::new();
        for (key, entry) in tensors {
            let layer = names::split_number(&key);
            let name = layer.and_then(|(number, rest)| {
                Some(format!("decoder.layers.{}.{rest}", number.checked_sub(1)?))
            });
            let name = name.ok_or_else(|| malformed(match layer {
                Some(_) => "its tensors are those of an encoder".to_owned(),
                None => format!(
                    "it has a tensor \"{key}\"; expected \"decoder.layers.0.weight\" and so on, \
                     or \"1.weight\" and so on"
                ),
            }))?;
            renamed.insert(name, entry);
        }
        Ok(Self::in_one_file(path.to_owned(), renamed))
    }

    /// Describes weights that are in the file at `path`, or will be once it has been written.
    pub(crate) fn in_one_file(path: PathBuf, tensors: BTreeMap<String, TensorEntry>) -> Self {
        let tensors = tensors.into_iter();
        Self {
            files: vec![path.clone()],
            tensors: tensors.map(|(name, entry)| (name, (0, entry))).collect(),
            source: path,
        }
    }

    /// Opens the weights in a component's folder: one safetensors file, or an index of shards.
    fn from_folder(folder: &Path) -> Result<Self, CheckpointError> {
        let mut expected = Vec::new();
        for stem in STEMS {
            for variant in VARIANTS {
                let file = folder.join(format!("{stem}{variant}.safetensors"));
                if file.is_file() {
                    let tensors = read_header(&file)?;
                    return Ok(Self::in_one_file(file, tensors));
                }
                // diffusers and transformers have both changed the position of the variant in this name.
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
        Err(CheckpointError::NoWeights {
            folder: folder.to_owned(),
            expected: expected.join(", "),
        })
    }

    fn from_index(folder: &Path, index: PathBuf) -> Result<Self, CheckpointError> {
        #[derive(serde::Deserialize)]
        struct Index {
            weight_map: BTreeMap<String, String>,
        }
        let broken = |problem: String| CheckpointError::Json {
            path: index.clone(),
            problem,
        };
        let text = lb_files::read(&index, LARGEST_INDEX);
        let text = text.map_err(CheckpointError::file("read", &index))?;
        let parsed: Index =
            serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
        let mut shards = BTreeMap::new();
        let mut files = Vec::new();
        let mut tensors = BTreeMap::new();
        for (tensor, shard) in parsed.weight_map {
            if !shards.contains_key(&shard) {
                if !is_plain_file_name(&shard) {
                    let problem = format!("shard name \"{shard}\" is not a plain file name");
                    return Err(broken(problem));
                }
                let path = folder.join(&shard);
                shards.insert(shard.clone(), (files.len(), read_header(&path)?));
                files.push(path);
            }
            let (file, entries) = &shards[&shard];
            let missing = || format!("tensor \"{tensor}\" should be in {shard}, which lacks it");
            let entry = entries.get(&tensor).ok_or_else(|| broken(missing()))?;
            let entry = entry.clone();
            tensors.insert(tensor, (*file, entry));
        }
        Ok(Self {
            files,
            tensors,
            source: index,
        })
    }

    /// Finds the weights of a component in a checkpoint that holds all components, and gives them
    /// diffusers' names.
    ///
    /// No bytes are moved. A tensor that has another form in diffusers is a range of rows of the stored
    /// one, or the same bytes with another shape.
    pub(crate) fn from_single_file(
        path: &Path,
        tensors: &BTreeMap<String, TensorEntry>,
        component: Component,
    ) -> Result<Self, CheckpointError> {
        let prefixes = names::prefixes(component);
        let is_ours = |key: &str| prefixes.iter().any(|start| key.starts_with(start));
        if !tensors.keys().any(|key| is_ours(key)) {
            return Err(CheckpointError::NoComponent {
                path: path.to_owned(),
                component: component.source_name(),
                expected: prefixes.join("… or "),
            });
        }
        let names = names::rename(component, tensors.keys().map(String::as_str));
        let names = names.map_err(|UnknownKey(key)| {
            let component = component.source_name();
            let problem = format!("does not belong to the {component} of Stable Diffusion 1 or 2");
            CheckpointError::tensor(path, &key, problem)
        })?;
        let mut renamed = BTreeMap::new();
        for (key, parts) in names {
            for Renamed { name, part } in parts {
                let stored = &tensors[key];
                let entry = entry_of_part(stored, part).ok_or_else(|| {
                    let rows = 3 * stored.shape.first().unwrap_or(&1).div_ceil(3);
                    CheckpointError::tensor(path, key, wrong_shape(&stored.shape, &[rows]))
                })?;
                if renamed.insert(name.clone(), entry).is_some() {
                    let problem = format!(
                        "two tensors have the meaning of diffusers' \"{name}\"; one is \"{key}\""
                    );
                    return Err(CheckpointError::Malformed {
                        path: path.to_owned(),
                        format: "safetensors file",
                        problem,
                    });
                }
            }
        }
        Ok(Self::in_one_file(path.to_owned(), renamed))
    }

    /// Returns the files that hold the tensors. [`StoredTensor::file`] is an index into this list.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Returns the files that hold the tensors, and the index of the shards if there is one.
    pub(crate) fn all_files(&self) -> impl Iterator<Item = &Path> {
        let index = Some(&self.source).filter(|source| !self.files.contains(source));
        self.files.iter().chain(index).map(PathBuf::as_path)
    }

    /// Returns the file that lists the tensors: the weight file if there is only one, otherwise the index
    /// of the shards.
    #[must_use]
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// Writes all tensors to a new safetensors file, with the names that they have here. `observe` is called before
    /// each tensor, and can interrupt the writing.
    pub(crate) fn write_safetensors(
        &self,
        target: &Path,
        observe: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<(), CheckpointError> {
        let (mut header, mut end) = (serde_json::Map::new(), 0);
        for (name, (_, entry)) in &self.tensors {
            let begin = end;
            end += entry.length;
            let entry = serde_json::json!({
                "dtype": entry.dtype,
                "shape": entry.shape,
                "data_offsets": [begin, end],
            });
            header.insert(name.clone(), entry);
        }
        let mut header = serde_json::Value::Object(header).to_string().into_bytes();
        header.resize(header.len().next_multiple_of(8), b' ');
        let opened = self.files.iter().map(|path| {
            let file = lb_files::open(path);
            file.map_err(CheckpointError::file("open", path))
        });
        let mut files = opened.collect::<Result<Vec<_>, _>>()?;
        let to = || CheckpointError::io("write", target);
        let mut output = fs::File::create_new(target).map_err(to())?;
        let length = (header.len() as u64).to_le_bytes();
        output.write_all(&length).map_err(to())?;
        output.write_all(&header).map_err(to())?;
        for (file, entry) in self.tensors.values() {
            if observe().is_break() {
                return Err(CheckpointError::Interrupted);
            }
            let from = || CheckpointError::io("read", &self.files[*file]);
            let input = &mut files[*file];
            input.seek(SeekFrom::Start(entry.offset)).map_err(from())?;
            let copied = io::copy(&mut input.take(entry.length), &mut output).map_err(to())?;
            if copied < entry.length {
                return Err(from()(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        output.sync_all().map_err(to())
    }

    /// Returns the names of all tensors in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Returns the shape of the tensor with this name, if there is one.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        let (_, entry) = self.tensors.get(name)?;
        Some(&entry.shape)
    }

    /// Whether any tensor's name begins with `start`.
    pub(crate) fn any_below(&self, start: &str) -> bool {
        let mut names = self.tensors.range(start.to_owned()..);
        let first = names.next();
        first.is_some_and(|(name, _)| name.starts_with(start))
    }

    /// Whether there is a tensor with this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Returns the tensor with this name, which must have exactly this shape.
    ///
    /// # Errors
    /// [`CheckpointError::Tensor`] if it is missing, has another shape, or is not stored as 32-bit or 16-bit
    /// floats.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<StoredTensor, CheckpointError> {
        let Some((file, entry)) = self.tensors.get(name) else {
            let problem = format!("is missing; the configuration calls for shape {shape:?}");
            return Err(CheckpointError::tensor(&self.source, name, problem));
        };
        let wrong = |problem| CheckpointError::tensor(&self.files[*file], name, problem);
        let dtype = Dtype::parse(&entry.dtype).ok_or_else(|| {
            let found = &entry.dtype;
            wrong(format!("is stored as {found}; expected F32, F16 or BF16"))
        })?;
        if entry.shape != shape {
            return Err(wrong(wrong_shape(&entry.shape, shape)));
        }
        Ok(StoredTensor {
            file: *file,
            dtype,
            shape: entry.shape.clone(),
            offset: entry.offset,
            length: entry.length,
        })
    }

    /// Counts the numbers and bytes. The files are not read again.
    #[must_use]
    pub fn statistics(&self) -> WeightStatistics {
        let mut statistics = WeightStatistics {
            parameters: 0,
            bytes: 0,
            formats: BTreeSet::new(),
            files: self.files.clone(),
        };
        for (_, entry) in self.tensors.values() {
            statistics.bytes += entry.length;
            if Dtype::parse(&entry.dtype).is_some() {
                let sides = entry.shape.iter().map(|&side| side as u64);
                statistics.parameters += sides.product::<u64>();
                statistics.formats.insert(entry.dtype.clone());
            }
        }
        statistics
    }
}

fn wrong_shape(found: &[usize], expected: &[usize]) -> String {
    format!("has shape {found:?}; the configuration calls for {expected:?}")
}

/// Returns the byte range and shape of a part of a stored tensor, or `None` if its rows cannot be divided
/// by 3.
fn entry_of_part(whole: &TensorEntry, part: Part) -> Option<TensorEntry> {
    let mut entry = whole.clone();
    match part {
        Part::Whole => {}
        Part::Matrix => {
            if let [outputs, inputs, 1, 1] = *whole.shape {
                entry.shape = vec![outputs, inputs];
            }
        }
        Part::ThirdOfRows(index) => {
            let rows = entry.shape.first_mut()?;
            if !rows.is_multiple_of(3) || !whole.length.is_multiple_of(3) {
                return None;
            }
            *rows /= 3;
            entry.length = whole.length / 3;
            entry.offset = whole.offset + entry.length * index as u64;
        }
    }
    Some(entry)
}

/// Returns the file in a component's folder that holds its weights as torch has pickled them.
fn pickled_file(folder: &Path) -> Option<PathBuf> {
    let with_variants = |stem| VARIANTS.map(|variant| format!("{stem}{variant}.bin"));
    let names = PICKLED_STEMS.into_iter().flat_map(with_variants);
    let mut files = names.map(|name| folder.join(name));
    files.find(|file| file.is_file())
}

/// Whether a path made of a folder and this name stays in the folder on every operating system.
fn is_plain_file_name(name: &str) -> bool {
    let leads_out = name.contains(['/', '\\', ':', '\0']) || lb_files::is_device(name);
    !name.is_empty() && name != "." && name != ".." && !leads_out
}

/// How weights were brought into a folder.
///
/// The variants are ordered by cost. The result of several transfers is the largest of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display)]
pub enum WeightTransfer {
    /// The weights were in the folder already.
    #[strum(serialize = "where they were")]
    Unmoved,
    /// The folder has hard links to the original files, which take no additional space.
    #[strum(serialize = "hard-linked")]
    HardLinked,
    /// The folder has copies, because the file system has no hard links or the weights had to be
    /// converted.
    #[strum(serialize = "copied")]
    Copied,
}

/// Makes `target` a hard link to `file`, or a copy if the file system has no hard links.
///
/// # Errors
/// Copying can fail, for example because there is no space. If `target` exists, it is left as it is, and the
/// error is [`io::ErrorKind::AlreadyExists`].
pub fn link_or_copy(file: &Path, target: &Path) -> io::Result<WeightTransfer> {
    match fs::hard_link(file, target) {
        Ok(()) => return Ok(WeightTransfer::HardLinked),
        // It may be a link to somebody's file, which copying would overwrite.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        Err(_) => {}
    }
    let mut original = lb_files::open(file).map_err(FileError::into_io)?;
    let mut copy = fs::File::create(target)?;
    io::copy(&mut original, &mut copy)?;
    copy.sync_all()?;
    Ok(WeightTransfer::Copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(shape: &[usize], length: u64) -> TensorEntry {
        TensorEntry {
            dtype: "F16".to_owned(),
            shape: shape.to_vec(),
            offset: 100,
            length,
        }
    }

    #[test]
    fn a_fused_projection_is_divided_into_thirds_of_its_rows() {
        let whole = stored(&[6, 5], 60);
        for (index, offset) in [100, 120, 140].into_iter().enumerate() {
            let third = entry_of_part(&whole, Part::ThirdOfRows(index)).unwrap();
            assert_eq!((third.offset, third.length), (offset, 20));
            assert_eq!(third.shape, [2, 5]);
        }
        let third = Part::ThirdOfRows(0);
        assert_eq!(entry_of_part(&stored(&[7, 5], 70), third), None);
        assert_eq!(entry_of_part(&stored(&[], 2), third), None);
    }

    #[test]
    fn only_1x1_convolutions_become_matrices() {
        let matrix = |shape: &[usize]| {
            let entry = entry_of_part(&stored(shape, 0), Part::Matrix).unwrap();
            entry.shape
        };
        assert_eq!(matrix(&[4, 4, 1, 1]), [4, 4]);
        assert_eq!(matrix(&[4, 4]), [4, 4]);
        assert_eq!(matrix(&[4, 4, 3, 3]), [4, 4, 3, 3]);
    }
}
