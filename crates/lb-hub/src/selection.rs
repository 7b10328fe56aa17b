//! Which files of a repository a model needs: one variant of each component's weights, and the texts beside
//! them.

use crate::error::HubError;
use crate::listing::{Listing, RemoteFile};

/// The components of a model that have weights, by the names of their folders, and how their weights are
/// called.
const COMPONENTS: [(&str, &str); 3] = [
    ("text_encoder", "model"),
    ("unet", "diffusion_pytorch_model"),
    ("vae", "diffusion_pytorch_model"),
];
/// How weights are called that torch has pickled.
const PICKLED: [&str; 3] = [
    "pytorch_model",
    "diffusion_pytorch_model",
    "diffusion_pytorch_model",
];

/// The first file of a diffusers directory.
pub(crate) const INDEX: &str = "model_index.json";

/// Small files that are taken if they are there.
const TEXTS: [&str; 18] = [
    INDEX,
    "README.md",
    "LICENSE",
    "LICENSE.md",
    "LICENSE.txt",
    "lb.toml",
    "words.txt",
    "scheduler/scheduler_config.json",
    "low_res_scheduler/scheduler_config.json",
    "tokenizer/vocab.json",
    "tokenizer/merges.txt",
    TOKENIZER,
    "tokenizer/added_tokens.json",
    "tokenizer/special_tokens_map.json",
    "tokenizer/tokenizer_config.json",
    "text_encoder/config.json",
    "unet/config.json",
    "vae/config.json",
];

/// The tokenizer in one file, which some repositories have instead of its vocabulary and merges, and which may be
/// the only one that names tokens added by fine-tuning.
const TOKENIZER: &str = "tokenizer/tokenizer.json";

/// What a model must have besides weights.
const NEEDED: [&str; 4] = [
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "unet/config.json",
    "vae/config.json",
];

/// What is wanted of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The precision of the weights that is preferred.
    pub variant: Variant,
    /// These files and no others, instead of the files of a model.
    pub files: Vec<String>,
}

/// The precision in which weights are published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Variant {
    /// As they were trained: mostly 32 bits a number.
    #[default]
    Full,
    /// 16 bits a number, half as large, where the repository has it.
    Fp16,
}

impl Variant {
    /// The suffixes of file names, the preferred one in front.
    fn suffixes(self) -> [&'static str; 2] {
        match self {
            Self::Full => ["", ".fp16"],
            Self::Fp16 => [".fp16", ""],
        }
    }
}

impl Listing {
    /// The files of a model, texts in front and the rest by size. A diffusers directory gives one variant of
    /// each component; a repository with one `.safetensors` file, such as a LoRA or an autoencoder, gives
    /// this file and its configuration.
    ///
    /// # Errors
    /// [`HubError::Incomplete`] if a wanted file or a part of the model is missing, and [`HubError::Ambiguous`] if it is not a diffusers directory and has several
    /// files that could be meant.
    pub fn select(&self, wanted: &Wanted) -> Result<Vec<&RemoteFile>, HubError> {
        let mut files = match (wanted.files.as_slice(), self.file(INDEX)) {
            ([], Some(_)) => self.model(wanted.variant)?,
            ([], None) => self.single_file()?,
            (paths, _) => {
                let named = paths.iter().map(|path| {
                    self.file(path)
                        .ok_or_else(|| self.incomplete(format!("file {path}")))
                });
                named.collect::<Result<_, _>>()?
            }
        };
        files.sort_by_key(|file| (file.is_weights(), file.bytes));
        files.dedup();
        Ok(files)
    }

    fn model(&self, variant: Variant) -> Result<Vec<&RemoteFile>, HubError> {
        if let Some(missing) = NEEDED.iter().find(|path| self.file(path).is_none()) {
            return Err(self.incomplete((*missing).into()));
        }
        let mut files: Vec<_> = TEXTS.iter().filter_map(|path| self.file(path)).collect();
        let is_there = |path| self.file(path).is_some();
        let has_parts = is_there("tokenizer/vocab.json") && is_there("tokenizer/merges.txt");
        if !has_parts && !is_there(TOKENIZER) {
            return Err(self.incomplete("tokenizer".into()));
        }
        for ((folder, stem), pickled) in COMPONENTS.into_iter().zip(PICKLED) {
            files.extend(
                self.weights(folder, stem, pickled, variant)
                    .ok_or_else(|| self.incomplete(format!("weights in {folder}/")))?,
            );
        }
        Ok(files)
    }

