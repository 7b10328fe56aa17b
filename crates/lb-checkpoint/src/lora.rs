//! LoRAs: low-rank changes of a model's layers, as they are published.
//!
//! A LoRA has two small matrices for each layer that it changes: with them the layer computes
//! W·x + s·(alpha / rank)·up·(down·x), where s is the strength. Unlike a model's weights, which a runtime maps,
//! these numbers are read, because a graph contains them.

mod names;
mod other;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::names::{Key, Role};
pub(crate) use self::other::{family_of_text_width, known_kind};
use crate::component::Component;
use crate::error::CheckpointError;
use crate::safetensors::{Dtype, read_header_with_metadata};
use crate::tensor_file::{TensorFile, floats};

/// The most tensors of a file. One that changes every layer of Stable Diffusion has about two thousand.
const MOST_TENSORS: usize = 10_000;

/// The low-rank changes of one file, which is not larger than [`Lora::LARGEST_FILE`].
#[derive(Clone, Debug)]
pub struct Lora {
    path: PathBuf,
    metadata: BTreeMap<String, String>,
    layers: BTreeMap<(Component, String), LoraLayer>,
}

/// The change of one layer.
#[derive(Clone, PartialEq, Debug)]
pub struct LoraLayer {
    /// The name that the layer has in the file.
    name: String,
    /// The numbers that come between the two matrices.
    rank: usize,
    /// What the change is multiplied by besides its strength: alpha / rank.
    scale: f32,
    down: Matrix,
    up: Matrix,
}

/// A tensor as it is stored. All sides but the first are those of one row.
#[derive(Clone, PartialEq, Debug)]
struct Matrix {
    shape: Vec<usize>,
    dtype: Dtype,
    bytes: Vec<u8>,
}

impl Lora {
    /// The largest file of a LoRA that is read, in bytes. One of rank 128 that changes every layer of
    /// Stable Diffusion has about 300 million.
    pub const LARGEST_FILE: u64 = 512 << 20;

    /// Reads a LoRA: a safetensors file, or a file that torch has pickled, of which nothing is run. The names
    /// of its tensors may be those of Kohya's scripts, or those of diffusers and PEFT, old or new.
    ///
    /// # Errors
    /// [`CheckpointError::UnsupportedLora`] for a file with something else in it, such as a LoHa or a
    /// LoRA for another family of models, which is named; [`CheckpointError::Tensor`] for a tensor that
    /// does not fit its pair; and other errors if the file cannot be read or is damaged.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        let too_large = |length| {
            let reason = format!(
                "a file of {length} bytes, and a LoRA has at most {}",
                Self::LARGEST_FILE
            );
            unsupported(path, &reason)
        };
        let file = TensorFile::open(path, Self::LARGEST_FILE, too_large)?;
        Tensors::new(file)?.lora()
    }

    /// What a safetensors file says about itself. Only its header is read, so it need not be a LoRA. `None` for
    /// any other file.
    #[must_use]
    pub fn read_metadata(path: &Path) -> Option<BTreeMap<String, String>> {
        Some(read_header_with_metadata(path).ok()?.1)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a safetensors file says about itself. A pickled one says nothing.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Whether it changes any layer of this component.
    #[must_use]
    pub fn changes(&self, component: Component) -> bool {
        self.layers_of(component).next().is_some()
    }

    /// The change of the layer that diffusers and transformers call `name`, if there is one. The text
    /// encoder's names may begin with `text_model.` or not.
    #[must_use]
    pub fn layer(&self, component: Component, name: &str) -> Option<&LoraLayer> {
        self.layers
            .get(&(component, Self::layer_name(component, name)))
    }

    /// The name by which [`Self::layers_of`] calls a layer of diffusers or transformers: with `_` for every dot,
    /// and in the text encoder without `text_model.`.
    #[must_use]
    pub fn layer_name(component: Component, name: &str) -> String {
        names::without_dots(component, name)
    }

    /// The changed layers of a component: the [name](Self::layer_name) of each, and its change.
    pub fn layers_of(&self, component: Component) -> impl Iterator<Item = (&str, &LoraLayer)> {
        let layers = self.layers.iter();
        layers
            .filter(move |((of, _), _)| *of == component)
            .map(|((_, name), layer)| (name.as_str(), layer))
    }

    /// How many numbers its matrices have.
    #[must_use]
    pub fn numbers(&self) -> usize {
        let layers = self.layers.values();
        layers.map(|at| at.down.len() + at.up.len()).sum()
    }

    /// The error for a layer that a model does not have.
    #[must_use]
    pub fn unknown_layer(&self, component: Component, layer: &LoraLayer) -> CheckpointError {
        let component = component.source_name();
        let family = other::family_of_text_width(self.text_width())
            .map_or(String::new(), |family| {
                format!("; the file is for {family}")
            });
        let problem = format!("changes a layer that the model's {component} does not have{family}");
        CheckpointError::tensor(&self.path, &layer.name, problem)
    }

    /// The width of the text embeddings that its cross-attention reads, if it changes any.
    fn text_width(&self) -> Option<usize> {
        let mut layers = self.layers_of(Component::Unet);
        let (_, layer) = layers.find(|(name, _)| name.ends_with("attn2_to_k"))?;
        Some(layer.down.row_length())
    }

    /// The error for a change of a layer of another shape than the model's.
    fn wrong_shape(
        &self,
        layer: &LoraLayer,
        found: [usize; 2],
        expected: [usize; 2],
    ) -> CheckpointError {
        let [outputs, inputs] = found;
        let [expected_outputs, expected_inputs] = expected;
        let family = other::family_of_text_width(self.text_width())
            .map_or(String::new(), |family| {
                format!("; the file is for {family}")
            });
        let problem = format!(
            "changes a layer of {inputs} inputs and {outputs} outputs; the model's has \
             {expected_inputs} and {expected_outputs}{family}"
        );
        CheckpointError::tensor(&self.path, &layer.name, problem)
    }

    /// The two matrices of a layer as 32-bit floats, for a layer with these outputs, and these inputs that
    /// meet one of its kernels (a linear layer's inputs, or channels × height × width of a convolution's
    /// kernel). The first is `[rank, inputs]`. The second is `[outputs, rank]`, and is multiplied by
    /// alpha / rank.
    ///
    /// # Errors
    /// [`CheckpointError::Tensor`] if the change is one of a layer of another shape.
    pub fn matrices(
        &self,
        layer: &LoraLayer,
        outputs: usize,
        inputs: usize,
    ) -> Result<[Vec<f32>; 2], CheckpointError> {
        let found = [layer.up.shape[0], layer.down.row_length()];
        if found != [outputs, inputs] {
            return Err(self.wrong_shape(layer, found, [outputs, inputs]));
        }
        let mut up = layer.up.values();
        for value in &mut up {
            *value *= layer.scale;
        }
        Ok([layer.down.values(), up])
    }
}

