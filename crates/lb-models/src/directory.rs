//! A model directory in the diffusers layout: its path, and the content of its configurations.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lb_blend::{LatentShape, NoiseScheduleConfig};
use lb_checkpoint::{
    Component, ConfigFile, Embedding, Lora, Manifest, ModelKind, OF_OUR_FAMILIES, Size,
    StandaloneDecoder, TinyVaeConfig, distilled_defaults, is_of_other_family,
};
use lb_export::{ExportOptions, build_decoder_graph};
use lb_hub::{HubCache, Repository};

use crate::caption_words::CaptionWords;
use crate::config::{self, Config, IndexSettings, TextEncoderSettings, UnetSettings, VaeSettings};
use crate::error::ModelError;
use crate::graph_source::GraphSource;
use crate::model_defaults::ModelDefaults;
use crate::model_files::ModelFiles;
use crate::scheduler_config::{self, NamedScheduler};

/// The largest width or height of a picture, in pixels.
pub const LARGEST_SIDE: usize = 8192;

/// The highest noise level of an upscaler whose `model_index.json` has none: the default of diffusers'
/// `StableDiffusionUpscalePipeline`.
const DEFAULT_MAX_NOISE_LEVEL: usize = 350;

/// An opened model directory. Its configurations have been read, its weights have not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ModelDirectory {
    /// The path that the directory was opened by.
    pub path: PathBuf,
    /// The directory's own name.
    pub name: String,
    /// The task that the model is made for.
    pub kind: ModelKind,
    /// What only an upscaler has.
    pub upscaler: Option<UpscalerConfig>,
    /// The width and height, in pixels, of the pictures that the model was trained with.
    pub default_size: (usize, usize),
    /// A picture's side over its latents' side: 8 for Stable Diffusion, 4 for the x4 upscaler, whose
    /// latents have the size of the picture it enlarges.
    pub pixels_per_latent: usize,
    /// Picture sides must be multiples of this, in pixels: one latent pixel.
    pub side_multiple: usize,
    /// The factor that latents are divided by before the model's own autoencoder decodes them.
    pub scaling_factor: f32,
    /// The width of a text embedding: the numbers of each token.
    pub text_width: usize,
    /// The number of positions of the text encoder: the tokens that every prompt is cut or padded to.
    pub text_length: usize,
    /// The number of rows of the text encoder's table: the tokens that it knows.
    pub text_vocabulary: usize,
    /// The number of the text encoder's layers.
    pub text_layers: usize,
    /// The noise schedule that the model was trained with, from its scheduler's configuration.
    pub schedule: NoiseScheduleConfig,
    /// What its scheduler's configuration asks for besides the noise schedule.
    pub scheduler: NamedScheduler,
    /// The words of the captions that the model was trained on, if the directory lists them.
    pub words: Option<CaptionWords>,
    /// The settings with which the model is used if nothing else is asked for.
    pub defaults: ModelDefaults,
    /// The parts that the directory takes from other models: the name of each part's folder, and the
    /// path of the model directory that has it.
    pub shared: BTreeMap<&'static str, PathBuf>,
    tokenizer: PathBuf,
    latent_channels: usize,
    /// How often the UNet halves the height and width of latents.
    halvings: usize,
    /// The VAE decoder that is used instead of the model's own.
    pub(crate) decoder: Option<OtherDecoder>,
    /// The LoRAs that change the text encoder and the UNet.
    loras: Vec<ModelLora>,
    /// Which of the text encoder's layers gives the conditioning, counted from the last one, which is 1.
    clip_skip: usize,
    /// The embeddings that prompts may name, and their names.
    embeddings: Vec<(String, Arc<Embedding>)>,
    /// The files as they were just before the configurations were read.
    pub(crate) files: ModelFiles,
}

/// A VAE decoder that is used instead of a model's own.
#[derive(Clone, Debug)]
pub(crate) struct OtherDecoder {
    pub(crate) path: PathBuf,
    pub(crate) scaling_factor: f32,
    /// The files as they were just before the decoder was opened.
    pub(crate) files: ModelFiles,
}