    /// The weights of one component. Pickled ones are the last choice, because they have to be converted.
    fn weights(
        &self,
        folder: &str,
        stem: &str,
        pickled: &str,
        variant: Variant,
    ) -> Option<Vec<&RemoteFile>> {
        for suffix in variant.suffixes() {
            let whole = self.file(&format!("{folder}/{stem}{suffix}.safetensors"));
            if let Some(file) = whole {
                return Some(vec![file]);
            }
            // diffusers and transformers have both changed the position of the variant in this name.
            let indices = [
                format!("{folder}/{stem}.safetensors.index{suffix}.json"),
                format!("{folder}/{stem}{suffix}.safetensors.index.json"),
            ];
            if let Some(index) = indices.iter().find_map(|path| self.file(path)) {
                let shards = self.files.iter().filter(|file| {
                    let name = file.path.strip_prefix(folder).unwrap_or_default();
                    is_shard(name.trim_start_matches('/'), stem, suffix)
                });
                return Some(std::iter::once(index).chain(shards).collect());
            }
        }
        let names = variant.suffixes();
        let names = names.map(|suffix| format!("{folder}/{pickled}{suffix}.bin"));
        Some(vec![names.iter().find_map(|path| self.file(path))?])
    }

    fn single_file(&self) -> Result<Vec<&RemoteFile>, HubError> {
        let in_root = |ending| {
            let files = self.files.iter();
            files.filter(move |file| !file.path.contains('/') && file.path.ends_with(ending))
        };
        let configuration = self.file("config.json");
        // An autoencoder, as diffusers saves it alone.
        let autoencoder = self.file("diffusion_pytorch_model.safetensors");
        let candidates: Vec<_> = match (configuration, autoencoder) {
            (Some(_), Some(autoencoder)) => vec![autoencoder],
            _ => in_root(".safetensors").collect(),
        };
        match candidates.as_slice() {
            [file] => Ok(configuration.into_iter().chain([*file]).collect()),
            [] if in_root(".ckpt").next().is_none() => {
                Err(self.incomplete("model_index.json and no .safetensors file".into()))
            }
            files => Err(HubError::Ambiguous {
                repository: self.repository.to_string(),
                candidates: files
                    .iter()
                    .copied()
                    .chain(in_root(".ckpt"))
                    .map(|file| file.path.clone())
                    .collect(),
            }),
        }
    }

    fn incomplete(&self, missing: String) -> HubError {
        HubError::Incomplete {
            repository: self.repository.to_string(),
            missing,
        }
    }
}

