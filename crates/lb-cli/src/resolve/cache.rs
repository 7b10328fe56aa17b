//! The store that a render uses.

use lb_render::{Store, StoreOptions};

use crate::args::{CacheArguments, parse_bytes};
use crate::error::CommandError;
use crate::surroundings::Surroundings;

/// The store that was asked for, or the user's own. One that was asked for must be usable; the
/// user's own is tried when there is something to keep.
pub(crate) fn store(
    arguments: &CacheArguments,
    surroundings: &Surroundings,
) -> Result<Option<Store>, CommandError> {
    if arguments.no_cache {
        return Ok(None);
    }
    let options = options(arguments.cache_size, surroundings)?;
    let named = arguments.cache_dir.as_ref();
    match named.or(surroundings.named_result_cache.as_ref()) {
        Some(folder) => Ok(Some(opened(folder, options)?)),
        None => user_store(options, surroundings),
    }
}

/// The store of a render that says nothing about it; made and tried by nobody yet.
pub(crate) fn usual_store(surroundings: &Surroundings) -> Result<Option<Store>, CommandError> {
    let options = options(None, surroundings)?;
    match &surroundings.named_result_cache {
        Some(folder) => Ok(Some(at(folder, options)?)),
        None => user_store(options, surroundings),
    }
}

fn user_store(
    options: StoreOptions,
    surroundings: &Surroundings,
) -> Result<Option<Store>, CommandError> {
    let folder = surroundings.result_cache.as_ref();
    folder.map(|folder| at(folder, options)).transpose()
}

fn at(folder: &std::path::Path, options: StoreOptions) -> Result<Store, CommandError> {
    Ok(Store::at(folder, options).map_err(lb_render::RenderError::from)?)
}

fn opened(folder: &std::path::Path, options: StoreOptions) -> Result<Store, CommandError> {
    Ok(Store::open(folder, options).map_err(lb_render::RenderError::from)?)
}

fn options(asked: Option<u64>, surroundings: &Surroundings) -> Result<StoreOptions, CommandError> {
    let limit = match (asked, &surroundings.result_cache_size) {
        (Some(limit), _) => limit,
        (None, Some(text)) => parse_bytes(text).map_err(|error| {
            CommandError::Request(format!("LB_CACHE_SIZE is `{text}`: {error}"))
        })?,
        (None, None) => StoreOptions::DEFAULT_LIMIT,
    };
    Ok(StoreOptions { limit })
}