/// A LoRA that changes a model.
#[derive(Clone, Debug)]
struct ModelLora {
    lora: Arc<Lora>,
    /// The file as it was just before it was read.
    files: ModelFiles,
}

impl ModelDirectory {
    /// Reads the configurations below `path`.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`] if this is not a model directory, and [`ModelError::Checkpoint`] for a
    /// configuration that is missing, is not JSON, or has a value that this program cannot use, and for a
    /// [`Manifest`] that is wrong. Both name the file.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let files = ModelFiles::of(path);
        let index = path.join("model_index.json");
        let refuse = |path, reason: &str| Err(ModelError::unreadable(path, reason));
        if path.is_file() {
            let reason =
                "it is not a model directory; a checkpoint has to be imported into one first";
            return refuse(path, reason);
        }
        if !path.is_dir() {
            return refuse(path, "it is not a folder");
        }
        if !index.is_file() && path.join("snapshots").is_dir() {
            let reason = "it is a folder of Hugging Face's cache; the model is one of those in \
                          snapshots/, and can be imported by this folder";
            return refuse(path, reason);
        }
        if !index.is_file() {
            return refuse(&index, "a model directory has this file");
        }
        let manifest = Manifest::read(path)?;
        let mut defaults = ModelDefaults::read(&manifest)?;
        let home_of = |component: Component| manifest.home_of(component.source_name());
        let index = Config::<IndexSettings>::open(&index)?;
        let class = index.settings.class_name.as_deref();
        if class.is_some_and(is_of_other_family) {
            return Err(index.file.refuse("_class_name", OF_OUR_FAMILIES).into());
        }
        let unet = Config::<UnetSettings>::open(&path.join("unet/config.json"))?;
        let vae = Config::<VaeSettings>::open(&vae_config(home_of(Component::VaeDecoder)))?;
        let text = home_of(Component::TextEncoder).join("text_encoder/config.json");
        let text = Config::<TextEncoderSettings>::open(&text)?;
        let latent_channels = Size::or(vae.settings.latent_channels, 4);
        let kind = config::kind(&index, &unet, latent_channels)?;
        let upscaler = match kind {
            ModelKind::Upscale => Some(UpscalerConfig::read(path, &index, &unet)?),
            _ => None,
        };
        let text_width = text.required("hidden_size", text.settings.hidden_size)?;
        let key = "cross_attention_dim";
        if unet.required(key, unet.settings.cross_attention_dim)? != text_width {
            let expected = format!("{text_width}, the text encoder's hidden_size");
            return Err(unet.file.refuse(key, expected).into());
        }
        let is_tiny = TinyVaeConfig::describes(&vae.file);
        let pixels_per_latent = match is_tiny {
            true => TinyVaeConfig::read(&vae.file)?.decoder.pixels_per_latent(),
            false => 1 << (vae.blocks(&vae.settings.block_out_channels)? - 1),
        };
        let sample_size = unet.settings.sample_size.unwrap_or_default();
        let default_size = (
            sample_size.width * pixels_per_latent,
            sample_size.height * pixels_per_latent,
        );
        let scaling_factor = match (is_tiny, vae.settings.scaling_factor) {
            (true, _) => TinyVaeConfig::scaling_factor(&vae.file)?,
            (false, Some(factor)) => factor.0,
            // Early configurations do not have it.
            (false, None) => kind.scaling_factor(),
        };
        let scheduler = path.join("scheduler/scheduler_config.json");
        if !manifest.path().exists() {
            // A model that was not imported, such as one that was downloaded.
            let settings = ConfigFile::open(&scheduler)?;
            let full = path.canonicalize().unwrap_or_else(|_| path.into());
            if let Some(needs) = distilled_defaults(&full, settings.settings()) {
                defaults.steps = Some(needs.steps);
                defaults.guidance_scale = Some(needs.guidance_scale);
            }
        }
        let (schedule, scheduler) = scheduler_config::read(&scheduler)?;
        let halvings = unet.blocks(&unet.settings.block_out_channels)? - 1;
        Ok(Self {
            path: path.to_path_buf(),
            name: model_name(path),
            kind,
            upscaler,
            latent_channels,
            default_size,
            pixels_per_latent,
            side_multiple: pixels_per_latent,
            halvings,
            scaling_factor: scaling_factor as f32,
            text_width,
            text_length: Size::or(text.settings.max_position_embeddings, 77),
            text_vocabulary: Size::or(text.settings.vocab_size, 49_408),
            text_layers: Size::or(text.settings.num_hidden_layers, 12),
            schedule,
            scheduler,
            words: CaptionWords::read(path)?,
            defaults,
            shared: manifest.shared().clone(),
            tokenizer: manifest
                .home_of(Manifest::TOKENIZER)
                .join(Manifest::TOKENIZER),
            decoder: None,
            loras: Vec::new(),
            clip_skip: 1,
            embeddings: Vec::new(),
            files,
        })
    }

    /// The same model with the VAE decoder at `path` instead of its own, for pictures that are decoded.
    /// Pictures are still encoded by the model's own autoencoder. See [`StandaloneDecoder::open`] for what
    /// can be at the path.
    ///
    /// # Errors
    /// [`ModelError::UnsuitableDecoder`] for a decoder of other latents than the model's, and those of
    /// [`StandaloneDecoder::open`] and of building its graph.
    pub fn with_decoder(self, path: &Path) -> Result<Self, ModelError> {
        let files = ModelFiles::of(path);
        let decoder = StandaloneDecoder::open(path)?;
        let config = decoder.config();
        let unsuitable = |what, found, expected| {
            Err(ModelError::UnsuitableDecoder {
                path: path.to_owned(),
                model: self.name.clone(),
                what,
                found,
                expected,
            })
        };
        let (found, expected) = (config.latent_channels(), self.latent_channels);
        if found != expected {
            return unsuitable("channels of the latents", found, expected);
        }
        let (found, expected) = (config.pixels_per_latent(), self.pixels_per_latent);
        if found != expected {
            return unsuitable(
                "pixels of a picture's side for each latent pixel",
                found,
                expected,
            );
        }
        if config.out_channels() != 3 {
            return unsuitable("channels of the pictures", config.out_channels(), 3);
        }
        build_decoder_graph(&decoder, &ExportOptions::default())?;
        let scaling_factor = decoder.scaling_factor() as f32;
        Ok(Self {
            decoder: Some(OtherDecoder {
                path: path.to_owned(),
                scaling_factor,
                files,
            }),
            ..self
        })
    }

    /// The most LoRAs that can change a model at once.
    pub const MOST_LORAS: usize = 32;

    /// The most numbers of all LoRAs together. A graph contains them, and a graph cannot have more than
    /// two billion bytes.
    const MOST_LORA_NUMBERS: usize = 400_000_000;

    /// The same model with the LoRAs in these files. How strong each is, every row of a
    /// [request](lb_blend::PredictRequest) and every prompt says for itself, in the order of the files.
    ///
    /// # Errors
    /// Those of [`Lora::open`], [`ModelError::Checkpoint`] for a LoRA that does not fit the model,
    /// [`ModelError::LoraOfOnnx`] for a model without weights, [`ModelError::Setting`] for more than
    /// [`Self::MOST_LORAS`], and [`ModelError::LorasTooLarge`].
    pub fn with_loras<P: AsRef<Path>>(
        mut self,
        paths: impl IntoIterator<Item = P>,
    ) -> Result<Self, ModelError> {
        self.loras.clear();
        for path in paths {
            let path = path.as_ref();
            if self.loras.len() == Self::MOST_LORAS {
                return Err(ModelError::setting("number of LoRAs", "more", "at most 32"));
            }
            let files = ModelFiles::of(path);
            let lora = Arc::new(Lora::open(path)?);
            self.loras.push(ModelLora { lora, files });
            let found = self.loras.iter().map(|at| at.lora.numbers()).sum();
            let most = Self::MOST_LORA_NUMBERS;
            if found > most {
                return Err(ModelError::LorasTooLarge { found, most });
            }
        }
        if !self.loras.is_empty() {
            for component in [Component::TextEncoder, Component::Unet] {
                GraphSource::of(&self, component, &ExportOptions::default())?;
            }
        }
        Ok(self)
    }

    /// The same model, whose conditioning comes from this layer of the text encoder, counted from the last one,
    /// which is 1. It goes through the final layer norm. diffusers counts from 0.
    ///
    /// # Errors
    /// [`ModelError::ClipSkip`] for a layer that the text encoder does not have, and
    /// [`ModelError::ClipSkipOfOnnx`] for a text encoder without weights, whose graph cannot be changed.
    pub fn with_clip_skip(self, clip_skip: usize) -> Result<Self, ModelError> {
        let most = self.text_layers;
        if !(1..=most).contains(&clip_skip) {
            return Err(ModelError::ClipSkip {
                found: clip_skip,
                model: self.name,
                most,
            });
        }
        let changed = Self { clip_skip, ..self };
        if clip_skip > 1 {
            GraphSource::of(&changed, Component::TextEncoder, &ExportOptions::default())?;
        }
        Ok(changed)
    }

    /// How many of a component's last layers are left out.
    pub(crate) fn skipped_layers(&self, component: Component) -> usize {
        match component {
            Component::TextEncoder => self.clip_skip - 1,
            _ => 0,
        }
    }

    /// The LoRAs that change the model.
    #[must_use]
    pub fn loras(&self) -> Vec<&Lora> {
        self.loras.iter().map(|at| &*at.lora).collect()
    }

    /// The same model with embeddings that prompts may name: the path of each file, and its name.
    ///
    /// # Errors
    /// Those of [`Embedding::open`], [`ModelError::EmbeddingWidth`] for an embedding of another family of models,
    /// [`ModelError::EmbeddingLength`] for one that no chunk of a prompt has room for, and
    /// [`ModelError::EmbeddingOfOnnx`] for a model whose text encoder has no weights.
    pub fn with_embeddings<P: AsRef<Path>>(
        mut self,
        named: impl IntoIterator<Item = (P, String)>,
    ) -> Result<Self, ModelError> {
        self.embeddings.clear();
        for (path, name) in named {
            let embedding = Embedding::open(path.as_ref())?;
            let path = || embedding.path().to_owned();
            if embedding.width() != self.text_width {
                return Err(ModelError::EmbeddingWidth {
                    path: path(),
                    found: embedding.width(),
                    family: embedding.family(),
                    model: self.name,
                    expected: self.text_width,
                });
            }
            let (found, most) = (embedding.count(), self.text_length - 2);
            if found > most {
                let path = path();
                return Err(ModelError::EmbeddingLength { path, found, most });
            }
            self.embeddings.push((name, Arc::new(embedding)));
        }
        if let Some((_, first)) = self.embeddings.first() {
            let component = Component::TextEncoder;
            let source = GraphSource::of(&self, component, &ExportOptions::default())?;
            if let GraphSource::File(path) = source {
                let embedding = first.path().to_owned();
                return Err(ModelError::EmbeddingOfOnnx { embedding, path });
            }
        }
        Ok(self)
    }

    /// The embeddings that prompts may name, with their names.
    pub fn embeddings(&self) -> impl Iterator<Item = (&str, &Embedding)> {
        self.shared_embeddings()
            .map(|(name, embedding)| (name, &**embedding))
    }

    pub(crate) fn shared_embeddings(&self) -> impl Iterator<Item = (&str, &Arc<Embedding>)> {
        let embeddings = self.embeddings.iter();
        embeddings.map(|(name, embedding)| (name.as_str(), embedding))
    }

    /// Whether the inputs of a component have the vectors of embeddings.
    pub(crate) fn gives_vectors(&self, component: Component) -> bool {
        component == Component::TextEncoder && !self.embeddings.is_empty()
    }

    /// How many strengths of LoRAs the inputs of a component have: none if no LoRA changes it.
    pub(crate) fn lora_inputs(&self, component: Component) -> usize {
        let mut loras = self.loras.iter();
        match loras.any(|at| at.lora.changes(component)) {
            true => self.loras.len(),
            false => 0,
        }
    }

    /// The files of the LoRAs whose strengths a component takes.
    pub(crate) fn lora_files(&self, component: Component) -> Vec<ModelFiles> {
        let loras = self.loras.iter().take(self.lora_inputs(component));
        loras.map(|at| at.files.clone()).collect()
    }

    /// The path of the VAE decoder that is used instead of the model's own.
    #[must_use]
    pub fn other_decoder(&self) -> Option<&Path> {
        self.decoder.as_ref().map(|decoder| decoder.path.as_path())
    }

    /// The factor that latents are divided by before they are decoded, by whichever decoder.
    pub(crate) fn decoder_scaling_factor(&self) -> f32 {
        let other = self.decoder.as_ref();
        other.map_or(self.scaling_factor, |decoder| decoder.scaling_factor)
    }

    /// Where the files of a component are, and how they were when it was opened: those of the model
    /// directory, or of another VAE decoder.
    pub(crate) fn origin_of(&self, component: Component) -> (&Path, &ModelFiles) {
        match (component, &self.decoder) {
            (Component::VaeDecoder, Some(other)) => (&other.path, &other.files),
            _ => (&self.path, &self.files),
        }
    }

    /// Finds a model (see [`locate`](Self::locate)) and opens it.
    ///
    /// # Errors
    /// [`ModelError::ModelMissing`], naming every folder that was tried, and those of
    /// [`ModelDirectory::open`].
    pub fn find(name: &str, folders: &[PathBuf]) -> Result<Self, ModelError> {
        Self::open(&Self::locate(name, folders)?)
    }

    /// The path of a model: `name` itself if it is a folder (or a file, which opening refuses), else
    /// that of the model of this [name](Self::named) in one of `folders`.
    ///
    /// # Errors
    /// [`ModelError::ModelMissing`], naming every folder that was tried.
    pub fn locate(name: &str, folders: &[PathBuf]) -> Result<PathBuf, ModelError> {
        let direct = Path::new(name);
        let is_there = direct.is_file() || (direct.is_dir() && name.contains('/'));
        if direct.join("model_index.json").is_file() || is_there {
            return Ok(direct.to_path_buf());
        }
        Self::named(name, folders).ok_or_else(|| {
            let searched = std::iter::once(direct.to_path_buf()).chain(folders.iter().cloned());
            ModelError::ModelMissing {
                name: name.into(),
                searched: searched.collect(),
            }
        })
    }

    /// The path of the model of this name in one of `folders`. Where one of them is a cache of Hugging Face,
    /// `name` can also be `ORG/REPOSITORY` or `ORG/REPOSITORY@REVISION`.
    #[must_use]
    pub fn named(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
        let repository = name.parse::<Repository>().ok();
        let mut candidates = folders.iter().flat_map(|folder| {
            let downloaded = repository.as_ref();
            let downloaded = downloaded.and_then(|name| HubCache::new(folder).snapshot(name));
            [Some(folder.join(name)), downloaded].into_iter().flatten()
        });
        candidates.find(|candidate| candidate.join("model_index.json").is_file())
    }

    /// Checks that the model is of the kind that `what` (a noun with its article) needs.
    ///
    /// # Errors
    /// [`ModelError::WrongKind`] if it is not.
    pub fn require_kind(&self, needed: ModelKind, what: &'static str) -> Result<(), ModelError> {
        if self.kind == needed {
            Ok(())
        } else {
            Err(self.wrong_kind(needed, what))
        }
    }

    pub(crate) fn upscaler(&self) -> Result<&UpscalerConfig, ModelError> {
        let upscaler = self.upscaler.as_ref();
        upscaler.ok_or_else(|| self.wrong_kind(ModelKind::Upscale, "upscaling"))
    }

    fn wrong_kind(&self, needed: ModelKind, what: &'static str) -> ModelError {
        ModelError::WrongKind {
            model: self.name.clone(),
            kind: self.kind,
            what,
            needed,
        }
    }

    /// The number of concatenated channels that the UNet takes.
    #[must_use]
    pub fn concatenated_channels(&self) -> usize {
        self.kind.concatenated_channels(self.latent_channels)
    }

    /// The folder of the tokenizer's files, which may be another model's.
    #[must_use]
    pub fn tokenizer_folder(&self) -> PathBuf {
        self.tokenizer.clone()
    }

    /// Whether latents of this height and width can be halved as often as the UNet halves them.
    pub(crate) fn can_be_halved(&self, [height, width]: [usize; 2]) -> bool {
        let multiple = 1 << self.halvings;
        height.is_multiple_of(multiple) && width.is_multiple_of(multiple)
    }

    /// The shape of the latents of a picture of this size.
    ///
    /// # Errors
    /// [`ModelError::PictureSize`] for sides that are zero, no multiple of
    /// [`side_multiple`](Self::side_multiple), or larger than [`LARGEST_SIDE`].
    pub fn latent_shape(&self, width: usize, height: usize) -> Result<LatentShape, ModelError> {
        let multiple = self.side_multiple;
        let is_multiple = |side: usize| side > 0 && side.is_multiple_of(multiple);
        let wrong = |rule| {
            Err(ModelError::PictureSize {
                width,
                height,
                rule,
            })
        };
        if !is_multiple(width) || !is_multiple(height) {
            return wrong(format!("width and height must be multiples of {multiple}"));
        }
        if width.max(height) > LARGEST_SIDE {
            return wrong(format!("no side may be longer than {LARGEST_SIDE}"));
        }
        Ok(LatentShape {
            channels: self.latent_channels,
            height: height / self.pixels_per_latent,
            width: width / self.pixels_per_latent,
        })
    }
}

