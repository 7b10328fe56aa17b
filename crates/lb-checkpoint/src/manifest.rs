//! `lb.toml`: what a model directory says about itself that the diffusers layout has no place for.

use std::collections::BTreeMap;
use std::path::{Component as PathPart, Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::component::Component;
use crate::error::CheckpointError;

/// The file [`FILE`](Self::FILE) of a model directory.
///
/// It may give the settings with which the model is used if nothing else is asked for, and name other
/// models from which it takes parts that it does not have itself:
///
/// ```toml
/// [defaults]
/// steps = 4
/// guidance_scale = 1.0
///
/// [shared]
/// text_encoder = "../pocket"
/// tokenizer = "../pocket"
/// vae = "../pocket"
/// ```
///
/// A model whose parts are taken is in the same folder of models. A path that leads out of this folder, even
/// through a symbolic link, is refused, so that a downloaded model cannot name other files of the user.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    path: PathBuf,
    model: PathBuf,
    defaults: toml::Table,
    shared: BTreeMap<&'static str, PathBuf>,
}

/// The contents of the file.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Contents {
    defaults: toml::Table,
    shared: SharedParts,
}

/// The parts that a model may take from another one, by the names of their folders.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SharedParts {
    text_encoder: Option<String>,
    tokenizer: Option<String>,
    vae: Option<String>,
}

impl Manifest {
    /// The name of the file in a model directory.
    pub const FILE: &str = "lb.toml";

    /// The name of the tokenizer's folder in a model directory.
    pub const TOKENIZER: &str = "tokenizer";

    /// The most bytes that the file may have.
    const LARGEST_FILE: u64 = 1 << 16;

    /// Reads the file of a model directory. Without one, the model has no defaults of its own and shares
    /// nothing.
    ///
    /// # Errors
    /// [`CheckpointError::Io`] if the file cannot be read, [`CheckpointError::Malformed`] if it is not
    /// TOML with these tables and keys, and [`CheckpointError::Setting`] for a part that cannot be
    /// taken from where it is said to be.
    pub fn read(model_directory: &Path) -> Result<Self, CheckpointError> {
        let path = model_directory.join(Self::FILE);
        let mut manifest = Self {
            path,
            model: model_directory.to_owned(),
            defaults: toml::Table::new(),
            shared: BTreeMap::new(),
        };
        // A link to a file that does not exist is an error; it does not count as a missing file.
        if manifest.path.symlink_metadata().is_err() {
            return Ok(manifest);
        }
        let text = lb_files::read_text(&manifest.path, Self::LARGEST_FILE)
            .map_err(CheckpointError::file("read", &manifest.path))?;
        let contents: Contents =
            toml::from_str(&text).map_err(|error| manifest.malformed(&error))?;
        let SharedParts {
            text_encoder,
            tokenizer,
            vae,
        } = contents.shared;
        manifest.defaults = contents.defaults;
        for (part, reference) in [
            (Component::TextEncoder.source_name(), text_encoder),
            (Self::TOKENIZER, tokenizer),
            (Component::VaeDecoder.source_name(), vae),
        ] {
            if let Some(reference) = reference {
                let model = manifest.other_model(part, &reference)?;
                manifest.shared.insert(part, model);
            }
        }
        Ok(manifest)
    }

    /// Reads the table `[defaults]`, whose keys are the caller's.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] for a key or value that `T` does not allow.
    pub fn defaults<T: DeserializeOwned>(&self) -> Result<T, CheckpointError> {
        let defaults = self.defaults.clone();
        defaults.try_into().map_err(|error| self.malformed(&error))
    }

