//! `lb cache`: what is in the cache, whether it is whole, and emptying it.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use lb_render::{Cache, CacheCheck, CacheUsage, FaultyEntry, RenderError};
use serde::Serialize;

use crate::cache::cache_in;
use crate::commands::models::size;
use crate::error::CommandError;
use crate::surroundings::Surroundings;
use crate::{facts, interrupt};

/// What is done with the cache.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct CacheCommandArguments {
    #[command(subcommand)]
    command: CacheCommand,
}

#[derive(Debug, Subcommand)]
enum CacheCommand {
    /// Show where the cache is, how much is in it and how much may be.
    Status(FolderArguments),
    /// Read every result and compare its checksum; the exit code is 1 if one is damaged.
    Check(CheckArguments),
    /// Remove all results. Renders that need them have to compute them again.
    Clear(FolderArguments),
}

#[derive(Debug, Args)]
struct FolderArguments {
    /// Folder of the cache [default: $LB_CACHE_DIR, else lb/results in the user's cache folder].
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// Print the result as one line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct CheckArguments {
    /// Remove damaged results and those that another version has written.
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    folder: FolderArguments,
}

const EXAMPLES: &str = "Examples:
  lb cache status
  lb cache check --remove
  lb cache clear";

pub(crate) fn run(
    arguments: &CacheCommandArguments,
    quiet: bool,
    surroundings: &Surroundings,
) -> Result<(), CommandError> {
    let open = |folder: &FolderArguments| {
        let cache = cache_in(folder.cache_dir.as_deref(), surroundings)?;
        cache.ok_or_else(|| CommandError::Request {
            message: "there is no folder for a cache".into(),
            hint: Some("name one with --cache-dir DIR, or set LB_CACHE_DIR"),
        })
    };
    match &arguments.command {
        CacheCommand::Status(folder) => status(&open(folder)?, folder.json),
        CacheCommand::Check(check) => {
            let cache = open(&check.folder)?;
            self::check(&cache, check, quiet)
        }
        CacheCommand::Clear(folder) => clear(&open(folder)?, folder.json, quiet),
    }
}

fn status(cache: &Cache, json: bool) -> Result<(), CommandError> {
    let contents = cache.contents().map_err(RenderError::from)?;
    let (entries, unfinished) = (contents.entries, contents.unfinished);
    let foreign = contents.foreign;
    if json {
        facts::print(&facts! {
            folder: cache.folder(),
            limit: cache.limit(),
            results: entries.entries,
            bytes: entries.bytes,
            unfinished: unfinished.entries,
            unfinished_bytes: unfinished.bytes,
            foreign: foreign.entries,
            foreign_bytes: foreign.bytes,
        });
        return Ok(());
    }
    outln!("{}", cache.folder().display());
    outln!(
        "  results     {} of at most {}",
        counted(entries),
        size(cache.limit())
    );
    if unfinished.entries > 0 {
        outln!(
            "  unfinished  {}, removed an hour after a crash",
            counted(unfinished)
        );
    }
    if foreign.entries > 0 {
        outln!("  not lb's    {}", counted(foreign));
    }
    Ok(())
}

fn check(cache: &Cache, arguments: &CheckArguments, quiet: bool) -> Result<(), CommandError> {
    interrupt::listen()?;
    let observe = |_| match interrupt::asked() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    let ControlFlow::Continue(check) = cache.check(observe).map_err(RenderError::from)? else {
        return Err(RenderError::Interrupted.into());
    };
    let removed = match arguments.remove {
        true => check.remove_faulty(cache).map_err(RenderError::from)?,
        false => CacheUsage::default(),
    };
    if arguments.folder.json {
        facts::print(&facts(cache, &check, removed));
    } else if !quiet {
        show(cache, &check, removed);
    }
    match check.damaged.len() {
        0 => Ok(()),
        _ if arguments.remove => Ok(()),
        damaged => Err(CommandError::Failure {
            message: match damaged {
                1 => "a result in the cache is damaged".into(),
                _ => format!("{damaged} results in the cache are damaged"),
            },
            hint: Some(
                "add --remove to remove them; a render that meets one of them computes it again",
            ),
        }),
    }
}

fn clear(cache: &Cache, json: bool, quiet: bool) -> Result<(), CommandError> {
    let removed = cache.clear().map_err(RenderError::from)?;
    if json {
        facts::print(&facts! {
            folder: cache.folder(),
            removed: removed.entries,
            freed: removed.bytes,
        });
    } else if !quiet {
        outln!("{}", cache.folder().display());
        outln!("removed {}", counted(removed));
    }
    Ok(())
}

fn show(cache: &Cache, check: &CacheCheck, removed: CacheUsage) {
    outln!("{}", cache.folder().display());
    outln!("  whole       {}", counted(check.whole));
    for FaultyEntry { path, damage, .. } in &check.damaged {
        outln!("  damaged     {}: {damage}", path.display());
    }
    let others = sum(&check.other_versions);
    for (what, found) in [
        ("other lb    ", others),
        ("abandoned   ", check.abandoned),
        ("unfinished  ", check.unfinished),
    ] {
        if found.entries > 0 {
            outln!("  {what}{}", counted(found));
        }
    }
    for (what, paths) in [
        ("unreadable  ", &check.unreadable),
        ("not lb's    ", &check.foreign),
    ] {
        for path in paths {
            outln!("  {what}{}", path.display());
        }
    }
    if removed.entries > 0 {
        outln!("removed {}", counted(removed));
    }
}

fn facts(cache: &Cache, check: &CacheCheck, removed: CacheUsage) -> impl Serialize {
    let damaged = check.damaged.iter().map(|entry| {
        facts! { path: entry.path.clone(), bytes: entry.bytes, damage: entry.damage.to_string() }
    });
    let others = sum(&check.other_versions);
    facts! {
        folder: cache.folder().to_path_buf(),
        whole: check.whole.entries,
        whole_bytes: check.whole.bytes,
        damaged: damaged.collect::<Vec<_>>(),
        other_versions: others.entries,
        other_versions_bytes: others.bytes,
        // Half written by programs that were killed; they are removed by now.
        abandoned: check.abandoned.entries,
        unfinished: check.unfinished.entries,
        unreadable: check.unreadable.clone(),
        foreign: check.foreign.clone(),
        removed: removed.entries,
        removed_bytes: removed.bytes,
    }
}

fn sum(entries: &[FaultyEntry]) -> CacheUsage {
    CacheUsage {
        entries: entries.len(),
        bytes: entries.iter().map(|entry| entry.bytes).sum(),
    }
}

/// As in "12 files, 3.4 MB".
fn counted(usage: CacheUsage) -> String {
    let files = match usage.entries {
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    };
    format!("{files}, {}", size(usage.bytes))
}