impl LoraLayer {
    /// The numbers that come between the two matrices.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }
}

impl Matrix {
    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    fn row_length(&self) -> usize {
        self.shape[1..].iter().product()
    }

    fn values(&self) -> Vec<f32> {
        floats(self.dtype, &self.bytes)
    }
}

/// The tensors of a file that may be a LoRA.
struct Tensors {
    file: TensorFile,
}

/// The tensors of one layer: the names that they have in the file.
#[derive(Default)]
struct Pair {
    down: Option<String>,
    up: Option<String>,
    alpha: Option<String>,
}

impl Tensors {
    fn new(file: TensorFile) -> Result<Self, CheckpointError> {
        let count = file.entries.len();
        if count > MOST_TENSORS {
            let found = format!("a file of {count} tensors, and a LoRA has at most {MOST_TENSORS}");
            return Err(unsupported(&file.path, &found));
        }
        match other::found_in(&file.entries) {
            Some(found) => Err(unsupported(&file.path, &found)),
            None => Ok(Self { file }),
        }
    }

    fn lora(&mut self) -> Result<Lora, CheckpointError> {
        let mut pairs: BTreeMap<(Component, String), Pair> = BTreeMap::new();
        for name in self.file.entries.keys() {
            let key = Key::parse(name).ok_or_else(|| {
                let problem = "does not belong to a LoRA of Stable Diffusion 1 or 2".into();
                CheckpointError::tensor(&self.file.path, name, problem)
            })?;
            let pair = pairs.entry((key.component, key.layer)).or_default();
            let place = match key.role {
                Role::Down => &mut pair.down,
                Role::Up => &mut pair.up,
                Role::Alpha => &mut pair.alpha,
            };
            if let Some(other) = place.replace(name.clone()) {
                let problem = format!("has the same meaning as \"{other}\"");
                return Err(CheckpointError::tensor(&self.file.path, name, problem));
            }
        }
        let scales = Scales::read(&self.file.metadata);
        for pair in pairs.values() {
            self.validate(pair)?;
        }
        let mut layers = BTreeMap::new();
        for ((component, layer), pair) in pairs {
            let change = self.layer(pair, &scales, component, &layer)?;
            layers.insert((component, layer), change);
        }
        if layers.is_empty() {
            return Err(unsupported(&self.file.path, "a file without any layer"));
        }
        Ok(Lora {
            path: self.file.path.clone(),
            metadata: std::mem::take(&mut self.file.metadata),
            layers,
        })
    }

