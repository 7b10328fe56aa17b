//! The cache that a render uses.

use lb_render::{Cache, CacheOptions};

use crate::args::{CacheArguments, parse_bytes};
use crate::error::CommandError;
use crate::surroundings::Surroundings;

/// The cache that was asked for, or the user's own. One that was asked for must be usable; the user's
/// own is tried when there is something to save.
pub(crate) fn cache(
    arguments: &CacheArguments,
    surroundings: &Surroundings,
) -> Result<Option<Cache>, CommandError> {
    if arguments.no_cache {
        return Ok(None);
    }
    let options = options(arguments.cache_size, surroundings)?;
    let named = arguments.cache_dir.as_ref();
    match named.or(surroundings.named_result_cache.as_ref()) {
        Some(folder) => Ok(Some(opened(folder, options)?)),
        None => user_cache(options, surroundings),
    }
}

/// The cache of a render whose arguments do not mention one. Nothing is created or tried yet.
pub(crate) fn usual_cache(surroundings: &Surroundings) -> Result<Option<Cache>, CommandError> {
    let options = options(None, surroundings)?;
    match &surroundings.named_result_cache {
        Some(folder) => Ok(Some(at(folder, options)?)),
        None => user_cache(options, surroundings),
    }
}

fn user_cache(
    options: CacheOptions,
    surroundings: &Surroundings,
) -> Result<Option<Cache>, CommandError> {
    let folder = surroundings.result_cache.as_ref();
    folder.map(|folder| at(folder, options)).transpose()
}

fn at(folder: &std::path::Path, options: CacheOptions) -> Result<Cache, CommandError> {
    Ok(Cache::at(folder, options).map_err(lb_render::RenderError::from)?)
}

fn opened(folder: &std::path::Path, options: CacheOptions) -> Result<Cache, CommandError> {
    Ok(Cache::open(folder, options).map_err(lb_render::RenderError::from)?)
}

fn options(asked: Option<u64>, surroundings: &Surroundings) -> Result<CacheOptions, CommandError> {
    let limit = match (asked, &surroundings.result_cache_size) {
        (Some(limit), _) => limit,
        (None, Some(text)) => parse_bytes(text).map_err(|error| {
            CommandError::Request(format!("LB_CACHE_SIZE is `{text}`: {error}"))
        })?,
        (None, None) => CacheOptions::DEFAULT_LIMIT,
    };
    Ok(CacheOptions::with_limit(limit))
}
