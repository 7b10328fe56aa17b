//! Files that change what a model draws or knows, such as LoRAs and embeddings. A project keeps those that its film uses.
//!
//! A file is kept under the hash of its content and the name that it had, as in `loras/HASH-neon.safetensors`.
//! The name is for people, and LoRAs that shorten are recognised by it. Only plain letters of it remain, so that
//! it can be part of a path.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lb_files::{NamedTempFile, StagedFile};
use lb_models::Embedding;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::ids::{hex, is_hex};
use crate::projects::Project;

/// What a file changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AddOnKind {
    /// Layers of the UNet and of the text encoder, by a low-rank change.
    Lora,
    /// The words that prompts may use.
    Embedding,
    /// The decoder that makes pictures of latents.
    Vae,
}

impl AddOnKind {
    pub(crate) const ALL: [Self; 3] = [Self::Lora, Self::Embedding, Self::Vae];

    /// The folder of a project with these files. Folders of models whose names end in this have files that
    /// everybody can choose.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Lora => "loras",
            Self::Embedding => "embeddings",
            Self::Vae => "vaes",
        }
    }

    /// What it is called in a sentence.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Lora => "LoRA",
            Self::Embedding => "embedding",
            Self::Vae => "VAE decoder",
        }
    }

    /// The largest file that is read, in bytes.
    pub(crate) fn largest_file(self) -> u64 {
        match self {
            Self::Embedding => Embedding::LARGEST_FILE,
            Self::Lora | Self::Vae => u64::MAX,
        }
    }

    /// The endings of the files that can be chosen.
    fn known_endings(self) -> &'static [&'static str] {
        match self {
            Self::Embedding => &["safetensors", "pt", "bin"],
            Self::Lora | Self::Vae => &ENDINGS,
        }
    }
}

/// The endings of files, of which every file has one.
const ENDINGS: [&str; 2] = ["safetensors", "pt"];

/// The longest name in letters.
const LONGEST_NAME: usize = 60;

/// Names of files that say nothing, because every file of a library has them.
const NAMELESS: [&str; 4] = [
    "pytorch_lora_weights",
    "adapter_model",
    "diffusion_pytorch_model",
    "learned_embeds",
];

/// A file that a project keeps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AddOn {
    pub(crate) kind: AddOnKind,
    pub(crate) sha256: String,
    pub(crate) name: String,
    ending: &'static str,
}

impl AddOn {
    /// The path by which a job names it, relative to the project's folder. It has a slash on every system.
    pub(crate) fn path(&self) -> PathBuf {
        format!("{}/{}", self.kind.folder(), self.file_name()).into()
    }

    fn file_name(&self) -> String {
        format!("{}-{}.{}", self.sha256, self.name, self.ending)
    }

    /// The file of this path in a project; `None` for any other path.
    pub(crate) fn of_path(kind: AddOnKind, path: &Path) -> Option<Self> {
        let name = path.to_str()?.strip_prefix(kind.folder())?;
        Self::of_file_name(kind, name.strip_prefix('/')?)
    }

    /// The file of this name in the folder of its kind.
    fn of_file_name(kind: AddOnKind, file: &str) -> Option<Self> {
        let (stem, ending) = file.rsplit_once('.')?;
        let ending = ENDINGS.into_iter().find(|known| *known == ending)?;
        let (sha256, name) = stem.split_at_checked(64)?;
        let name = name.strip_prefix('-')?;
        let is_sound = is_hex(sha256, 64) && plain_name(name) == name;
        is_sound.then(|| Self {
            kind,
            sha256: sha256.to_owned(),
            name: name.to_owned(),
            ending,
        })
    }

    /// The name of a file, which may be one that a project keeps.
    pub(crate) fn name_of(path: &Path) -> String {
        let file = path.file_name().and_then(|name| name.to_str());
        let file = file.unwrap_or_default();
        match Self::of_file_name(AddOnKind::Lora, file) {
            Some(add_on) => add_on.name,
            None => plain_name(file.rsplit_once('.').map_or(file, |(stem, _)| stem)),
        }
    }
}