    /// Checks a layer's matrices against each other, and returns their names and the rank. No number is read.
    fn validate<'p>(&self, pair: &'p Pair) -> Result<(&'p str, &'p str, usize), CheckpointError> {
        let wrong =
            |name: &str, problem: String| CheckpointError::tensor(&self.file.path, name, problem);
        let (down, up) = match (&pair.down, &pair.up, &pair.alpha) {
            (Some(down), Some(up), _) => (down, up),
            (Some(alone), ..) | (_, Some(alone), _) => {
                return Err(wrong(alone, "lacks the other matrix of its layer".into()));
            }
            (.., alpha) => {
                let alone = alpha.as_deref().unwrap_or_default();
                return Err(wrong(alone, "belongs to no matrix".into()));
            }
        };
        let (down_shape, up_shape) = (self.matrix_shape(down)?, self.matrix_shape(up)?);
        let is_matrix = |shape: &[usize]| matches!(shape.len(), 2 | 4) && !shape.contains(&0);
        if !is_matrix(&down_shape) {
            let problem = format!(
                "has shape {down_shape:?}; a matrix or the kernels of a convolution are expected"
            );
            return Err(wrong(down, problem));
        }
        let rank = down_shape[0];
        if !is_matrix(&up_shape) || up_shape[1..].iter().product::<usize>() != rank {
            let problem = format!("has shape {up_shape:?}; \"{down}\" has the rank {rank}");
            return Err(wrong(up, problem));
        }
        Ok((down, up, rank))
    }

    fn layer(
        &mut self,
        pair: Pair,
        scales: &Scales,
        component: Component,
        layer: &str,
    ) -> Result<LoraLayer, CheckpointError> {
        let (down, up, rank) = self.validate(&pair)?;
        let alpha = match &pair.alpha {
            Some(name) => Some(self.number(name)?),
            None => scales.alpha(component, layer),
        };
        let divisor = match scales.by_root {
            true => (rank as f32).sqrt(),
            false => rank as f32,
        };
        let scale = match alpha {
            None | Some(0.0) => 1.0,
            Some(alpha) => alpha / divisor,
        };
        Ok(LoraLayer {
            name: down.to_owned(),
            rank,
            scale,
            down: self.matrix(down)?,
            up: self.matrix(up)?,
        })
    }

    fn matrix_shape(&self, name: &str) -> Result<Vec<usize>, CheckpointError> {
        self.file.format(name)?;
        Ok(self.file.entries[name].shape.clone())
    }

    fn matrix(&mut self, name: &str) -> Result<Matrix, CheckpointError> {
        Ok(Matrix {
            dtype: self.file.format(name)?,
            shape: self.matrix_shape(name)?,
            bytes: self.file.bytes(name)?,
        })
    }

    /// A tensor that is a single number.
    fn number(&mut self, name: &str) -> Result<f32, CheckpointError> {
        let entry = &self.file.entries[name];
        let (shape, format) = (entry.shape.clone(), entry.dtype.clone());
        let bytes = match shape.iter().all(|&side| side == 1) {
            true => self.file.bytes(name)?,
            false => Vec::new(),
        };
        let number = match (Dtype::parse(&format), format.as_str(), &bytes[..]) {
            (Some(dtype), _, bytes) => floats(dtype, bytes).first().copied(),
            (_, "F64", bytes) => bytes
                .try_into()
                .ok()
                .map(|bytes| f64::from_le_bytes(bytes) as f32),
            (_, "I64", bytes) => bytes
                .try_into()
                .ok()
                .map(|bytes| i64::from_le_bytes(bytes) as f32),
            _ => None,
        };
        number.filter(|number| number.is_finite()).ok_or_else(|| {
            let problem = format!("is {format} of shape {shape:?}; one finite number is expected");
            CheckpointError::tensor(&self.file.path, name, problem)
        })
    }
}

/// What diffusers says about the scales of a LoRA in the metadata of its file, for files without a tensor
/// `alpha` for each layer.
#[derive(Default)]
struct Scales {
    settings: serde_json::Map<String, Value>,
    /// Whether alpha is divided by the root of the rank (`use_rslora`).
    by_root: bool,
}

impl Scales {
    /// The key under which diffusers keeps PEFT's settings of all components, as JSON.
    const KEY: &'static str = "lora_adapter_metadata";

    fn read(metadata: &BTreeMap<String, String>) -> Self {
        let text = metadata.get(Self::KEY);
        let parsed = text.and_then(|text| serde_json::from_str(text).ok());
        let Some(Value::Object(settings)) = parsed else {
            return Self::default();
        };
        let by_root = ["unet.use_rslora", "text_encoder.use_rslora"]
            .iter()
            .any(|key| settings.get(*key) == Some(&Value::Bool(true)));
        Self { settings, by_root }
    }

    fn alpha(&self, component: Component, layer: &str) -> Option<f32> {
        let own = component.source_name();
        let number = |value: &Value| Some(value.as_f64()? as f32).filter(|alpha| alpha.is_finite());
        // Exceptions are named by the ends of layers' names.
        if let Some(Value::Object(exceptions)) = self.settings.get(&format!("{own}.alpha_pattern"))
        {
            let mut matching = exceptions.iter().filter(|(name, _)| {
                let name = names::without_dots(component, name);
                layer == name || layer.ends_with(&format!("_{name}"))
            });
            if let Some((_, alpha)) = matching.next() {
                return number(alpha);
            }
        }
        number(self.settings.get(&format!("{own}.lora_alpha"))?)
    }
}

fn unsupported(path: &Path, found: &str) -> CheckpointError {
    CheckpointError::UnsupportedLora {
        path: path.to_owned(),
        found: found.to_owned(),
    }
}
