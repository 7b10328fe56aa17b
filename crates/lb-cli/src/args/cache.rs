//! Where finished work is kept.

use std::path::PathBuf;

use clap::Args;

/// What is kept of a render for the next one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cache")]
pub(crate) struct CacheArguments {
    /// Neither use nor keep finished work.
    #[arg(long, conflicts_with_all = ["cache_dir", "cache_size"])]
    pub(crate) no_cache: bool,
    /// Folder for finished work [default: $LB_CACHE_DIR, else lb/results in the user's cache
    /// folder].
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Most that the folder may hold, as in 500M or 20G; what was used longest ago goes first
    /// [default: $LB_CACHE_SIZE, else 10G].
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) cache_size: Option<u64>,
}

/// A number of bytes, of thousands (K), millions (M), billions (G) or trillions (T) of them.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
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
    fn sizes_are_written_as_people_write_them() {
        assert_eq!(parse_bytes("1000000"), Ok(1_000_000));
        assert_eq!(parse_bytes("500M"), Ok(500_000_000));
        assert_eq!(parse_bytes("20 gb"), Ok(20_000_000_000));
        for wrong in ["", "G", "-1", "1.5G", "10X", "99999999999T", "1G2"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }
}