    /// The path of the file, whether it exists or not.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the model directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.model
    }

    /// The parts that are taken from other models: the name of each part's folder, and the path of the
    /// model directory that has it.
    #[must_use]
    pub fn shared(&self) -> &BTreeMap<&'static str, PathBuf> {
        &self.shared
    }

    /// The model directory that has a part's folder: another one if the part is shared, else this one.
    #[must_use]
    pub fn home_of(&self, part: &str) -> &Path {
        self.shared.get(part).unwrap_or(&self.model)
    }

    /// The text of a file with the same defaults that shares nothing; `None` if there are no defaults.
    pub(crate) fn defaults_alone(&self) -> Option<String> {
        (!self.defaults.is_empty()).then(|| text_of(&self.defaults))
    }

    /// The model directory to which a reference leads, without links.
    fn other_model(&self, part: &str, reference: &str) -> Result<PathBuf, CheckpointError> {
        let refuse = |expected: &str| {
            Err(CheckpointError::Setting {
                path: self.path.clone(),
                key: format!("shared.{part}"),
                found: format!("{reference:?}"),
                expected: expected.into(),
            })
        };
        let mut parts = Path::new(reference).components();
        let goes_up = parts.next() == Some(PathPart::ParentDir);
        let is_plain = parts
            .clone()
            .all(|part| matches!(part, PathPart::Normal(_)));
        if !goes_up || !is_plain || parts.next().is_none() {
            return refuse(
                "a model in the same folder of models, as seen from this one: \"../pocket\"",
            );
        }
        let own = self.model.canonicalize();
        let own = own.map_err(CheckpointError::io("read", &self.model))?;
        let Ok(other) = own.join(reference).canonicalize() else {
            return refuse("a model that exists");
        };
        match own.parent() {
            Some(models) if other.parent() == Some(models) && other != own => Ok(other),
            _ => refuse(
                "another model in the same folder of models, and not a link that leads out of it",
            ),
        }
    }

    fn malformed(&self, error: &toml::de::Error) -> CheckpointError {
        // If the table has been parsed before, the message of an error ends with a line feed.
        CheckpointError::Malformed {
            path: self.path.clone(),
            format: "manifest of a model",
            problem: error.to_string().trim_end().to_owned(),
        }
    }
}

/// The text of a manifest with these defaults.
pub(crate) fn text_of(defaults: &toml::Table) -> String {
    let tables = toml::Table::from_iter([("defaults".to_owned(), defaults.clone().into())]);
    format!("# What this model needs, unless a flag or a job file says otherwise.\n{tables}")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder of models with `pocket` and `turbo`, whose file has this text.
    fn models(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let turbo = folder.path().join("models/turbo");
        fs::create_dir_all(&turbo).unwrap();
        fs::create_dir_all(folder.path().join("models/pocket/parts")).unwrap();
        fs::create_dir(turbo.join("parts")).unwrap();
        fs::create_dir(folder.path().join("private")).unwrap();
        fs::write(turbo.join(Manifest::FILE), text).unwrap();
        (folder, turbo)
    }

    fn refused(text: &str) -> String {
        let (_folder, turbo) = models(text);
        Manifest::read(&turbo).unwrap_err().to_string()
    }

    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(deny_unknown_fields)]
    struct Steps {
        steps: usize,
    }

    #[test]
    fn parts_are_taken_from_a_neighbour() {
        let text = "[defaults]\nsteps = 4\n[shared]\nvae = \"../pocket\"\n";
        let (folder, turbo) = models(text);
        let manifest = Manifest::read(&turbo).unwrap();
        let pocket = folder.path().canonicalize().unwrap().join("models/pocket");
        assert_eq!(manifest.home_of("vae"), pocket);
        assert_eq!(manifest.home_of("unet"), turbo);
        assert_eq!(manifest.defaults::<Steps>().unwrap(), Steps { steps: 4 });
        let alone = manifest.defaults_alone().unwrap();
        assert!(alone.ends_with("[defaults]\nsteps = 4\n"), "{alone}");

        let plain = Manifest::read(&folder.path().join("models/pocket")).unwrap();
        assert!(plain.shared().is_empty() && plain.defaults_alone().is_none());
    }

    #[test]
    fn nothing_outside_of_the_folder_of_models_can_be_named() {
        for reference in [
            "../../private",
            "../pocket/../../private",
            "/etc",
            "pocket",
            "..",
            "",
            "./../pocket",
            "../pocket/parts",
            "../turbo/parts",
        ] {
            let error = refused(&format!("[shared]\nvae = {reference:?}\n"));
            assert!(
                error.contains("shared.vae") && error.contains("same folder of models"),
                "{error}"
            );
        }
        let error = refused("[shared]\ntokenizer = \"../nowhere\"\n");
        assert!(error.contains("a model that exists"), "{error}");
        let error = refused("[shared]\nvae = \"../turbo\"\n");
        assert!(error.contains("another model"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_does_not_lead_out_either() {
        let (folder, turbo) = models("[shared]\nvae = \"../link\"\n");
        let link = folder.path().join("models/link");
        std::os::unix::fs::symlink(folder.path().join("private"), &link).unwrap();
        let error = Manifest::read(&turbo).unwrap_err().to_string();
        assert!(error.contains("not a link that leads out of it"), "{error}");
    }

    #[test]
    fn unknown_keys_are_named() {
        assert!(refused("[shared]\nunet = \"../pocket\"\n").contains("unet"));
        assert!(refused("[default]\nsteps = 4\n").contains("default"));
        let (_folder, turbo) = models("[defaults]\nstep = 4\n");
        let manifest = Manifest::read(&turbo).unwrap();
        let error = manifest.defaults::<Steps>().unwrap_err().to_string();
        assert!(error.contains("step"), "{error}");
    }
}