/// The name of the model in a folder: that of the folder, also for a path such as `.`, or in Hugging Face's cache
/// that of the repository.
#[must_use]
pub fn model_name(folder: &Path) -> String {
    let full = folder.canonicalize();
    let full = full.as_deref().unwrap_or(folder);
    if let Some(repository) = lb_hub::repository_of(full) {
        return repository.id();
    }
    let name = full.file_name();
    let name = name.unwrap_or(folder.as_os_str());
    name.to_string_lossy().into_owned()
}

/// The path of the autoencoder's configuration. Optimum exports only its two halves, each to a folder.
fn vae_config(path: &Path) -> PathBuf {
    let (whole, half) = ("vae/config.json", "vae_decoder/config.json");
    let exported = !path.join("vae").is_dir() && path.join(half).is_file();
    path.join(if exported { half } else { whole })
}

/// The noise that can be added to an upscaler's picture of low resolution.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct UpscalerConfig {
    /// The noise schedule of the picture of low resolution.
    pub low_res_schedule: NoiseScheduleConfig,
    /// The highest noise level that the pipeline allows, the schedule has, and the UNet has a class for.
    pub max_noise_level: usize,
}

impl UpscalerConfig {
    fn read(
        folder: &Path,
        index: &Config<IndexSettings>,
        unet: &Config<UnetSettings>,
    ) -> Result<Self, ModelError> {
        let path = folder.join("low_res_scheduler/scheduler_config.json");
        let (low_res_schedule, _) = scheduler_config::read(&path)?;
        let allowed = Size::or(index.settings.max_noise_level, DEFAULT_MAX_NOISE_LEVEL);
        let classes = unet.required("num_class_embeds", unet.settings.num_class_embeds)?;
        let last = classes.min(low_res_schedule.num_train_timesteps) - 1;
        Ok(Self {
            low_res_schedule,
            max_noise_level: allowed.min(last),
        })
    }
}
