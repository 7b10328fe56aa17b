//! Arguments about the cache, and the cache that follows from them.

use std::path::{Path, PathBuf};

use clap::Args;
use lb_render::{Cache, RenderError};

use crate::error::CommandError;
use crate::surroundings::Surroundings;

/// Whether a cache is used, where it is, and how large it may become.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cache")]
pub(crate) struct CacheArguments {
    /// Neither use the cache nor add to it.
    #[arg(long, conflicts_with_all = ["cache_dir", "cache_size"])]
    no_cache: bool,
    /// Folder of the cache [default: $LB_CACHE_DIR, else lb/results in the user's cache folder].
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// Largest size of the cache, such as 500M or 20G; entries that were used longest ago are removed
    /// first [default: $LB_CACHE_SIZE, else 10G].
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    cache_size: Option<u64>,
}

impl CacheArguments {
    /// The cache that the arguments or the environment name, which must be usable; otherwise the
    /// user's own, which is not tried before there is something to save.
    pub(crate) fn cache(&self, surroundings: &Surroundings) -> Result<Option<Cache>, CommandError> {
        if self.no_cache {
            return Ok(None);
        }
        let limit = limit(self.cache_size, surroundings)?;
        let named = self.cache_dir.as_ref();
        match named.or(surroundings.named_result_cache.as_ref()) {
            Some(folder) => {
                let opened = Cache::open(folder, limit).map_err(RenderError::from)?;
                Ok(Some(opened))
            }
            None => untried(surroundings.result_cache.as_deref(), limit),
        }
    }
}

/// The cache of a render without arguments about it. The folder is neither created nor tried.
pub(crate) fn usual_cache(surroundings: &Surroundings) -> Result<Option<Cache>, CommandError> {
    cache_in(None, surroundings)
}

/// The cache in this folder or, if none is named, that of a render without arguments about it. The folder
/// is neither created nor tried.
pub(crate) fn cache_in(
    folder: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<Option<Cache>, CommandError> {
    let named = folder.or(surroundings.named_result_cache.as_deref());
    let folder = named.or(surroundings.result_cache.as_deref());
    untried(folder, limit(None, surroundings)?)
}

fn untried(folder: Option<&Path>, limit: u64) -> Result<Option<Cache>, CommandError> {
    let cache = folder.map(|folder| Cache::at(folder, limit));
    Ok(cache.transpose().map_err(RenderError::from)?)
}

/// The largest size of the cache, in bytes.
fn limit(asked: Option<u64>, surroundings: &Surroundings) -> Result<u64, CommandError> {
    match (asked, &surroundings.result_cache_size) {
        (Some(limit), _) => Ok(limit),
        (None, Some(text)) => parse_bytes(text)
            .map_err(|error| CommandError::request(format!("LB_CACHE_SIZE is `{text}`: {error}"))),
        (None, None) => Ok(Cache::DEFAULT_LIMIT),
    }
}

/// A number of bytes, or of thousands (K), millions (M), billions (G) or trillions (T) of bytes.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let factor = match text[digits.len()..].trim().to_ascii_uppercase().as_str() {
        "" | "B" => Some(1),
        "K" | "KB" => Some(1000),
        "M" | "MB" => Some(1_000_000),
        "G" | "GB" => Some(1_000_000_000),
        "T" | "TB" => Some(1_000_000_000_000),
        _ => None,
    };
    let number = digits.parse::<u64>().ok();
    factor
        .and_then(|factor: u64| number?.checked_mul(factor))
        .ok_or_else(|| "give a number of bytes, as in 500M or 20G".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_units() {
        assert_eq!(parse_bytes("1000000"), Ok(1_000_000));
        assert_eq!(parse_bytes("500M"), Ok(500_000_000));
        assert_eq!(parse_bytes("20 gb"), Ok(20_000_000_000));
        for wrong in ["", "G", "-1", "1.5G", "10X", "99999999999T", "1G2"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }
}