/// Whether this is the name of a shard such as `model-00001-of-00002.safetensors`, with the suffix of its
/// variant in front of the numbers or behind them.
fn is_shard(name: &str, stem: &str, suffix: &str) -> bool {
    let is_number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = |rest: &str| {
        rest.split_once("-of-")
            .is_some_and(|(number, count)| is_number(number) && is_number(count))
    };
    let Some(rest) = name
        .strip_prefix(stem)
        .and_then(|rest| rest.strip_suffix(".safetensors"))
    else {
        return false;
    };
    [rest.strip_prefix(suffix), rest.strip_suffix(suffix)]
        .into_iter()
        .flatten()
        .filter_map(|rest| rest.strip_prefix('-'))
        .any(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listing::FileHash;

    fn listing(paths: &[&str]) -> Listing {
        let file = |(size, path): (usize, &&str)| RemoteFile {
            path: (*path).into(),
            bytes: size as u64,
            hash: FileHash::GitBlob("a".repeat(40)),
        };
        Listing {
            repository: "some/model".parse().unwrap(),
            commit: "a".repeat(40),
            licence: None,
            files: paths.iter().enumerate().map(file).collect(),
        }
    }

    const SMALL: [&str; 7] = [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "text_encoder/config.json",
        "unet/config.json",
        "vae/config.json",
    ];

    fn names(listing: &Listing, variant: Variant) -> Vec<String> {
        let wanted = Wanted {
            variant,
            files: Vec::new(),
        };
        let files = listing.select(&wanted).unwrap();
        let weights = files
            .iter()
            .filter(|file| !SMALL.contains(&file.path.as_str()));
        let mut names: Vec<_> = weights.map(|file| file.path.clone()).collect();
        names.sort();
        names
    }

    #[test]
    fn one_variant_of_each_component_is_taken() {
        let mut paths = SMALL.to_vec();
        paths.extend([
            "text_encoder/model.safetensors",
            "text_encoder/model.fp16.safetensors",
            "text_encoder/pytorch_model.bin",
            "text_encoder/flax_model.msgpack",
            "unet/diffusion_pytorch_model.bin",
            "unet/diffusion_pytorch_model.fp16.safetensors",
            "unet/diffusion_pytorch_model.safetensors",
            "unet/diffusion_pytorch_model.non_ema.safetensors",
            "vae/diffusion_pytorch_model.safetensors",
            "v2-1_768-ema-pruned.ckpt",
            "v2-1_768-ema-pruned.safetensors",
            "safety_checker/model.safetensors",
            "feature_extractor/preprocessor_config.json",
            ".gitattributes",
        ]);
        let listing = listing(&paths);
        assert_eq!(
            names(&listing, Variant::Full),
            [
                "text_encoder/model.safetensors",
                "unet/diffusion_pytorch_model.safetensors",
                "vae/diffusion_pytorch_model.safetensors",
            ]
        );
        assert_eq!(
            names(&listing, Variant::Fp16),
            [
                "text_encoder/model.fp16.safetensors",
                "unet/diffusion_pytorch_model.fp16.safetensors",
                "vae/diffusion_pytorch_model.safetensors",
            ]
        );
        let files = listing.select(&Wanted::default()).unwrap();
        let first_weights = files.iter().position(|file| file.is_weights());
        assert_eq!(first_weights, Some(SMALL.len()), "texts come first");
    }

    #[test]
    fn shards_and_pickled_weights_are_found() {
        let mut paths = SMALL.to_vec();
        paths.extend([
            "text_encoder/pytorch_model.bin",
            "unet/diffusion_pytorch_model.safetensors.index.json",
            "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
            "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
            "unet/diffusion_pytorch_model.safetensors.index.fp16.json",
            "unet/diffusion_pytorch_model.fp16-00001-of-00001.safetensors",
            "vae/diffusion_pytorch_model.fp16.safetensors",
        ]);
        let listing = listing(&paths);
        assert_eq!(
            names(&listing, Variant::Full),
            [
                "text_encoder/pytorch_model.bin",
                "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
                "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
                "unet/diffusion_pytorch_model.safetensors.index.json",
                "vae/diffusion_pytorch_model.fp16.safetensors",
            ]
        );
        assert_eq!(
            names(&listing, Variant::Fp16)[1..3],
            [
                "unet/diffusion_pytorch_model.fp16-00001-of-00001.safetensors",
                "unet/diffusion_pytorch_model.safetensors.index.fp16.json",
            ]
        );
    }

    #[test]
    fn all_that_names_tokens_is_taken() {
        let mut paths = SMALL.to_vec();
        paths.extend([
            TOKENIZER,
            "words.txt",
            "tokenizer/added_tokens.json",
            "text_encoder/model.safetensors",
            "unet/diffusion_pytorch_model.safetensors",
            "vae/diffusion_pytorch_model.safetensors",
        ]);
        let listing = listing(&paths);
        assert_eq!(
            listing.select(&Wanted::default()).unwrap().len(),
            paths.len()
        );
    }

    #[test]
    fn what_a_model_lacks_is_named() {
        for (without, named) in [
            ("unet/config.json", "unet/config.json"),
            ("tokenizer/vocab.json", "tokenizer"),
            ("vae/diffusion_pytorch_model.safetensors", "weights in vae/"),
        ] {
            let mut paths = SMALL.to_vec();
            paths.extend([
                "text_encoder/model.safetensors",
                "unet/diffusion_pytorch_model.safetensors",
                "vae/diffusion_pytorch_model.safetensors",
            ]);
            paths.retain(|path| *path != without);
            let error = listing(&paths).select(&Wanted::default()).unwrap_err();
            assert!(error.to_string().ends_with(named), "{error}");
        }
    }

    #[test]
    fn other_repositories_give_their_one_file_or_a_choice() {
        let lora = listing(&["README.md", "lora.safetensors", "image.png"]);
        let files = lora.select(&Wanted::default()).unwrap();
        assert_eq!(files[0].path, "lora.safetensors");

        let autoencoder = listing(&[
            "config.json",
            "diffusion_pytorch_model.safetensors",
            "taesd_decoder.safetensors",
        ]);
        assert_eq!(autoencoder.select(&Wanted::default()).unwrap().len(), 2);

        let several = listing(&["a.safetensors", "b.safetensors", "c.ckpt"]);
        let error = several.select(&Wanted::default()).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("a.safetensors, b.safetensors, c.ckpt")
        );
        let wanted = Wanted {
            files: vec!["b.safetensors".into()],
            ..Wanted::default()
        };
        assert_eq!(several.select(&wanted).unwrap()[0].path, "b.safetensors");

        let card = listing(&["README.md"]);
        let nothing = card.select(&Wanted::default());
        assert!(matches!(nothing, Err(HubError::Incomplete { .. })));
    }
}
