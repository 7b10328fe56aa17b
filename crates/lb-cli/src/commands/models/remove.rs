//! `lb models rm`: removes a model.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use clap::Args;
use lb_hub::{KnownModel, Repository};
use lb_models::{Manifest, ModelDirectory, find_models, model_name};

use super::size;
use crate::error::CommandError;
use crate::machine::BUNDLED_MODELS;
use crate::surroundings::Surroundings;
use crate::{facts, print};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RemoveArguments {
    /// The model: a name that `lb models` lists, or the folder of such a model.
    #[arg(value_name = "NAME|DIR")]
    name: String,
    /// Do not ask before the model is removed.
    #[arg(short, long)]
    yes: bool,
    /// Remove even a model that came with lb, or one from which another takes parts.
    #[arg(long)]
    force: bool,
    /// Print the result as one line of JSON.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  lb models rm sd21
  lb models rm sd21 --yes";

pub(crate) fn run(
    arguments: &RemoveArguments,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    let repository = arguments.name.parse::<Repository>().ok();
    if repository.is_some_and(|repository| repository.revision() != "main") {
        return Err(CommandError::Request {
            message: "a downloaded model is removed with all of its revisions".into(),
            hint: Some("give its name without @REVISION"),
        });
    }
    let listed = listed(&arguments.name, &surroundings.model_folders)?;
    let name = model_name(&listed);
    // A downloaded model is a folder of links; its weights lie beside it.
    let folder = downloaded(&listed).unwrap_or_else(|| listed.clone());
    let path = folder.display();
    if BUNDLED_MODELS.contains(&name.as_str()) && !arguments.force {
        return Err(CommandError::Request {
            message: format!("`{name}` came with lb"),
            hint: Some("add --force to remove it all the same"),
        });
    }
    if let Some(other) = dependent(&folder, &surroundings.model_folders)
        && !arguments.force
    {
        let other = other.display();
        return Err(CommandError::Request {
            message: format!("the model {other} takes parts from `{name}`"),
            hint: Some("remove that model first, or add --force to remove this one all the same"),
        });
    }
    let space = Space::of(&folder).map_err(|error| failed(&folder, error))?;
    if !arguments.yes && !confirmed(&format!("remove {path} ({})?", size(space.all())))? {
        return Err(CommandError::failure(format!("`{name}` was not removed")));
    }
    remove(&folder).map_err(|error| failed(&folder, error))?;
    if listed.is_symlink() {
        remove(&listed).map_err(|error| failed(&listed, error))?;
    }
    if arguments.json {
        facts::print(&facts! { name: &name, path: &folder, freed: space.freed });
    } else if !quiet {
        outln!("{path}");
        let freed = size(space.freed);
        match space.shared {
            0 => outln!("removed; {freed} freed"),
            shared => outln!(
                "removed; {freed} freed, and {} stay on the disk as files elsewhere",
                size(shared)
            ),
        }
    }
    Ok(())
}

/// Whether this is the link under which a model that was downloaded has its short name.
pub(crate) fn is_downloaded(model: &Path) -> bool {
    let target = std::fs::read_link(model).ok();
    target.is_some_and(|target| lb_hub::repository_of(&target).is_some())
}

/// The folder of the repository of which a model is a snapshot in Hugging Face's cache. Of a link that the user has
/// made, only the link is removed.
fn downloaded(model: &Path) -> Option<PathBuf> {
    let name = model.file_name()?.to_str()?;
    if model.is_symlink() && KnownModel::find(name).is_none() {
        return None;
    }
    let full = model.canonicalize().ok()?;
    lb_hub::repository_of(&full)?;
    let home = full.parent()?.parent()?;
    home.join("snapshots").is_dir().then(|| home.to_path_buf())
}

/// The folder of a model that `lb models` lists. No other folder may be removed.
fn listed(name: &str, folders: &[PathBuf]) -> Result<PathBuf, CommandError> {
    let models = find_models(folders);
    let named = |model: &&PathBuf| {
        model.file_name().is_some_and(|known| known == name) || model_name(model) == name
    };
    if let Some(model) = models.iter().find(named) {
        return Ok(model.clone());
    }
    let path = Path::new(name);
    if let Ok(full) = path.canonicalize() {
        let same = |model: &&PathBuf| model.canonicalize().is_ok_and(|model| model == full);
        if let Some(model) = models.iter().find(same) {
            return Ok(model.clone());
        }
        return Err(CommandError::Request {
            message: format!("{} is in no folder of models", path.display()),
            hint: Some("`lb models` lists what can be removed"),
        });
    }
    Ok(ModelDirectory::locate(name, folders)?)
}

/// A model that takes parts from the model in this folder.
fn dependent(folder: &Path, folders: &[PathBuf]) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    let takes_from_it = |model: &PathBuf| {
        let manifest = Manifest::read(model);
        manifest.is_ok_and(|manifest| manifest.shared().values().any(|home| *home == folder))
    };
    find_models(folders).into_iter().find(takes_from_it)
}

/// Asks on the terminal, and reads a line.
fn confirmed(question: &str) -> Result<bool, CommandError> {
    if !print::can_ask() {
        return Err(CommandError::Request {
            message: "there is no terminal on which to ask whether the model may be removed".into(),
            hint: Some("add --yes"),
        });
    }
    let answer = print::ask(&format!("{question} [y/N]"));
    let answer = answer
        .map_err(|error| CommandError::failure(format!("nothing could be asked: {error}")))?;
    let answer = answer.trim().to_ascii_lowercase();
    Ok(answer == "y" || answer == "yes")
}

fn failed(folder: &Path, error: std::io::Error) -> CommandError {
    CommandError::failure(format!("cannot remove {}: {error}", folder.display()))
}

/// Removes the folder, or the link to it if it is one.
pub(crate) fn remove(folder: &Path) -> std::io::Result<()> {
    if !folder.symlink_metadata()?.is_symlink() {
        return std::fs::remove_dir_all(folder);
    }
    // A link to a folder counts as a folder on Windows.
    match cfg!(windows) {
        true => std::fs::remove_dir(folder),
        false => std::fs::remove_file(folder),
    }
}

/// The bytes of the files below a folder.
#[derive(Default)]
struct Space {
    /// Of files that have no other name. Removing the folder frees them.
    freed: u64,
    /// Of files that have other names, as weights do that an import has linked.
    shared: u64,
    seen: BTreeSet<(u64, u64)>,
}

impl Space {
    fn of(folder: &Path) -> std::io::Result<Self> {
        let mut space = Self::default();
        let mut open = vec![folder.to_path_buf()];
        while let Some(path) = open.pop() {
            let metadata = path.symlink_metadata()?;
            if metadata.is_dir() {
                for entry in std::fs::read_dir(&path)? {
                    open.push(entry?.path());
                }
            } else if metadata.is_file() {
                space.add(&metadata);
            }
        }
        Ok(space)
    }

    fn all(&self) -> u64 {
        self.freed + self.shared
    }

    #[cfg(unix)]
    fn add(&mut self, file: &Metadata) {
        use std::os::unix::fs::MetadataExt;
        match file.nlink() {
            0 | 1 => self.freed += file.len(),
            // Two of its names may be in this folder.
            _ if self.seen.insert((file.dev(), file.ino())) => self.shared += file.len(),
            _ => {}
        }
    }

    #[cfg(not(unix))]
    fn add(&mut self, file: &Metadata) {
        self.freed += file.len();
    }
}