/// A name as far as it can be part of a path.
fn plain_name(name: &str) -> String {
    let mut plain = String::new();
    for letter in name.chars() {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => plain.push(letter),
            _ if !plain.is_empty() && !plain.ends_with('-') => plain.push('-'),
            _ => {}
        }
        if plain.len() == LONGEST_NAME {
            break;
        }
    }
    match plain.trim_end_matches('-') {
        "" => "unnamed".to_owned(),
        plain => plain.to_owned(),
    }
}

/// A file in the folders of models that can be chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KnownAddOn {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

/// The files of a kind in the folders of models, by their names. Of two with the same name, only the first can
/// be chosen. They lie in folders such as `loras` or `pocket-loras`, or in folders within these, from which
/// files get their names that have none of their own.
pub(crate) fn known(kind: AddOnKind, folders: &[PathBuf]) -> Vec<KnownAddOn> {
    let mut found: Vec<KnownAddOn> = Vec::new();
    for folder in folders {
        for folder in entries(folder) {
            let name = folder.file_name().and_then(|name| name.to_str());
            if !name.is_some_and(|name| name.ends_with(kind.folder())) {
                continue;
            }
            let (folders, files): (Vec<_>, Vec<_>) =
                entries(&folder).into_iter().partition(|at| at.is_dir());
            let inner = folders.iter().flat_map(|folder| entries(folder));
            for path in files.into_iter().chain(inner) {
                let Some(name) = known_name(kind, &path) else {
                    continue;
                };
                if !found.iter().any(|known| known.name == name) {
                    found.push(KnownAddOn { name, path });
                }
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn known_name(kind: AddOnKind, path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?;
    let ending = path.extension()?.to_str()?;
    let is_file =
        kind.known_endings().contains(&ending) && path.is_file() && !stem.starts_with('.');
    let stem = match NAMELESS.contains(&stem) {
        true => path.parent()?.file_name()?.to_str()?,
        false => stem,
    };
    is_file.then(|| plain_name(stem))
}

/// What is in a folder, in the order of names.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Keeps a file that was uploaded into the project's folder, under the name that it had.
pub(crate) fn keep_upload(
    project: &Project,
    kind: AddOnKind,
    name: &str,
    file: NamedTempFile,
) -> Result<AddOn, ApiError> {
    let add_on = described(kind, name, file.path())?;
    let path = project.folder.join(add_on.path());
    if !path.is_file() {
        fs::create_dir_all(project.folder.join(kind.folder()))?;
        file.persist(&path).map_err(ApiError::failed)?;
    }
    Ok(add_on)
}

/// Keeps a file from elsewhere in the project. It shares the place on the disk if it can.
pub(crate) fn keep_copy(
    project: &Project,
    kind: AddOnKind,
    name: &str,
    source: &Path,
) -> Result<AddOn, ApiError> {
    // A link to a link would depend on what it leads to.
    let source = source.canonicalize()?;
    let add_on = described(kind, name, &source)?;
    link_or_copy(&source, &project.folder.join(add_on.path()))?;
    Ok(add_on)
}

/// Gives a file another name, or copies it to another disk. A file that is there already is the same.
pub(crate) fn link_or_copy(source: &Path, to: &Path) -> Result<(), ApiError> {
    if to.is_file() {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    if fs::hard_link(source, to).is_ok() {
        return Ok(());
    }
    let mut staged = StagedFile::create(to, true)?;
    std::io::copy(&mut lb_files::open(source)?, &mut staged)?;
    staged.complete()?;
    staged.publish()?;
    Ok(())
}

/// The file as a project would keep it under this name.
pub(crate) fn described(kind: AddOnKind, name: &str, file: &Path) -> Result<AddOn, ApiError> {
    let mut opened = lb_files::open(file)?;
    let hash = lb_files::content_hash(&mut opened, |_| ControlFlow::Continue(()))?;
    let ControlFlow::Continue(hash) = hash else {
        return Err(ApiError::failed("hashing was interrupted"));
    };
    let mut start = Vec::new();
    let mut opened = lb_files::open(file)?;
    std::io::Read::read_to_end(&mut std::io::Read::take(&mut opened, 9), &mut start)?;
    // Readers look at the content, and people at the name.
    let ending = match start.get(8) {
        Some(b'{') => "safetensors",
        _ => "pt",
    };
    Ok(AddOn {
        kind,
        sha256: hex(&hash),
        name: plain_name(name),
        ending,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_project_keeps_has_a_path() {
        let hash = "ab".repeat(32);
        let path = format!("loras/{hash}-neon.safetensors");
        let add_on = AddOn::of_path(AddOnKind::Lora, Path::new(&path)).unwrap();
        assert_eq!((&*add_on.name, &*add_on.sha256), ("neon", &*hash));
        assert_eq!(add_on.path().to_str(), Some(&*path));
        for other in [
            String::new(),
            "/etc/passwd".into(),
            "loras/neon.safetensors".into(),
            format!("vaes/{hash}-neon.safetensors"),
            format!("loras/../{hash}-neon.safetensors"),
            format!("loras/{hash}-../neon.safetensors"),
            format!("loras/{hash}-a/../b.safetensors"),
            format!("loras/{hash}-.safetensors"),
            format!("loras/{hash}neon.safetensors"),
            format!("loras/{hash}-neon.toml"),
            format!("loras/{}-neon.safetensors", hash.to_uppercase()),
            format!("loras/{hash}-ne on.pt"),
            format!("loras/{hash}-{}.pt", "x".repeat(LONGEST_NAME + 1)),
        ] {
            let found = AddOn::of_path(AddOnKind::Lora, Path::new(&other));
            assert_eq!(found, None, "{other}");
        }
    }

    #[test]
    fn names_become_plain() {
        assert_eq!(
            plain_name("Hyper-SD15-4steps lora"),
            "Hyper-SD15-4steps-lora"
        );
        assert_eq!(plain_name("../../etc/passwd"), "etc-passwd");
        assert_eq!(plain_name("作品"), "unnamed");
        assert_eq!(plain_name(&"long name ".repeat(20)).len(), 59);
        let hash = "ab".repeat(32);
        let kept = format!("loras/{hash}-neon.pt");
        assert_eq!(AddOn::name_of(Path::new(&kept)), "neon");
        assert_eq!(
            AddOn::name_of(Path::new("styles/v1.5 neon.pt")),
            "v1-5-neon"
        );
    }

    #[test]
    fn files_are_found_in_folders_of_their_kind() {
        let disk = tempfile::tempdir().unwrap();
        let put = |path: &str| {
            let path = disk.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, path_content()).unwrap();
        };
        put("loras/b.safetensors");
        put("loras/lcm-lora/pytorch_lora_weights.safetensors");
        put("pocket-loras/a.pt");
        put("pocket-loras/b.safetensors");
        put("pocket-loras/README.md");
        put("pocket/unet/c.safetensors");
        put("vaes/d.safetensors");
        put("pocket-embeddings/e.bin");
        put("embeddings/toy/learned_embeds.bin");
        put("loras/e.bin");
        let folders = [disk.path().to_owned()];
        let names = |kind| {
            let known = known(kind, &folders).into_iter();
            known.map(|at| at.name).collect::<Vec<_>>()
        };
        assert_eq!(names(AddOnKind::Lora), ["a", "b", "lcm-lora"]);
        assert_eq!(names(AddOnKind::Vae), ["d"]);
        assert_eq!(names(AddOnKind::Embedding), ["e", "toy"]);
        let all = known(AddOnKind::Lora, &folders);
        assert!(all[1].path.ends_with("loras/b.safetensors"));
    }

    fn path_content() -> &'static [u8] {
        b"12345678{}"
    }
}
